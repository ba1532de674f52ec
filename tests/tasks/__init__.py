"""The steps as Prefect tasks, and what they are made of."""

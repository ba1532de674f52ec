"""Networks, losses, training and inference: torch, and nothing of the pipeline."""

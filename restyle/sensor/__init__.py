"""Turns what people drop into the data store into runs, each version of a blob into one; knows nothing of Prefect."""

from restyle.sensor.receipts import Receipt, StartedRun
from restyle.sensor.sensor import Sensor, Sweep

__all__ = ["Receipt", "Sensor", "StartedRun", "Sweep"]

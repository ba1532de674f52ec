"""The flow that makes a style of a painting: one task, whose page shows progress, losses and samples."""

from prefect import flow

from models.checkpoint import Checkpoint
from tasks.lessons import TrainingOrder
from tasks.training import train_style as train_style_task


@flow(name="train-style", flow_run_name="style of {order.title}", persist_result=False)
def train_style(order: TrainingOrder) -> Checkpoint:
    """Train a style from a painting, or find it trained; it is kept in the control store."""
    style: Checkpoint = train_style_task(order, return_state=True).result()
    return style

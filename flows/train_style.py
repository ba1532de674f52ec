"""The flow that makes a style of a painting: one task, whose page shows progress, losses and samples."""

from prefect import flow

from flows.forms import Minutes, Start
from flows.request import BLOB
from flows.sweeping import attending
from models.checkpoint import Checkpoint
from restyle.order import StoreKey
from tasks.lessons import TrainingOrder
from tasks.training import train_style as train_style_task


@flow(name="train-style", flow_run_name="style of {painting}", persist_result=False)
def train_style(
    painting: StoreKey,
    minutes: Minutes | None = None,
    video: StoreKey | None = None,
    photographs: StoreKey | None = None,
    start: Start = "nearest",
) -> str:
    """Learn a style from a painting, and keep it under the painting's name: any form takes that name from then on.

    Args:
        painting: The key of a picture in the data store: styles/kandinsky.jpg
        minutes: How long to learn. None: 8 on processors, 1 on a GPU.
        video: Learn on the frames of this video: best, where you know what to paint. None: on photographs.
        photographs: Learn on the pictures below this folder of the data store. None: on photographs that come along.
        start: The style to begin from, or scratch; the nearest to the painting is quickest.
    """
    order = TrainingOrder(
        painting=BLOB + painting,
        minutes=minutes,
        video=video and BLOB + video,
        photographs=photographs and BLOB + photographs.rstrip("/") + "/",
        start=start,
    )
    return _train(order).name


@flow(name="train-style", flow_run_name="style of {order.title}", persist_result=False)
def train_order(order: TrainingOrder) -> Checkpoint:
    """Train what the command line asks for, which may name files of this machine: for no deployment."""
    return _train(order)


def _train(order: TrainingOrder) -> Checkpoint:
    with attending():
        style: Checkpoint = train_style_task(order, return_state=True).result()
    return style

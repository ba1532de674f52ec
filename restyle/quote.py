"""What a whole video would take and cost on each device of the price table, from a sample painted here."""

from math import ceil

from pydantic import Field

from restyle.cut import TASK_S, choose_cut
from restyle.domain import Frozen
from restyle.prices import Device, Prices

SAMPLE_SHARE = 0.01
LEAST_SAMPLE, MOST_SAMPLE = 8, 60
LOOKS = 3
"""Times that a run decodes a whole video: the source to count its frames and to paint them, the output to prove it."""


class Sample(Frozen):
    """What was measured on this machine."""

    frames: int = Field(description="of the whole video")
    lead_in: int = Field(description="frames painted besides, before each batch but the first")
    width: int = Field(description="pixels, as painted")
    height: int
    sampled: int = Field(description="frames that were painted")
    paint_s: float = Field(description="a frame, by the whole machine")
    around_s: float = Field(description="a frame's images and its encoding, on one core")
    look_s: float = Field(description="decoding the whole video once")
    network_megapixels_per_s: float = Field(description="what a style's network alone paints here")
    cores: int
    training_s: float = Field(default=0.0, description="making a style of a painting first")


class Estimate(Frozen):
    """One device's line of a quote."""

    device: str
    seconds: float
    price: float | None = Field(description="None: not priced")
    currency: str
    speed: float = Field(description="times this machine's")
    measured: bool


class Quote(Frozen):
    """A quote whole."""

    sample: Sample
    prices: str
    estimates: tuple[Estimate, ...]


def sample_size(frame_count: int) -> int:
    """One frame in a hundred, at least 8 and at most 60 of those there are."""
    return min(frame_count, max(LEAST_SAMPLE, min(MOST_SAMPLE, ceil(frame_count * SAMPLE_SHARE))))


def quote(sample: Sample, prices: Prices) -> Quote:
    """A line for each device, as the table has them."""
    lines = tuple(_estimate(sample, name, device) for name, device in prices.devices.items())
    return Quote(sample=sample, prices=str(prices.file), estimates=lines)


def run_seconds(sample: Sample, speed: float, cores: int, start_s: float) -> float:
    """Start, training, decoding, painting, images and encoding, orchestration: one after another.

    A run overlaps some of these: it rather takes less.
    """
    paint_s = sample.paint_s / speed
    batches = ceil(sample.frames / choose_cut(sample.frames, paint_s, workers=1).batch_size)
    painted = sample.frames + sample.lead_in * (batches - 1)
    around = sample.frames * sample.around_s / cores + batches * TASK_S
    return start_s + sample.training_s + LOOKS * sample.look_s + painted * paint_s + around


def _estimate(sample: Sample, name: str, device: Device) -> Estimate:
    speed = device.speed or (device.megapixels_per_s or 0.0) / sample.network_megapixels_per_s
    seconds = run_seconds(sample, speed, device.cores or sample.cores, device.start_s)
    price = seconds / 3600 * device.price_per_hour if device.price_per_hour else None
    return Estimate(
        device=name, seconds=seconds, price=price, currency=device.currency, speed=speed, measured=device.measured
    )

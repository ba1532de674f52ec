"""Sampled moments of a job, source beside painted: pictures for its report, and how restless they are."""

import base64
import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from statistics import fmean

from PIL import Image, ImageChops, ImageStat
from pydantic import Field

from restyle.contact_sheet import sample_frames
from restyle.domain import Frozen, VideoInfo
from restyle.images import decode_image, most_bytes
from restyle.layout import frames, image_name, styled
from restyle.plan import Plan
from restyle.storage import Store

MOMENTS = 12
LONGER_SIDE = 560
MOST_IMAGE_BYTES = 75_000
"""24 of these in base64 are 2.4 MB."""
THREADS = 2
"""Each holds two whole frames, which may be large."""


class Pair(Frozen):
    """One moment: JPEGs in base64, of the same size."""

    frame: int
    time_s: float = Field(description="after the first frame")
    source: str
    painted: str


class Restlessness(Frozen):
    """Mean absolute difference between neighbouring frames, in levels of 255, over the sampled moments.

    It counts motion and flicker alike; what painting adds shows beside what the source has by itself.
    """

    source: float
    painted: float
    moments: int


class Samples(Frozen):
    """What is kept of a job's frames when they go."""

    pairs: tuple[Pair, ...]
    restlessness: Restlessness | None = Field(default=None, description="None where the video is a single frame")


def shown_frames(frame_count: int) -> list[int]:
    """The frames that a report and its contact sheet are made from."""
    moments = sample_frames(frame_count, MOMENTS)
    after = [number + 1 for number in moments if number + 1 < frame_count]
    return sorted({*moments, *after, *sample_frames(frame_count)})


def take_samples(data: Store, plan: Plan, info: VideoInfo) -> Samples:
    """Moments spread over the clip. Raises BlobNotFound or FrameCorrupt where a frame of them is gone or damaged."""
    numbers = sample_frames(plan.frame_count, MOMENTS)
    with ThreadPoolExecutor(THREADS) as pool:
        before = list(pool.map(lambda n: _moment(data, frames(plan.job.job_id), plan, info, n), numbers))
        after = list(pool.map(lambda n: _moment(data, styled(plan.job.job_id), plan, info, n), numbers))
    first = info.pts[0]
    pairs = tuple(
        Pair(frame=n, time_s=float((info.pts[n] - first) * info.time_base), source=source, painted=painted)
        for n, (source, _), (painted, _) in zip(numbers, before, after, strict=True)
    )
    return Samples(pairs=pairs, restlessness=_restlessness((m for _, m in before), (m for _, m in after)))


def _restlessness(source: Iterable[float | None], painted: Iterable[float | None]) -> Restlessness | None:
    before, after = ([moved for moved in moves if moved is not None] for moves in (source, painted))
    if not before:
        return None
    return Restlessness(source=round(fmean(before), 3), painted=round(fmean(after), 3), moments=len(before))


def _moment(data: Store, prefix: str, plan: Plan, info: VideoInfo, number: int) -> tuple[str, float | None]:
    """A frame as a small JPEG, and how much the next one differs from it; None after the last frame."""
    here = _frame(data, prefix, plan, number)
    moved = None
    if number + 1 < plan.frame_count:
        difference = ImageChops.difference(here, _frame(data, prefix, plan, number + 1))
        moved = fmean(ImageStat.Stat(difference).mean)
    return base64.b64encode(small_jpeg(here, info.sample_aspect)).decode(), moved


def _frame(data: Store, prefix: str, plan: Plan, number: int) -> Image.Image:
    key = prefix + image_name(number, plan.job.look.image)
    content = data.read(key, size=most_bytes(plan.width, plan.height))
    return Image.fromarray(decode_image(content, key, plan.width, plan.height))


def small_jpeg(picture: Image.Image, sample_aspect: Fraction = Fraction(1)) -> bytes:
    """At most LONGER_SIDE wide or high, in the shape it is shown in, and at most MOST_IMAGE_BYTES."""
    width, height = picture.width * float(sample_aspect), float(picture.height)
    side = LONGER_SIDE
    while True:
        scale = min(1.0, side / max(width, height))
        shown = picture.resize((max(1, round(width * scale)), max(1, round(height * scale))), Image.Resampling.LANCZOS)
        for quality in (82, 65, 45):
            buffer = io.BytesIO()
            shown.save(buffer, "jpeg", quality=quality)
            if buffer.tell() <= MOST_IMAGE_BYTES:
                return buffer.getvalue()
        side //= 2

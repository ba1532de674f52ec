"""The flow that paints a video: as a form, a schedule or a trigger starts it, and as the command line does."""

from prefect import flow
from prefect.runtime import flow_run
from prefect.states import Failed

from flows.announcing import announce
from flows.cluster import configured_choice, configured_task_runner
from flows.forms import Crf, Money, Pixels, Smooth, Strength, Stroke, Style
from flows.request import Request, order_of, request_of, title
from flows.stylizing import stylize
from restyle.domain import Codec
from restyle.errors import BudgetReached
from restyle.order import StoreKey
from restyle.report import Report


def _title() -> str:
    asked = flow_run.parameters
    return title(asked["video"], asked.get("style") or asked.get("painting") or "")


@flow(
    name="stylize-video",
    flow_run_name=_title,
    persist_result=False,
    task_runner=configured_task_runner(),
    on_completion=[announce],
    on_failure=[announce],
    on_crashed=[announce],
)
def stylize_video(
    video: StoreKey,
    style: Style | None = None,
    painting: StoreKey | None = None,
    fast: bool = False,
    strength: Strength = 1.0,
    keep_color: bool = False,
    stroke: Stroke = 1.0,
    smooth: Smooth = 0.0,
    max_side: Pixels | None = None,
    codec: Codec = "h264",
    crf: Crf | None = None,
    budget: Money | None = None,
) -> Report:
    """Paint a video of the data store. The output and its report are kept there too, under runs/.

    Args:
        video: The video's key in the data store, as it is listed there: videos/clip.mp4
        style: A style's name, or a mix of names: starry_night:0.6,wave:0.4. Give either a style or a painting.
        painting: Instead of a style: the key of a picture in the data store. A style is learned from it once.
        fast: Paint with the style's smaller network, at four to five times the speed; for styles restyle comes with.
        strength: How much of the style: 0 leaves the video as it is, 1 paints fully.
        keep_color: Paint with the strokes of the style, in the colours of the video.
        stroke: Broader strokes above 1, finer ones below.
        smooth: Calmer above 0: each painting is blended with the one before, moved along; takes longer.
        max_side: Scale frames down to this longer side, in pixels: faster, and smaller. None: as the video is.
        codec: h264 plays everywhere; hevc and av1 make smaller files and take longer. With _nvenc, GPUs encode.
        crf: Lower is better and larger: h264 and hevc 0 to 51, av1 1 to 63, GPUs from 1. None: what suits the codec.
        budget: End, resumable, before the run costs more than this, by the team's price table. None: no bound.
    """
    order = order_of(
        video=video,
        style=style,
        painting=painting,
        fast=fast,
        strength=strength,
        keep_color=keep_color,
        stroke=stroke,
        smooth=smooth,
        max_side=max_side,
        codec=codec,
        crf=crf,
        budget=budget,
    )
    choice = configured_choice()
    return _painted(request_of(order, choice.threads, choice.workers, choice.hosts))


@flow(name="stylize-video", flow_run_name="{request.title}", persist_result=False)
def stylize_request(request: Request) -> Report:
    """Paint what the command line asks for, which may name files of this machine: for no deployment."""
    return _painted(request)


def _painted(request: Request) -> Report:
    """The report, or the state of a run that its budget ended, which a dashboard tells from one that failed."""
    try:
        return stylize(request)
    except BudgetReached as error:
        # A flow may return the state it ends in; its caller gets the error.
        return Failed(name="BudgetReached", message=str(error), data=error)  # type: ignore[return-value]

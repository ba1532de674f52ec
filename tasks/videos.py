"""What a worker process keeps of the video of a job: its facts, and a decoder that goes on where the last batch ended.

This stands apart from the tasks that use it: a task's own module travels by value, and its caches with it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from threading import Lock, Timer

from restyle.domain import VideoInfo
from restyle.layout import job_file
from restyle.media.decode import FrameDecoder
from restyle.media.ranged import RangedVideo
from restyle.plan import Plan
from tasks.stores import open_stores

IDLE_S = 20.0
"""A decoder that no batch wants for so long is ended: its process would outlive the job."""


@lru_cache(maxsize=2)
def video_info(job_id: str) -> VideoInfo:
    """What the probe found of the job's video."""
    return VideoInfo.model_validate_json(open_stores().control.read(job_file(job_id, "video.json")))


@contextmanager
def decoder_of(plan: Plan) -> Iterator[FrameDecoder]:
    """A decoder of the job's video, read from the data store in pieces; where it can be, the one of the last batch."""
    decoder = _KEPT.take(plan.job.job_id) or _new_decoder(plan)
    try:
        yield decoder
    finally:
        _KEPT.keep(plan.job.job_id, decoder)


def _new_decoder(plan: Plan) -> FrameDecoder:
    video, data = plan.job.video, open_stores().data
    ranged = RangedVideo(video.key, video.size_bytes, partial(data.read, video.key))
    return FrameDecoder(ranged, video_info(plan.job.job_id), plan.job.look.max_side)


class _Kept:
    """The one decoder that is not at work."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._decoder: FrameDecoder | None = None
        self._job_id = ""
        self._timer: Timer | None = None

    def take(self, job_id: str) -> FrameDecoder | None:
        """The decoder, where it is of this job."""
        with self._lock:
            if self._decoder is None or self._job_id != job_id:
                return None
            decoder, self._decoder = self._decoder, None
            return decoder

    def keep(self, job_id: str, decoder: FrameDecoder) -> None:
        """Keep this one in place of any other, for a while."""
        with self._lock:
            self._end()
            self._decoder, self._job_id = decoder, job_id
            self._timer = Timer(IDLE_S, self._end_if_kept, [decoder])
            self._timer.daemon = True
            self._timer.start()

    def _end_if_kept(self, decoder: FrameDecoder) -> None:
        with self._lock:
            if self._decoder is decoder:
                self._end()

    def _end(self) -> None:
        if self._timer:
            self._timer.cancel()
        if self._decoder:
            self._decoder.close()
        self._decoder = None


_KEPT = _Kept()

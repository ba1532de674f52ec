"""What a worker process keeps of the video of a job: its facts, read once.

This stands apart from the tasks that use it: a task's own module travels by value, and its caches with it.
"""

from functools import lru_cache

from restyle.domain import VideoInfo
from restyle.layout import job_file
from tasks.stores import open_stores


@lru_cache(maxsize=2)
def video_info(job_id: str) -> VideoInfo:
    """What the probe found of the job's video."""
    return VideoInfo.model_validate_json(open_stores().control.read(job_file(job_id, "video.json")))

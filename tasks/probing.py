"""probe: what the video is, found once by decoding it, and kept with the job."""

from pathlib import Path

from prefect import task

from restyle.domain import VideoInfo
from restyle.errors import BlobNotFound
from restyle.job import Job
from restyle.layout import job_file
from restyle.media.probe import probe_video
from tasks.retrying import RETRYING, already
from tasks.stores import open_stores


@task(name="probe", task_run_name="probe", **RETRYING)
def probe(job: Job, source: Path) -> VideoInfo:
    """The facts of the job's video; `source` is a local file with its bytes."""
    control, key = open_stores().control, job_file(job.job_id, "video.json")
    try:
        return already("AlreadyDone", "probed before", VideoInfo.model_validate_json(control.read(key)))
    except BlobNotFound:
        info = probe_video(source, checked=job.look.direct)
    control.write(job_file(job.job_id, "job.json"), job.model_dump_json(indent=2).encode())
    control.write(key, info.model_dump_json().encode())
    return info

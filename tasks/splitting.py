"""split-frames and upload-frames: a range of the video becomes images in the data store."""

import time
from pathlib import Path

from prefect import task

from restyle.domain import FrameRange
from restyle.job import Job
from restyle.media.decode import FrameDecoder
from restyle.progress import RangeMoved, tell
from restyle.spool import split_range
from restyle.spool import upload_range as upload
from tasks.retrying import RETRYING, already
from tasks.stores import open_stores


@task(name="split-frames", task_run_name="split range {span.index}: frames {span.start}-{span.last}", **RETRYING)
def split_frames(job: Job, decoder: FrameDecoder, span: FrameRange, folder: Path, needed: bool) -> None:
    """Decode a range into image files in `folder`."""
    if job.look.direct:
        return already("NotNeeded", "workers decode the frames that they paint", None)
    if not needed:
        return already("AlreadyDone", "no batch to paint needs the range", None)
    begun = time.monotonic()
    split_range(decoder.frames(span.start, span.stop), span, job.look.image, folder)
    tell(RangeMoved("split", span, time.monotonic() - begun))
    return None


@task(name="upload-frames", task_run_name="upload range {span.index}: frames {span.start}-{span.last}", **RETRYING)
def upload_frames(job: Job, span: FrameRange, folder: Path, needed: bool) -> None:
    """Move a range's image files to the data store."""
    if job.look.direct:
        return already("NotNeeded", "no image of a frame goes through the store", None)
    if not needed:
        return already("AlreadyDone", f"no batch to paint needs frames {span.start}-{span.stop - 1}", None)
    begun = time.monotonic()
    upload(open_stores().data, job.job_id, folder)
    tell(RangeMoved("upload", span, time.monotonic() - begun))
    return None

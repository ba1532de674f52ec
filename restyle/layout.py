"""Where each thing lives in the two stores: the only place that spells a key.

data:     triggers/NAME.json  triggers/rejected/  inbox/STYLE/VIDEO
          videos/  work/JOB/{frames,styled,segments/ENC}/  runs/JOB/audio.mka  runs/JOB/encodings/ENC/output.EXT
          runs/JOB/{report.json,report.html,samples.json,contact-sheet.jpg}  previews/
control:  receipts/ID.json  styles/  models/  jobs/JOB/{job,video,plan}.json  jobs/JOB/audio.sha256  jobs/JOB/ledger/
          jobs/JOB/encodings/ENC/  jobs/JOB/outputs/  logs/RUN/
"""

import re

from restyle.domain import FrameFormat

TRIGGERS = "triggers/"
INBOX = "inbox/"
REJECTED = f"{TRIGGERS}rejected/"
RECEIPTS = "receipts/"
REASON_SUFFIX = ".reason.txt"
WORK = "work/"
"""What may go by its age, where a run did not clear it away: a store's own rules know beginnings of keys only."""
IMAGE_SUFFIX: dict[FrameFormat, str] = {"jpeg": ".jpg", "png": ".png"}


def rejected_trigger(trigger_key: str) -> str:
    """Where a trigger goes that cannot be followed; what is wrong with it is under ``reason`` of this."""
    return REJECTED + trigger_key.removeprefix(TRIGGERS)


def reason(key: str) -> str:
    """Beside a blob, in words, why it is not painted; the end of a very long name is left out."""
    folder, _, name = key.rpartition("/")
    stem = name.removesuffix(".json").encode()[: 255 - len(REASON_SUFFIX)].decode(errors="ignore")
    return f"{folder}/{stem}{REASON_SUFFIX}"


def receipt(drop_id: str) -> str:
    """What came of one version of a blob that was dropped into the data store (control store)."""
    return f"{RECEIPTS}{drop_id}.json"


def video(content_sha256: str, file_name: str) -> str:
    """An uploaded video, named by its content so that equal names never meet."""
    return f"videos/{content_sha256[:12]}-{segment_name(file_name)}"


def segment_name(file_name: str) -> str:
    """A file name as a key may hold it: what keys do not take is replaced, what is too long loses its beginning."""
    plain = re.sub(r"[^\w .()+,=@&'~-]", "_", file_name)
    return plain.encode()[-200:].decode(errors="ignore").rstrip(". ") or "video"


def is_job_id(name: str) -> bool:
    """Whether a name is one that a job may have; what others put beside jobs may be called anything."""
    return re.fullmatch("[0-9a-f]{16}", name) is not None


def frames(job_id: str) -> str:
    """The prefix of a job's source frames."""
    return f"{WORK}{job_id}/frames/"


def styled(job_id: str) -> str:
    """The prefix of a job's painted frames."""
    return f"{WORK}{job_id}/styled/"


def image_name(frame: int, image: FrameFormat) -> str:
    """The file name of frame number `frame`; names sort as frames do."""
    return f"{frame:08d}{IMAGE_SUFFIX[image]}"


def audio(job_id: str) -> str:
    """The source's audio tracks."""
    return f"runs/{job_id}/audio.mka"


def audio_record(job_id: str) -> str:
    """The hash of what was extracted of them (control store)."""
    return f"jobs/{job_id}/audio.sha256"


def report_file(job_id: str) -> str:
    """The report of the job's latest run."""
    return f"runs/{job_id}/report.json"


def report_page(job_id: str) -> str:
    """The same for people."""
    return f"runs/{job_id}/report.html"


def samples_file(job_id: str) -> str:
    """A few frames in small, kept for the report when the frames go."""
    return f"runs/{job_id}/samples.json"


def contact_sheet_image(job_id: str) -> str:
    """A few frames, source above painted."""
    return f"runs/{job_id}/contact-sheet.jpg"


def segments(job_id: str, encoding_id: str) -> str:
    """The prefix of a job's encoded batches."""
    return f"{WORK}{job_id}/segments/{encoding_id}/"


def segment(job_id: str, encoding_id: str, batch: int) -> str:
    """One batch's painted frames, encoded."""
    return f"{segments(job_id, encoding_id)}{batch:06d}.mkv"


def encodings(job_id: str) -> str:
    """The prefix of what is known of a job's segments, in all encodings (control store)."""
    return f"jobs/{job_id}/encodings/"


def segment_record(job_id: str, encoding_id: str, batch: int) -> str:
    """What is known of one batch's segment (control store)."""
    return f"{encodings(job_id)}{encoding_id}/{batch:06d}.json"


def output(job_id: str, encoding_id: str, suffix: str) -> str:
    """The painted video in one encoding."""
    return f"runs/{job_id}/encodings/{encoding_id}/output{suffix}"


def weights(sha256: str) -> str:
    """A checkpoint's canonical bytes (control store)."""
    return f"styles/{sha256}.safetensors"


def program(sha256: str) -> str:
    """An exported program of the user's (control store)."""
    return f"models/{sha256}.pt2"


def gatys_order(sha256: str) -> str:
    """A painting and the recipe by which frames are optimised towards it (control store)."""
    return f"styles/gatys/{sha256}.safetensors"


def preview_sheet(identity: str, stem: str) -> str:
    """The sheet of styles by frames of a video."""
    return f"previews/{stem}-{identity}.jpg"


TRAINED_STYLES = "styles/trained/"
"""The prefix of styles that were trained from users' paintings (control store)."""


def trained_style(training_id: str) -> str:
    """A style that was trained from a user's painting (control store)."""
    return f"{TRAINED_STYLES}{training_id}.safetensors"


def trained_lease(training_id: str) -> str:
    """Held by the one process that trains this style (control store)."""
    return f"{TRAINED_STYLES}{training_id}.lease"


JOBS = "jobs/"
"""What is known of each job (control store)."""
RUNS = "runs/"
"""What is made of each job and stays (data store)."""
LOGS = "logs/"


def job_file(job_id: str, name: str) -> str:
    """What fixes a job: job.json, video.json, plan.json (control store)."""
    return f"jobs/{job_id}/{name}"


def record(job_id: str, batch: int) -> str:
    """One batch's ledger record (control store)."""
    return f"jobs/{job_id}/ledger/{batch:06d}.json"


def run_log(run_id: str) -> str:
    """What a run logged, one JSON object a line (control store)."""
    return f"logs/{run_id}/run.jsonl"


def batch_log(run_id: str, batch: int) -> str:
    """What a run logged of one batch, beside the log of the run (control store)."""
    return f"logs/{run_id}/batch-{batch:06d}.jsonl"


def output_records(job_id: str) -> str:
    """The prefix of the receipts of a job's outputs (control store)."""
    return f"jobs/{job_id}/outputs/"


def output_record(job_id: str, encoding_id: str) -> str:
    """The receipt of a verified output (control store)."""
    return f"{output_records(job_id)}{encoding_id}.json"

"""`restyle verify`: whether what a job stored agrees with its ledger, and with `--mend` what to make anew."""

import argparse

from restyle.errors import BadSetting, JobDisagrees, UnknownJob
from restyle.layout import is_job_id
from restyle.mix import file_words
from restyle.presence import at_job
from restyle.proof import mend, prove
from restyle.settings import Settings
from tasks.stores import open_stores


def verify(options: argparse.Namespace) -> int:
    """Prints what was read again and what disagrees. Raises JobDisagrees where something does."""
    job_id = options.job
    if not is_job_id(job_id):
        raise UnknownJob(f"{job_id}: no job is named so; a run's report.json has its job_id")
    with at_job(Settings().home, job_id) as alone:
        if not alone():
            raise BadSetting(f"{job_id}: a run is at work on it; verify it once that has ended")
        return _verify(job_id, options.mend)


def _verify(job_id: str, mending: bool) -> int:
    data, control = open_stores()
    proof = prove(data, control, job_id)
    job = proof.plan.job
    print(f"job {job_id}: {job.video.name} in {file_words(job.style.name)}")
    for line in proof.lines:
        print(line)
    for fault in proof.faults:
        print(f"DISAGREES {fault.what}")
    if not proof.faults:
        print("all that is stored agrees")
        return 0
    found = f"{job_id}: {len(proof.faults)} things disagree with what was recorded"
    if not all(fault.mendable for fault in proof.faults):
        raise JobDisagrees(f"{found}; the source is not the one that was painted, so nothing can be made anew from it")
    if not mending:
        raise JobDisagrees(f"{found}; `restyle verify {job_id} --mend` takes them back, to be made anew")
    mend(data, control, proof.faults)
    raise JobDisagrees(f"{found} and are taken back; run the job again, as before, to make just these anew")

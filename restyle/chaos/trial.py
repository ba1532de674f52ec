"""The trial: rounds of faults while videos are painted, each followed by what must be so all the same."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Thread
from typing import Any
from urllib.error import URLError

from restyle.chaos.faults import DEEDS, Deed, spoil_storage
from restyle.chaos.subject import await_that
from restyle.chaos.world import World
from restyle.domain import Frozen
from restyle.layout import LOGS
from restyle.ledger import Ledger
from restyle.plan import read_plan
from restyle.proof import prove

DROPS = 3
"""Videos a round, painted beside each other."""
DEEDS_A_ROUND = 4
APART_S = (2.0, 9.0)
SWEPT_S = 120.0
GONE_S = 2.0
"""What workers were forked from ends by itself, when nobody is left who could ask it for more."""


class Verdict(Frozen):
    """What a trial came to."""

    seed: int
    rounds: int
    faults: dict[str, int]
    videos: int
    by_itself: int
    """runs that ended well with nobody's help"""
    by_retry: int
    """runs that somebody had to retry"""
    retries: int
    painted_again: int
    """batches that were painted though they were recorded"""
    broken: list[str]
    """promises that were not kept"""
    seconds: float

    @property
    def injected(self) -> int:
        """How many faults there were."""
        return sum(self.faults.values())


@dataclass
class Trial:
    """A world, and what became of it so far."""

    world: World
    seed: int
    say: Callable[[str], None]
    counts: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    by_itself: int = 0
    by_retry: int = 0
    retries: int = 0
    painted_again: int = 0
    rounds: int = 0

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)  # noqa: S311  (not for secrets)
        self._begun = time.monotonic()
        self._expected: list[str] = []

    def run(self, faults: int) -> Verdict:
        """Paint undisturbed once, then break things until there were so many faults, then look at what is left."""
        self.world.drop("undisturbed.mkv")
        for run in self.world.settled(["undisturbed.mkv"]):
            self._require(run["state_type"] == "COMPLETED", f"the undisturbed run ended {run['state_name']}")
        self._expected = self._hashes("undisturbed.mkv")
        self.say(f"undisturbed: {len(self._expected)} frames")
        try:
            while self.counts.total() < faults:
                self._round()
        except TimeoutError as error:
            self._require(False, f"round {self.rounds}: its runs did not end ({error})")
        self._nothing_is_left()
        self.counts["signature ended: request refused"] = self.world.proxy.refused
        return Verdict(
            seed=self.seed,
            rounds=self.rounds,
            faults=dict(sorted(self.counts.items())),
            videos=1 + DROPS * self.rounds,
            by_itself=self.by_itself,
            by_retry=self.by_retry,
            retries=self.retries,
            painted_again=self.painted_again,
            broken=self.broken,
            seconds=round(time.monotonic() - self._begun, 1),
        )

    def _round(self) -> None:
        self.rounds += 1
        before, names = self.counts.total(), [f"round-{self.rounds}-{n}.mkv" for n in range(DROPS)]
        for name in names:
            self.world.drop(name)
        done = list(self._break_things())
        ended = self.world.settled(names)
        states = {run["name"]: run["state_name"] for run in ended}
        self._require(len(ended) == len(names), f"{len(ended)} runs for {len(names)} drops: {states}")
        retried = [run for run in ended if run["state_type"] != "COMPLETED"]
        self._retry(retried, len(done))
        self.by_itself += len(ended) - len(retried)
        self.by_retry += len(retried)
        for name in names:
            self._check(name)
        what = ", ".join(deed.__name__.replace("_", " ") for deed in done)
        self.say(f"round {self.rounds}: {self.counts.total() - before} faults ({what}); {states}")

    def _break_things(self) -> Iterator[Deed]:
        """Break things one after another, with storage spoilt beside."""
        deeds = self._rng.sample(DEEDS, DEEDS_A_ROUND)
        for deed in deeds:
            time.sleep(self._rng.uniform(*APART_S))
            spoiling = Thread(target=spoil_storage, args=(self.world, self._rng, self.counts))
            spoiling.start()
            deed(self.world, self._rng, self.counts)
            spoiling.join()
            yield deed

    def _retry(self, ended: list[dict[str, Any]], most: int) -> None:
        """Do what somebody at the dashboard would: at most one retry for each thing that was broken; one should do."""
        left = ended
        for _ in range(most):
            if not left:
                return
            for run in left:
                self.world.subject.retry(run["id"])
                self.retries += 1
            names = [run["name"].partition(" in ")[0] for run in left]
            left = [run for run in self.world.settled(names) if run["state_type"] != "COMPLETED"]
        for run in left:
            self.broken.append(f"{run['name']}: {run['state_name']} after a retry, though nothing was broken any more")

    def _check(self, name: str) -> None:
        """Every frame once, the same bits as undisturbed, and all that is stored as it was recorded."""
        job = self.world.job(name)
        found = self._hashes(name)
        self._require(found == self._expected, f"{name}: its painted frames are not those of the undisturbed run")
        faults = prove(self.world.data, self.world.control, job).faults
        self._require(not faults, f"{name}: {'; '.join(fault.what for fault in faults)}")
        run_ids = [run["id"] for run in self.world.runs([name])]
        painted = sum(self._painted(run_id) for run_id in run_ids)
        batches = len(read_plan(self.world.control, job).batches)
        self.painted_again += max(0, painted - batches)

    def _hashes(self, name: str) -> list[str]:
        """Of the painted frames of a drop, in order, as its ledger has them."""
        plan = read_plan(self.world.control, self.world.job(name))
        entries = Ledger(self.world.control, self.world.data, plan).recorded()
        return [frame.sha256 for entry in entries for frame in entry.frames]

    def _painted(self, run_id: str) -> int:
        """How often the workers' logs of a run say that a batch was painted and recorded."""
        control = self.world.control
        logs = (blob.key for blob in control.list(f"{LOGS}{run_id}/") if "/batch-" in blob.key)
        return sum(control.read(key).count(b'"event": "painted"') for key in logs)

    def _nothing_is_left(self) -> None:
        """No run and no task run unfinished, no file on its way, and, ended, no process."""
        try:
            await_that(lambda: self._unfinished() == 0, SWEPT_S)
        except TimeoutError:
            self.broken.append(f"{self._unfinished()} runs or task runs are left unfinished")
        home = self.world.subject.home
        spooled = [path.name for path in (home / "spool").glob("run-*")]
        self._require(not spooled, f"left in the spool: {spooled}")
        self._require(self.world.subject.stop() == 0, "restyle up did not end well")
        time.sleep(GONE_S)
        left = self.world.subject.processes()
        self._require(not left, f"left running: {left}")

    def _unfinished(self) -> int:
        waiting = {"state": {"type": {"any_": ["RUNNING", "PENDING", "CANCELLING", "PAUSED"]}}}
        try:
            runs = self.world.subject.ask("/flow_runs/count", {"flow_runs": waiting})
            return int(runs) + int(self.world.subject.ask("/task_runs/count", {"task_runs": waiting}))
        except (OSError, URLError):
            return 1

    def _require(self, kept: bool, what: str) -> None:
        if not kept:
            self.broken.append(what)
            self.say(f"BROKEN: {what}")

"""Tables and text on the page of a run."""

import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from restyle.board import (
    MOST_ROWS,
    WorkerSeen,
    batch_rows,
    batches_words,
    plain,
    progress_words,
    result_markdown,
    worker_rows,
)
from restyle.plan import cut_batches
from restyle.progress import BatchEnded, Progress
from tests.test_report_page import batch, report


def test_every_batch_has_a_row_with_its_numbers() -> None:
    cut = cut_batches(100, 24)
    ended = {
        0: BatchEnded(cut[0], "painted", attempts=2, worker="host:1", seconds=1.5),
        3: BatchEnded(cut[3], "failed", attempts=5, worker="host:2", error="no such frame"),
    }
    assert batches_words(cut, ended) == "1 of 5 batches done, 1 failed"
    rows = batch_rows(cut, ended)
    assert [row["state"] for row in rows] == ["painted", "to do", "to do", "failed", "to do"]
    assert rows[0] == {
        "batch": 0,
        "frames": "0-23",
        "state": "painted",
        "seconds": 1.5,
        "frames a second": 16.0,
        "attempts": 2,
        "worker": "host:1",
        "error": "",
    }
    assert (rows[3]["attempts"], rows[3]["error"]) == (5, "no such frame")


def test_of_very_many_batches_those_that_failed_or_took_longest_stay() -> None:
    cut = cut_batches(24 * 3000, 24)
    ended = {b.index: BatchEnded(b, "painted", attempts=1, worker="w", seconds=1 + b.index / 1e4) for b in cut}
    ended[7] = BatchEnded(cut[7], "crashed", error="its worker died")
    rows = batch_rows(cut, ended)
    assert len(rows) == MOST_ROWS
    assert [row["batch"] for row in rows] == [7, *range(3000 - MOST_ROWS + 1, 3000)]


def test_workers_are_told_with_what_they_painted_in_this_run() -> None:
    cut = cut_batches(48, 24)
    ended = [
        BatchEnded(cut[0], "painted", attempts=1, worker="host:1", seconds=2.0),
        BatchEnded(cut[1], "reused", attempts=1, worker="host:1", seconds=2.0),
    ]
    (row,) = worker_rows([WorkerSeen("host:1", "gone", datetime(2026, 1, 2, tzinfo=UTC), 5_000_000)], ended)
    assert (row["state"], row["batches"], row["frames"], row["frames a second"]) == ("gone", 1, 24, 12.0)
    assert row["last seen"] == "2026-01-02 00:00:00 UTC"
    assert progress_words(Progress(30, 100, 24)) == "30 of 100 frames painted, 24 of them by an earlier run"


def test_results_link_what_the_web_can_open_and_show_what_is_a_path() -> None:
    made = report(batch(0), batch(1, status="reused"))
    text = result_markdown("a_b.mp4", made, "https://a.example/c/report.html", None, "/control/logs/`r|\n")
    assert "[report.html](https://a.example/c/report.html)" in text
    assert "`/store/clip.mp4`" in text
    assert "`/control/logs/ r  `" in text
    assert "48 of 48; 24 painted in this run" in text
    assert "none: see the run's log" in text


@given(st.text(max_size=200))
def test_no_name_makes_a_link_a_tag_or_a_row_of_its_own(name: str) -> None:
    shown = plain(name)
    assert "<" not in shown
    assert "\n" not in shown
    assert not re.search(r"(?<!\\)(\\\\)*[\[\]()|`*_!]", shown)

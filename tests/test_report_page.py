"""report.html: true numbers, nothing from outside, nothing of a stranger's that runs, never large."""

import base64
import io
import re
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from html.parser import HTMLParser

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from restyle.domain import NumericPath
from restyle.job import Look, StyleRef
from restyle.pairs import MOMENTS, MOST_IMAGE_BYTES, Pair, Restlessness, Samples, small_jpeg
from restyle.report import BatchSection, OutputSection, Report, Spent, VideoSection
from restyle.report_page import clock, lanes, render, seconds, size, table

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
FORGED = '<script>alert("1")</script><img src=//a.example/x onerror=alert(1)>'


class Tags(HTMLParser):
    """Every tag with its attributes, and the text between."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def names(self) -> list[str]:
        return [tag for tag, _ in self.tags]


def batch(index: int, worker: str = "host:1", attempts: int = 1, status: str = "painted") -> BatchSection:
    return BatchSection(
        index=index,
        start=24 * index,
        stop=24 * index + 24,
        seconds=2.0,
        attempts=attempts,
        worker=worker,
        status=status,
        finished=NOON + timedelta(seconds=2 * index + 2),
        load_s=0.25,
        model_s=1.5,
        store_s=0.125,
    )


def report(*batches: BatchSection, name: str = "clip.mp4", **changes: object) -> Report:
    frames = 24 * len(batches)
    made = Report(
        job_id="0123456789abcdef",
        video=VideoSection(
            name=name,
            key=f"videos/{name}",
            width=640,
            height=360,
            painted_width=320,
            painted_height=180,
            average_rate=Fraction(24),
            codec="h264",
            container="mov,mp4",
            damaged=0,
            notes=(name,),
            bytes=1_500_000,
        ),
        style=StyleRef(name=name, sha256="00"),
        frames_in=frames,
        frames_out=frames,
        duration_in_s=frames / 24,
        duration_out_s=frames / 24,
        batches=batches,
        reused_batches=sum(b.status == "reused" for b in batches),
        wall_s=12.5,
        model_s=1.5 * len(batches),
        fps=frames / 12.5,
        output=OutputSection(
            path=f"/store/{name}", key="runs/0123456789abcdef/encodings/e/output.mp4", bytes=2_500_000, codec="h264"
        ),
        versions={"restyle": "0.1.0", "torch": name},
        run_id="r",
        finished=NOON,
        look=Look(),
        numeric=NumericPath(device="cpu", precision="float32", threads=1, mini_batch=1),
        numeric_reason="not compiled, which gives 0.3 s a frame",
        batch_size=24,
        batch_reason="asked for",
        encode_s=1.25,
        spent=Spent(steps={"painting": 10.0, "joining frames and sound": 2.5}, split=0.75, upload=0.5),
        restlessness=Restlessness(source=3.25, painted=7.5, moments=12),
    )
    return made.model_copy(update=changes)


def samples(count: int, image: bytes = b"picture") -> Samples:
    told = base64.b64encode(image).decode()
    return Samples(pairs=tuple(Pair(frame=i, time_s=i / 24, source=told, painted=told) for i in range(count)))


def test_the_page_says_the_numbers_of_the_report() -> None:
    page = render(
        "clip.mp4 in wave", report(batch(0), batch(1, "host:2", attempts=3), batch(2, status="reused")), samples(3)
    )
    words = " ".join(" ".join(Tags(page).texts).split())
    for said in (
        "72 / 72",
        "12.5 s",
        "2.5 MB",
        "5.8",
        "1.5 MB in",
        "batch tried again",
        "47 (3 attempts)",
        "1 / 3",
    ):
        assert said in words
    for name, took in (
        ("split", "0.75 s"),
        ("upload", "0.50 s"),
        ("load", "0.50 s"),
        ("model", "3.0 s"),
        ("encode", "1.2 s"),
    ):
        assert re.search(rf"{name} [\w:, ]+ {re.escape(took)}", words), name
    assert "painting 10.0 s" in words
    assert "source 3.2 painted 7.5" in words
    rects = [facts for tag, facts in Tags(page).tags if tag == "rect" and facts.get("class") == "again"]
    assert [(facts["x"], facts["width"]) for facts in rects] == [("500.0", "500.0")]


def test_encoding_that_is_part_of_painting_directly_is_not_told_twice() -> None:
    page = render("t", report(batch(0), look=Look(frames="none")), samples(3))
    assert re.search(r"encode [\w:, ]+ 0\.00 s", " ".join(" ".join(Tags(page).texts).split()))


def test_the_middle_moment_shows_without_javascript() -> None:
    page = Tags(render("t", report(batch(0)), samples(3)))
    assert [facts["class"] for tag, facts in page.tags if facts.get("class") in ("pair", "pair shown")] == [
        "pair",
        "pair shown",
        "pair",
    ]
    assert "noscript" in page.names()


def test_a_run_that_painted_nothing_and_has_no_pictures_has_a_page() -> None:
    one_frame = report(batch(0, status="reused"), restlessness=None, spent=Spent(), fps=0.0)
    words = " ".join(Tags(render("t", one_frame, None)).texts)
    assert "Nothing had to be painted" in words
    assert "No frames were at hand" in words


@given(st.text(max_size=400))
@settings(max_examples=30, deadline=None)
@example(FORGED)
@example("'\" onload=alert(1) x='")
@example("{{ 7 * 7 }}{% raw %}")
@example("\x00\udcff\u202egpj.exe\u2028")
@example("</title></style><script>alert(1)</script>")
def test_names_of_strangers_are_shown_and_change_no_tag(name: str) -> None:
    plain = Tags(render("clip", report(batch(0, "w"), name="clip"), samples(2)))
    page = Tags(render(name, report(batch(0, name), name=name), samples(2)))
    assert page.names() == plain.names()
    assert [sorted(facts) for _, facts in page.tags] == [sorted(facts) for _, facts in plain.tags]
    assert "".join(c if c.isprintable() else "\ufffd" for c in name[:100]) in "".join(page.texts)


def test_nothing_is_asked_for_outside_the_page() -> None:
    page = render(FORGED, report(batch(0, FORGED), name=FORGED), samples(2))
    tags = Tags(page).tags
    for tag, facts in tags:
        assert tag not in ("link", "iframe", "object", "embed", "form", "base", "video"), tag
        assert not any(name.startswith("on") or name == "style" for name in facts), facts
        assert (facts.get("src") or "data:image/jpeg;base64,").startswith("data:image/jpeg;base64,")
        assert not re.match(r"[a-z]+:|//|/", facts.get("href") or "")
    outside = re.sub(rb"&lt;.*?&gt;", b"", page)  # what the forged name says
    assert not re.search(rb"(?i)https?:|url\(|@import|fetch\(|src=//", outside)
    (policy,) = [facts["content"] for _, facts in tags if facts.get("http-equiv") == "Content-Security-Policy"]
    assert policy
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy


def test_a_page_of_a_long_video_stays_below_3_megabytes() -> None:
    many = [batch(i, f"{FORGED * 20}:{i % 400}", attempts=1 + (i == 9000)) for i in range(20_000)]
    long = report(*many, name=FORGED * 20).model_copy(
        update={"video": report(batch(0)).video.model_copy(update={"notes": (FORGED * 20,) * 10_000})}
    )
    page = render(FORGED * 100, long, samples(MOMENTS, bytes(MOST_IMAGE_BYTES)))
    assert len(page) < 3_000_000
    assert 9000 in {b.index for b in table(long.batches)}  # the one that was tried again
    assert sum(lane.frames for lane in lanes(many[:4000])) == 24 * 4000


def test_pictures_of_any_shape_come_within_their_bounds() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (900, 300, 3), dtype=np.uint8)
    for picture in (Image.fromarray(noise), Image.fromarray(noise).rotate(90, expand=True), Image.new("RGB", (1, 1))):
        made = small_jpeg(picture, Fraction(4, 3))
        assert len(made) <= MOST_IMAGE_BYTES
        width, height = Image.open(io.BytesIO(made)).size
        assert max(width, height) <= 560
        assert abs(width - height * picture.width / picture.height * 4 / 3) <= 1


def test_figures_are_written_as_people_read_them() -> None:
    assert [seconds(s) for s in (0.421, 7.12, 59.99, 60, 725, 12000)] == [
        "0.42 s",
        "7.1 s",
        "60.0 s",
        "1 min 0 s",
        "12 min 5 s",
        "3 h 20 min",
    ]
    assert [clock(s) for s in (0, 3.24, 59.999, 62.5)] == ["0:00.00", "0:03.24", "1:00.00", "1:02.50"]
    assert [size(n) for n in (4200, 560_000, 1_500_000_000)] == ["4.2 kB", "0.6 MB", "1.50 GB"]

"""Nothing sticks out of a phone's width, whatever the page has to show.

Contents are as long as they can become, which no short film and no short session brings about: the page is
given answers made here, and its own modules a session made here.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import gateway.routes
from shared.contracts.analyses import Analysis
from tests.page.conftest import Visitor
from tests.servers import House

WIDTHS = range(320, 361, 8)
LONG = "an-unbroken-name-that-somebody-gave-" * 4
EXAMPLE = json.loads((Path(gateway.routes.__file__).parent / "example_analysis.json").read_text())
SCORES = dict.fromkeys(EXAMPLE["emotion"]["scores"], 0.0) | {"happiness": 1.0}
READING = {"label": "happiness", "confidence": 1.0, "uncertain": True, "scores": SCORES}
BOX = {"x": 0.8, "y": 0.05, "width": 0.19, "height": 0.3}
NAMES = {"film": "film.webm", "sound": "sound.wav", "picture": "picture.jpg"}

# Seconds. Marks of the ruler come close to its end, or are long: "3.5 s" of 3.8 and "35 s" of 36.8 stuck out.
LENGTHS = (0.1, 3.8, 4.4, 10.7, 14.7, 36.8, 73.6, 599.9, 1799.9, 14_399.9)

MAKE_SESSION = """async ([seconds, people, reading, box]) => {
    const { LiveRecord } = await import("./page/js/live_record.js");
    const faces = people.map((person) => ({ person, box, ...reading }));
    const slice = Math.max(0.1, seconds / 50);
    const starts = Array.from({ length: Math.floor(seconds / slice) }, (_, number) => number * slice);
    const record = new LiveRecord();
    record.begin({ session: "st_1", options: {} }, 0);
    record.take({ event: "faces", frames: starts.map((t) => ({ t, faces })) });
    for (const start of starts) {
        const stretch = { start, end: start + slice, ...reading };
        const moment = { ...stretch, face: reading, speech: reading };
        record.take({ event: "segments", segments: [stretch] });
        record.take({ event: "moment", start, end: stretch.end, people: [], moment });
    }
    const frames = { received: 99999, read: 9, dropped: 88888, lost: 7777 };
    record.take({ event: "progress", seconds, frames, sound: { dropped: 1799.9, lost: 9 } });
    window.session = { record, faces };
    document.getElementById("live").hidden = false;
}"""

TOLD_AT = """share => {
    const ghost = document.querySelector("#live .ghost");
    return !ghost.hidden && Math.abs(parseFloat(ghost.style.left) - 100 * share) < 2;
}"""

SHOW_VIEW = """async () => {
    const { LiveView } = await import("./page/js/live_view.js");
    const { record, faces } = session;
    const how = { modalities: ["face", "speech"], camera: true, clock: () => record.seconds };
    const view = new LiveView(record, how);
    view.showFaces({ faces }, 99999);
    const moment = record.moments.at(-1);
    if (moment) view.showMoment({ ...moment, baseline: { start: record.seconds, readings: 99.9 } });
    view.showCounts(record.counts, 99999);
    document.getElementById("live").replaceChildren(view.element);
    view.close();
}"""

SHOW_REVIEW = """async () => {
    const { drawReview } = await import("./page/js/live_review.js");
    document.getElementById("live").replaceChildren(drawReview(session.record, ["face", "speech"]).element);
    document.querySelector("#live details")?.setAttribute("open", "");
}"""


@pytest.fixture
def phone(browser, house: House) -> Iterator[Visitor]:
    """A visitor with the narrowest phone."""
    with Visitor.arrive(browser, house.gateway, width=WIDTHS[0], height=640) as visitor:
        yield visitor


@pytest.fixture
def long_names(media: Path, tmp_path: Path) -> dict[str, Path]:
    """A film, a sound and a picture whose names are long."""
    files = {kind: tmp_path / f"{LONG}{Path(name).suffix}" for kind, name in NAMES.items()}
    for kind, file in files.items():
        file.write_bytes((media / NAMES[kind]).read_bytes())
    return files


def all_that_sticks_out(phone: Visitor) -> list[str]:
    """Name what sticks out at any of the widths; the narrowest one comes last, and stays."""
    found = []
    for width in reversed(WIDTHS):
        phone.page.set_viewport_size({"width": width, "height": 640})
        found += phone.sticking_out()
    return found


def answer_of(kind: str, *, seconds: float | None, people: int) -> dict[str, Any]:
    """Give an analysis with long names, many people, and scores of 0 and 1."""
    length = seconds or 1.0
    ids = range(1000, 1000 + people)
    slices = [{"start": length * tenth / 10, "end": length * (tenth + 1) / 10} for tenth in range(10)]
    said = {"label": "happiness", "scores": SCORES}
    video = EXAMPLE["media"]["video"] | {"width": 10_000, "height": 10_000, "fps": 29.97, "rotation": 270}
    baseline = {"start": length, "readings": 99.9, "strength": 1.0}
    seen, heard = kind != "sound", kind != "picture"
    answer = EXAMPLE | {
        "status": "partial",
        "media": {
            "kind": kind,
            "container": "matroska,webm",
            "seconds": seconds,
            "video": video if seen else None,
            "audio": EXAMPLE["media"]["audio"] if heard else None,
        },
        "emotion": READING | {"weights": {"face": 1.0, "speech": 0.0}},
        "face": READING | {"coverage": 1.0} if seen else None,
        "speech": READING | {"seconds": length, "snr_db": 99.0, "baseline": baseline} if heard else None,
        "people": [
            READING | {"id": id_, "first_seen": 0.0, "last_seen": length, "frames": 18_000} for id_ in ids
        ],
        "moments": [READING | slice_ | {"face": said, "speech": said} for slice_ in slices],
        "segments": [READING | slice_ for slice_ in slices],
        "frames": [
            {
                "t": slice_["start"],
                "faces": [READING | {"person": id_, "box": BOX, "detection": 1.0} for id_ in ids],
            }
            for slice_ in slices
        ],
        "models": {"face": LONG, "speech": LONG, "fusion": LONG},
        "notices": [{"code": "no-speech", "message": f"{LONG} was not found."}],
    }
    Analysis.model_validate(answer)
    return answer


@pytest.mark.parametrize("people", [[1], [10, 11, 12, 13], [1001, 1002, 1003, 1004, 1005]], ids=len)
def test_a_live_session_of_any_length(phone: Visitor, people: list[int]):
    page = phone.page
    for seconds in LENGTHS:
        page.evaluate(MAKE_SESSION, [seconds, people, READING, BOX])
        page.evaluate(SHOW_VIEW)
        assert all_that_sticks_out(phone) == [], f"live for {seconds} s"
        page.evaluate(SHOW_REVIEW)
        assert all_that_sticks_out(phone) == [], f"after {seconds} s"
        tracks = page.get_by_role("slider", name="Position")
        width = tracks.bounding_box()["width"]
        for share in (0.45, 0.55, 0.79, 0.99):  # where the pointer is, the time stands beside it
            tracks.hover(position={"x": share * width, "y": 40})
            page.wait_for_function(TOLD_AT, arg=share)
            assert phone.sticking_out() == [], f"after {seconds} s, at {share} of it"


@pytest.mark.parametrize("people", [1, 40])
@pytest.mark.parametrize("kind", NAMES)
def test_a_result(phone: Visitor, long_names: dict[str, Path], kind: str, people: int):
    page = phone.page
    lengths = [None] if kind == "picture" else [3.8, 36.8, 14_399.9]
    answers = iter([answer_of(kind, seconds=seconds, people=people) for seconds in lengths])
    page.route("**/v1/analyses", lambda route: route.fulfill(json=next(answers)))
    for number, _ in enumerate(lengths, 1):
        phone.give(long_names[kind])
        page.wait_for_selector(f".entry:nth-child({number}).shown[data-state=done]")
        phone.wait_for("done")
        for fold in page.locator("#result .fold > summary").all():
            fold.click()
        assert all_that_sticks_out(phone) == []


def test_a_problem(phone: Visitor, long_names: dict[str, Path]):
    page = phone.page
    said = dict.fromkeys(["title", "detail", "remedy", "field", "request_id"], LONG)
    statuses = iter([401, 422, 503])

    def refuse(route) -> None:
        status = next(statuses)
        body = {"type": f"/problems/{LONG}", "status": status, **said}
        route.fulfill(status=status, headers={"Retry-After": "86400"}, json=body)

    page.route("**/v1/analyses", refuse)
    for status in (401, 422, 503):
        phone.give(long_names["picture"])
        page.wait_for_selector(f"#result[data-shows=failed] .problem:has-text('Status {status}')")
        assert all_that_sticks_out(phone) == []
        phone.forgive(status)


def test_files_on_their_way(phone: Visitor, long_names: dict[str, Path], expect):
    page = phone.page
    page.route("**/v1/analyses", lambda _: None)  # which never answers
    phone.give(long_names["picture"], long_names["sound"])
    first, second = page.locator(".entry").all()
    expect(first).to_have_attribute("data-state", "sending")
    expect(second).to_have_attribute("data-state", "waiting")
    assert all_that_sticks_out(phone) == []
    for entry in (second, first):
        entry.get_by_role("button", name="Cancel").click()
        expect(entry).to_have_attribute("data-state", "cancelled")
        assert all_that_sticks_out(phone) == []

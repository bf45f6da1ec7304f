"""What takes longer is a job: its progress, its result in other forms, and its end."""

import asyncio
import re
import time
from fractions import Fraction
from pathlib import Path

import httpx
import pytest

from gateway.app import create_app
from gateway.jobs.settings import JobSettings
from gateway.settings import GatewaySettings
from tests import media_files
from tests.page.conftest import Visitor
from tests.servers import House, serve


@pytest.fixture(scope="module")
def long_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More than a minute of a talking face: long enough to be looked at while it is read."""
    path = tmp_path_factory.mktemp("long") / "long.webm"
    fps, seconds = 10, 80  # as many pictures as are needed: making the film takes its time, too
    quick = (("deadline", "realtime"), ("cpu-used", "8"))
    return media_files.write_film(
        path,
        media_files.moving_face(media_files.astronaut(), frames=fps * seconds, width=160, height=120),
        media_files.speech(seconds, 48_000),
        video=media_files.VideoSpec(codec="libvpx", fps=Fraction(fps), options=quick),
        audio=media_files.AudioSpec(codec="libopus"),
    )


def without_a_worker(house: House, folder: Path) -> GatewaySettings:
    """Settings of a gateway of its own, which keeps jobs in a folder and works on none."""
    return GatewaySettings(
        face_url=house.face,
        speech_url=house.speech,
        fusion_url=house.fusion,
        temporary_folder=folder,
        jobs=JobSettings(worker="none", data_folder=folder / "jobs"),
    )


def job_of(visitor: Visitor) -> str:
    """Give the id of the job that the page was given last."""
    return visitor.jobs[-1].rsplit("/", 1)[-1]


def wait_until_gone(gateway: httpx.Client, job: str) -> None:
    """Wait until the server has nothing of a job any more."""
    give_up = time.monotonic() + 60
    while gateway.get(f"/v1/analyses/{job}").status_code != 404:
        assert time.monotonic() < give_up, f"{job} is still there"
        time.sleep(0.1)


def test_a_film_is_looked_at_while_it_is_read(
    visitor: Visitor, long_film: Path, gateway: httpx.Client, expect
):
    page = visitor.page
    visitor.give(long_film)
    visitor.wait_for("analysing")
    expect(page.locator(".entry-state")).to_have_text(re.compile("analysing, [1-9][0-9]? %"))
    expect(page.locator(".found")).to_have_text(re.compile(r"of 1:20\.\d: [1-9]\d* faces in"))
    expect(page.locator(".names .lane span")).to_have_text(["Fused", "Faces", "Voice", "Sound"])
    # The bands grow, and end where the veil over what was not read begins.
    page.wait_for_function("() => parseFloat(document.querySelector('.unread').style.left) > 0")
    page.locator(".tracks .lane.person .bands path").first.wait_for(state="attached")
    expect(page.locator(".box-label")).to_be_visible()
    # Who listens to the film and walks along it is not disturbed when it ends.
    slider = page.get_by_role("slider", name="Position")
    slider.press("Shift+ArrowRight")
    visitor.wait_for("done")
    expect(slider).to_be_focused()
    expect(slider).to_have_attribute("aria-valuenow", "1.00")
    expect(page.locator(".names .lane span")).to_have_text(["Fused", "Person 1", "Voice", "Sound"])
    assert visitor.answer() == gateway.get(f"/v1/analyses/{job_of(visitor)}").json()["analysis"]


def test_what_begins_anew_is_drawn_anew(visitor: Visitor):
    """A worker dies in the middle of a film, and another one begins it again: the boxes are its own."""
    drawn = visitor.page.evaluate(
        """async () => {
            const { showFilm } = await import(new URL("page/js/stage.js", document.baseURI));
            const judged = { label: "neutral", confidence: 0.5 };
            const face = (x) => ({ box: { x, y: 0.3, width: 0.2, height: 0.3 }, ...judged });
            const frame = (x, t) => ({ t, faces: [face(x)] });
            const every = (count, x) => Array.from({ length: count }, (_, at) => frame(x, at / 5));
            const media = { kind: "film", video: { width: 320, height: 240, rotation: 0 } };
            const player = { element: null, onTime() {}, time: () => 10 };
            const stage = showFilm({ media, frames: every(15, 0.1) }, player);
            stage.update({ media, frames: every(75, 0.6) });
            return [...stage.element.querySelectorAll(".box:not([hidden])")].map((box) => box.style.left);
        }"""
    )
    assert drawn == ["60%"]


def test_the_result_is_taken_in_other_forms_and_erased(
    visitor: Visitor, media: Path, gateway: httpx.Client, tmp_path: Path, expect
):
    page = visitor.page
    sent = []
    page.on("request", lambda request: sent.append(request.method) if request.method == "POST" else None)
    visitor.give(media / "film.webm")
    visitor.wait_for("done")
    assert gateway.get(f"/v1/analyses/{job_of(visitor)}").status_code == 200
    expect(page.locator(".kept")).to_contain_text("until you leave this page, for an hour at most")
    for label, suffix in (("Faces, CSV", "csv"), ("Captions, WebVTT", "vtt")):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=label).click()
        waiting.value.save_as(tmp_path / suffix)
        said = gateway.get(f"/v1/analyses/{job_of(visitor)}.{suffix}").content
        assert (tmp_path / suffix).read_bytes() == said
    assert sent == ["POST"]  # the media went once

    page.get_by_role("button", name="Erase it now").click()
    expect(page.locator(".kept")).to_contain_text("The server keeps nothing of it")
    wait_until_gone(gateway, job_of(visitor))
    # What is on the page stays; for another form the film goes once more.
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Captions, WebVTT").click()
    waiting.value.save_as(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "vtt").read_bytes()
    assert sent == ["POST", "POST"]


def test_a_picture_leaves_nothing_to_erase(visitor: Visitor, media: Path, expect):
    visitor.give(media / "picture.jpg")
    visitor.wait_for("done")
    assert visitor.jobs == []
    expect(visitor.page.locator(".exports")).to_contain_text("The server keeps nothing of it")


def test_removing_and_leaving_erase(visitor: Visitor, media: Path, gateway: httpx.Client):
    page = visitor.page
    visitor.give(media / "sound.wav")
    visitor.wait_for("done")
    page.get_by_role("button", name="Remove sound.wav").click()
    wait_until_gone(gateway, job_of(visitor))

    visitor.give(media / "film.webm")
    visitor.wait_for("done")
    assert len(visitor.jobs) == 2
    page.goto(f"{visitor.origin}/docs")
    wait_until_gone(gateway, job_of(visitor))


def test_cancelling_stops_the_work(visitor: Visitor, long_film: Path, gateway: httpx.Client, expect):
    page = visitor.page
    visitor.give(long_film)
    expect(page.locator(".entry-state")).to_have_text(re.compile(r"analysing, \d+ %"))
    page.get_by_role("button", name="Cancel long.webm").click()
    expect(page.locator(".entry")).to_have_attribute("data-state", "cancelled")
    wait_until_gone(gateway, job_of(visitor))
    expect(page.locator("#result")).to_be_hidden()


class Late:
    """Lets the answers to uploads wait until a file is there."""

    def __init__(self, app, sign: Path) -> None:
        self.app = app
        self.sign = sign

    async def __call__(self, scope, receive, send) -> None:
        async def send_late(message) -> None:
            while not self.sign.exists():  # noqa: ASYNC110 - the sign comes from another thread
                await asyncio.sleep(0.02)
            await send(message)

        await self.app(scope, receive, send_late if scope.get("method") == "POST" else send)


def test_cancelling_before_the_job_is_named_erases_it_too(
    browser, house: House, media: Path, tmp_path: Path, expect
):
    app = create_app(without_a_worker(house, tmp_path))
    app.add_middleware(Late, tmp_path / "sign")
    with (
        serve(app) as origin,
        httpx.Client(base_url=origin, timeout=120) as gateway,
        Visitor.arrive(browser, origin) as visitor,
    ):
        page = visitor.page
        visitor.give(media / "sound.wav")
        expect(page.locator(".entry")).to_have_attribute("data-state", "analysing")
        page.get_by_role("button", name="Cancel sound.wav").click()
        expect(page.locator(".entry")).to_have_attribute("data-state", "cancelled")
        with page.expect_response(lambda answer: answer.request.method == "DELETE") as waiting:
            (tmp_path / "sign").touch()
        assert waiting.value.status == 204
        wait_until_gone(gateway, job_of(visitor))


def test_events_go_on_over_a_broken_connection(visitor: Visitor, media: Path, expect):
    page = visitor.page
    broken = []

    def answer(route):
        broken.append(route.request.headers.get("last-event-id"))
        if len(broken) == 1:
            route.abort("connectionreset")
        else:
            route.fallback()

    page.route("**/events", answer)
    visitor.give(media / "film.webm")
    visitor.wait_for("done")
    assert broken[:2] == [None, None]
    visitor.faults = [fault for fault in visitor.faults if "ERR_CONNECTION_RESET" not in fault]


def test_a_server_that_cannot_keep_jobs_answers_plainly(visitor: Visitor, media: Path, expect):
    page = visitor.page
    refusal = {
        "type": "/problems/service-unavailable",
        "title": "Unavailable",
        "status": 503,
        "detail": "No.",
    }

    def answer(route):
        if "prefer" in route.request.headers:
            route.fulfill(status=503, json=refusal)
        else:
            route.fallback()

    page.route("**/v1/analyses", answer)
    visitor.give(media / "sound.wav")
    visitor.wait_for("done")
    assert visitor.jobs == []
    expect(page.locator(".exports")).to_contain_text("The server keeps nothing of it")
    visitor.forgive(503)


def test_a_job_that_no_worker_takes_says_so_and_can_be_cancelled(
    browser, house: House, media: Path, tmp_path: Path, expect
):
    with (
        serve(create_app(without_a_worker(house, tmp_path))) as origin,
        httpx.Client(base_url=origin, timeout=120) as gateway,
        Visitor.arrive(browser, origin) as visitor,
    ):
        sound, asynchronous = (media / "sound.wav").read_bytes(), {"prefer": "respond-async"}
        other = gateway.post("/v1/analyses", content=sound, headers=asynchronous).raise_for_status().json()
        page = visitor.page
        visitor.give(media / "film.webm")
        state = page.locator(".entry-state")
        expect(state).to_contain_text("waits for a worker, 1 job before it in the server's queue")
        expect(page.locator("#announcer")).to_contain_text("film.webm waits for a worker")
        gateway.delete(f"/v1/analyses/{other['id']}").raise_for_status()
        expect(state).to_contain_text("waits for a worker, next in the server's queue")
        page.get_by_role("button", name="Cancel film.webm").click()
        expect(page.locator(".entry")).to_have_attribute("data-state", "cancelled")
        wait_until_gone(gateway, job_of(visitor))

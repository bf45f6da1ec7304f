"""The file door, with a real browser and a real house."""

import itertools
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gateway.app import create_app
from gateway.settings import GatewaySettings
from tests import media_files
from tests.page.conftest import Visitor
from tests.servers import House, serve


def test_a_film_plays_with_boxes_and_a_timeline(visitor: Visitor, media: Path, expect):
    page = visitor.page
    visitor.give(media / "film.webm")
    visitor.wait_for("done")
    analysis = visitor.answer()
    assert analysis["media"]["kind"] == "film"

    verdict = page.get_by_role("region", name="Verdict")
    expect(verdict).to_contain_text(analysis["emotion"]["label"])
    expect(verdict.get_by_role("row")).to_have_count(8)
    face, speech = (analysis[name]["label"] for name in ("face", "speech"))
    against = f"the face shows {face}, the voice {speech}"
    expect(verdict.locator(".sureness")).to_contain_text("commit themselves" if face == speech else against)
    lanes = page.locator(".names .lane span")
    expect(lanes).to_have_text(["Fused", "Person 1", "Voice", "Sound"])
    # The browser decoded the sound and drew it.
    expect(page.locator(".tracks .levels path")).to_have_count(1)

    # The box lies where the analysis has the face, whatever size the film is shown in.
    box, film = (page.locator(place).bounding_box() for place in (".box", ".stage video"))
    face = analysis["frames"][0]["faces"][0]["box"]
    assert abs((box["x"] - film["x"]) / film["width"] - face["x"]) < 0.02
    assert abs(box["height"] / film["height"] - face["height"]) < 0.02

    # A click jumps there, and the figures are those of that time.
    slider = page.get_by_role("slider", name="Position")
    track = slider.bounding_box()
    slider.click(position={"x": track["width"] / 2, "y": track["height"] / 2})
    half = analysis["media"]["seconds"] / 2
    page.wait_for_function("at => Math.abs(document.querySelector('video').currentTime - at) < 0.1", arg=half)
    page.mouse.move(0, 0)
    expect(page.locator(".figures caption")).to_contain_text(f"{half:.1f} s")
    moment = next(each for each in analysis["moments"] if each["start"] <= half < each["end"])
    fused = page.locator(".figures tbody tr").first.locator("td")
    expect(fused).to_have_text([f"{round(score * 100)}" for score in moment["scores"].values()])

    # It plays, and the playhead goes along.
    page.wait_for_function("() => !document.querySelector('video').seeking")
    slider.press("Home")
    page.wait_for_function("() => document.querySelector('.playhead').style.left === '0%'")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("() => parseFloat(document.querySelector('.playhead').style.left) > 15")


def test_the_answer_can_be_taken_away(visitor: Visitor, media: Path, tmp_path: Path, expect):
    page = visitor.page
    visitor.give(media / "picture.jpg")
    visitor.wait_for("done")
    analysis = visitor.answer()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="JSON", exact=True).click()
    assert waiting.value.suggested_filename == "picture.json"
    waiting.value.save_as(tmp_path / "saved.json")
    assert json.loads((tmp_path / "saved.json").read_text()) == analysis

    with page.expect_download() as waiting:
        page.get_by_role("button", name="Faces, CSV").click()
    waiting.value.save_as(tmp_path / "saved.csv")
    assert len((tmp_path / "saved.csv").read_text().splitlines()) == 2
    page.get_by_text("The same call with curl").click()
    expect(page.get_by_label("curl command")).to_have_text(
        f"curl -F 'file=@\"picture.jpg\"' '{visitor.origin}/v1/analyses'"
    )


def test_files_one_after_the_other(visitor: Visitor, media: Path, expect):
    page = visitor.page
    visitor.give(media / "picture.jpg", media / "sound.wav", media / "notes.pdf")
    entries = page.locator(".entry")
    expect(entries).to_have_count(3)
    for number, state in enumerate(["done", "done", "failed"]):
        expect(entries.nth(number)).to_have_attribute("data-state", state)
    problem = page.locator(".problem")
    expect(problem).to_contain_text("Unsupported media: notes.pdf")
    expect(problem).to_contain_text("PDF")
    expect(problem.locator(".remedy")).to_contain_text("Send a JPEG")
    visitor.forgive(415)

    page.get_by_role("button", name="picture.jpg", exact=True).click()
    picture = page.get_by_role("img", name="picture.jpg")
    expect(picture).to_have_attribute("alt", f"picture.jpg. Person 1: {_shown(page)}.".removesuffix("."))
    expect(page.locator(".box-label")).to_be_visible()
    expect(page.get_by_role("slider")).to_have_count(0)

    page.get_by_role("button", name="sound.wav", exact=True).click()
    expect(page.locator(".names .lane span")).to_have_text(["Fused", "Voice", "Sound"])
    expect(page.locator(".tracks .lane.voice .bands path").first).to_be_attached()

    page.get_by_role("button", name="Remove notes.pdf").click()
    expect(entries).to_have_count(2)


def _shown(page) -> str:
    return page.locator(".entry", has_text="picture.jpg").locator(".entry-state").inner_text().split(" · ")[1]


def test_pasted_and_dropped_files_count_too(visitor: Visitor, media: Path, expect):
    page = visitor.page
    bring = """([bytes, name, event, transfer]) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], name));
        const options = {bubbles: true, cancelable: true, [transfer]: data};
        const kind = event === "paste" ? ClipboardEvent : DragEvent;
        document.body.dispatchEvent(new kind(event, options));
    }"""
    picture = list((media / "picture.jpg").read_bytes())
    page.evaluate(bring, [picture, "pasted.jpg", "paste", "clipboardData"])
    page.evaluate(bring, [picture, "dropped.jpg", "dragover", "dataTransfer"])
    expect(page.get_by_text("Drop to analyse")).to_be_visible()
    page.evaluate(bring, [picture, "dropped.jpg", "drop", "dataTransfer"])
    expect(page.get_by_text("Drop to analyse")).to_be_hidden()
    for number, name in enumerate(["pasted.jpg", "dropped.jpg"]):
        entry = page.locator(".entry").nth(number)
        expect(entry).to_contain_text(name)
        expect(entry).to_have_attribute("data-state", "done")


def test_an_upload_can_be_cancelled_and_sent_again(visitor: Visitor, media: Path, expect):
    page = visitor.page
    held = []  # kept, neither answered nor sent on
    page.route("**/v1/analyses", lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks what it calls
    visitor.give(media / "picture.jpg")
    entry = page.locator(".entry")
    page.get_by_role("button", name="Cancel picture.jpg").click()
    expect(entry).to_have_attribute("data-state", "cancelled")
    page.unroute("**/v1/analyses")
    page.get_by_role("button", name="Again picture.jpg").click()
    expect(entry).to_have_attribute("data-state", "done")


def test_a_full_house_is_tried_again_when_it_says(visitor: Visitor, media: Path, expect):
    page = visitor.page
    refusal = {
        "type": "/problems/overloaded",
        "title": "Overloaded",
        "status": 503,
        "detail": "As many analyses run and wait as this server takes.",
        "remedy": "Wait as long as Retry-After says, then send it again.",
    }
    refused = itertools.count()

    def answer(route):
        if next(refused) == 0:
            route.fulfill(status=503, headers={"Retry-After": "1"}, json=refusal)
        else:
            route.fallback()

    page.route("**/v1/analyses", answer)
    visitor.give(media / "picture.jpg")
    visitor.wait_for("failed")
    expect(page.locator(".problem")).to_contain_text("As many analyses run")
    again = page.get_by_role("button", name="Try again", exact=True)
    again.click()
    visitor.wait_for("done")
    visitor.forgive(503)


def test_a_server_with_keys_asks_for_one(visitor: Visitor, media: Path, expect):
    page = visitor.page
    sent = []

    def answer(route):
        sent.append(route.request.headers.get("authorization"))
        if sent[-1] == "Bearer emo_right":
            route.fallback()
        else:
            refusal = {"title": "Unauthorized", "status": 401, "detail": "This server asks for an API key."}
            route.fulfill(status=401, json=refusal)

    page.route("**/v1/analyses", answer)
    visitor.give(media / "picture.jpg")
    visitor.wait_for("failed")
    page.locator(".problem").get_by_label("API key").fill("emo_right")
    page.get_by_role("button", name="Use this key").click()
    visitor.wait_for("done")
    assert sent == [None, "Bearer emo_right"]
    page.get_by_text("The same call with curl").click()
    command = page.get_by_label("curl command")
    expect(command).to_contain_text('-H "Authorization: Bearer $EMOTION_KEY"')
    expect(command).not_to_contain_text("emo_right")
    visitor.forgive(401)


def test_a_server_with_keys_tells_its_limits_to_who_has_one(visitor: Visitor, media: Path, expect):
    page = visitor.page

    def answer(route):
        if route.request.headers.get("authorization") == "Bearer emo_right":
            route.fallback()
        else:
            refusal = {"title": "Unauthorized", "status": 401, "detail": "This server asks for an API key."}
            route.fulfill(status=401, json=refusal)

    page.route(re.compile("/v1/(analyses|limits)$"), answer)
    page.reload()
    visitor.give(media / "film.webm")
    visitor.wait_for("failed")
    expect(page.locator("#file-limits")).to_be_empty()
    page.locator(".problem").get_by_label("API key").fill("emo_right")
    page.get_by_role("button", name="Use this key").click()
    visitor.wait_for("done")
    expect(page.locator("#file-limits")).to_contain_text("Up to")
    expect(page.locator(".kept")).to_contain_text("for an hour at most")
    visitor.forgive(401)


def test_options_go_with_the_file(visitor: Visitor, media: Path, expect):
    page = visitor.page
    page.get_by_text("Options").click()
    page.get_by_label("Frames a second").fill("2")
    page.get_by_label("voice", exact=True).uncheck()
    page.locator("select[name=profile]").select_option("paper")
    visitor.give(media / "film.webm")
    visitor.wait_for("done")
    analysis = visitor.answer()
    assert analysis["profile"] == "paper"
    assert analysis["speech"] is None
    assert 5 <= len(analysis["frames"]) <= 7
    expect(page.locator(".tracks .lane.voice")).to_contain_text("was not asked for")


def test_a_voice_leans_on_what_is_usual_for_it_unless_told_not_to(visitor: Visitor, media: Path, expect):
    page = visitor.page
    talk = media / "talk.wav"
    media_files.write_sound(talk, media_files.speech(40.0, 16_000))
    page.get_by_text("Options").click()
    switch = page.get_by_label("lean on what is usual for it")
    expect(switch).to_be_checked()
    for leans in (True, False):
        switch.set_checked(leans)
        visitor.give(talk)
        expect(page.locator(".entry[data-state=done]")).to_have_count(1 if leans else 2)
        said = page.get_by_role("region", name="Verdict").locator(".readings")
        if leans:
            expect(said).to_contain_text("leans on what is usual for this voice")
        else:
            expect(said).not_to_contain_text("leans")
        assert (visitor.answer()["speech"]["baseline"] is not None) == leans


def test_a_strategy_that_found_nothing_is_told_from_nothing_to_read(visitor: Visitor, media: Path, expect):
    page = visitor.page
    page.route("**/v1/analyses", lambda route: route.continue_(url=f"{route.request.url}?strategy=face"))
    visitor.give(media / "sound.wav")
    visitor.wait_for("done")
    analysis = visitor.answer()
    assert analysis["emotion"] is None
    speech = analysis["speech"]
    verdict = page.get_by_role("region", name="Verdict")
    expect(verdict).to_contain_text("goes by the face alone, and none was read")
    expect(verdict.locator(".readings")).to_contain_text(f"Voice{speech['label']}")
    expect(verdict.locator(".top-score")).to_contain_text(f"{round(speech['confidence'] * 100)} %")
    expect(page.locator(".entry-state")).to_have_text("sound · no fused emotion")


_VP8 = media_files.VideoSpec(codec="libvpx", options=(("deadline", "realtime"), ("cpu-used", "8")))
SPECS = {
    "mp4": (media_files.VideoSpec(), media_files.AudioSpec()),
    "webm": (_VP8, media_files.AudioSpec(codec="libopus")),
}


@pytest.fixture(params=SPECS)
def write_late(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Path]:
    """Write a film of a face, 2 s of pictures, whose pictures and sound begin when they are told to."""
    video, audio = SPECS[request.param]

    def write(sound: media_files.Samples, *, pictures_at: float, sound_at: float) -> Path:
        return media_files.write_film(
            tmp_path / f"late.{request.param}",
            media_files.moving_face(media_files.astronaut(), frames=50),
            sound,
            video=replace(video, offset=pictures_at),
            audio=replace(audio, offset=sound_at),
        )

    return write


def test_the_sound_lane_begins_when_the_sound_does(visitor: Visitor, write_late: Callable[..., Path]):
    page = visitor.page
    quiet_then_loud = np.concatenate([np.zeros(24_000, np.float32), media_files.tone(0.5, 48_000)])
    visitor.give(write_late(quiet_then_loud, pictures_at=0.0, sound_at=0.75))
    visitor.wait_for("done")
    page.wait_for_selector(".lane.sound[data-drawn]")
    path = page.locator(".tracks .levels path").get_attribute("d")
    levels = [float(height) for height in re.findall(r"v([\d.]+)", path)]
    seconds = visitor.answer()["media"]["seconds"]
    loud = [column * seconds / len(levels) for column, level in enumerate(levels) if level > 0.5]
    assert (loud[0], loud[-1]) == (pytest.approx(1.25, abs=0.05), pytest.approx(1.75, abs=0.05))


def test_a_film_that_begins_late_plays_on_the_clock_of_its_lanes(
    visitor: Visitor, write_late: Callable[..., Path], expect
):
    page = visitor.page
    visitor.give(write_late(media_files.speech(2.0, 48_000), pictures_at=3.0, sound_at=3.0))
    visitor.wait_for("done")
    page.wait_for_selector(".lane.sound[data-drawn]")
    slider = page.get_by_role("slider", name="Position")
    length = page.evaluate("document.querySelector('.stage video').duration")
    assert length == pytest.approx(5.0, abs=0.1)
    assert float(slider.get_attribute("aria-valuemax")) == pytest.approx(length, abs=0.1)
    begins = page.locator(".tracks .lane.person .bands path").first.get_attribute("d")
    assert float(re.match(r"M([\d.]+)", begins)[1]) == pytest.approx(3.0, abs=0.05)
    slider.press("End")
    page.wait_for_function("() => document.querySelector('.stage video').currentTime > 4.9")
    expect(page.locator(".stage .box:not([hidden])")).to_have_count(1)
    slider.press("Home")
    expect(page.locator(".stage .box:not([hidden])")).to_have_count(0)


def answer_without_a_job(route) -> None:
    """Be a server that keeps no jobs: what is preferred does not count."""
    headers = {name: value for name, value in route.request.headers.items() if name != "prefer"}
    route.continue_(headers=headers)


def test_what_is_missing_is_said_with_its_reason(browser, house: House, media: Path, uploads: Path, expect):
    """speech_service is down, and there is no face in the film."""
    film = media_files.write_film(
        media / "empty.mp4",
        iter([media_files.noise(160, 120)] * 25),
        media_files.speech(1.0, 48_000),
        video=media_files.VideoSpec(codec="mpeg4", options=()),
    )
    settings = GatewaySettings(
        face_url=house.face,
        speech_url="http://127.0.0.1:9",
        fusion_url=house.fusion,
        temporary_folder=uploads,
    )
    with (
        serve(create_app(settings), ready="/health/ready") as origin,
        Visitor.arrive(browser, origin) as visitor,
    ):
        page = visitor.page
        # One process has one worker, the house's, which has a voice: this gateway answers plainly.
        page.route("**/v1/analyses", answer_without_a_job)
        expect(page.get_by_text("Without voices for now")).to_be_visible()
        visitor.give(film)
        visitor.wait_for("done")
        expect(page.get_by_role("note")).to_contain_text("Partial")
        expect(page.get_by_role("note")).to_contain_text("speech_service")
        expect(page.get_by_text("Nothing to read", exact=True)).to_be_visible()
        # Nobody's browser plays MPEG-4 part 2: what was found is shown without the pictures.
        expect(page.get_by_text("This browser cannot show this film (mp4, mpeg4)")).to_be_visible()
        page.get_by_role("slider").press("End")
        said = "1.0 s of 1.0 s. Fused: nothing. Faces: nothing. Voice: nothing"
        expect(page.get_by_role("slider")).to_have_attribute("aria-valuetext", said)

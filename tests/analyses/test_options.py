"""Each option does what it says; wrong ones are refused by name."""

import pytest

from shared.contracts.fusion import Strategy
from tests import media_files


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return media_files.talking_film(tmp_path_factory.mktemp("film") / "film.mp4", seconds=4).read_bytes()


@pytest.fixture
def analyse(gateway, film):
    def call(**options):
        answer = gateway.post("/v1/analyses", content=film, params=options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return call


@pytest.mark.parametrize(("fps", "frames"), [(1, 4), (5, 20), (12.5, 50), (0.5, 2)])
def test_fps(analyse, fps, frames):
    assert len(analyse(fps=fps)["frames"]) == pytest.approx(frames, abs=1)


def test_a_part_of_the_film(analyse):
    analysis = analyse(start=1, end=3)
    times = [frame["t"] for frame in analysis["frames"]]
    assert 1 <= times[0] < 1.21
    assert 2.7 < times[-1] < 3
    assert analysis["moments"][0]["start"] == 1
    assert analysis["moments"][-1]["end"] <= 3
    assert all(1 <= segment["start"] < segment["end"] <= 3.01 for segment in analysis["segments"])


@pytest.mark.parametrize("modality", ["face", "speech"])
def test_one_modality(analyse, modality):
    analysis = analyse(modalities=modality)
    other = {"face": "speech", "speech": "face"}[modality]
    assert analysis[other] is None
    assert analysis["models"][other] is None
    assert analysis["notices"] == [] or analysis["notices"][0]["code"] == f"no-{modality}"
    if analysis["emotion"]:
        assert analysis["emotion"]["weights"][modality] == 1


@pytest.mark.parametrize("strategy", list(Strategy))
def test_strategies(analyse, strategy):
    analysis = analyse(strategy=strategy.value)
    assert sum(analysis["emotion"]["scores"].values()) == pytest.approx(1, abs=0.01)
    if strategy in {Strategy.FACE, Strategy.SPEECH} and analysis[strategy.value]:
        assert analysis["emotion"]["label"] == analysis[strategy.value]["label"]


def test_the_paper_profile(analyse):
    analysis = analyse(profile="paper")
    assert analysis["profile"] == "paper"
    assert analysis["models"]["face"] == "face-paper-1"
    assert analysis["models"]["fusion"] == "fusion-paper-1"
    assert len(analysis["people"]) >= 1


def test_details(analyse):
    summary, timeline, frames = (analyse(detail=detail) for detail in ("summary", "timeline", "frames"))
    assert summary["frames"] is summary["moments"] is summary["segments"] is None
    assert timeline["frames"] is None
    assert timeline["moments"] == frames["moments"]
    assert frames["frames"]
    assert summary["emotion"] == timeline["emotion"] == frames["emotion"]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"fps": 0}, "fps"),
        ({"fps": 31}, "fps"),
        ({"fps": "nan"}, "fps"),
        ({"fps": "fast"}, "fps"),
        ({"start": -1}, "start"),
        ({"start": 2, "end": 1}, "end"),
        ({"end": "inf"}, "end"),
        ({"end": 1e7}, "end"),
        ({"start": "nan"}, "start"),
        ({"modalities": "face,smell"}, "modalities"),
        ({"modalities": ""}, "modalities"),
        ({"strategy": "best"}, "strategy"),
        ({"strategy": "speech", "modalities": "face"}, "strategy"),
        ({"strategy": "face", "modalities": "speech"}, "strategy"),
        ({"profile": "none"}, "profile"),
        ({"detail": "all"}, "detail"),
        ({"frames": 5}, "frames"),
        ({"FPS": 5}, "FPS"),
    ],
)
def test_wrong_options_are_refused_by_name(gateway, film, options, field):
    answer = gateway.post("/v1/analyses", content=film, params=options)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["field"] == field
    assert answer.json()["remedy"]


def test_options_that_do_not_go_together_are_all_named(gateway, film):
    options = {"start": 2, "end": 1, "strategy": "speech", "modalities": "face"}
    problem = gateway.post("/v1/analyses", content=film, params=options).json()
    assert problem["detail"] == "end: must be greater than start (2)"
    assert problem["errors"] == [
        {"field": "end", "message": "must be greater than start (2)"},
        {"field": "strategy", "message": "speech needs speech among the modalities"},
    ]


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_each_wrong_option_is_named_once(gateway, film, method):
    options = {"fps": "nan", "start": -1, "detail": "all"}
    answer = gateway.request(method, "/v1/analyses", content=film, params=options)
    assert [fault["field"] for fault in answer.json()["errors"]] == ["fps", "start", "detail"]


@pytest.mark.parametrize(
    ("sent", "status", "remedy"),
    [
        (("POST", "/v1/analyses/"), 404, "without the slash"),
        (("PUT", "/v1/analyses/"), 404, "without the slash"),
        (("PUT", "/v1/analyses/face.jpg"), 405, "Send PUT to this address without its last part"),
    ],
)
def test_a_slash_too_many(gateway, film, sent, status, remedy):
    answer = gateway.request(*sent, content=film)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert remedy in answer.json()["remedy"]


def test_asking_for_what_is_not_there(gateway, tmp_path):
    picture = media_files.write_picture(tmp_path / "picture.png").read_bytes()
    answer = gateway.post("/v1/analyses", content=picture, params={"modalities": "speech"})
    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/nothing-to-analyse"
    assert answer.json()["field"] == "modalities"


def test_starting_after_the_end(gateway, film):
    answer = gateway.post("/v1/analyses", content=film, params={"start": 100})
    assert answer.status_code == 422
    assert answer.json()["field"] == "start"

"""What a person reads."""

import io

import pytest
from rich.console import Console

from cli.report import print_report
from shared.contracts.analyses import Analysis, Notice, Status
from shared.contracts.emotions import EMOTIONS, Emotion
from shared.contracts.fusion import BaselineUse, Person
from tests.cli.samples import film_analysis, judged, moment, silent_picture_analysis


def rendered(
    analysis: Analysis, *, name: str = "clip.mp4", encoding: str = "utf-8", **console: object
) -> str:
    buffer = io.BytesIO()
    with io.TextIOWrapper(buffer, encoding=encoding) as file:
        print_report(Console(file=file, **console), name, analysis)
        file.flush()
        return buffer.getvalue().decode(encoding)


def test_a_film_says_what_it_is_who_is_in_it_and_what_they_show() -> None:
    text = rendered(film_analysis(), width=100)
    for part in (
        "film, mp4, 3.0 s; h264 1280 x 720, 25 fps, turned by 90 degrees; aac 48 kHz stereo",
        "happiness 91 %, from the face (62 %) and speech (38 %)",
        "surprise 55 % (uncertain), 1.9 s of it, 24 dB above the pauses",
        "happiness 88 %, seen in 97 % of the frames",
        "0.0 s to 3.0 s",
        "face-default-1, speech-default-1, fusion-default-1; 0.30 s, 10.0 x real time",
    ):
        assert part in text
    assert all(emotion.value in text for emotion in EMOTIONS)


def test_it_says_where_a_voice_leans_on_what_is_usual_for_it() -> None:
    analysis = film_analysis()
    assert "usual" not in rendered(analysis)
    assert analysis.speech is not None
    use = BaselineUse(start=0.4, readings=7.0, strength=0.875)
    speech = analysis.speech.model_copy(update={"baseline": use})
    text = rendered(analysis.model_copy(update={"speech": speech}), width=140)
    assert "leaning on what is usual for it (7 segments)" in text


def test_the_pace_counts_what_was_analysed_alone() -> None:
    console = Console(file=io.StringIO(), width=100)
    print_report(console, "clip.mp4", film_analysis(), start=1.5, end=2.25)
    print_report(console, "clip.mp4", film_analysis(), start=2.7, end=60.0)
    text = console.file.getvalue()
    assert "0.30 s, 2.5 x real time" in text
    assert "0.30 s, 1.0 x real time" in text


def test_without_a_terminal_there_are_no_colour_codes() -> None:
    assert "\x1b" not in rendered(film_analysis())


def test_colours_only_add_to_the_words() -> None:
    coloured = Console(file=io.StringIO(), force_terminal=True, width=100, color_system="truecolor")
    print_report(coloured, "clip.mp4", film_analysis())
    assert "\x1b[" in coloured.file.getvalue()


def test_the_timeline_shows_when_what_was_seen_and_heard() -> None:
    lines = rendered(film_analysis(), width=100).splitlines()
    at = next(index for index, line in enumerate(lines) if line.split() == ["0.0", "s", "3.0", "s"])
    curves = [line[2:].rstrip() for line in lines[at + 1 : at + 5]]
    assert curves == [
        "happiness  " + " " * 6 + "▇" * 12,
        "neutral    " + "▇" * 6,
        "face       " + "─" * 18,
        "speech     " + " " * 6 + "─" * 12,
    ]


def test_a_terminal_that_has_only_ascii_gets_only_ascii() -> None:
    long = tuple(moment(at, Emotion.ANGER if at % 7 < 3 else Emotion.FEAR) for at in range(4000))
    assert "anger" in rendered(film_analysis(moments=long), encoding="ascii")


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_every_width_is_kept_to(width: int) -> None:
    text = rendered(film_analysis(), width=width)
    assert max(map(len, text.splitlines())) <= width


def test_nothing_to_read_is_said_and_not_made_up() -> None:
    text = rendered(silent_picture_analysis(), name="wall.jpg")
    assert "Nothing could be read" in text
    assert "note: No face was found in the picture" in text
    assert "neutral" not in text


@pytest.mark.parametrize(("strategy", "other"), [("face", "speech"), ("speech", "face")])
def test_a_strategy_without_its_modality_leaves_the_other_reading(strategy: str, other: str) -> None:
    text = rendered(
        film_analysis(**{"emotion": None, "people": (), "moments": (), strategy: None}), width=100
    )
    assert "Nothing could be read" not in text
    assert f"No fused emotion: the strategy {strategy} " in text
    lines = [line.split() for line in text.splitlines()]
    assert [other] in lines
    label, confidence = {"face": ("happiness", "88"), "speech": ("surprise", "55")}[other]
    assert any(line[:1] == [label] and line[-2:] == [confidence, "%"] for line in lines)
    assert any(line[:3] == [other, label, confidence] for line in lines)


def test_one_modality_alone() -> None:
    assert "from speech alone" in rendered(film_analysis(face=None, people=()))
    assert "from the face alone" in rendered(film_analysis(speech=None))


def test_a_partial_analysis_says_what_is_missing() -> None:
    notice = Notice(code="speech-unavailable", message="There is no speech reading.")
    text = rendered(film_analysis(status=Status.PARTIAL, speech=None, notices=(notice,)))
    assert "note: There is no speech reading." in text


def test_a_crowd_is_cut_short() -> None:
    crowd = tuple(
        Person(id=at, first_seen=0, last_seen=1, frames=1, **judged(Emotion.NEUTRAL, 0.9))
        for at in range(1, 31)
    )
    assert "and 22 more" in rendered(film_analysis(people=crowd))


def test_without_moments_there_is_no_timeline() -> None:
    assert "0.0 s  " not in rendered(film_analysis(moments=None, segments=None, people=()))


def test_a_file_name_cannot_steer_the_terminal() -> None:
    text = rendered(film_analysis(), name="\x1b]0;owned\x07[bold]clip.mp4")
    assert "\x1b" not in text
    assert "[bold]clip.mp4" in text

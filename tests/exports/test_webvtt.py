"""WebVTT, read back by a parser."""

import io

import webvtt

from gateway.exports.webvtt import WEBVTT
from tests.cli.samples import film_analysis
from tests.exports.material import nobody, written


def test_a_parser_reads_every_moment() -> None:
    captions = webvtt.from_buffer(io.StringIO(written(WEBVTT, film_analysis()).decode()))
    assert [(caption.start, caption.end) for caption in captions] == [
        ("00:00:00.000", "00:00:01.000"),
        ("00:00:01.000", "00:00:02.000"),
        ("00:00:02.000", "00:00:03.000"),
    ]
    assert captions[0].text == "neutral 90%\nface neutral 90%"
    assert captions[1].text == "happiness 90%\nface happiness 90% · voice happiness 90%"


def test_what_is_uncertain_says_so() -> None:
    moments = film_analysis().moments
    doubtful = film_analysis(moments=(moments[0].model_copy(update={"uncertain": True}),))
    assert "neutral 90% (uncertain)\n" in written(WEBVTT, doubtful).decode()


def test_nobody_gives_a_file_without_cues() -> None:
    text = written(WEBVTT, nobody()).decode()
    assert text.startswith("WEBVTT\n")
    assert not list(webvtt.from_buffer(io.StringIO(text)))

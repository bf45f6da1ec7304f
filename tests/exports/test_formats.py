"""Every format: golden files, what it needs, and pieces of a bounded size."""

import tracemalloc

import pytest

from gateway.exports.answers import analysis_answer
from gateway.exports.format import ExportFormat, detail_of
from gateway.exports.formats import BY_NAME, FORMATS
from shared.contracts.analyses import Detail
from tests.cli.samples import film_analysis
from tests.exports.material import SAMPLES, golden_file, long_film, two_people, written

every_format = pytest.mark.parametrize("export", FORMATS, ids=lambda export: export.name)


@every_format
@pytest.mark.parametrize("sample", SAMPLES)
def test_the_golden_files_are_met(export: ExportFormat, sample: str) -> None:
    assert written(export, SAMPLES[sample]()) == golden_file(export, sample).read_bytes()


def test_names_and_media_types_are_told_apart() -> None:
    assert len(BY_NAME) == len({export.media_type for export in FORMATS}) == len(FORMATS)
    assert "json" not in BY_NAME


@every_format
def test_what_needs_frames_says_so(export: ExportFormat) -> None:
    timeline = film_analysis(frames=None)
    summary = film_analysis(frames=None, moments=None, segments=None)
    assert export.is_within(detail_of(two_people()))
    assert export.is_within(detail_of(timeline)) is (export.needs is not Detail.FRAMES)
    assert export.is_within(detail_of(summary)) is (export.needs is Detail.SUMMARY)
    if export.is_within(detail_of(summary)):
        assert written(export, summary)


@pytest.mark.parametrize("name", ["csv", "moments.csv", "jsonl", "emotionml"])
def test_a_long_film_comes_in_pieces(name: str) -> None:
    pieces = list(BY_NAME[name].pieces(long_film(900)))
    assert len(pieces) > 1
    assert max(map(len, pieces)) < 100_000


async def test_an_answer_holds_the_document_and_not_the_analysis() -> None:
    tracemalloc.start()
    try:
        analysis = long_film(900)
        as_objects = tracemalloc.get_traced_memory()[0]
        answer = await analysis_answer(analysis, BY_NAME["csv"])
        assert answer.body == written(BY_NAME["csv"], analysis)
        del analysis
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held < as_objects / 3, f"{held / as_objects:.2f} of it"

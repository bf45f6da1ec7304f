"""What `Accept` gets, by the rules of RFC 9110, section 12.5.1."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.exports.formats import BY_NAME
from gateway.exports.negotiation import format_of_suffix, wanted_format
from shared.contracts.problems import Problem


@pytest.mark.parametrize(
    ("accept", "name"),
    [
        (None, None),
        ("", None),
        ("*/*", None),
        ("application/json", None),
        ("text/csv", "csv"),
        ("TEXT/CSV", "csv"),
        ("text/csv; charset=UTF-8; header=present", "csv"),
        ("text/csv; table=moments", "moments.csv"),
        ('text/csv;table="moments"', "moments.csv"),
        ("text/vtt", "vtt"),
        ("application/jsonl", "jsonl"),
        ("application/x-ndjson", "jsonl"),
        ("text/x-eaf+xml", "eaf"),
        ("application/emotionml+xml", "emotionml"),
        ("text/*", "csv"),
        ("application/*", None),
        # Quality decides, then what the table has first.
        ("application/json;q=0.4, text/vtt;q=0.5", "vtt"),
        ("text/vtt, text/csv", "csv"),
        ("text/vtt, */*;q=0.1", "vtt"),
        ("text/csv;q=0, text/csv;table=moments, text/*;q=0.9", "moments.csv"),
        # Nor moments: `text/csv` names them more closely than `text/*` does.
        ("text/csv;q=0, text/*", "vtt"),
        ("*/*, application/json;q=0", "csv"),
        # What a browser sends.
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", None),
        # Faulty parts are passed over.
        ("csv, text/vtt", "vtt"),
        ("text/csv;q=high, text/vtt;q=0.1", "vtt"),
        ("text/csv;q=2, text/vtt;q=0.1", "vtt"),
        ("*/csv, text/vtt", "vtt"),
        (',, "text/csv", text/vtt ,', "vtt"),
        ('text/csv;x="a,text/csv,b", text/vtt', "vtt"),
        # Reading the first would take seconds.
        (f'text/csv;x="{";" * 60_000}", text/vtt', "vtt"),
    ],
)
def test_the_best_format_is_chosen(accept: str | None, name: str | None) -> None:
    chosen = wanted_format(accept)
    assert (chosen.name if chosen else None) == name


@pytest.mark.parametrize(
    "accept",
    ["text/html", "text/csv; table=people", "*/*;q=0", "nonsense", "text/csv;q=0", "application/json;q=0"],
)
def test_what_cannot_be_had_is_refused_with_a_list(accept: str) -> None:
    with pytest.raises(Problem) as refusal:
        wanted_format(accept)
    assert (refusal.value.name, refusal.value.field) == ("not-acceptable", "Accept")
    assert refusal.value.extra["available"] == [
        "application/json",
        *(export.media_type for export in BY_NAME.values()),
    ]
    assert "text/vtt" in refusal.value.remedy


@given(st.text(max_size=200))
def test_any_header_gets_a_format_or_a_refusal(accept: str) -> None:
    try:
        found = wanted_format(accept)
    except Problem as problem:
        assert problem.status in {400, 406}  # noqa: PT017 - either is right
    else:
        assert found is None or found in BY_NAME.values()


@pytest.mark.parametrize("export", BY_NAME.values(), ids=lambda export: export.name)
def test_each_format_has_a_suffix(export) -> None:
    assert format_of_suffix(export.name) is export


def test_an_unknown_suffix_is_refused_with_a_list() -> None:
    with pytest.raises(Problem) as refusal:
        format_of_suffix("xlsx")
    assert refusal.value.status == 404
    assert ".moments.csv" in refusal.value.remedy

"""ELAN annotations, read back by pympi, and held against the rules of EAF 2.8."""

from pathlib import Path

import pytest
from pympi import Eaf

from gateway.exports.elan import ELAN, joined
from shared.contracts.analyses import Analysis, Frame
from shared.contracts.emotions import EMOTIONS, Emotion
from tests.cli.samples import FILM, film_analysis, moment
from tests.exports.material import face, long_film, nobody, parsed, two_people, written

SAD, HAPPY, CALM = Emotion.SADNESS, Emotion.HAPPINESS, Emotion.NEUTRAL
# The order of children in http://www.mpi.nl/tools/elan/EAFv2.8.xsd.
ORDER = [
    *("LICENSE", "HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE", "LOCALE", "LANGUAGE", "CONSTRAINT"),
    *("CONTROLLED_VOCABULARY", "LEXICON_REF", "EXTERNAL_REF"),
]


@pytest.fixture
def read(tmp_path: Path):
    def reads(analysis: Analysis) -> Eaf:
        path = tmp_path / "analysis.eaf"
        path.write_bytes(written(ELAN, analysis))
        return Eaf(str(path))

    return reads


def test_a_tier_for_each_person_the_voice_and_both_fused(read) -> None:
    document = read(two_people())
    assert sorted(document.get_tier_names()) == ["fused", "person 1", "person 2", "voice"]
    annotations = {name: sorted(document.get_annotation_data_for_tier(name)) for name in document.tiers}
    assert annotations["fused"] == [(0, 1000, "neutral"), (1000, 3000, "happiness")]
    assert annotations["voice"] == [(1000, 2250, "surprise"), (2500, 3000, "happiness")]
    # Nobody in the second frame, so the first annotation ends there; frames of a minute could not be read.
    assert annotations["person 1"] == [(0, 200, "neutral"), (400, 900, "happiness")]
    assert annotations["person 2"] == [(400, 600, "sadness"), (65_800, 66_000, "sadness")]
    assert document.get_parameters_for_tier("person 1")["PARTICIPANT"] == "person 1"


@pytest.mark.parametrize(("seconds", "end"), [(None, 5040), (60.0, 5040), (3.0, 3000), (2.5, 2521)])
def test_the_last_frame_lasts_as_the_one_before_but_not_beyond_the_film(read, seconds, end) -> None:
    """A container may say less than its last frame's time, or nothing."""
    frames = (Frame(t=0.0, faces=()), Frame(t=2.52, faces=(face(1, HAPPY),)))
    media = FILM.model_copy(update={"seconds": seconds})
    document = read(film_analysis(media=media, frames=frames, moments=()))
    assert document.get_annotation_data_for_tier("person 1") == [(2520, end, "happiness")]


def test_the_last_frame_does_not_last_beyond_what_was_analysed(read) -> None:
    """`end=2.2` of a film of a minute, at a frame a second."""
    frames = tuple(Frame(t=float(at), faces=(face(1, HAPPY),)) for at in range(3))
    moments = (moment(0, HAPPY), moment(1, HAPPY), moment(2, HAPPY).model_copy(update={"end": 2.2}))
    media = FILM.model_copy(update={"seconds": 60.0})
    document = read(film_analysis(media=media, frames=frames, moments=moments))
    for tier in ("person 1", "fused"):
        assert document.get_annotation_data_for_tier(tier) == [(0, 2200, "happiness")]


def test_the_seven_emotions_are_its_controlled_vocabulary(read) -> None:
    document = read(two_people())
    entries = document.get_cv_entries("emotion")
    assert [values[0][0] for values, _ in entries.values()] == list(EMOTIONS)
    assert document.get_parameters_for_linguistic_type("emotion")["CONTROLLED_VOCABULARY_REF"] == "emotion"


@pytest.mark.parametrize("analysis", [two_people(), nobody(), long_film(60)])
def test_the_rules_of_the_format(analysis: Analysis) -> None:
    root = parsed(ELAN, analysis)
    assert {"AUTHOR", "DATE", "VERSION"} <= set(root.attrib)
    assert root.find("HEADER").attrib == {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"}
    places = [ORDER.index(child.tag) for child in root]
    assert places == sorted(places)
    ids = [
        *(slot.attrib["TIME_SLOT_ID"] for slot in root.iter("TIME_SLOT")),
        *(annotation.attrib["ANNOTATION_ID"] for annotation in root.iter("ALIGNABLE_ANNOTATION")),
    ]
    assert len(ids) == len(set(ids))
    slots = {slot.attrib["TIME_SLOT_ID"]: int(slot.attrib["TIME_VALUE"]) for slot in root.iter("TIME_SLOT")}
    allowed = {value.text for value in root.iter("CVE_VALUE")}
    types = {one.attrib["LINGUISTIC_TYPE_ID"] for one in root.iter("LINGUISTIC_TYPE")}
    for tier in root.iter("TIER"):
        assert tier.attrib["LINGUISTIC_TYPE_REF"] in types
        end = 0
        # ELAN does not let annotations of one tier overlap.
        for annotation in tier.iter("ALIGNABLE_ANNOTATION"):
            start = slots[annotation.attrib["TIME_SLOT_REF1"]]
            assert end <= start < slots[annotation.attrib["TIME_SLOT_REF2"]]
            end = slots[annotation.attrib["TIME_SLOT_REF2"]]
            assert annotation.find("ANNOTATION_VALUE").text in allowed


def test_the_same_analysis_gives_the_same_bytes() -> None:
    assert written(ELAN, two_people()) == written(ELAN, two_people())


def test_neighbours_are_joined_where_they_meet_and_agree() -> None:
    stretches = [(0, 1, CALM), (1, 2, CALM), (2, 2.0001, HAPPY), (3, 4, HAPPY), (4.0001, 5, HAPPY)]
    assert list(joined(stretches)) == [(0, 2000, CALM), (2000, 2001, HAPPY), (3000, 5000, HAPPY)]
    assert list(joined([])) == []

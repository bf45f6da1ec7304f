"""EmotionML, held against the rules of the W3C Recommendation of 22 May 2014.

Its schema is no part of any package, so its rules stand here: those of the elements that we write.
"""

import re

import pytest

from gateway.exports.emotionml import EMOTIONML, NAMESPACE
from shared.contracts.analyses import Analysis
from shared.contracts.emotions import EMOTIONS
from tests.cli.samples import film_analysis
from tests.exports.material import long_film, nobody, parsed, two_people

IN = f"{{{NAMESPACE}}}"
ID = re.compile(r"[A-Za-z_][\w.-]*")
WHOLE = re.compile(r"\d+")


@pytest.mark.parametrize("analysis", [two_people(), nobody(), film_analysis(), long_film(9)])
def test_the_rules_of_the_recommendation(analysis: Analysis) -> None:
    root = parsed(EMOTIONML, analysis)
    assert root.tag == f"{IN}emotionml"
    assert root.attrib == {"version": "1.0", "category-set": "#big6-and-neutral"}
    vocabulary, *emotions = root
    assert vocabulary.tag == f"{IN}vocabulary"
    assert vocabulary.attrib == {"type": "category", "id": "big6-and-neutral"}
    names = [item.attrib["name"] for item in vocabulary]
    assert names == list(EMOTIONS)
    ids = [vocabulary.attrib["id"], *(emotion.attrib["id"] for emotion in emotions)]
    assert len(ids) == len(set(ids))
    assert all(ID.fullmatch(one) for one in ids)
    for emotion in emotions:
        assert emotion.tag == f"{IN}emotion"
        assert set(emotion.attrib["expressed-through"].split()) <= {"face", "voice"}
        assert emotion.attrib.keys() <= {
            *("id", "expressed-through", "time-ref-uri", "offset-to-start", "duration")
        }
        for name in ("offset-to-start", "duration"):
            assert WHOLE.fullmatch(emotion.attrib.get(name, "0"))
        assert ("offset-to-start" in emotion.attrib) == ("time-ref-uri" in emotion.attrib)
        assert [category.attrib["name"] for category in emotion] == names
        for category in emotion:
            assert category.tag == f"{IN}category"
            assert category.attrib.keys() == {"name", "confidence"}
            assert 0 <= float(category.attrib["confidence"]) <= 1


def test_everything_that_was_read_is_in_it() -> None:
    analysis = two_people()
    root = parsed(EMOTIONML, analysis)
    found = {emotion.attrib["id"]: emotion for emotion in root.iter(f"{IN}emotion")}
    whole = ["fused", "face", "voice", "person-1", "person-2"]
    moments = ["moment-0", "moment-0-face"]
    moments += [f"moment-{at}{channel}" for at in (1, 2) for channel in ("", "-face", "-voice")]
    frames = [
        "frame-0-person-1",
        "frame-2-person-1",
        "frame-2-person-2",
        "frame-3-person-1",
        "frame-3-face-1",
    ]
    assert list(found) == [*whole, *moments, "segment-0", "segment-1", *frames, "frame-4-person-2"]
    for name, scores in (
        ("fused", analysis.emotion.scores),
        ("moment-2-voice", analysis.moments[2].speech.scores),
        ("frame-2-person-2", analysis.frames[2].faces[1].scores),
    ):
        read = [float(category.attrib["confidence"]) for category in found[name]]
        assert read == pytest.approx(scores.values(), abs=1e-6)
    assert found["segment-0"].attrib["offset-to-start"] == "1000"
    assert found["segment-0"].attrib["duration"] == "1250"
    assert "time-ref-uri" not in found["fused"].attrib


def test_nothing_is_expressed_through_a_voice_that_was_not_heard() -> None:
    analysis = two_people()
    only_face = analysis.emotion.weights.model_copy(update={"face": 1.0, "speech": 0.0})
    emotion = analysis.emotion.model_copy(update={"weights": only_face})
    silent = analysis.model_copy(update={"emotion": emotion})
    channels = {one.attrib["id"]: one.attrib.get("expressed-through") for one in parsed(EMOTIONML, silent)}
    assert channels["fused"] == channels["moment-0"] == "face"
    assert channels["moment-1"] == "face voice"


def test_an_id_is_escaped() -> None:
    strange = two_people().model_copy(update={"id": '"><x a="&'})
    root = parsed(EMOTIONML, strange)
    assert root[4].attrib["time-ref-uri"] == '/v1/analyses/"><x a="&'

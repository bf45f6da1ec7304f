"""EmotionML 1.0 (W3C Recommendation, 22 May 2014): verdicts, people, moments, segments and faces as XML.

The vocabulary is declared in the document: W3C's "big six" (https://www.w3.org/TR/emotion-voc/#big6) by the
same names, and `neutral`. A calibrated probability is the category's `confidence`; `value` would be an
intensity, which is not measured. Times are milliseconds of the film:
`offset-to-start` and `duration`, from `time-ref-uri`.
"""

import io
from collections.abc import Iterator
from xml.sax.saxutils import XMLGenerator  # nosec B406 - writes, reads nothing
from xml.sax.xmlreader import AttributesImpl  # nosec B406 - as above

from gateway.exports.clock import milliseconds
from gateway.exports.format import ExportFormat
from shared.contracts.analyses import Analysis, Detail
from shared.contracts.emotions import EMOTIONS, Scores

NAMESPACE = "http://www.w3.org/2009/10/emotionml"
_VOCABULARY = "big6-and-neutral"
_FACE, _VOICE = "face", "voice"


def write_emotions(analysis: Analysis) -> Iterator[str]:
    """Give the document; each `<emotion>` has an id that says what it is about, such as `moment-3-voice`."""
    writer = _Writer(clock=f"/v1/analyses/{analysis.id}")
    yield writer.begin()
    if analysis.emotion is not None:
        weights = analysis.emotion.weights
        channels = _channels(face=weights.face > 0, voice=weights.speech > 0)
        yield writer.emotion("fused", analysis.emotion.scores, channels)
    if analysis.face is not None:
        yield writer.emotion("face", analysis.face.scores, _FACE)
    if analysis.speech is not None:
        yield writer.emotion("voice", analysis.speech.scores, _VOICE)
    for person in analysis.people:
        stretch = (person.first_seen, person.last_seen)
        yield writer.emotion(f"person-{person.id}", person.scores, _FACE, stretch)
    yield from _moments(analysis, writer)
    for number, segment in enumerate(analysis.segments or ()):
        yield writer.emotion(f"segment-{number}", segment.scores, _VOICE, (segment.start, segment.end))
    for number, frame in enumerate(analysis.frames or ()):
        for at, face in enumerate(frame.faces):
            name = f"frame-{number}-" + (f"person-{face.person}" if face.person else f"face-{at}")
            yield writer.emotion(name, face.scores, _FACE, (frame.t, frame.t))
    yield writer.end()


def _moments(analysis: Analysis, writer: "_Writer") -> Iterator[str]:
    for number, moment in enumerate(analysis.moments or ()):
        stretch = (moment.start, moment.end)
        channels = _channels(face=moment.face is not None, voice=moment.speech is not None)
        yield writer.emotion(f"moment-{number}", moment.scores, channels, stretch)
        for channel, reading in ((_FACE, moment.face), (_VOICE, moment.speech)):
            if reading is not None:
                yield writer.emotion(f"moment-{number}-{channel}", reading.scores, channel, stretch)


def _channels(*, face: bool, voice: bool) -> str:
    """Give what was seen or heard, one of them at least, as `expressed-through` names it."""
    return " ".join(name for name, is_there in ((_FACE, face), (_VOICE, voice)) if is_there)


class _Writer:
    """Writes one element after the other; each method gives the text of what it wrote.

    Args:
        clock: URI of what the times count from.
    """

    def __init__(self, *, clock: str) -> None:
        self._clock = clock
        self._buffer = io.StringIO()
        self._xml = XMLGenerator(self._buffer, encoding="UTF-8", short_empty_elements=True)

    def begin(self) -> str:
        self._xml.startDocument()
        attributes = {"version": "1.0", "xmlns": NAMESPACE, "category-set": f"#{_VOCABULARY}"}
        self._xml.startElement("emotionml", AttributesImpl(attributes))
        self._new_line(1)
        self._xml.startElement("vocabulary", AttributesImpl({"type": "category", "id": _VOCABULARY}))
        for emotion in EMOTIONS:
            self._new_line(2)
            self._empty("item", {"name": emotion.value})
        self._new_line(1)
        self._xml.endElement("vocabulary")
        return self._take()

    def emotion(
        self, name: str, scores: Scores, channels: str, stretch: tuple[float, float] | None = None
    ) -> str:
        attributes = {"id": name, "expressed-through": channels}
        if stretch is not None:
            start, end = milliseconds(stretch[0]), milliseconds(stretch[1])
            attributes["time-ref-uri"] = self._clock
            attributes["offset-to-start"] = str(start)
            attributes["duration"] = str(max(0, end - start))
        self._new_line(1)
        self._xml.startElement("emotion", AttributesImpl(attributes))
        for emotion, score in zip(EMOTIONS, scores.values(), strict=True):
            self._new_line(2)
            self._empty("category", {"name": emotion.value, "confidence": f"{score:g}"})
        self._new_line(1)
        self._xml.endElement("emotion")
        return self._take()

    def end(self) -> str:
        self._new_line(0)
        self._xml.endElement("emotionml")
        self._xml.characters("\n")
        return self._take()

    def _empty(self, name: str, attributes: dict[str, str]) -> None:
        self._xml.startElement(name, AttributesImpl(attributes))
        self._xml.endElement(name)

    def _new_line(self, depth: int) -> None:
        self._xml.characters("\n" + "  " * depth)

    def _take(self) -> str:
        text = self._buffer.getvalue()
        self._buffer.seek(0)
        self._buffer.truncate()
        return text


EMOTIONML = ExportFormat(
    name="emotionml",
    media_type="application/emotionml+xml",
    summary="W3C EmotionML 1.0: everything that was read, with its confidence and its time.",
    needs=Detail.SUMMARY,
    write=write_emotions,
)

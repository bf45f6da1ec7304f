"""ELAN's annotation format (.eaf 2.8): a tier for the fused emotion, one for the voice, one for each person.

https://archive.mpi.nl/tla/elan; the file is made by pympi. Times are milliseconds of the film.
"""

import math
import statistics
from collections.abc import Iterable, Iterator, Sequence

from pympi import Eaf
from pympi.Elan import to_string

from gateway.exports.clock import made_at, milliseconds
from gateway.exports.format import ExportFormat
from shared.contracts.analyses import Analysis, Detail, Frame
from shared.contracts.emotions import EMOTIONS, Emotion

FUSED_TIER, VOICE_TIER = "fused", "voice"
_TYPE = "emotion"
_LANGUAGE = "eng"
# After the last frame there is none to say how long it was seen.
_LAST_FRAME_SECONDS = 0.2
# A frame is worth no more than so many usual steps to the next.
_LONGEST_STEPS = 1.5

Stretch = tuple[float, float, Emotion]


def person_tier(person: int) -> str:
    """Give the name of a person's tier."""
    return f"person {person}"


def write_annotations(analysis: Analysis) -> Iterator[str]:
    """Give the document; neighbours with the same emotion are one annotation.

    The seven emotions are the tiers' controlled vocabulary, so ELAN offers them where a person corrects one.
    The document links no media, as the server keeps no file's name: add it in ELAN under Edit, Linked Files.
    """
    document = _empty_document(analysis)
    moments = ((moment.start, moment.end, moment.label) for moment in analysis.moments or ())
    _add_tier(document, FUSED_TIER, moments)
    segments = ((segment.start, segment.end, segment.label) for segment in analysis.segments or ())
    _add_tier(document, VOICE_TIER, segments)
    until = _last_frame_until(analysis)
    for person in analysis.people:
        stretches = _stretches_of(person.id, analysis.frames or (), until)
        _add_tier(document, person_tier(person.id), stretches, participant=person_tier(person.id))
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield to_string(document)
    yield "\n"


def _empty_document(analysis: Analysis) -> Eaf:
    document = Eaf(author=f"emotion-server, analysis {analysis.id}")
    document.adocument["DATE"] = made_at(analysis.id).isoformat(timespec="seconds")
    document.header = {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"}
    document.remove_tier("default")
    document.remove_linguistic_type("default-lt")
    document.add_language(_LANGUAGE, "http://cdb.iso.org/lg/CDB-00138502-001", "English (eng)")
    document.add_controlled_vocabulary(_TYPE)
    document.add_cv_description(_TYPE, _LANGUAGE, "W3C EmotionML's big six, and neutral")
    for emotion in EMOTIONS:
        document.add_cv_entry(_TYPE, f"cve-{emotion}", [(emotion.value, _LANGUAGE, None)])
    document.add_linguistic_type(
        _TYPE,
        param_dict={
            "LINGUISTIC_TYPE_ID": _TYPE,
            "TIME_ALIGNABLE": "true",
            "GRAPHIC_REFERENCES": "false",
            "CONTROLLED_VOCABULARY_REF": _TYPE,
        },
    )
    return document


def _add_tier(
    document: Eaf, name: str, stretches: Iterable[Stretch], *, participant: str | None = None
) -> None:
    document.add_tier(name, _TYPE, part=participant, ann=None)
    for start, end, emotion in joined(stretches):
        document.add_annotation(name, start, end, emotion.value)


def joined(stretches: Iterable[Stretch]) -> Iterator[tuple[int, int, Emotion]]:
    """Give stretches in milliseconds; those that meet and have the same emotion as one.

    Args:
        stretches: start, end (seconds) and emotion, in order of time.
    """
    last: tuple[int, int, Emotion] | None = None
    for start, end, emotion in stretches:
        begin = milliseconds(start)
        here = (begin, max(milliseconds(end), begin + 1), emotion)
        if last is not None and last[1] == here[0] and last[2] is emotion:
            last = (last[0], here[1], emotion)
            continue
        if last is not None:
            yield last
        last = here
    if last is not None:
        yield last


def _last_frame_until(analysis: Analysis) -> float:
    """Tell until when the last frame may last, seconds: to the end of the film, or of what was asked for."""
    seconds = analysis.media.seconds
    until = math.inf if seconds is None else seconds
    if analysis.frames and analysis.moments:
        last = analysis.moments[-1]
        # Moments cover what was analysed: `end` may have cut the film before it ends, or damage.
        if last.start <= analysis.frames[-1].t < last.end:
            until = min(until, last.end)
    return until


def _stretches_of(person: int, frames: Sequence[Frame], until: float) -> Iterator[Stretch]:
    """Give what a person's face shows, from each frame to the next one, from the last to `until` at most.

    Where frames are missing, for they could not be read, nothing is said of what was between.
    """
    nexts = [following.t for following in frames[1:]]
    steps = [end - frame.t for frame, end in zip(frames, nexts, strict=False)]
    step = statistics.median_low(steps) if steps else _LAST_FRAME_SECONDS
    ends = [min(end, frame.t + _LONGEST_STEPS * step) for frame, end in zip(frames, nexts, strict=False)]
    ends += [min(frame.t + step, until) for frame in frames[-1:]]
    for frame, end in zip(frames, ends, strict=True):
        for face in frame.faces:
            if face.person == person:
                yield frame.t, end, face.label


ELAN = ExportFormat(
    name="eaf",
    media_type="text/x-eaf+xml",
    summary="ELAN annotations: a tier for each person, one for the voice, one for both fused.",
    needs=Detail.FRAMES,
    write=write_annotations,
)

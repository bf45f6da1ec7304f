"""WebVTT (W3C): captions that a player shows under the film, one cue a moment."""

from collections.abc import Iterator

from pysubs2 import SSAEvent, SSAFile

from gateway.exports.clock import milliseconds
from gateway.exports.format import ExportFormat
from shared.contracts.analyses import Analysis, Detail
from shared.contracts.emotions import Scores
from shared.contracts.fusion import Moment, Reading

_NEW_LINE = r"\N"


def write_captions(analysis: Analysis) -> Iterator[str]:
    """Give the captions.

    The first line of a cue is the fused emotion with its confidence, the second what face and voice said.
    """
    captions = SSAFile()
    for moment in analysis.moments or ():
        start = milliseconds(moment.start)
        # A cue of no length is never shown, and not allowed.
        end = max(milliseconds(moment.end), start + 1)
        captions.append(SSAEvent(start=start, end=end, text=_caption(moment)))
    yield captions.to_string("vtt")


def _caption(moment: Moment) -> str:
    fused = _said(moment.scores)
    if moment.uncertain:
        fused += " (uncertain)"
    readings = (_reading("face", moment.face), _reading("voice", moment.speech))
    return _NEW_LINE.join(line for line in (fused, " · ".join(filter(None, readings))) if line)


def _reading(title: str, reading: Reading | None) -> str:
    return f"{title} {_said(reading.scores)}" if reading is not None else ""


def _said(scores: Scores) -> str:
    return f"{scores.label} {scores.confidence:.0%}"


WEBVTT = ExportFormat(
    name="vtt",
    media_type="text/vtt",
    summary="Captions for a player: each moment with its emotion, and what face and voice said.",
    needs=Detail.TIMELINE,
    write=write_captions,
)

"""Where somebody speaks: voice activity, segments cut at pauses, signal to noise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.inference import InferenceSession
from speech_service.features import RATE

FRAME = 512
_BEFORE = 64
_STATE = (1, 1, 128)
_SNR_RANGE = (-20.0, 80.0)


@dataclass(frozen=True, slots=True)
class SegmentRules:
    """How probabilities become segments; lengths in seconds.

    Args:
        begin: probability that begins a segment.
        carry_on: probability below which it pauses.
        pause: a pause at least this long ends a segment.
        shortest: less speech than this is no segment.
        longest: longer segments are cut where speech is least likely.
        margin: added at both ends.
        loudest: gain is at most this many decibels when a quiet sound is raised before it is judged.
    """

    begin: float = 0.2
    carry_on: float = 0.1
    pause: float = 0.5
    shortest: float = 0.25
    longest: float = 8.0
    margin: float = 0.25
    loudest: float = 30.0


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the sound, in samples: `start` is in it, `end` is not."""

    start: int
    end: int


def speech_probabilities(
    activity: InferenceSession, sound: NDArray[np.float32], *, rules: SegmentRules
) -> NDArray[np.float32]:
    """Say for each 32 ms how likely somebody speaks.

    Args:
        activity: Silero's network.
        sound: float32 of shape [samples], 16 kHz.
        rules: of these only `loudest`.

    Returns:
        float32 of shape [ceil(samples / 512)], 0..1.
    """
    frames = -(-len(sound) // FRAME)
    padded = np.zeros(_BEFORE + frames * FRAME, dtype=np.float32)
    padded[_BEFORE : _BEFORE + len(sound)] = _raise_level(sound, rules.loudest)
    windows = np.lib.stride_tricks.sliding_window_view(padded, _BEFORE + FRAME)[::FRAME]
    state = np.zeros(_STATE, dtype=np.float32)
    found = activity.run({"input": np.ascontiguousarray(windows), "h": state, "c": state})
    return np.asarray(found["speech_probs"], dtype=np.float32)


def _raise_level(sound: NDArray[np.float32], loudest_db: float) -> NDArray[np.float32]:
    """Bring the loudest moments to a level as of close speech: a far or quiet voice is a voice, too."""
    peak = float(np.quantile(np.abs(sound), 0.999)) if len(sound) else 0.0
    gain = min(0.5 / max(peak, 1e-9), 10.0 ** (loudest_db / 20.0))
    raised: NDArray[np.float32] = np.clip(sound * np.float32(gain), -1.0, 1.0)
    return raised


def find_spans(probabilities: NDArray[np.float32], samples: int, *, rules: SegmentRules) -> list[Span]:
    """Cut a sound into spans of speech, in order of time and not overlapping.

    Args:
        probabilities: of `speech_probabilities`.
        samples: length of the sound.
        rules: how.
    """
    runs = _drop_short(_join(_runs(probabilities, rules), rules), rules)
    pieces = [piece for run in runs for piece in _split(run, probabilities, rules)]
    return _with_margins(pieces, samples, rules)


def _runs(probabilities: NDArray[np.float32], rules: SegmentRules) -> list[tuple[int, int]]:
    """Runs of frames that stay at `carry_on` and touch `begin`."""
    on = probabilities >= rules.carry_on
    edges = np.flatnonzero(np.diff(np.concatenate([[False], on, [False]])))
    pairs = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    return [(first, last) for first, last in pairs if probabilities[first:last].max() >= rules.begin]


def _join(runs: list[tuple[int, int]], rules: SegmentRules) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for first, last in runs:
        if joined and (first - joined[-1][1]) * FRAME < rules.pause * RATE:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return joined


def _drop_short(runs: list[tuple[int, int]], rules: SegmentRules) -> list[tuple[int, int]]:
    return [(first, last) for first, last in runs if (last - first) * FRAME >= rules.shortest * RATE]


def _split(
    run: tuple[int, int], probabilities: NDArray[np.float32], rules: SegmentRules
) -> list[tuple[int, int]]:
    """Cut a run that is too long where speech is least likely, in the middle two quarters of what is left."""
    first, last = run
    longest = int((rules.longest - 2 * rules.margin) * RATE / FRAME)
    pieces: list[tuple[int, int]] = []
    while last - first > longest:
        reach = min(longest, (last - first) * 3 // 4)
        window = probabilities[first + reach // 3 : first + reach]
        cut = (
            first + reach // 3 + int(np.argmin(window))
            if float(window.min()) < rules.begin
            else first + reach
        )
        pieces.append((first, cut))
        first = cut
    pieces.append((first, last))
    return pieces


def _with_margins(pieces: list[tuple[int, int]], samples: int, rules: SegmentRules) -> list[Span]:
    margin = int(rules.margin * RATE)
    spans: list[Span] = []
    for i, (first, last) in enumerate(pieces):
        start, end = first * FRAME - margin, last * FRAME + margin
        if i > 0:
            start = max(start, (pieces[i - 1][1] + first) * FRAME // 2)
        if i + 1 < len(pieces):
            end = min(end, (last + pieces[i + 1][0]) * FRAME // 2)
        spans.append(Span(max(0, start), min(samples, end)))
    return spans


def signal_to_noise(
    sound: NDArray[np.float32], probabilities: NDArray[np.float32], spans: list[Span]
) -> list[float]:
    """Level of each span's speech over the level of the pauses, in decibels, -20..80.

    Where there are too few pauses (under 0.2 s), the quietest tenth of the frames stands for them.

    Args:
        sound: float32 of shape [samples].
        probabilities: of `speech_probabilities`.
        spans: of `find_spans`.
    """
    frames = len(sound) // FRAME
    if frames == 0:
        return [_SNR_RANGE[1] for _ in spans]
    power = np.square(sound[: frames * FRAME], dtype=np.float64).reshape(frames, FRAME).mean(axis=1) + 1e-12
    spoken = probabilities[:frames] >= 0.5
    pauses = power[probabilities[:frames] < 0.15]
    noise = float(np.mean(pauses)) if len(pauses) * FRAME >= 0.2 * RATE else float(np.quantile(power, 0.1))
    found = []
    for span in spans:
        inside = slice(span.start // FRAME, max(span.end // FRAME, span.start // FRAME + 1))
        chosen = power[inside][spoken[inside]]
        level = float(np.mean(chosen)) if len(chosen) else float(np.mean(power[inside]))
        # The level of speech is measured with the noise in it.
        clean = max(level - noise, level * 1e-3)
        found.append(float(np.clip(10.0 * np.log10(clean / noise), *_SNR_RANGE)))
    return found

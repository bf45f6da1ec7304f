"""A sound track as 16 kHz mono: resampled, mixed down, and placed by presentation time."""

import math
from collections.abc import Iterator

import av
import av.audio
import av.error
import numpy as np
from numpy.typing import NDArray

from gateway.media.channels import can_be_mixed, mixed
from gateway.media.limits import MediaLimits
from gateway.media.options import DecodeOptions
from gateway.media.records import SAMPLE_RATE
from gateway.media.refusals import damaged, over_limit
from shared.mixing import Mixer

CHUNK_SAMPLES = SAMPLE_RATE
# Recorders' clocks tremble by some tens of milliseconds; more is a hole in the sound, or an overlap.
_TREMBLE_SECONDS = 0.1
# Codecs fill their last block up, and not every container's reader takes that off again. The longest block
# that is still in use is 2048 samples of AAC at 8 kHz.
_PADDING_SECONDS = 0.3
# Full scale stays full scale when channels are mixed, as it does for whole-number samples.
# FFmpeg averages them, too, and does not notice where that leaves nothing.
_MIXED_HERE = 2
_MIX_OPTIONS = {"rematrix_maxval": "1.0"}

Samples = NDArray[np.float32]


class SoundTrack:
    """Takes decoded sound, gives chunks of a second as (presentation time, float32 samples in -1..1).

    Args:
        limits: the length is held against them.
        options: which part is wanted.
        origin: time that counts as zero, in the container's seconds.
        exact: whether samples are stored as they are, as floating point numbers.
        every_channel: whether all channels count alike. Bare samples often state no layout, and the one that
            is then supposed calls a microphone the channel for low effects, which a mix leaves out.
        claimed_end: when all ends as a header claims that does not count padding, seconds, or None. What goes
            a little beyond it is a codec's padding and left out; what goes farther proves the header wrong
            and is given.
    """

    def __init__(
        self,
        limits: MediaLimits,
        options: DecodeOptions,
        *,
        origin: float,
        exact: bool = False,
        every_channel: bool = False,
        claimed_end: float | None = None,
    ) -> None:
        self._exact = exact
        self._mix_options = _MIX_OPTIONS | ({"lfe_mix_level": "1.0"} if every_channel else {})
        self._origin = origin
        self._begin, self._end = options.begin, options.end
        self._max_seconds = limits.max_seconds
        self._resampler: av.AudioResampler | None = None
        self._mixer: Mixer | None = None
        self._source: tuple[str, str, int] | None = None
        self._clock = 0.0
        self._place = 0
        self._chunk: Samples = np.zeros(CHUNK_SAMPLES, np.float32)
        self._written = 0
        self._claimed_end = claimed_end
        self._beyond: Samples = np.zeros(0, np.float32)
        self.repaired = False
        """Whether samples that are no numbers were replaced by silence."""

    @property
    def seen_until(self) -> float:
        """Presentation time at which the sound ends so far, seconds."""
        return self._clock if self._claimed_end is None else min(self._clock, self._claimed_end)

    @property
    def samples(self) -> int:
        """Number of samples given or held, holes included, padding not."""
        return self._written

    @property
    def finished(self) -> bool:
        """Whether all that is left lies beyond `end`."""
        return self._end is not None and self.seen_until >= self._end

    def forget_length(self) -> None:
        """Take nothing for padding any more: the header's claim of the length has proven wrong."""
        self._claimed_end = None

    def feed(self, frame: av.AudioFrame) -> Iterator[tuple[float, Samples]]:
        """Take the next decoded frame, give the chunks that became full.

        Raises:
            Problem: `damaged-media` where samples are not numbers in a format that stores them as they are,
                `media-over-limit` for a presentation time beyond the limit.
        """
        t = self._clock if frame.time is None else frame.time - self._origin
        length = frame.samples / frame.sample_rate
        if t + length <= self._begin:
            self._clock = t + length
            return
        if t - self._begin > self._max_seconds:
            raise over_limit(
                "max_seconds", "The length in seconds", round(t - self._begin, 3), self._max_seconds
            )
        source = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._resampler is None or source != self._source or abs(t - self._clock) > _TREMBLE_SECONDS:
            yield from self._flush()
            if source != self._source:
                here = frame.layout.nb_channels == _MIXED_HERE or not can_be_mixed(frame)
                self._mixer = Mixer(frame.sample_rate) if here else None
            self._resampler = av.AudioResampler("flt", "mono", SAMPLE_RATE, options=self._mix_options)
            self._source, self._clock = source, t
            self._place = round((t - self._begin) * SAMPLE_RATE)
        self._clock += length
        yield from self._resample(frame)

    def finish(self) -> Iterator[tuple[float, Samples]]:
        """Give what is left; the last chunk may be shorter than a second."""
        yield from self._flush()
        filled = self._written % CHUNK_SAMPLES
        if filled:
            yield self._give(self._written - filled, self._chunk[:filled])

    def _flush(self) -> Iterator[tuple[float, Samples]]:
        if self._resampler is not None:
            yield from self._resample(None)
        self._resampler = None

    def _resample(self, frame: av.AudioFrame | None) -> Iterator[tuple[float, Samples]]:
        if self._resampler is None:
            return
        if frame is not None:
            if self._mixer is not None:
                frame = mixed(frame, self._mixer)
            frame.pts = None
        try:
            blocks = self._resampler.resample(frame)
        except Exception:
            # It would refuse all that comes after, too.
            self._resampler = None
            raise
        for block in blocks:
            samples = block.to_ndarray()[0].astype(np.float32, copy=False)
            yield from self._put(self._place, samples)
            self._place += len(samples)

    def _put(self, place: int, samples: Samples) -> Iterator[tuple[float, Samples]]:
        """Write samples at their place: a hole before it is silence, an overlap is left out."""
        if self._end is not None:
            samples = samples[: max(0, round((self._end - self._begin) * SAMPLE_RATE) - place)]
        samples = samples[max(0, self._taken - place) :]
        if not len(samples):
            return
        while self._taken < place:
            yield from self._take(np.zeros(min(CHUNK_SAMPLES, place - self._taken), np.float32))
        yield from self._take(samples)

    @property
    def _taken(self) -> int:
        return self._written + len(self._beyond)

    def _take(self, samples: Samples) -> Iterator[tuple[float, Samples]]:
        """Append samples; what may be padding waits until it is too much for that."""
        samples, self._beyond = np.concatenate([self._beyond, samples]), self._beyond[:0]
        if self._claimed_end is not None:
            room = max(0, math.floor((self._claimed_end - self._begin) * SAMPLE_RATE) - self._written)
            if len(samples) - room <= _PADDING_SECONDS * SAMPLE_RATE:
                samples, self._beyond = samples[:room], samples[room:]
            else:
                self.forget_length()
        yield from self._append(samples)

    def _append(self, samples: Samples) -> Iterator[tuple[float, Samples]]:
        while len(samples):
            filled = self._written % CHUNK_SAMPLES
            part = samples[: CHUNK_SAMPLES - filled]
            self._chunk[filled : filled + len(part)] = part
            self._written += len(part)
            samples = samples[len(part) :]
            if filled + len(part) == CHUNK_SAMPLES:
                yield self._give(self._written - CHUNK_SAMPLES, self._chunk)

    def _give(self, first: int, samples: Samples) -> tuple[float, Samples]:
        if not np.isfinite(samples).all():
            if self._exact:
                raise damaged("The sound holds samples that are not finite numbers (NaN or infinity).")
            self.repaired = True
            samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
        return self._begin + first / SAMPLE_RATE, samples.clip(-1.0, 1.0)

"""Bodies into sounds: float32, mono, 16 kHz."""

import io

import numpy as np
import soundfile
from numpy.typing import NDArray

from shared.contracts.problems import Problem
from shared.mixing import Mixer
from shared.npy import read_npy
from speech_service.features import RATE
from speech_service.resampling import resample

LOWEST_RATE = 8_000
HIGHEST_RATE = 192_000
MOST_CHANNELS = 8
_CONTAINERS = frozenset({"WAV", "WAVEX", "RF64", "FLAC"})


def sound_of_array(body: bytes, *, longest_seconds: float) -> NDArray[np.float32]:
    """Read a sound sent as .npy: float32 of one axis, 16 kHz.

    Raises:
        Problem: `empty-upload`; `bad-parameter` for another type or shape, or samples that are not finite;
            `media-over-limit`.
    """
    if not body:
        raise _empty()
    sound = read_npy(body, dtype=np.float32, ndim=1)
    _check_length(len(sound), RATE, longest_seconds)
    return _finite(sound.astype(np.float32, copy=False), "bad-parameter")


def sound_of_file(body: bytes, *, longest_seconds: float) -> NDArray[np.float32]:
    """Decode WAV or FLAC, mix its channels and bring it to 16 kHz.

    Raises:
        Problem: `empty-upload`, `unsupported-media`, `damaged-media`, `media-over-limit`.
    """
    if not body:
        raise _empty()
    if body[:4] not in {b"RIFF", b"RF64", b"fLaC"}:
        raise _unsupported("The body is neither WAV nor FLAC.")
    try:
        with soundfile.SoundFile(io.BytesIO(body)) as file:
            if file.format not in _CONTAINERS:
                raise _unsupported(f"The body is {file.format}, neither WAV nor FLAC.")
            if not LOWEST_RATE <= file.samplerate <= HIGHEST_RATE or file.channels > MOST_CHANNELS:
                raise _unsupported(
                    f"The sound has {file.samplerate} samples a second and {file.channels} channels."
                )
            rate, declared = file.samplerate, file.frames
            _check_length(declared, rate, longest_seconds)
            mono = _mixed(file)
    except soundfile.SoundFileError as error:
        raise Problem("damaged-media", "The sound cannot be decoded.", field="body") from error
    if len(mono) < declared:
        raise Problem("damaged-media", "The sound ends before the length that it declares.", field="body")
    return resample(_finite(mono, "damaged-media"), rate=rate, target=RATE)


def _mixed(file: soundfile.SoundFile) -> NDArray[np.float32]:
    """Decode and mix a second at a time: all channels of a minute at once take a third of a gigabyte."""
    mixer = Mixer(file.samplerate)
    mono = [np.zeros(0, dtype=np.float32)]
    while len(channels := file.read(file.samplerate, dtype="float32", always_2d=True)):
        mono.append(mixer.mix(channels.T))
    return np.concatenate(mono)


def _check_length(samples: int, rate: int, longest_seconds: float) -> None:
    if samples == 0:
        raise _empty()
    if samples > longest_seconds * rate:
        raise Problem(
            "media-over-limit",
            f"The sound lasts {samples / rate:.1f} s, more than {longest_seconds:g} s.",
            remedy="Send it in shorter stretches.",
            field="body",
            extra={"limit": longest_seconds},
        )


def _finite(sound: NDArray[np.float32], problem: str) -> NDArray[np.float32]:
    # One sum is cheap and tells nearly always; only when it is not finite each sample is looked at.
    if not np.isfinite(sound.sum(dtype=np.float64)) and not np.isfinite(sound).all():
        raise Problem(problem, "The sound holds samples that are not finite numbers.", field="body")
    # Floating-point files may be scaled as integers are; beyond this, squares leave float32's range.
    if len(sound) and float(np.abs(sound).max()) > 1e6:
        raise Problem(
            problem,
            "The sound holds samples far outside -1..1.",
            remedy="Scale the samples to -1..1.",
            field="body",
        )
    return sound


def _empty() -> Problem:
    return Problem("empty-upload", "The body holds no sound.", field="body")


def _unsupported(detail: str) -> Problem:
    return Problem(
        "unsupported-media",
        detail,
        remedy=f"Send WAV or FLAC with {LOWEST_RATE} to {HIGHEST_RATE} samples a second and at most"
        f" {MOST_CHANNELS} channels, or float32 mono at 16 kHz as application/x-npy.",
        field="body",
    )

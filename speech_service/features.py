"""Spectra of a sound: Slaney's mel filters and MFCCs, as librosa defines them.

One definition for training and serving. `mel_filters` also goes into the graph of the `default` profile's
network, `mfcc` is computed here for the `paper` profile's.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

RATE = 16_000

# Slaney's Auditory Toolbox (1998): linear below 1 kHz, logarithmic above, 27 steps for each factor of 6.4.
_LINEAR_STEP_HZ = 200.0 / 3.0
_CORNER_HZ = 1000.0
_CORNER_MEL = _CORNER_HZ / _LINEAR_STEP_HZ
_LOG_STEP = np.log(6.4) / 27.0


def hz_to_mel(frequency: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert hertz to Slaney's mel."""
    above = np.maximum(frequency, _CORNER_HZ)
    return np.where(
        frequency < _CORNER_HZ,
        frequency / _LINEAR_STEP_HZ,
        _CORNER_MEL + np.log(above / _CORNER_HZ) / _LOG_STEP,
    )


def mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert Slaney's mel to hertz."""
    return np.where(
        mel < _CORNER_MEL,
        mel * _LINEAR_STEP_HZ,
        _CORNER_HZ * np.exp(_LOG_STEP * (np.maximum(mel, _CORNER_MEL) - _CORNER_MEL)),
    )


def mel_filters(*, bands: int, window: int, rate: int = RATE) -> NDArray[np.float32]:
    """Triangular filters of equal area (`librosa.filters.mel` with its defaults).

    Args:
        bands: number of filters, from 0 Hz to half the rate.
        window: length of the Fourier transform in samples.
        rate: samples a second.

    Returns:
        float32 of shape [bands, window // 2 + 1].
    """
    bins = np.fft.rfftfreq(window, 1.0 / rate)
    mel_edges = np.linspace(0.0, float(hz_to_mel(np.asarray(rate / 2.0))), bands + 2)
    edges = mel_to_hz(mel_edges)
    widths = np.diff(edges)
    ramps = edges[:, None] - bins[None, :]
    rising = -ramps[:-2] / widths[:-1, None]
    falling = ramps[2:] / widths[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return (triangles * (2.0 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)


def hann(window: int) -> NDArray[np.float64]:
    """Give a periodic Hann window of shape [window]."""
    return 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(window) / window)


def power_spectrum(
    sound: NDArray[np.float32], *, window: int, hop: int, reflect: bool = False
) -> NDArray[np.float64]:
    """Power of the short-time Fourier transform, frames centred on multiples of `hop`.

    Args:
        sound: float32 of shape [samples], at least window // 2 + 1 samples.
        window: length of the Hann window and of the transform, samples.
        hop: samples from frame to frame.
        reflect: mirror the ends (Whisper) instead of padding them with zeros (librosa's default).

    Returns:
        float64 of shape [samples // hop + 1, window // 2 + 1].
    """
    padded = np.pad(sound.astype(np.float64), window // 2, mode="reflect" if reflect else "constant")
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    spectrum = np.fft.rfft(frames * hann(window), axis=-1)
    power: NDArray[np.float64] = np.square(spectrum.real) + np.square(spectrum.imag)
    return power


@lru_cache(maxsize=4)
def _mel_filters_cached(bands: int, window: int) -> NDArray[np.float32]:
    return mel_filters(bands=bands, window=window)


@lru_cache(maxsize=4)
def _cosines(coefficients: int, bands: int) -> NDArray[np.float64]:
    order = np.arange(coefficients)[:, None]
    basis = np.cos(np.pi * order * (2 * np.arange(bands)[None, :] + 1) / (2 * bands)) * np.sqrt(2.0 / bands)
    basis[0] *= np.sqrt(0.5)
    return np.asarray(basis, dtype=np.float64)


def mfcc(
    sound: NDArray[np.float32], *, coefficients: int, bands: int, window: int, hop: int
) -> NDArray[np.float32]:
    """Give mel-frequency cepstral coefficients, as `librosa.feature.mfcc` does with its defaults.

    Power in decibels, at most 80 dB below the loudest; orthonormal DCT of type II.

    Args:
        sound: float32 of shape [samples], 16 kHz, at least window // 2 + 1 samples.
        coefficients: how many, at most `bands`.
        bands: number of mel filters.
        window: length of window and transform, samples.
        hop: samples from frame to frame.

    Returns:
        float32 of shape [samples // hop + 1, coefficients].
    """
    power = power_spectrum(sound, window=window, hop=hop) @ _mel_filters_cached(bands, window).T
    decibels = 10.0 * np.log10(np.maximum(power, 1e-10))
    decibels = np.maximum(decibels, decibels.max() - 80.0)
    return np.asarray(decibels @ _cosines(coefficients, bands).T, dtype=np.float32)

"""A made voice: a pulse train through moving formants, in syllables. Passes for speech without espeak-ng."""

import numpy as np

RATE = 16_000
# Formants (Hz) of a, i, u, e, o, and a closed mouth (m); after Peterson & Barney 1952.
_VOWELS = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410))
_CLOSED = (250, 1000, 2200)
_WIDTHS = (80, 100, 140)


def _formants(seconds, random):
    """Formants at each sample, [samples, 3], and loudness, [samples]: a mouth that closes and opens."""
    points, loudness, at, t = [], [], [], 0.0
    while t < seconds:
        vowel = _VOWELS[random.integers(len(_VOWELS))]
        for target, level, length in ((_CLOSED, 0.25, 0.07), (vowel, 1.0, 0.12), (vowel, 0.8, 0.05)):
            points.append(target)
            loudness.append(level)
            at.append(t)
            t += length * random.uniform(0.8, 1.3)
    grid = np.arange(int(seconds * RATE)) / RATE
    tracks = np.stack([np.interp(grid, at, [p[i] for p in points]) for i in range(3)], axis=1)
    return tracks, np.interp(grid, at, loudness)


def voice(seconds=2.0, *, pitch=120.0, seed=0, level=0.3):
    """Somebody babbling: float32 of shape [samples], 16 kHz."""
    random = np.random.default_rng(seed)
    tracks, loudness = _formants(seconds, random)
    grid = np.arange(len(tracks)) / RATE
    melody = pitch * (1 + 0.15 * np.sin(2 * np.pi * 0.7 * grid) - 0.1 * grid / seconds)
    phase = np.cumsum(melody * (1 + 0.01 * random.standard_normal(len(grid)))) / RATE
    source = np.diff(np.floor(phase), prepend=0.0) + 0.01 * random.standard_normal(len(grid))
    # The glottal pulse falls by 12 dB an octave.
    for _ in range(2):
        source = _one_pole(source, 0.9)
    sound = source
    for i, width in enumerate(_WIDTHS):
        sound = _resonance(sound, tracks[:, i], width)
    sound = np.diff(sound, prepend=0.0) * loudness
    return (sound / np.abs(sound).max() * level).astype(np.float32)


def _one_pole(x, a):
    y = np.empty_like(x)
    last = 0.0
    for n, value in enumerate(x.tolist()):
        last = value + a * last
        y[n] = last
    return y


def _resonance(x, frequency, width):
    """A two-pole filter whose frequency moves."""
    radius = np.exp(-np.pi * width / RATE)
    turns = (2 * radius * np.cos(2 * np.pi * frequency / RATE)).tolist()
    gain, square = 1 - radius, radius * radius
    y = np.empty_like(x)
    one = two = 0.0
    for n, value in enumerate(x.tolist()):
        one, two = gain * value + turns[n] * one - square * two, one
        y[n] = one
    return y

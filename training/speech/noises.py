"""Sounds without speech, made by rule: music, noise, tones, knocks. For learning what is speech."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

RATE = 16_000
Sound = npt.NDArray[np.float32]
Random = np.random.Generator


def _time(seconds: float) -> npt.NDArray[np.float64]:
    return np.arange(int(seconds * RATE)) / RATE


def coloured_noise(seconds: float, random: Random) -> Sound:
    """Noise whose power falls with frequency, from white to brown, slowly louder and quieter."""
    t = _time(seconds)
    spectrum = np.fft.rfft(random.standard_normal(len(t)))
    frequency = np.maximum(np.fft.rfftfreq(len(t), 1 / RATE), 30.0)
    noise = np.fft.irfft(spectrum * frequency ** -random.uniform(0, 1), len(t))
    return _scaled(
        noise * (1 + random.uniform(0, 0.9) * np.sin(2 * np.pi * random.uniform(0.1, 4) * t)), random
    )


def melody(seconds: float, random: Random) -> Sound:
    """Plucked or blown notes with overtones, with a bass and a beat by chance."""
    t = _time(seconds)
    sound = np.zeros(len(t))
    for root in [random.uniform(180, 500)] + [random.uniform(60, 120)] * int(random.integers(0, 2)):
        step = int(random.uniform(0.12, 0.6) * RATE)
        overtones = random.uniform(0.3, 2.0)
        decay = random.uniform(0.5, 6)
        for begin in range(0, len(t), step):
            pitch = root * 2 ** (random.choice([0, 2, 4, 5, 7, 9, 11, 12]) / 12)
            own = t[: min(step, len(t) - begin)]
            bend = random.uniform(0, 0.01) * np.sin(2 * np.pi * 5 * own)
            for n in range(1, 9):
                sound[begin : begin + len(own)] += (
                    np.sin(2 * np.pi * pitch * n * (own + bend / 10)) * n**-overtones * np.exp(-decay * own)
                )
    if random.random() < 0.5:
        sound += 0.7 * np.abs(sound).max() * _beat(len(t), random)
    return _scaled(sound, random)


def _beat(samples: int, random: Random) -> npt.NDArray[np.float64]:
    period = int(random.uniform(0.25, 0.7) * RATE)
    stroke = random.standard_normal(period) * np.exp(-np.arange(period) / random.uniform(200, 1500))
    return np.resize(stroke / np.abs(stroke).max(), samples)


def chord(seconds: float, random: Random) -> Sound:
    """Held tones with vibrato."""
    t = _time(seconds)
    sound = np.zeros(len(t))
    for _ in range(int(random.integers(1, 6))):
        pitch = random.uniform(80, 1500)
        wobble = random.uniform(0, 0.5) * np.sin(2 * np.pi * random.uniform(3, 7) * t)
        for n in range(1, int(random.integers(2, 8))):
            sound += np.sin(n * (2 * np.pi * pitch * t + wobble)) / n
    return _scaled(sound, random)


def sweep(seconds: float, random: Random) -> Sound:
    """Sirens and sliding whistles."""
    t = _time(seconds)
    pitch = random.uniform(300, 1500) * 2 ** (
        random.uniform(0.1, 1.5) * np.sin(2 * np.pi * random.uniform(0.1, 3) * t)
    )
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    return _scaled(np.sin(phase) + random.uniform(0, 0.5) * np.sin(2 * phase), random)


def knocks(seconds: float, random: Random) -> Sound:
    """Single strokes of differing colour over a quiet floor."""
    sound = 0.01 * random.standard_normal(int(seconds * RATE))
    for _ in range(int(random.integers(2, 14))):
        length = int(random.uniform(0.02, 0.4) * RATE)
        begin = int(random.integers(0, max(1, len(sound) - length)))
        own = np.arange(length) / RATE
        stroke = np.exp(-own * random.uniform(10, 80)) * (
            random.standard_normal(length) * random.uniform(0, 1)
            + np.sin(2 * np.pi * random.uniform(80, 2500) * own)
        )
        sound[begin : begin + length] += stroke[: len(sound) - begin] * random.uniform(0.2, 1)
    return _scaled(sound, random)


def hum(seconds: float, random: Random) -> Sound:
    """Mains and engines: low overtones with noise."""
    t = _time(seconds)
    base = random.uniform(40, 160)
    sound = 0.2 * random.standard_normal(len(t))
    for n in range(1, 12):
        sound += random.uniform(0, 1) * np.sin(2 * np.pi * base * n * t + random.uniform(0, 6))
    return _scaled(sound, random)


def _scaled(sound: npt.NDArray[np.float64], random: Random) -> Sound:
    level = 10 ** random.uniform(-2, 0)
    return (sound / max(float(np.abs(sound).max()), 1e-9) * level).astype(np.float32)


MAKERS: dict[str, Callable[[float, Random], Sound]] = {
    "noise": coloured_noise,
    "melody": melody,
    "chord": chord,
    "sweep": sweep,
    "knocks": knocks,
    "hum": hum,
}


def make_noises(count: int, *, seed: int) -> list[tuple[str, Sound]]:
    """Give `count` sounds of 1 to 5 s, each with the name of its kind, the kinds in turn."""
    random = np.random.default_rng(seed)
    names = list(MAKERS)
    return [
        (names[i % len(names)], MAKERS[names[i % len(names)]](random.uniform(1, 5), random))
        for i in range(count)
    ]

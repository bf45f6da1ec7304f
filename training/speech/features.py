"""Run the frozen encoder once over every clip and its altered copies, and keep what it gives."""

import argparse
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
import soundfile
import soxr
from scipy.signal import butter, sosfilt

from shared.inference import InferenceSession, OnnxSession, session_options
from speech_service.activity import SegmentRules, find_spans, speech_probabilities
from training.corpora.speech import FOLDERS, NONVERBAL, RATE, UNFELT_SPEECH, Sound, read_pack
from training.speech.network import LONGEST_SECONDS
from training.speech.noises import make_noises
from training.whole_files import written_whole

SHORTEST = RATE // 2
LONGEST = RATE * LONGEST_SECONDS
NOISES = "noises"
FREE = "free"
# Besides the corpora with emotions: noises of mouths and other speech, for telling one from the other.
PACKS = (*FOLDERS, NONVERBAL, *UNFELT_SPEECH, NOISES)
NAMES = ("plain", "altered", "served")

Features = npt.NDArray[np.float16]


def fit_length(sound: Sound) -> Sound:
    """Cut to the middle 10 s; repeat what is shorter than 0.5 s."""
    if len(sound) > LONGEST:
        begin = (len(sound) - LONGEST) // 2
        return sound[begin : begin + LONGEST]
    return np.resize(sound, SHORTEST) if len(sound) < SHORTEST else sound


def change_speed(sound: Sound, factor: float) -> Sound:
    """Play `factor` times as fast: pitch and tempo change together."""
    return np.asarray(soxr.resample(sound, RATE * factor, RATE), dtype=np.float32)


def add_noise(sound: Sound, snr_db: float, random: np.random.Generator) -> Sound:
    """Add noise whose power falls with frequency to an exponent of 0 (white) to 2 (brown)."""
    spectrum = np.fft.rfft(random.standard_normal(len(sound)))
    frequency = np.maximum(np.fft.rfftfreq(len(sound), 1 / RATE), 50.0)
    noise = np.fft.irfft(spectrum * frequency ** (-random.uniform(0, 1)), len(sound))
    power, noise_power = float(np.mean(sound**2)), float(np.mean(noise**2))
    gain = (power / (noise_power + 1e-12)) ** 0.5 * 10 ** (-snr_db / 20)
    return np.asarray(sound + gain * noise, dtype=np.float32)


def telephone(sound: Sound) -> Sound:
    """Keep 300 to 3400 Hz."""
    band = butter(4, (300, 3400), "bandpass", fs=RATE, output="sos")
    return np.asarray(sosfilt(band, sound), dtype=np.float32)


def add_echo(sound: Sound, random: np.random.Generator) -> Sound:
    """Add a room: an exponentially falling tail of noise, 0.2 to 0.6 s to -60 dB."""
    seconds = random.uniform(0.2, 0.6)
    tail = random.standard_normal(int(seconds * RATE)) * 10 ** (-3 * np.linspace(0, 1, int(seconds * RATE)))
    tail *= random.uniform(0.3, 0.8) / np.sqrt(np.sum(tail**2))
    length = len(sound) + len(tail)
    wet = np.fft.irfft(np.fft.rfft(sound, length) * np.fft.rfft(tail, length), length)[: len(sound)]
    return np.asarray(sound + wet, dtype=np.float32)


def opus(sound: Sound, kilobits: float) -> Sound:
    """Code and decode with Opus; libsndfile's level 0..1 stands for 256..6 kbit/s."""
    coded = io.BytesIO()
    level = (256 - kilobits) / 250
    soundfile.write(coded, sound, RATE, format="OGG", subtype="OPUS", compression_level=level)
    coded.seek(0)
    decoded, _ = soundfile.read(coded, dtype="float32")
    return np.asarray(decoded, dtype=np.float32)


def alter(sound: Sound, random: np.random.Generator) -> Sound:
    """Make a copy as another device in another room has it: speed, room, band, noise, each by chance."""
    if random.random() < 0.5:
        sound = change_speed(sound, random.uniform(0.92, 1.08))
    if random.random() < 0.4:
        sound = add_echo(sound, random)
    if random.random() < 0.3:
        sound = telephone(sound)
    if random.random() < 0.7:
        sound = add_noise(sound, random.uniform(5, 30), random)
    return sound


Copy = Callable[[Sound, np.random.Generator], Sound]


def served(activity: InferenceSession) -> Copy:
    """Make the copy cut as the service cuts: first to last speech, at 0.88 to 1.12 of the speed."""

    def cut(sound: Sound, random: np.random.Generator) -> Sound:
        sound = change_speed(sound, random.uniform(0.88, 1.12))
        rules = SegmentRules(margin=random.uniform(0.1, 0.3))
        spans = find_spans(speech_probabilities(activity, sound, rules=rules), len(sound), rules=rules)
        return sound[spans[0].start : spans[-1].end] if spans else sound

    return cut


def copies(activity: Path) -> dict[str, Copy]:
    """Name the copies; `activity` is the folder of the service's voice activity network."""
    return {
        "plain": lambda sound, _: sound,
        "altered": alter,
        "served": served(OnnxSession(activity, threads=1)),
    }


def open_encoder(path: Path) -> onnxruntime.InferenceSession:
    """Open the graph on one thread, without an arena: every length is another shape."""
    return onnxruntime.InferenceSession(path, session_options(threads=1))


def read_sounds(pack: Path | None) -> Iterator[Sound]:
    """Give the sounds of a pack, or made ones."""
    if pack is None:
        yield from (sound for _, sound in make_noises(360, seed=0))
    else:
        yield from (clip.sound() for clip in read_pack(pack))


def path_of(arguments: argparse.Namespace, name: str) -> Path | None:
    """Where the pack of that name lies; None for made sounds."""
    if name == NOISES:
        return None
    if name == FREE:
        return Path(arguments.free)
    return Path(arguments.corpora / FOLDERS.get(name, "extra") / f"{name}.npz")


def compute(
    sounds: Iterator[Sound], encoder: onnxruntime.InferenceSession, copy: Copy, seed: int
) -> Features:
    """Give the statistics of each sound's copy: float16 of shape [sounds, 12800]."""
    found = []
    for i, sound in enumerate(sounds):
        altered = fit_length(copy(sound, np.random.default_rng([seed, i])))
        pooled = encoder.run(["pooled"], {"sound": altered[None]})[0][0]
        found.append(np.clip(pooled, -60_000, 60_000).astype(np.float16))
    return np.stack(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=Path, required=True)
    parser.add_argument("--encoder", type=Path, required=True, help="graph with the output `pooled`")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--activity", type=Path, default=Path("speech_service/models/default/activity"))
    parser.add_argument("--copies", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument(
        "--only",
        nargs="*",
        choices=PACKS,
        default=list(PACKS),
        help=f"packs to read; `{NOISES}` are made here, and the gate needs them",
    )
    parser.add_argument(
        "--free",
        type=Path,
        help="pack of speech without labels (training.third_party.free_speech): plain, for directions",
    )
    arguments = parser.parse_args()
    encoder = open_encoder(arguments.encoder)
    arguments.out.mkdir(parents=True, exist_ok=True)
    makers = copies(arguments.activity)
    wanted = [(copy, corpus) for copy in NAMES if copy in arguments.copies for corpus in arguments.only]
    if arguments.free is not None:
        wanted.append(("plain", FREE))
    for copy, corpus in wanted:
        target = arguments.out / f"{corpus}_{copy}.npy"
        if target.exists():
            continue
        found = compute(read_sounds(path_of(arguments, corpus)), encoder, makers[copy], NAMES.index(copy))
        with written_whole(target) as unfinished:
            np.save(unfinished, found)
        print(target.name, found.shape, flush=True)


if __name__ == "__main__":
    main()

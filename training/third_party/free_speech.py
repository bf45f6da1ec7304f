"""Gather speech of many voices and languages from free packages: games, learning programs, telephone prompts.

    python -m training.third_party.free_speech free_speech.npz [--packages FOLDER]

Nobody labelled it with emotions: only the directions in which voices differ are found from it
(`training.speech.train --free`). Source: Debian 12 (bookworm), fetched with apt-get by name and version
where they do not lie in FOLDER already; each package is checked by its SHA-256. Kept are recordings in which
the service's voice activity finds at least 0.35 s of speech, at most 10 s of each, as FLAC of 16 kHz in a
pack like those of the corpora (`training.corpora.speech`).
"""

import argparse
import hashlib
import io
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr

from shared.inference import InferenceSession, OnnxSession
from speech_service.activity import SegmentRules, find_spans, speech_probabilities
from training.corpora.speech import RATE, Sound

LEAST_SECONDS = 0.35
MOST_SECONDS = 10.0
# Name=version, SHA-256 of the package, and where in it voices lie.
PACKAGES = {
    "asterisk-core-sounds-en-wav=1.6.1-1": (
        "2be3ea287d83299d143815fa804f11179a75b7affd4a758b98b55f5afc18a35d",
        "usr/share/asterisk/sounds",
    ),
    "asterisk-core-sounds-es-wav=1.6.1-1": (
        "9283a09a6d56fccdcc2bcfe86c48f0f844289cfbd46a3184d8785a6f7f569903",
        "usr/share/asterisk/sounds",
    ),
    "asterisk-core-sounds-fr-wav=1.6.1-1": (
        "8d4e1bc32ed5ba7fbda40841ca1825ed20cc6232724a473c90f8bb0e53e6073e",
        "usr/share/asterisk/sounds",
    ),
    "asterisk-core-sounds-it-wav=1.6.1-1": (
        "5a26638089e134b8ac39363fe249c5c93c50cd8bfdc9b2499ae61ec4a35e2fcb",
        "usr/share/asterisk/sounds",
    ),
    "asterisk-core-sounds-ru-wav=1.6.1-1": (
        "ccbfaebfa450b7a9ddf644ae0f3d1e9017d5df7c0aebe816e946345589d38201",
        "usr/share/asterisk/sounds",
    ),
    "asterisk-prompt-it-menardi-wav=1:1.4.22+mm20110907-3.1": (
        "3094530d98f8758ac275572d59624c41f60969fef883f34f4886d144f3dfeb21",
        "usr/share/asterisk/sounds",
    ),
    "fillets-ng-data-cs=1.0.1-1.1": (
        "3ecef99b9456f1c80c9625c6f2418642b52d58e7167a46bad7a412db17991b14",
        "usr/share/games/fillets-ng/sound",
    ),
    "fillets-ng-data-nl=1.0.1-1.1": (
        "afb4443fda9ab507dee578b75be857d121718a1cd6017a474f30e0eb13dc9d10",
        "usr/share/games/fillets-ng/sound",
    ),
    "hedgewars-data=1.0.2-6": (
        "722225903a72604403e6e0026e40e9a6953f47a74d94efc5f55504bc05bb4761",
        "usr/share/games/hedgewars/Data/Sounds/voices",
    ),
    "klettres-data=4:22.12.3-1": (
        "1186d257a19e84230856baea0b0b1ded8be9195080fcdb2588970b5cd937f5a8",
        "usr/share/klettres",
    ),
    "ktuberling-data=4:22.12.3-1": (
        "fba44c875bfa31ea488dadd9263e87a4dcaea0bd47d28817f6c0dc6d2af970ed",
        "usr/share/ktuberling/sounds",
    ),
}
ENDINGS = {".ogg", ".wav"}
# Parts of a path that say: no voice.
NO_VOICE = ("music", "beep", "tone", "silence")


def fetch(package: str, sha256: str, folder: Path) -> Path:
    """Give a package's file, downloaded into the folder where it is not there yet.

    Raises:
        subprocess.CalledProcessError: apt-get knows no such package.
        ValueError: the file is another one.
    """
    name, version = package.split("=")
    path = folder / f"{name}_{version.replace(':', '%3a')}_all.deb"
    if not path.exists():
        subprocess.run(["apt-get", "download", "--quiet", package], cwd=folder, check=True)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        raise ValueError(f"{path.name} has SHA-256 {found}, expected {sha256}")
    return path


def recordings(folder: Path) -> Iterator[tuple[str, Sound]]:
    """Give name and sound (float32, 16 kHz, at most 10 s) of every recording under a folder, by name."""
    for path in sorted(path for path in folder.rglob("*") if path.suffix in ENDINGS):
        name = str(path.relative_to(folder))
        if any(part in name.lower() for part in NO_VOICE):
            continue
        try:
            channels, rate = soundfile.read(path, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError:
            print(f"left out, cannot be read: {name}", flush=True)
            continue
        sound = channels.mean(axis=1)
        if rate != RATE:
            sound = soxr.resample(sound, rate, RATE)
        yield name, np.asarray(sound[: int(MOST_SECONDS * RATE)], dtype=np.float32)


def has_speech(sound: Sound, activity: InferenceSession) -> bool:
    """Say whether enough of it is speech to the service's voice activity."""
    if len(sound) < LEAST_SECONDS * RATE:
        return False
    rules = SegmentRules()
    spans = find_spans(speech_probabilities(activity, sound, rules=rules), len(sound), rules=rules)
    return sum(span.end - span.start for span in spans) >= LEAST_SECONDS * RATE


def as_flac(sound: Sound) -> bytes:
    """Encode without loss beyond 16 bits."""
    encoded = io.BytesIO()
    soundfile.write(encoded, sound, RATE, format="FLAC", subtype="PCM_16")
    return encoded.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="the pack (npz)")
    parser.add_argument("--packages", type=Path, help="folder of packages that were downloaded before")
    parser.add_argument("--activity", type=Path, default=Path("speech_service/models/default/activity"))
    arguments = parser.parse_args()
    activity = OnnxSession(arguments.activity, threads=1)
    encoded: list[bytes] = []
    names: list[str] = []
    speakers: list[str] = []
    seconds: list[float] = []
    with tempfile.TemporaryDirectory() as temporary:
        for package, (sha256, voices) in PACKAGES.items():
            archive = fetch(package, sha256, arguments.packages or Path(temporary))
            contents = Path(temporary) / archive.stem
            subprocess.run(["dpkg-deb", "--extract", archive, contents], check=True)
            before = len(names)
            for name, sound in recordings(contents / voices):
                if has_speech(sound, activity):
                    encoded.append(as_flac(sound))
                    names.append(f"{package}/{name}")
                    speakers.append(package)
                    seconds.append(len(sound) / RATE)
            print(f"{package}: {len(names) - before} recordings", flush=True)
    unknown = np.full(len(names), "")
    np.savez(
        arguments.out,
        allow_pickle=False,
        data=np.frombuffer(b"".join(encoded), dtype=np.uint8),
        offsets=np.cumsum([0, *map(len, encoded)]),
        seconds=np.array(seconds, dtype=np.float32),
        name=np.array(names),
        speaker=np.array(speakers),
        label=unknown,
        sex=unknown,
        text=unknown,
    )
    print(f"{len(names)} recordings, {sum(seconds) / 3600:.1f} h")


if __name__ == "__main__":
    main()

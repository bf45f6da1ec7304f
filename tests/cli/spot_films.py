"""Films of a white square, found again where a network would find a face: late, mirrored, turned."""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition

from gateway.media.film import FilmDecoder
from gateway.media.film import Frame as DecodedFrame
from gateway.media.limits import MediaLimits
from gateway.media.options import DecodeOptions
from gateway.media.probe import open_media
from gateway.media.signatures import identify
from shared.contracts.analyses import Analysis, Frame
from shared.contracts.faces import Box
from tests import media_files
from tests.cli.drawings import face
from tests.cli.samples import film_analysis


def spots(frames: int = 50) -> Iterator[media_files.Pixels]:
    """A white square before a dark background: left in the first half, right in the second."""
    for number in range(frames):
        picture = media_files.noise(320, 240) // 3
        left = 30 if number < frames // 2 else 210
        picture[90:150, left : left + 60] = 255
        yield picture


def square_in(picture: np.ndarray) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the white square."""
    rows, columns = np.nonzero(picture.min(axis=2) > 200)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def analysis_of_spots(film: Path) -> Analysis:
    """What finding the square in each frame would give, in the times and turns of the decoder."""
    limits, options = MediaLimits(), DecodeOptions(fps=25)
    frames = []
    with film.open("rb") as file:
        opened = open_media(file, identify(file), limits, options)
        decoder = FilmDecoder(opened, limits, options)
        for piece in decoder.pieces():
            if isinstance(piece, DecodedFrame):
                height, width, _ = piece.pixels.shape
                left, top, right, bottom = square_in(piece.pixels)
                box = Box(
                    x=(left - 10) / width,
                    y=(top - 10) / height,
                    width=(right - left + 20) / width,
                    height=(bottom - top + 20) / height,
                )
                frames.append(Frame(t=piece.t, faces=(face(box),)))
                orientation = piece.orientation
    video = opened.media.video.model_copy(update={"rotation": orientation.rotation})
    media = opened.media.model_copy(update={"seconds": decoder.seconds, "video": video})
    return film_analysis(media=media, frames=tuple(frames), moments=())


def with_matrix(film: Path, *turn: int) -> Path:
    """Claim another display matrix: a, b, c, d in whole turns."""
    content = bytearray(film.read_bytes())
    plain = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    at = content.index(plain, content.index(b"tkhd"))
    a, b, c, d = (part << 16 for part in turn)
    content[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    film.write_bytes(content)
    return film


def two_pictures(film: Path) -> Path:
    """Write a film whose second video track is larger, and what a player would choose."""
    with av.open(str(film), "w") as file:
        streams = [file.add_stream("libx264", rate=25) for _ in range(2)]
        for stream, (width, height) in zip(streams, [(320, 240), (640, 480)], strict=True):
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        streams[1].disposition = Disposition.default
        for number, picture in enumerate(spots()):
            other = media_files.noise(640, 480, seed=number)
            for stream, pixels in zip(streams, [picture, other], strict=True):
                file.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        for stream in streams:
            file.mux(stream.encode(None))
    return film


def spot_film(path: Path, *, late: float | None = None, **specs: object) -> Path:
    """Write a film of `spots`, with sound and so many seconds later where `late` is given."""
    if late is None:
        return media_files.write_film(path, spots(), **specs)
    video, audio = media_files.VideoSpec(offset=late), media_files.AudioSpec(offset=late)
    return media_files.write_film(
        path, spots(), media_files.speech(2, 48_000), video=video, audio=audio, **specs
    )


_B_FRAMES = media_files.VideoSpec(options=(("preset", "ultrafast"), ("bf", "2")))
SPOT_FILMS: dict[str, Callable[[Path], Path]] = {
    "cut out of a stream": lambda folder: spot_film(folder / "film.ts", late=10.0, container="mpegts"),
    "late, mkv": lambda folder: spot_film(folder / "film.mkv", late=3.0),
    "late, mp4": lambda folder: spot_film(folder / "film.mp4", late=3.0),
    "mirrored": lambda folder: with_matrix(spot_film(folder / "film.mp4"), -1, 0, 0, 1),
    "upside down": lambda folder: with_matrix(spot_film(folder / "film.mp4"), 1, 0, 0, -1),
    "mirrored and turned": lambda folder: with_matrix(spot_film(folder / "film.mp4"), 0, 1, 1, 0),
    "times that fall": lambda folder: spot_film(folder / "film.avi", video=_B_FRAMES),
    "two tracks": lambda folder: two_pictures(folder / "film.mp4"),
    "a name like an address": lambda folder: spot_film(folder / "talk: one.mp4"),
}

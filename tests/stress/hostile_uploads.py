"""What somebody may upload who means no good, with the only answers that are right for it.

An answer is the name of a problem, or `analysis` where there is something in the file that can be read.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests import media_files
from tests.media import hostile_files
from tests.stress import bombs, mp4_boxes
from tests.stress.ebml import HUGE_ELEMENTS

ANALYSIS = "analysis"
DAMAGED, LIMIT, UNSUPPORTED = "damaged-media", "media-over-limit", "unsupported-media"


@dataclass(frozen=True)
class Workshop:
    """What makers work with.

    Args:
        folder: where they may write.
        trap: an address that nobody may call.
    """

    folder: Path
    trap: str


@dataclass(frozen=True)
class HostileUpload:
    """One upload.

    Args:
        make: gives its bytes.
        answers: what may come back.
    """

    make: Callable[[Workshop], bytes]
    answers: frozenset[str]


UPLOADS: dict[str, HostileUpload] = {}


def _add(name: str, make: Callable[[Workshop], bytes] | bytes, *answers: str) -> None:
    maker = (lambda _: make) if isinstance(make, bytes) else make
    assert name not in UPLOADS
    UPLOADS[name] = HostileUpload(maker, frozenset(answers))


def _file(table: str, name: str) -> Callable[[Workshop], bytes]:
    return lambda workshop: getattr(media_files, table)[name](workshop.folder).read_bytes()


def _written(make: Callable[..., Path], suffix: str, *arguments: object) -> Callable[[Workshop], bytes]:
    return lambda workshop: make(workshop.folder / f"made{suffix}", *arguments).read_bytes()


def _cut(table: str, name: str, fraction: float) -> Callable[[Workshop], bytes]:
    def cut(workshop: Workshop) -> bytes:
        whole = _file(table, name)(workshop)
        return whole[: int(len(whole) * fraction)]

    return cut


def _mp4(name: bytes, change: Callable[[bytes, str], bytes]) -> Callable[[Workshop], bytes]:
    def make(workshop: Workshop) -> bytes:
        film = _file("FILMS", "mp4")(workshop)
        return mp4_boxes.rewritten(film, name, lambda body: change(body, workshop.trap))

    return make


# What is no media, whatever it is called.
_add("zero-bytes", b"", "empty-upload")
for _name, (_content, _) in hostile_files.FOREIGN.items():
    _add(f"foreign-{_name}", _content, UNSUPPORTED)
_add("calls-hls", lambda w: b"#EXTM3U\n#EXTINF:10,\n" + w.trap.encode() + b"/a.ts\n", UNSUPPORTED)
_add("calls-concat", lambda w: f"ffconcat version 1.0\nfile '{w.trap}/a.mp4'\n".encode(), UNSUPPORTED)
_add(
    "calls-svg",
    lambda w: f'<!DOCTYPE svg [<!ENTITY x SYSTEM "{w.trap}/x">]><svg>&x;</svg>'.encode(),
    UNSUPPORTED,
)
_add(
    "calls-dash",
    lambda w: f"<?xml version='1.0'?><MPD><BaseURL>{w.trap}/</BaseURL></MPD>".encode(),
    UNSUPPORTED,
)
_add("playlist-in-ogg", b"OggS" + hostile_files.PLAYLIST, DAMAGED)
_add(
    "playlist-in-an-ogg-page",
    lambda w: _file("SOUNDS", "ogg-opus")(w).replace(b"OpusHead", b"#EXTM3U\n") + hostile_files.PLAYLIST,
    DAMAGED,
)

# Cut off.
for _fraction in (0.1, 0.5, 0.9):
    _add(f"mp4-cut-at-{_fraction}", _cut("FILMS", "mp4", _fraction), DAMAGED)
    _add(f"mkv-cut-at-{_fraction}", _cut("FILMS", "mkv", _fraction), ANALYSIS)
    _add(f"jpeg-cut-at-{_fraction}", _cut("PICTURES", "jpeg", _fraction), DAMAGED)
    _add(f"png-cut-at-{_fraction}", _cut("PICTURES", "png", _fraction), DAMAGED)
    _add(f"webp-cut-at-{_fraction}", _cut("PICTURES", "webp", _fraction), DAMAGED)
    _add(f"gif-cut-at-{_fraction}", _cut("PICTURES", "gif", _fraction), DAMAGED)
    _add(f"wav-cut-at-{_fraction}", _cut("SOUNDS", "wav", _fraction), ANALYSIS)
    _add(f"mp3-cut-at-{_fraction}", _cut("SOUNDS", "mp3", _fraction), ANALYSIS)
_add("mp4-without-index", _written(hostile_files.mp4_without_index, ".mp4"), DAMAGED)

# Claims.
for _claim in ("png", "jpeg", "bmp", "gif", "webp"):
    _side = 65_535 if _claim in {"jpeg", "gif"} else 100_000
    _add(
        f"{_claim}-of-100000", getattr(hostile_files, f"{_claim}_claiming")(_side, _side), LIMIT, UNSUPPORTED
    )
_add("8k-at-240", _written(hostile_files.huge_film, ".avi"), LIMIT)
_add("100-tracks", _written(hostile_files.film_with_many_tracks, ".mkv", 100), LIMIT)
_add("5000-hours-mp4", _written(hostile_files.mp4_claiming_seconds, ".mp4", 18e6), LIMIT)
_add("5000-hours-mkv", _written(hostile_files.mkv_claiming_seconds, ".mkv", 18e6), LIMIT)
_add("length-not-a-number", _written(hostile_files.mkv_claiming_seconds, ".mkv", float("nan")), ANALYSIS)
_add("not-a-number-samples", hostile_files.float_wav(np.full(16_000, np.nan)), DAMAGED)
_add("infinite-samples", hostile_files.float_wav(np.full(16_000, np.inf)), DAMAGED)
_add("one-infinite-sample", hostile_files.float_wav(np.array([0.0] * 9000 + [-np.inf])), DAMAGED)
_add("enormous-samples", hostile_files.float_wav(np.full(16_000, 3e38)), ANALYSIS)
for _rate in (0, 1, 7_999, 192_001, 10_000_000, 4_294_967_295):
    _add(f"wav-at-{_rate}-hertz", hostile_files.wav(rate=_rate), DAMAGED, LIMIT)
_add("wav-of-no-channels", hostile_files.wav(channels=0), DAMAGED)
_add("wav-of-65535-channels", hostile_files.wav(channels=65_535), DAMAGED, LIMIT)
_add("wav-of-unknown-coding", hostile_files.wav(tag=0x7777), DAMAGED, UNSUPPORTED)
_add("wav-of-no-samples", hostile_files.wav(b""), DAMAGED)
_add("wav-of-one-sample", hostile_files.wav(b"\x01\x00"), ANALYSIS)
_add("wav-of-4-gigabytes-it-says", hostile_files.wav().replace(b"data\x00", b"data\xff"), ANALYSIS)
_add("film-without-frames", _written(hostile_files.film_without_frames, ".mp4"), DAMAGED)

# Lengths inside.
for _name, _content in HUGE_ELEMENTS.items():
    _add(f"matroska-huge-{_name}", _content, DAMAGED, UNSUPPORTED)
for _box, _offset in ((b"stsz", 8), (b"stts", 4), (b"stsc", 4), (b"stco", 4)):
    _add(
        f"mp4-endless-{_box.decode()}",
        _mp4(_box, lambda body, _, at=_offset: body[:at] + b"\x0f\xff\xff\xff" + body[at + 4 :]),
        DAMAGED,
        LIMIT,
        ANALYSIS,
    )
_add(
    "mp4-boxes-in-boxes",
    b"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00" + b"".join(
        struct.pack(">I4s", 8 * (20_000 - depth), b"moov") for depth in range(20_000)
    ),
    DAMAGED,
)  # fmt: skip

# Pointing elsewhere.
_add("mp4-elsewhere-by-url", _mp4(b"dref", lambda _, trap: mp4_boxes.reference_by_url(f"{trap}/a.mp4")),
     ANALYSIS, DAMAGED)  # fmt: skip
_add("mp4-elsewhere-by-alias", _mp4(b"dref", lambda _, trap: mp4_boxes.reference_by_alias("/etc/passwd")),
     ANALYSIS, DAMAGED)  # fmt: skip
_add("mp4-elsewhere-by-alias-of-a-url", _mp4(b"dref", lambda _, trap: mp4_boxes.reference_by_alias(trap)),
     ANALYSIS, DAMAGED)  # fmt: skip
_add("subtitles-and-fonts", _written(hostile_files.film_with_extras, ".mkv"), ANALYSIS)

# Two things at once.
_PDF = b"%PDF-1.7\n1 0 obj <</Type /Catalog>> endobj\n%%EOF\n"
_add("jpeg-and-zip", lambda w: _file("PICTURES", "jpeg")(w) + b"PK\x03\x04" + bytes(99), ANALYSIS)
_add("zip-and-jpeg", lambda w: b"PK\x03\x04" + bytes(99) + _file("PICTURES", "jpeg")(w), UNSUPPORTED)
_add("png-and-page", lambda w: _file("PICTURES", "png")(w) + b"<script>alert(1)</script>", ANALYSIS)
_add("gif-and-script", b"GIF89a/*" + b"*/=alert(1);//" * 9, DAMAGED, LIMIT)
_add("pdf-and-mp4", lambda w: _PDF + _file("FILMS", "mp4")(w), UNSUPPORTED)
_add("mp4-and-pdf", lambda w: _file("FILMS", "mp4")(w) + _PDF, ANALYSIS)
_add("wav-and-program", lambda w: _file("SOUNDS", "wav")(w) + b"\x7fELF" + bytes(500), ANALYSIS)
_add("mp4-and-playlist", b"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00" + hostile_files.PLAYLIST, DAMAGED)

# Bombs.
_add("png-of-20000", lambda _: bombs.one_colour_png(20_000, 20_000), LIMIT)
_add("png-of-7000", lambda _: bombs.one_colour_png(7_000, 7_000), ANALYSIS)
_add("png-one-pixel-high", lambda _: bombs.one_colour_png(16_384, 1), ANALYSIS)
_add("png-one-pixel-wide", lambda _: bombs.one_colour_png(1, 16_384), ANALYSIS)
_add("png-with-a-huge-comment", lambda _: bombs.png_with_text(100), ANALYSIS, DAMAGED)
_add("png-with-a-huge-profile", lambda _: bombs.png_with_profile(100), ANALYSIS, DAMAGED)
_add("gif-of-7000", lambda _: bombs.one_colour("GIF", 7_000), ANALYSIS)
_add("webp-of-7000", lambda _: bombs.one_colour("WEBP", 7_000), ANALYSIS)
_add("webp-of-16383", hostile_files.webp_claiming(16_383, 16_383), LIMIT)
_add("gif-of-300-frames", lambda w: bombs.many_frames(".gif", 300, w.folder), ANALYSIS)
_add("webp-of-300-frames", lambda w: bombs.many_frames(".webp", 300, w.folder), ANALYSIS)
_add("apng-of-300-frames", lambda w: bombs.many_frames(".png", 300, w.folder), ANALYSIS)
_add("jpeg-of-2000-scans", lambda _: bombs.jpeg_of_many_scans(2000, 5_000), LIMIT)

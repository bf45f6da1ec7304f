"""Makers of what somebody may upload who means no good, or whose program is broken."""

import io
import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from tests import media_files
from tests.media_files import AudioSpec, VideoSpec

SVG = b"""<?xml version="1.0"?>
<!DOCTYPE svg [<!ENTITY secret SYSTEM "file:///etc/passwd">]>
<svg xmlns="http://www.w3.org/2000/svg"><text>&secret;</text></svg>"""
PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
CONCAT = b"ffconcat version 1.0\nfile '/etc/passwd'\n"

FOREIGN = {
    "text": (b"Dear reader, this is no film.\n" * 9, "text"),
    "one-letter": (b"a", "text"),
    "utf-16": ("Guten Tag, ein Text.".encode("utf-16"), "text"),
    "svg": (SVG, "SVG"),
    "bare-svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
    "html": (b"\n<!DOCTYPE html><title>Hello</title>", "HTML"),
    "xml": (b"<?xml version='1.0'?><a/>", "XML"),
    "playlist": (PLAYLIST, "playlist"),
    "concat": (CONCAT, "list of other files"),
    "dash": (b"<MPD xmlns='urn:mpeg:dash:schema:mpd:2011'/>", "DASH"),
    "session-description": (b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n", "SDP"),
    "script": (b"#!/bin/sh\nrm -rf /\n", "script"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "PDF"),
    "zip": (b"PK\x03\x04" + bytes(60), "ZIP"),
    "gzip": (b"\x1f\x8b\x08" + bytes(60), "gzip"),
    "program": (b"\x7fELF" + bytes(60), "program"),
    "heic": (b"\x00\x00\x00\x18ftypheic" + bytes(60), "HEIC"),
    "avif": (b"\x00\x00\x00\x18ftypavif" + bytes(60), "AVIF"),
    "tiff": (b"II*\x00" + bytes(60), "TIFF"),
    "windows-media": (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11" + bytes(60), "Windows Media"),
    "flash": (b"FLV\x01" + bytes(60), "Flash"),
    "aiff": (b"FORM\x00\x00\x00\x20AIFF" + bytes(60), "AIFF"),
    "riff-of-another-kind": (b"RIFF\x20\x00\x00\x00ACON" + bytes(60), "not known"),
    "zeros": (bytes(4096), "not known"),
    "noise": (np.random.default_rng(1).bytes(3000), "not known"),
}
"""Name: (content, a word of what the refusal calls it)."""


def png_claiming(width: int, height: int) -> bytes:
    """A PNG whose header claims a size that its few bytes cannot hold."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = b"IDAT" + zlib.compress(bytes(1000))
    chunks = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (header, pixels))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def jpeg_claiming(width: int, height: int) -> bytes:
    """A JPEG whose frame header claims another size."""
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, "JPEG")
    content = file.getvalue()
    place = content.index(b"\xff\xc0") + 5
    return content[:place] + struct.pack(">HH", height, width) + content[place + 4 :]


def bmp_claiming(width: int, height: int) -> bytes:
    """A BMP that claims another size."""
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, "BMP")
    content = file.getvalue()
    return content[:18] + struct.pack("<ii", width, height) + content[26:]


def gif_claiming(width: int, height: int) -> bytes:
    """A GIF that claims another size, for its screen and its image."""
    file = io.BytesIO()
    Image.new("P", (16, 16)).save(file, "GIF")
    return file.getvalue().replace(struct.pack("<HH", 16, 16), struct.pack("<HH", width, height))


def webp_claiming(width: int, height: int) -> bytes:
    """A WebP that claims another canvas."""
    file = io.BytesIO()
    image = Image.new("RGBA", (16, 16), (9, 9, 9, 99))
    image.save(file, "WEBP", exif=b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x00")
    content = file.getvalue()
    place = content.index(b"VP8X") + 12
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return content[:place] + canvas + content[place + 6 :]


def wav(
    samples: bytes = bytes(32_000), *, tag: int = 1, channels: int = 1, rate: int = 16_000, bits: int = 16
) -> bytes:
    """A WAV file with any header."""
    align = channels * bits // 8 & 0xFFFF
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * align & 0xFFFFFFFF, align, bits)
    body = (
        b"WAVEfmt "
        + struct.pack("<I", len(form))
        + form
        + b"data"
        + struct.pack("<I", len(samples))
        + samples
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def float_wav(values: np.ndarray, rate: int = 16_000) -> bytes:
    """A WAV file of float samples, any values."""
    return wav(values.astype("<f4").tobytes(), tag=3, rate=rate, bits=32)


def patched(content: bytes, box: bytes, offset: int, new: bytes) -> bytes:
    """Overwrite bytes of an MP4 in every box of a kind, `offset` counted from the box's name."""
    place = content.find(box)
    assert place >= 0
    while place >= 0:
        content = content[: place + offset] + new + content[place + offset + len(new) :]
        place = content.find(box, place + 4)
    return content


def mp4_claiming_seconds(path: Path, seconds: float) -> Path:
    """An MP4 of 50 frames whose boxes agree that each of them is shown for a fiftieth of so many seconds."""
    content = media_files.FILMS["mp4-fast-start"](path.parent).read_bytes()
    timescale = struct.unpack_from(">I", content, content.index(b"mdhd") + 16)[0]
    each = struct.pack(">I", min(0x7FFFFFFF, int(seconds * timescale / 50)))
    place = content.index(b"stts") + 16
    content = content[:place] + each + content[place + 4 :]
    whole = struct.pack(">I", min(0x7FFFFFFF, int(seconds * 1000)))
    for box, offset in ((b"mvhd", 20), (b"mdhd", 20), (b"elst", 12)):
        content = patched(content, box, offset, whole)
    path.write_bytes(content)
    return path


def mkv_claiming_seconds(path: Path, seconds: float) -> Path:
    """A two-second Matroska film whose Duration element claims another length."""
    content = media_files.FILMS["mkv"](path.parent).read_bytes()
    place = content.index(b"\x44\x89\x88")
    path.write_bytes(content[: place + 3] + struct.pack(">d", seconds * 1000) + content[place + 11 :])
    return path


def mov_in_film_order(path: Path) -> Path:
    """A QuickTime film whose six channels stand as on film reels: left, middle, right, behind, low."""
    media_files.talking_film(path, seconds=1, audio=AudioSpec(codec="pcm_s16le", layout="5.1"))
    path.write_bytes(patched(path.read_bytes(), b"chan", 8, struct.pack(">III", 123 << 16 | 6, 0, 0)))
    return path


def mkv_all_around(path: Path, layout: str) -> Path:
    """A Matroska film whose Opus sound is that of a sphere (RFC 8486), with two more channels where six."""
    media_files.write_film(
        path,
        media_files.counted(25),
        media_files.speech(1.0, 48_000),
        audio=AudioSpec(codec="libopus", layout=layout, options=(("mapping_family", "255"),)),
    )
    content = path.read_bytes()
    family = content.index(b"OpusHead") + 18
    path.write_bytes(content[:family] + b"\x02" + content[family + 1 :])
    return path


def mp4_pointing_outside(path: Path, target: str) -> Path:
    """An MP4 whose data reference names another file instead of itself (ISO 14496-12, 8.7.2)."""
    content = media_files.FILMS["mp4-fast-start"](path.parent).read_bytes()
    # The flag 1 says "in this file"; without it, and as an alias record, the location counts.
    content = content.replace(b"url \x00\x00\x00\x01", b"url \x00\x00\x00\x00")
    path.write_bytes(content.replace(b"dinf", b"dinf") + target.encode())
    return path


def mp4_without_index(path: Path) -> Path:
    """An MP4 whose `moov` box is gone."""
    content = media_files.FILMS["mp4"](path.parent).read_bytes()
    path.write_bytes(content[: content.index(b"moov") - 4])
    return path


def film_with_many_tracks(path: Path, tracks: int) -> Path:
    """A Matroska film of so many sound tracks."""
    with av.open(str(path), "w") as file:
        streams = [file.add_stream("pcm_s16le", rate=16_000, layout="mono") for _ in range(tracks)]
        for stream in streams:
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 16_000, 0, Fraction(1, 16_000)
            file.mux(stream.encode(frame))
    return path


def film_with_extras(path: Path) -> Path:
    """A Matroska film with subtitles and an attached font beside its pictures and sound."""
    video = VideoSpec()
    with av.open(str(path), "w") as file:
        pictures = media_files._add_video(file, video, (160, 120))
        sound = media_files._add_audio(file, AudioSpec())
        subtitles = file.add_stream("subrip")
        subtitles.codec_context.subtitle_header = b"[Script Info]"
        file.add_attachment("font.ttf", "application/x-truetype-font", b"\x00\x01\x00\x00" + bytes(500))
        first, *rest = media_files.counted(25)
        packets = media_files._encode_pictures(pictures, first, rest, video)
        packets += media_files._encode_sound(sound, [(0.0, media_files.tone(1.0, 48_000))], AudioSpec())
        line = av.Packet(b"A line of text")
        line.stream, line.pts, line.dts, line.duration = subtitles, 0, 0, 900
        line.time_base = Fraction(1, 1000)
        packets.append(line)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            file.mux(packet)
    return path


def film_without_frames(path: Path) -> Path:
    """A film that has a picture track and a header, but not one frame."""
    with av.open(str(path), "w", options={"movflags": "empty_moov+frag_keyframe"}) as file:
        media_files._add_video(file, VideoSpec(), (160, 120))
        file.start_encoding()
    return path


def huge_film(path: Path, *, fps: int = 240) -> Path:
    """A film of flat 8K pictures, so many frames a second."""
    grey = np.full((4320, 7680, 3), 128, np.uint8)
    spec = VideoSpec(codec="mjpeg", pixel_format="yuvj420p", options=(), fps=Fraction(fps))
    return media_files.write_film(path, iter([grey, grey]), video=spec)

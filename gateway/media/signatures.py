"""What a file is, told from its first bytes and never from its name."""

from dataclasses import dataclass
from typing import BinaryIO

from gateway.media.mpeg_audio import find_mpeg_audio, skip_id3
from gateway.media.refusals import unsupported
from shared.contracts.problems import Problem

HEAD_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Container:
    """A container that is decoded.

    Args:
        name: what the API calls it.
        demuxer: FFmpeg's demuxer for it, or None for a picture.
        spoken: its name in a sentence.
    """

    name: str
    demuxer: str | None
    spoken: str

    @property
    def never_film(self) -> bool:
        """True for pictures, and for sounds in which pictures are covers at most."""
        return self.demuxer is None or self.name in {"mp3", "flac", "wav", "aac"}


MP4 = Container("mp4", "mov", "MP4")
MOV = Container("mov", "mov", "MOV")
M4A = Container("m4a", "mov", "M4A")
MKV = Container("mkv", "matroska", "MKV")
WEBM = Container("webm", "matroska", "WebM")
AVI = Container("avi", "avi", "AVI")
MPEGTS = Container("mpegts", "mpegts", "MPEG-TS")
WAV = Container("wav", "wav", "WAV")
MP3 = Container("mp3", "mp3", "MP3")
FLAC = Container("flac", "flac", "FLAC")
OGG = Container("ogg", "ogg", "Ogg")
AAC = Container("aac", "aac", "AAC")
JPEG = Container("jpeg", None, "JPEG")
PNG = Container("png", None, "PNG")
WEBP = Container("webp", None, "WebP")
BMP = Container("bmp", None, "BMP")
GIF = Container("gif", None, "GIF")

_PREFIXES = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"fLaC", FLAC),
    (b"OggS", OGG),
)
_RIFF_FORMS = {b"WAVE": WAV, b"AVI ": AVI, b"WEBP": WEBP}
_QUICKTIME_ATOMS = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_BMP_HEADER_SIZES = (12, 16, 40, 52, 56, 64, 108, 124)
_PICTURE_BRANDS = {
    b"heic": "a HEIC picture", b"heix": "a HEIC picture", b"hevc": "a HEIC picture",
    b"heim": "a HEIC picture", b"mif1": "a HEIF picture", b"msf1": "a HEIF picture",
    b"avif": "an AVIF picture", b"avis": "an AVIF picture",
    b"crx ": "a raw camera picture",
}  # fmt: skip
_FOREIGN_PREFIXES = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"{\\rtf", "an RTF document"),
    (b"II*\x00", "a TIFF picture"),
    (b"MM\x00*", "a TIFF picture"),
    (b"8BPS", "a Photoshop picture"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"\x30\x26\xb2\x75", "a Windows Media (ASF) file"),
    (b"FLV\x01", "a Flash video"),
    (b"\x00\x00\x01\xba", "an MPEG program stream"),
    (b"\x00\x00\x01\xb3", "a bare MPEG video stream"),
    (b"\x00\x00\x00\x01", "a bare video stream without a container"),
    (b".RMF", "a RealMedia file"),
    (b"MThd", "a MIDI file"),
    (b"#!AMR", "an AMR sound"),
    (b"caff", "a CAF sound"),
    (b"SQLite format 3", "a database"),
)
_TEXT_PREFIXES = (
    (b"#extm3u", "an HLS or M3U playlist"),
    (b"ffconcat", "a list of other files (ffconcat)"),
    (b"[playlist]", "a playlist"),
    (b"<?xml", "an XML document"),
    (b"<svg", "an SVG drawing"),
    (b"<!doctype html", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"<mpd", "a DASH playlist"),
    (b"webvtt", "a file of subtitles"),
    (b"#!", "a script"),
    (b"v=0", "a session description (SDP)"),
)
_REMEDY_AS_JPEG = "Convert it to JPEG or PNG and send that."


def identify(file: BinaryIO) -> Container:
    """Tell what the file is, and leave it at its beginning.

    Raises:
        Problem: `empty-upload`, or `unsupported-media` naming what it is where that can be told.
    """
    file.seek(0)
    head = file.read(HEAD_BYTES)
    try:
        if not head:
            raise Problem("empty-upload", "The file is empty.", field="file")
        container = _by_prefix(head) or _iso_media(head) or _matroska(head) or _transport_stream(head)
        if container is not None:
            return container
        _refuse_foreign(head)
        return _mpeg_sound(file, head)
    finally:
        file.seek(0)


def _by_prefix(head: bytes) -> Container | None:
    for prefix, container in _PREFIXES:
        if head.startswith(prefix):
            return container
    if head[:4] in {b"RIFF", b"RF64"}:
        return _RIFF_FORMS.get(head[8:12])
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADER_SIZES:
        return BMP
    return None


def _iso_media(head: bytes) -> Container | None:
    atom = head[4:8]
    if atom in _QUICKTIME_ATOMS:
        return MOV
    if atom != b"ftyp":
        return None
    brand = head[8:12]
    if brand in _PICTURE_BRANDS:
        problem = unsupported(_PICTURE_BRANDS[brand])
        problem.remedy = _REMEDY_AS_JPEG
        raise problem
    if brand == b"qt  ":
        return MOV
    return M4A if brand in {b"M4A ", b"M4B "} else MP4


def _matroska(head: bytes) -> Container | None:
    if not head.startswith(b"\x1a\x45\xdf\xa3"):
        return None
    return WEBM if b"\x42\x82\x84webm" in head[:64] else MKV


def _transport_stream(head: bytes) -> Container | None:
    for first, step in ((0, 188), (4, 192)):
        marks = head[first : first + 5 * step : step]
        if len(marks) >= 3 and set(marks) == {0x47}:
            return MPEGTS
    return None


def _mpeg_sound(file: BinaryIO, head: bytes) -> Container:
    tagged = head.startswith(b"ID3")
    if tagged:
        file.seek(skip_id3(file))
        head = file.read(HEAD_BYTES)
        if head.startswith(b"fLaC"):
            return FLAC
    found = find_mpeg_audio(head)
    if found is not None:
        return MP3 if found == "mp3" else AAC
    if tagged:
        return MP3
    raise unsupported("of a kind that is not known")


def _refuse_foreign(head: bytes) -> None:
    for prefix, what in _FOREIGN_PREFIXES:
        if head.startswith(prefix):
            raise unsupported(what)
    if head[:4] == b"FORM" and head[8:12] in {b"AIFF", b"AIFC"}:
        raise unsupported("an AIFF sound")
    if head[257:262] == b"ustar":
        raise unsupported("a tar archive")
    text = _as_text(head[:4096])
    if text is None:
        return
    for prefix, what in _TEXT_PREFIXES:
        if text.startswith(prefix):
            raise unsupported("an SVG drawing" if b"<svg" in text else what)
    raise unsupported("text")


def _as_text(head: bytes) -> bytes | None:
    """Give the head in small letters without leading white space if it is text, else None."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = head.decode("utf-16", errors="replace")
    else:
        # A cut in the middle of the last letter is no reason to think it is not text.
        text = head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="ignore")
        if len(text.encode()) < len(head) - 8:
            return None
    odd = sum(not (letter.isprintable() or letter in "\r\n\t\f") for letter in text)
    return text.lstrip().lower().encode() if odd <= len(text) // 100 else None

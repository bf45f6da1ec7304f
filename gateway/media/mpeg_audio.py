"""Finding MPEG sound (MP3, ADTS) by its frame headers: it has no magic bytes (ISO 11172-3, 13818-7)."""

from typing import BinaryIO, Literal

_KBITS = {
    # (MPEG version 1, layer)
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = (44_100, 48_000, 32_000)
_SEARCH_BYTES = 8192
_FRAMES_IN_A_ROW = 3


def skip_id3(file: BinaryIO) -> int:
    """Give the offset of what follows the ID3v2 tags that the file begins with."""
    offset = 0
    for _ in range(8):
        file.seek(offset)
        header = file.read(10)
        if len(header) < 10 or not header.startswith(b"ID3"):
            break
        size = 0
        for byte in header[6:10]:
            size = size << 7 | byte & 0x7F
        offset += 10 + size + (10 if header[5] & 0x10 else 0)
    return offset


def find_mpeg_audio(head: bytes) -> Literal["mp3", "aac"] | None:
    """Look for three frames in a row near the beginning; fewer where the file ends after them."""
    for offset in range(min(_SEARCH_BYTES, len(head))):
        if head[offset] != 0xFF:
            continue
        kind = _kind_at(head, offset)
        if kind is not None and _follow(head, offset, kind):
            return kind
    return None


def _follow(head: bytes, offset: int, kind: str) -> bool:
    enough = 1 if offset == 0 else 2
    for seen in range(_FRAMES_IN_A_ROW):
        if offset + 6 > len(head):
            return seen >= enough
        if _kind_at(head, offset) != kind:
            return False
        offset += _length_at(head, offset)
    return True


def _kind_at(head: bytes, offset: int) -> Literal["mp3", "aac"] | None:
    if offset + 6 > len(head) or head[offset] != 0xFF or head[offset + 1] & 0xE0 != 0xE0:
        return None
    length = _length_at(head, offset)
    if length == 0:
        return None
    return "aac" if head[offset + 1] & 0xF6 == 0xF0 else "mp3"


def _length_at(head: bytes, offset: int) -> int:
    """Give the length of the frame at this offset in bytes, or 0 if its header is not possible."""
    second, third = head[offset + 1], head[offset + 2]
    if second & 0xF6 == 0xF0:
        rate = third >> 2 & 0xF
        length = (head[offset + 3] & 3) << 11 | head[offset + 4] << 3 | head[offset + 5] >> 5
        return length if rate < 13 and length >= 7 else 0
    version, layer = second >> 3 & 3, 4 - (second >> 1 & 3)
    bits, rate, padding = third >> 4, third >> 2 & 3, third >> 1 & 1
    if version == 1 or layer == 4 or bits in {0, 15} or rate == 3:
        return 0
    kbits = _KBITS[version == 3, layer][bits - 1]
    hertz = _RATES[rate] >> (0 if version == 3 else 1 if version == 2 else 2)
    if layer == 1:
        return (12_000 * kbits // hertz + padding) * 4
    samples = 72_000 if layer == 3 and version != 3 else 144_000
    return samples * kbits // hertz + padding

"""Matroska files whose elements claim impossible lengths (RFC 8794, RFC 9559)."""

HEADER = bytes.fromhex("1a45dfa3") + b"\x8b" + b"\x42\x82\x88matroska"
_SEGMENT = bytes.fromhex("18538067")
_INFO, _TRACKS, _CLUSTER, _TAGS = (bytes.fromhex(x) for x in ("1549a966", "1654ae6b", "1f43b675", "1254c367"))
_UNKNOWN = b"\x01" + b"\xff" * 7
_HUGE = b"\x01" + b"\xff" * 6 + b"\xfe"
_TITLE, _BLOCK, _TAG = b"\x7b\xa9", b"\xa3", b"\x73\x73"

HUGE_ELEMENTS = {
    "header": bytes.fromhex("1a45dfa3") + _HUGE + b"\x42\x82\x88matroska" + bytes(50),
    "segment": HEADER + _SEGMENT + _HUGE + bytes(50),
    "title": HEADER + _SEGMENT + _UNKNOWN + _INFO + _UNKNOWN + _TITLE + _HUGE + b"a title" * 9,
    "tracks": HEADER + _SEGMENT + _UNKNOWN + _TRACKS + _HUGE + b"\xae" + _HUGE + bytes(50),
    "block": HEADER + _SEGMENT + _UNKNOWN + _CLUSTER + _UNKNOWN + _BLOCK + _HUGE + bytes(50),
    "nested": HEADER + _SEGMENT + _UNKNOWN + _TAGS + _UNKNOWN + (_TAG + _UNKNOWN) * 5000,
}
"""Which element claims it: the file."""

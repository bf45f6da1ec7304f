"""How packets of pictures and sound go through the pipe to the decoding process."""

import struct

PACKET = struct.Struct(">IBxxxd")
"""Before each packet: length of its body in bytes, what it is, and its time in seconds."""
PICTURE_PACKET = 1
SOUND_PACKET = 2

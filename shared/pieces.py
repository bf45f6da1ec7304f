"""Large request bodies, sent piece by piece."""

from collections.abc import AsyncIterator, Sequence

Part = bytes | memoryview

# asyncio copies what a socket does not take at once, and moves the rest after every send: eight frames cost a
# quarter less CPU time like this than in one piece (smaller pieces wake it too often).
_PIECE_BYTES = 1 << 20


class Pieces:
    """A body made of parts, which are never joined as a whole; it may be sent more than once.

    Args:
        parts: in their order; one-dimensional views of bytes.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts

    def __len__(self) -> int:
        """Bytes in all."""
        return sum(len(part) for part in self._parts)

    def release(self) -> None:
        """Let go of the parts: whoever still holds the body, as a request in a cycle does, holds nothing."""
        self._parts = ()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Give pieces of a size that travels well: small parts together, large ones cut."""
        small = bytearray()
        for part in self._parts:
            if len(part) + len(small) <= _PIECE_BYTES:
                small += part
                continue
            if small:
                yield bytes(small)
                small.clear()
            for begin in range(0, len(part), _PIECE_BYTES):
                yield bytes(part[begin : begin + _PIECE_BYTES])
        if small:
            yield bytes(small)

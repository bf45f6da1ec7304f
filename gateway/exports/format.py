"""What an export format is."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from shared.contracts.analyses import Analysis, Detail

_PIECE_CHARACTERS = 64 * 1024
_DETAILS = tuple(Detail)


def detail_of(analysis: Analysis) -> Detail:
    """Tell how much an analysis holds."""
    if analysis.frames is not None:
        return Detail.FRAMES
    return Detail.SUMMARY if analysis.moments is None else Detail.TIMELINE


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """One way to write an analysis down.

    Args:
        name: its file suffix without the first dot, and its name on the command line.
        media_type: what `Accept` asks for, and, with `parameters`, the `Content-Type`.
        parameters: what the `Content-Type` says beside it.
        also: other media types that `Accept` may name it by.
        summary: for people.
        needs: the least detail that an analysis must have.
        write: gives the text piece by piece; an analysis without anybody gives a valid, empty document.
    """

    name: str
    media_type: str
    summary: str
    needs: Detail
    write: Callable[[Analysis], Iterable[str]]
    parameters: str = "; charset=utf-8"
    also: tuple[str, ...] = ()

    @property
    def content_type(self) -> str:
        """The `Content-Type` of an answer."""
        return f"{self.media_type}{self.parameters}"

    def is_within(self, detail: Detail) -> bool:
        """Tell whether an analysis of this detail would have all that this format shows."""
        return _DETAILS.index(self.needs) <= _DETAILS.index(detail)

    def pieces(self, analysis: Analysis) -> Iterator[bytes]:
        """Give the document as UTF-8, in pieces of about 64 KiB.

        Args:
            analysis: one with the detail that this format `needs`, at least.
        """
        waiting: list[str] = []
        length = 0
        for text in self.write(analysis):
            waiting.append(text)
            length += len(text)
            if length >= _PIECE_CHARACTERS:
                yield "".join(waiting).encode()
                waiting, length = [], 0
        if waiting:
            yield "".join(waiting).encode()

    def document(self, analysis: Analysis) -> bytes:
        """Give all `pieces` as one."""
        return b"".join(self.pieces(analysis))

"""Bars and curves of characters, in block characters or in plain ASCII."""

from dataclasses import dataclass

from rich.console import Console


@dataclass(frozen=True, slots=True)
class Glyphs:
    """Characters to draw with.

    Args:
        bar: from an eighth to a whole cell of a bar.
        curve: from nothing to full height.
        present: something is there.
    """

    bar: str
    curve: str
    present: str

    def draw_bar(self, share: float, cells: int) -> str:
        """Draw a share of 0..1 as a bar of up to so many cells."""
        steps = len(self.bar)
        filled = round(min(1.0, max(0.0, share)) * cells * steps)
        whole, part = divmod(filled, steps)
        return self.bar[-1] * whole + (self.bar[part - 1] if part else "")

    def draw_point(self, share: float) -> str:
        """Draw a share of 0..1 as one cell of a curve."""
        return self.curve[round(min(1.0, max(0.0, share)) * (len(self.curve) - 1))]


BLOCKS = Glyphs(bar="▏▎▍▌▋▊▉█", curve=" ▁▂▃▄▅▆▇█", present="─")
ASCII = Glyphs(bar="#", curve=" .:-=+*%#", present="-")


def glyphs_for(console: Console) -> Glyphs:
    """Give the characters that the console's encoding has."""
    return ASCII if console.options.ascii_only else BLOCKS

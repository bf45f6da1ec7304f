import pytest

from cli.wording import clock, file_size, percent, printable


@pytest.mark.parametrize(
    ("share", "text"), [(0, "0 %"), (0.0001, "<1 %"), (0.01, "1 %"), (0.914, "91 %"), (1, "100 %")]
)
def test_percent(share: float, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0.0 s"), (59.94, "59.9 s"), (61, "1:01"), (3723.9, "1:02:03")]
)
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


@pytest.mark.parametrize(("count", "text"), [(645, "645 B"), (23_000, "23.0 kB"), (19_600_000, "19.6 MB")])
def test_file_size(count: int, text: str) -> None:
    assert file_size(count) == text


def test_printable_keeps_letters_and_drops_controls() -> None:
    assert printable("né 画\x1b[2J\n\udcff.mp4") == "né 画\ufffd[2J\ufffd\ufffd.mp4"

"""Where `--annotate` draws to: what is planned, what is refused, and what stays where it fails."""

import os
import resource
import threading
from pathlib import Path

import pytest

from cli.annotate import plan_annotations
from cli.annotated_film import StoppedError, annotate_film
from cli.failures import RefusedError
from cli.outputs import OutputPlanError
from shared.contracts.media import MediaKind
from tests import media_files
from tests.cli.drawings import analysis_of, draw, pictures_of


def test_a_sound_has_nothing_to_draw_into(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="no picture"):
        draw(tmp_path / "voice.wav", analysis_of(MediaKind.SOUND), tmp_path / "out.mp4")


def test_an_unknown_suffix_is_refused_with_a_list(tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as refusal:
        draw(tmp_path / "film.mp4", analysis_of(MediaKind.FILM), tmp_path / "out.gif")
    assert ".webm" in refusal.value.remedy


def test_in_a_folder_a_suffix_that_cannot_be_written_gets_another(tmp_path: Path) -> None:
    film = media_files.FILMS["avi"](tmp_path)
    out = draw(film, analysis_of(MediaKind.FILM), tmp_path / "drawn" / film.name)
    assert out.name == "film.avi.mp4"
    assert len(pictures_of(out)) == 50


def test_a_film_is_never_written_over_itself(tmp_path: Path) -> None:
    film = media_files.talking_film(tmp_path / "film.mp4", seconds=2)
    content = film.read_bytes()
    with pytest.raises(RefusedError, match="the file itself"):
        draw(film, analysis_of(MediaKind.FILM), tmp_path / "." / "film.mp4")
    assert film.read_bytes() == content


def test_what_is_broken_leaves_nothing_behind(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"no film")
    out = tmp_path / "out.mp4"
    out.write_bytes(b"what was there")
    with pytest.raises(RefusedError):
        draw(film, analysis_of(MediaKind.FILM), out)
    assert out.read_bytes() == b"what was there"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.mp4", "out.mp4"]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".png"])
def test_a_pipe_takes_what_is_drawn_once_it_is_whole(tmp_path: Path, suffix: str) -> None:
    """Neither MP4 nor pictures could be written into it piece by piece."""
    if suffix == ".png":
        kind, source = MediaKind.PICTURE, media_files.write_picture(tmp_path / "face.png")
    else:
        kind, source = MediaKind.FILM, media_files.talking_film(tmp_path / "film.mp4", seconds=2)
    pipe, got = tmp_path / f"pipe{suffix}", tmp_path / f"got{suffix}"
    os.mkfifo(pipe)
    reading = threading.Thread(target=lambda: got.write_bytes(pipe.read_bytes()), daemon=True)
    reading.start()
    draw(source, analysis_of(kind), pipe)
    reading.join()
    assert len(pictures_of(got)) == (1 if kind is MediaKind.PICTURE else 50)


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_a_full_disk_is_no_fault_of_the_film(tmp_path: Path, suffix: str) -> None:
    """Here a limit on the length of files stands for it."""
    film = media_files.talking_film(tmp_path / "film.mp4", seconds=2)
    out = tmp_path / f"out{suffix}"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(RefusedError) as refusal:
            draw(film, analysis_of(MediaKind.FILM), out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert refusal.value.detail == f"Cannot write {out}: File too large."
    assert list(tmp_path.iterdir()) == [film]


def test_drawing_can_be_stopped(tmp_path: Path) -> None:
    film = media_files.talking_film(tmp_path / "film.mp4", seconds=2)
    stop = threading.Event()
    with pytest.raises(StoppedError):
        annotate_film(
            film, analysis_of(MediaKind.FILM), tmp_path / "out.mp4", drawn=lambda _: stop.set(), stop=stop
        )


def test_several_go_into_a_folder() -> None:
    a, b = Path("a/x.mp4"), Path("b/y.png")
    assert plan_annotations([a, b], "out") == {a: Path("out/x.mp4"), b: Path("out/y.png")}
    assert plan_annotations([a], "out.mp4") == {a: Path("out.mp4")}


def test_a_suffix_that_nothing_is_written_with_is_refused_before_the_analysis() -> None:
    with pytest.raises(OutputPlanError, match=r"\.webm"):
        plan_annotations([Path("x.mp4")], "out.gif")

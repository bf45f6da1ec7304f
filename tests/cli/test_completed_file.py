"""Files that are whole or not there."""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cli.completed_file import completed_file
from cli.exporting import PlannedExport, write_export
from cli.outputs import write_document
from tests.cli.samples import film_analysis

obeys_permissions = pytest.mark.skipif(
    os.geteuid() == 0 and not shutil.which("setpriv"), reason="root may do everything"
)
WRITE = """
import sys
from pathlib import Path
from cli.completed_file import completed_file
with completed_file(Path(sys.argv[1])) as part:
    part.write_text("new")
"""
# In a namespace of its own, where anybody may mount.
UNSHARED = ("unshare", "--user", "--map-root-user", "--mount")
may_mount = pytest.mark.skipif(
    not shutil.which("unshare") or subprocess.run([*UNSHARED, "true"], check=False).returncode != 0,
    reason="nothing can be mounted here",
)
is_root = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv"), reason="only root gives files to others"
)


def write(out: Path, text: str = "new") -> None:
    with completed_file(out) as part:
        part.write_text(text)


def write_as_somebody(out: Path, lacks: str = "-dac_override") -> subprocess.CompletedProcess[str]:
    """Write as one to whom permissions apply, which they do not to root."""
    bound = ["setpriv", f"--bounding-set={lacks}", f"--inh-caps={lacks}"]
    command = [*(bound if os.geteuid() == 0 else []), sys.executable, "-c", WRITE, str(out)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("failure", [OSError, KeyboardInterrupt])
def test_what_fails_leaves_what_was_there_and_nothing_else(
    tmp_path: Path, failure: type[BaseException]
) -> None:
    def write_half(out: Path) -> None:
        with completed_file(out) as part:
            part.write_text("half")
            raise failure

    old = tmp_path / "old.json"
    old.write_text("old")
    for out in (old, tmp_path / "new.json"):
        with pytest.raises(failure):
            write_half(out)
    assert (old.read_text(), names(tmp_path)) == ("old", ["old.json"])


@pytest.mark.parametrize("name", ["document.json", "table.csv"])
def test_a_full_disk_takes_no_older_file_away(tmp_path: Path, name: str) -> None:
    """Here a limit on the length of files stands for it."""
    out = tmp_path / name
    out.write_text("old")
    script = (
        "import resource, sys; from pathlib import Path; from tests.cli import test_completed_file as here;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)); here.write_analysis(Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", script, str(out)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "File too large" in result.stderr
    assert (out.read_text(), names(tmp_path)) == ("old", [name])
    write_analysis(out)
    assert out.stat().st_size > 100


def write_analysis(out: Path) -> None:
    if out.suffix == ".json":
        write_document(out, film_analysis())
    else:
        write_export(PlannedExport("csv", out), film_analysis())


def test_nobody_sees_half_of_it(tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    with completed_file(out) as part:
        assert (part.parent, part.suffix) == (tmp_path, ".mp4")
        part.write_text("half")
        assert not out.exists()
    assert (out.read_text(), names(tmp_path)) == ("half", ["out.mp4"])


def test_a_long_name_is_no_hindrance(tmp_path: Path) -> None:
    for name in ("顔" * 85, "." + "x" * 254, "x" + "." * 254):
        write(tmp_path / name)
        assert (tmp_path / name).read_text() == "new"


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_permissions_are_those_of_a_plain_file(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        write(tmp_path / "new")
        (tmp_path / "plain").touch()
    finally:
        os.umask(before)
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "plain").stat().st_mode
    (tmp_path / "old").touch()
    (tmp_path / "old").chmod(0o640)
    write(tmp_path / "old")
    assert (tmp_path / "old").stat().st_mode & 0o777 == 0o640


def test_links_stay(tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    (store / "old").write_text("old")
    for name in ("old", "new"):
        link = tmp_path / name
        link.symlink_to(f"store/{name}")
        write(link)
        assert link.is_symlink()
        assert (store / name).read_text() == "new"
    assert names(store) == ["new", "old"]
    assert names(tmp_path) == ["new", "old", "store"]


def test_every_name_of_a_file_shows_what_is_written(tmp_path: Path) -> None:
    out, twin = tmp_path / "out", tmp_path / "twin"
    out.write_text("older")
    twin.hardlink_to(out)
    write(out)
    assert (out.read_text(), twin.read_text(), names(tmp_path)) == ("new", "new", ["out", "twin"])


def test_attributes_stay(tmp_path: Path) -> None:
    """Access control lists are among them."""
    out = tmp_path / "out"
    out.write_text("old")
    try:
        os.setxattr(out, "user.kept", b"yes")
    except OSError:
        pytest.skip("files have no attributes here")
    os.utime(out, (0, 0))
    write(out)
    assert (out.read_text(), os.getxattr(out, "user.kept")) == ("new", b"yes")
    assert out.stat().st_mtime > 0


def test_what_is_private_is_so_while_it_is_written(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.touch(0o600)
    with completed_file(out) as part:
        assert part.stat().st_mode & 0o077 == 0


@is_root
def test_a_file_of_somebody_else_stays_theirs(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_text("older")
    os.chown(out, 1234, 1234)
    assert write_as_somebody(out, lacks="-chown").returncode == 0
    assert (out.read_text(), out.stat().st_uid, names(tmp_path)) == ("new", 1234, ["out"])


@may_mount
@pytest.mark.parametrize("folder_is_read_only", [False, True])
def test_a_mounted_file_is_written_into(tmp_path: Path, *, folder_is_read_only: bool) -> None:
    """As containers have them: nothing can be put in its place."""
    store, folder = tmp_path / "store", tmp_path / "folder"
    folder.mkdir()
    store.write_text("older")
    (folder / "out").touch()
    mounts = 'mount --bind "$2" "$2" && mount --bind "$1" "$2/out" && '
    if folder_is_read_only:
        mounts += 'mount --options remount,bind,ro "$2" && '
    shell = ["bash", "-c", mounts + 'exec "$3" -c "$4" "$2/out"', "bash"]
    command = [*UNSHARED, *shell, str(store), str(folder), sys.executable, WRITE]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert (store.read_text(), names(folder)) == ("new", ["out"])


def test_a_pipe_is_written_into(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reading = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reading.start()
    write(pipe)
    reading.join()
    assert read == ["new"]
    assert pipe.is_fifo()


def test_a_device_is_written_to() -> None:
    """A terminal: where it is, nobody can put a file by mistake."""
    ours, theirs = os.openpty()
    write(Path(os.ttyname(theirs)))
    assert os.read(ours, 100) == b"new"
    os.close(theirs)
    os.close(ours)


def test_standard_output_is_written_to(tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-c", f"{WRITE}print(' and more')", "/proc/self/fd/1"]
    assert subprocess.run(command, capture_output=True, timeout=60, check=True).stdout == b"new and more\n"
    for mode, text in (("wb", "new and more\n"), ("ab", "new and more\nnew and more\n")):
        with out.open(mode) as file:
            subprocess.run(command, stdout=file, timeout=60, check=True)
        assert out.read_text() == text


def test_what_the_shell_opened_is_written_on_from_where_it_has_come_to(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("older ")
    for name in ("/dev/fd/5", "/proc/self/fd/5"):
        shell = ["bash", "-c", 'exec "$1" -c "$2" "$3" 5>>"$4"', "bash"]
        subprocess.run([*shell, sys.executable, WRITE, name, str(log)], timeout=60, check=True)
    assert log.read_text() == "older newnew"


@obeys_permissions
def test_what_may_not_be_written_stays(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_text("old")
    out.chmod(0o444)
    assert "Permission denied" in write_as_somebody(out).stderr
    assert (out.read_text(), names(tmp_path)) == ("old", ["out"])


@obeys_permissions
def test_a_folder_that_takes_no_new_files(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_text("older")
    tmp_path.chmod(0o555)
    assert write_as_somebody(out).returncode == 0
    assert "Permission denied" in write_as_somebody(tmp_path / "another").stderr
    tmp_path.chmod(0o755)
    assert (out.read_text(), names(tmp_path)) == ("new", ["out"])

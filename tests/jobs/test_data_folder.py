"""A folder in which jobs can never be kept ends the start by its setting's name; one only away does not."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.jobs import data_folder, opened
from gateway.jobs.data_folder import why_no_data_folder
from gateway.jobs.database import Database, open_database
from gateway.jobs.opened import OpenedJobs
from gateway.jobs.settings import JobSettings
from gateway.jobs.worker import Worker
from gateway.settings import GatewaySettings
from tests.cli.stack import EMOTION, clean_environment


@pytest.fixture
def a_file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.touch()
    return path


def start(*command: object, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=clean_environment({"EMOTION_JOBS__DATA_FOLDER": str(folder), "EMOTION_PORT": "0"}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "command",
    [(EMOTION, "serve"), (EMOTION, "serve", "--single-process"), (sys.executable, "-m", "gateway")],
    ids=["processes", "one process", "alone"],
)
@pytest.mark.parametrize("kind", ["a file", "of the kernel"])
def test_the_start_ends_by_the_settings_name(command: tuple[object, ...], kind: str, a_file: Path):
    folder, why = {
        "a file": (a_file, f"{a_file} is not a folder"),
        "of the kernel": (Path("/proc/x"), "no file can be made in /proc/x: No such file or directory"),
    }[kind]
    ended = start(*command, folder=folder)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.endswith(f"Wrong setting in the environment: EMOTION_JOBS__DATA_FOLDER: {why}\n")
    assert "Traceback" not in ended.stderr


def test_who_keeps_no_jobs_needs_no_folder(a_file: Path):
    assert start(EMOTION, "models", folder=a_file).returncode == 0


def test_it_is_made_for_this_user_alone_and_left_empty(tmp_path: Path):
    folder = tmp_path / "new" / "jobs"
    assert why_no_data_folder(JobSettings(data_folder=folder)) is None
    assert folder.stat().st_mode & 0o777 == 0o700
    assert not list(folder.iterdir())


def test_what_is_below_a_file_or_somebody_elses(a_file: Path, tmp_path: Path):
    below = why_no_data_folder(JobSettings(data_folder=a_file / "jobs"))
    assert below is not None
    assert below.endswith("Not a directory")
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    assert why_no_data_folder(JobSettings(data_folder=link)) == f"{link} is not a folder of this user"


def test_a_database_and_a_store_elsewhere_need_none(a_file: Path):
    elsewhere = {"database_url": "postgresql://nowhere.invalid/jobs", "store_url": "s3://bucket"}
    assert why_no_data_folder(JobSettings(data_folder=a_file, **elsewhere)) is None
    assert why_no_data_folder(JobSettings(data_folder=a_file, store_url="s3://bucket")) is not None


@pytest.mark.parametrize("away", [errno.ENOSPC, errno.ESTALE, errno.EIO])
def test_what_may_be_back_does_not_end_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, away: int):
    def is_away(_: Path) -> Path:
        raise OSError(away, os.strerror(away))

    monkeypatch.setattr(data_folder, "open_private_folder", is_away)
    assert why_no_data_folder(JobSettings(data_folder=tmp_path)) is None


async def test_a_start_that_fails_leaves_no_connection_open(tmp_path: Path, monkeypatch):
    """It is tried again every few seconds, for hours where the disk is full."""
    databases = []

    def opening(*arguments: object) -> Database:
        databases.append(open_database(*arguments))
        return databases[-1]

    async def start(_: Worker) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(opened, "open_database", opening)
    monkeypatch.setattr(Worker, "start", start)
    settings = GatewaySettings(jobs=JobSettings(data_folder=tmp_path / "data"))
    with pytest.raises(OSError, match="No space left"):
        await OpenedJobs.start(settings, tools=None)
    assert [database.engine.pool.checkedin() for database in databases] == [0]

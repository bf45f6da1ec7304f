"""docs/security.md names tests: they exist, and what it says of packages and sources is so."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py(?:::\w+)?)`", (ROOT / "docs/security.md").read_text())))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def normal(name: str) -> str:
    """The name of a package as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_row_names_a_test():
    rows = [line for line in (ROOT / "docs/security.md").read_text().splitlines() if line.startswith("| ")]
    promises = [row for row in rows if not row.startswith("| promise")]
    assert len(promises) > 20
    for row in promises:
        assert "`tests/" in row, row


@pytest.mark.parametrize("named", NAMED)
def test_a_named_test_exists(named):
    path, _, function = named.partition("::")
    tree = ast.parse((ROOT / path).read_text())
    defined = {
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert function in defined if function else any(name.startswith("test_") for name in defined)


def test_every_package_is_pinned():
    pinned = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        name, equal, version = line.partition("==")
        assert equal, line
        assert version
        pinned[normal(name)] = version
    wanted = [*PROJECT["project"]["dependencies"]]
    for extra, requirements in PROJECT["project"]["optional-dependencies"].items():
        if extra != "training":
            wanted += requirements
    names = {normal(re.match(r"[\w.-]+", requirement)[0]) for requirement in wanted} - {"emotion-server"}
    assert names <= set(pinned), names - set(pinned)


def test_the_sources_are_searched_for_unsafe_calls():
    assert PROJECT["tool"]["ruff"]["lint"]["select"] == ["ALL"]
    assert PROJECT["tool"]["bandit"]["exclude_dirs"] == [".venv", "tests"]
    lint = (ROOT / "Makefile").read_text().partition("\nlint:")[2].partition("\n\n")[0]
    assert "bandit" in lint
    assert "ruff check" in lint

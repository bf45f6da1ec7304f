"""Print what one service needs, a requirement a line: `requirements.py [extra]`, read from pyproject.toml.

Images install this before the code is copied, so that a change of the code does not install everything anew.
"""

import sys
import tomllib
from pathlib import Path
from typing import Any


def requirements(project: dict[str, Any], extra: str | None) -> list[str]:
    """Give the requirements of all services, or of an extra.

    Args:
        project: the table `project` of pyproject.toml.
        extra: a name under `optional-dependencies`; None for what all services need.

    Raises:
        KeyError: there is no such extra.
    """
    if extra is None:
        return list(project["dependencies"])
    return list(project["optional-dependencies"][extra])


if __name__ == "__main__":
    document = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    wanted = sys.argv[1] if len(sys.argv) > 1 else None
    sys.stdout.write("".join(f"{line}\n" for line in requirements(document["project"], wanted)))

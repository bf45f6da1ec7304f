"""Where the command `emotion` begins: every part of the package brings it, not every part what it needs."""

import sys


def main() -> None:
    """Run the command, or say what to install: `emotion-server[client]` alone has no libraries for it."""
    try:
        from cli.main import app  # noqa: PLC0415 - what may be missing
    except ModuleNotFoundError as error:
        sys.exit(
            f"emotion: The command needs {error.name}, which is not installed. Install it: pip install "
            "'emotion-server[cli]' to ask a server elsewhere, 'emotion-server[all]' to run one."
        )
    app()

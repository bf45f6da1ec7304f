"""Why a file could not be analysed, for people and as JSON."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from cli.wording import printable
from shared.contracts.problems import Problem


class ServerLostError(Exception):
    """The server cannot be reached, or went away before it answered.

    Args:
        url: where it was looked for.
        reason: what happened.
        remedy: what to do about it; to start one where not given.
    """

    def __init__(self, url: str, reason: str, remedy: str | None = None) -> None:
        super().__init__(f"{url}: {reason}")
        self.url = url
        self.reason = reason
        self.remedy = (
            remedy or "Start one with `emotion serve`, or leave out --server (EMOTION_SERVER) to do without."
        )


class RefusedError(Exception):
    """A file was not analysed.

    Args:
        title: what kind of failure.
        detail: what happened.
        remedy: what to do about it.
        document: the server's problem document, where it gave one.
    """

    def __init__(
        self, title: str, detail: str, remedy: str, *, document: dict[str, Any] | None = None
    ) -> None:
        super().__init__(detail)
        self.title = title
        self.detail = detail
        self.remedy = remedy
        # RFC 9457: `about:blank` is the type of a problem that has no name of its own.
        self.document = document or {
            "type": "about:blank",
            "title": title,
            "detail": detail,
            "remedy": remedy,
        }

    @classmethod
    def of_problem(cls, problem: Problem) -> "RefusedError":
        """Take over what the pipeline in this process says."""
        document = problem.document().model_dump(mode="json", exclude_none=True)
        return cls(problem.title, problem.detail, problem.remedy, document=document)

    @classmethod
    def of_os_error(cls, error: OSError, *, output: Path | None = None) -> "RefusedError":
        """Say why the system does not let the file be read, or the output be written."""
        reason = f"{error.strerror or type(error).__name__}."
        detail = reason if output is None else f"Cannot write {output}: {reason}"
        return cls("File error", detail, "Check the path and its permissions.")


@dataclass(frozen=True, slots=True)
class _Lines:
    title: str
    detail: str
    remedy: str


def print_refusal(console: Console, name: str, refusal: RefusedError) -> None:
    """Print title, detail and remedy."""
    _print(console, name, _Lines(refusal.title, refusal.detail, refusal.remedy))


def print_server_lost(console: Console, error: ServerLostError) -> None:
    """Print what to do when there is no server."""
    _print(console, error.url, _Lines("Server cannot be reached", error.reason, error.remedy))


def _print(console: Console, name: str, lines: _Lines) -> None:
    console.print(Text.assemble((printable(name), "bold"), "  ", (lines.title, "bold red")))
    console.print(Padding.indent(Text(printable(lines.detail)), 2))
    console.print(Padding.indent(Text(printable(lines.remedy), "dim"), 2))

"""What a family of processes holds: processes, descriptors, threads, memory, and files it has written."""

from dataclasses import dataclass
from pathlib import Path

from tests.cli.processes import children_of, command_of, waits_for_an_upload

# The gateway's pools: sixteen connections to each of three services.
_KEPT_CONNECTIONS = 48


@dataclass(frozen=True)
class Footprint:
    """At one moment.

    Args:
        processes: names of the processes, sorted; several of one name stand there several times.
        descriptors: open files and pipes of each process id.
        sockets: open sockets of each process id.
        threads: threads of each process id.
        resident: resident bytes of each process id.
        files: names in the folder for uploads.
    """

    processes: tuple[str, ...]
    descriptors: dict[int, int]
    sockets: dict[int, int]
    threads: dict[int, int]
    resident: dict[int, int]
    files: tuple[str, ...]

    def more_than(self, earlier: "Footprint") -> list[str]:
        """Say what there is now that was not there before.

        Connections to inner services are kept, up to `_KEPT_CONNECTIONS`, so that many sockets are no leak.
        """
        found = [f"file {name}" for name in self.files if name not in earlier.files]
        if len(self.processes) > len(earlier.processes):
            found.append(f"processes {self.processes}, not {earlier.processes}")
        for what, now, before, spare in (
            ("files and pipes", self.descriptors, earlier.descriptors, 2),
            ("sockets", self.sockets, earlier.sockets, _KEPT_CONNECTIONS),
        ):
            found += [
                f"{count} {what} in {name_of(pid)}, not {before[pid]}"
                for pid, count in now.items()
                if count > before.get(pid, count) + spare
            ]
        return found


def footprint_of(pid: int, folder: Path) -> Footprint:
    """Look at a process, its children and theirs, and at the folder for uploads.

    The decoder that waits for the next upload is left out: it comes and goes.
    """
    pids = [each for each in [pid, *children_of(pid)] if not waits_for_an_upload(each)]
    states = {each: state for each in pids if (state := _state(each)) is not None}
    return Footprint(
        processes=tuple(sorted(name_of(each) for each in states)),
        descriptors={each: state.descriptors for each, state in states.items()},
        sockets={each: state.sockets for each, state in states.items()},
        threads={each: state.threads for each, state in states.items()},
        resident={each: state.resident for each, state in states.items()},
        files=tuple(sorted(entry.name for entry in folder.iterdir())),
    )


def name_of(pid: int) -> str:
    """The module that a Python process runs, or the last of its arguments."""
    command = command_of(pid)
    if "serve" in command:
        return "supervisor"
    if "-m" in command[:-1]:
        return command[command.index("-m") + 1]
    return Path(command[-1]).name if command else "ended"


@dataclass(frozen=True)
class _State:
    descriptors: int
    sockets: int
    threads: int
    resident: int


def _state(pid: int) -> _State | None:
    try:
        targets = [_target(link) for link in Path(f"/proc/{pid}/fd").iterdir()]
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return None
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    if "VmRSS" not in fields:
        return None
    sockets = sum(target.startswith("socket:") for target in targets)
    return _State(
        descriptors=len(targets) - sockets,
        sockets=sockets,
        threads=int(fields["Threads"]),
        resident=int(fields["VmRSS"].split()[0]) * 1024,
    )


def _target(link: Path) -> str:
    """What a descriptor points to; nothing for one that was closed just now."""
    try:
        return str(link.readlink())
    except OSError:
        return ""

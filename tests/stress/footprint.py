"""What a family of processes holds: processes, descriptors, threads, memory, and files it has written."""

from dataclasses import dataclass
from pathlib import Path

from tests.cli.processes import children_of, command_of


@dataclass(frozen=True)
class Footprint:
    """At one moment.

    Args:
        processes: names of the processes, sorted; several of one name stand there several times.
        descriptors: open descriptors of each process id.
        threads: threads of each process id.
        resident: resident bytes of each process id.
        files: names in the folder for uploads.
    """

    processes: tuple[str, ...]
    descriptors: dict[int, int]
    threads: dict[int, int]
    resident: dict[int, int]
    files: tuple[str, ...]

    def more_than(self, earlier: "Footprint", *, descriptors: int = 2) -> list[str]:
        """Say what there is now that was not there before.

        Args:
            descriptors: so many more in a process are no leak: connections that are kept.
        """
        found = [f"file {name}" for name in self.files if name not in earlier.files]
        if len(self.processes) > len(earlier.processes):
            found.append(f"processes {self.processes}, not {earlier.processes}")
        for pid, count in self.descriptors.items():
            before = earlier.descriptors.get(pid, count)
            if count > before + descriptors:
                found.append(f"{count} descriptors in {name_of(pid)}, not {before}")
        return found


def footprint_of(pid: int, folder: Path) -> Footprint:
    """Look at a process, its children and theirs, and at the folder for uploads."""
    pids = [pid, *children_of(pid)]
    states = {each: state for each in pids if (state := _state(each)) is not None}
    return Footprint(
        processes=tuple(sorted(name_of(each) for each in states)),
        descriptors={each: state[0] for each, state in states.items()},
        threads={each: state[1] for each, state in states.items()},
        resident={each: state[2] for each, state in states.items()},
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


def _state(pid: int) -> tuple[int, int, int] | None:
    try:
        descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return None
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    if "VmRSS" not in fields:
        return None
    return descriptors, int(fields["Threads"]), int(fields["VmRSS"].split()[0]) * 1024

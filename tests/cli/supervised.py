"""Runs a supervisor over tiny services, as a process of its own: for tests that kill it.

python -m tests.cli.supervised FOLDER BEHAVIOUR...
"""

import asyncio
import os
import sys
from pathlib import Path

from cli.addresses import listen, port_of, url_of
from cli.restarts import RestartRules
from cli.supervisor import CrashLoopError, ForcedStopError, Patience, ServiceCommand, Supervisor

TINY_SERVICE = Path(__file__).with_name("tiny_service.py")


def tiny(behaviour: str, folder: Path) -> ServiceCommand:
    listener = listen("127.0.0.1", 0)
    # -S -E: nothing but the standard library, for a quick start.
    command = (sys.executable, "-S", "-E", str(TINY_SERVICE), str(listener.fileno()), behaviour, str(folder))
    return ServiceCommand(
        name=f"tiny-{behaviour}",
        command=command,
        environment=dict(os.environ),
        url=url_of("127.0.0.1", port_of(listener)),
        listener=listener,
    )


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    folder = Path(sys.argv[1])
    services = [tiny(behaviour, folder) for behaviour in sys.argv[2:]]
    supervisor = Supervisor(
        services,
        on_ready=lambda: say("ready"),
        rules=RestartRules(first_pause=0.02),
        patience=Patience(start=1 if "never-ready" in sys.argv else 120, stop=1.5, look=0.2, silence=1),
    )
    try:
        asyncio.run(supervisor.run())
    except CrashLoopError as error:
        say(str(error))
        sys.exit(1)
    except ForcedStopError:
        sys.exit(3)


if __name__ == "__main__":
    main()

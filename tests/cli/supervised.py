"""Runs a supervisor over tiny services, as a process of its own: for tests that kill it.

python -m tests.cli.supervised FOLDER PORT:BEHAVIOUR...
"""

import asyncio
import os
import sys
from pathlib import Path

from cli.restarts import RestartRules
from cli.supervisor import CrashLoopError, ForcedStopError, Patience, ServiceCommand, Supervisor

TINY_SERVICE = Path(__file__).with_name("tiny_service.py")


def tiny(port: int, behaviour: str, folder: Path) -> ServiceCommand:
    # -S -E: nothing but the standard library, for a quick start.
    command = (sys.executable, "-S", "-E", str(TINY_SERVICE), str(port), behaviour, str(folder))
    return ServiceCommand(
        name=f"tiny-{behaviour}",
        command=command,
        environment=dict(os.environ),
        url=f"http://127.0.0.1:{port}",
    )


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    folder = Path(sys.argv[1])
    services = [
        tiny(int(port), behaviour, folder) for port, behaviour in (a.split(":") for a in sys.argv[2:])
    ]
    supervisor = Supervisor(
        services,
        on_ready=lambda: say("ready"),
        rules=RestartRules(first_pause=0.02),
        patience=Patience(stop=1.5, look=0.2, silence=1),
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

"""`docker compose` as an operator uses it, and the engine's own view of what it started."""

import contextlib
import json
import os
import shlex
import socket
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import docker
import httpx
from docker.models.containers import Container

from tests.cli.processes import eventually

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("face", "speech", "fusion", "gateway")
TAG = "under-test"
PATIENCE = 300

# Run inside a container: the service is the child of the container's first process, which is init.
CRASH = """
import os, signal
for entry in os.listdir('/proc'):
    if entry.isdigit() and open(f'/proc/{entry}/stat').read().rpartition(')')[2].split()[1] == '1':
        os.kill(int(entry), signal.SIGKILL)
"""
ASK = "import sys, urllib.request; sys.stdout.write(urllib.request.urlopen(sys.argv[1]).read().decode())"

SETTINGS = """
import json, os
print(json.dumps({name: value for name, value in os.environ.items() if name.startswith('EMOTION_')}))
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@dataclass
class Stack:
    """One project of compose.

    Args:
        engine: the Docker engine.
        project: compose's name for it.
        port: of this machine, where the gateway is published.
        env_file: settings, as an operator's `.env`.
    """

    engine: docker.DockerClient
    project: str = field(default_factory=lambda: f"emotion-test-{uuid.uuid4().hex[:8]}")
    port: int = field(default_factory=free_port)
    env_file: Path = Path(os.devnull)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def compose(self, *arguments: str, seconds: float = 900) -> str:
        """Run `docker compose`; give what it said."""
        done = subprocess.run(
            ["docker", "compose", "--env-file", self.env_file, "--project-name", self.project, *arguments],
            cwd=ROOT,
            env=environment(self.port),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == 0, f"docker compose {shlex.join(arguments)}:\n{said[-6000:]}{self.logs()}"
        return said

    def build(self) -> None:
        arguments = shlex.split(os.environ.get("EMOTION_BUILD_ARGUMENTS", ""))
        self.compose("build", *arguments, seconds=2400)

    def up(self, *arguments: str) -> None:
        """Start, and wait until every container says that it is well."""
        self.compose("up", "--detach", "--no-build", "--wait", *arguments)

    def containers(self, service: str | None = None, *, all: bool = False) -> list[Container]:  # noqa: A002
        labels = [f"com.docker.compose.project={self.project}"]
        if service is not None:
            labels.append(f"com.docker.compose.service={service}")
        return self.engine.containers.list(all=all, filters={"label": labels})

    def container(self, service: str) -> Container:
        (container,) = self.containers(service)
        return container

    def networks(self) -> list[str]:
        return [network.name for network in self.engine.networks.list(filters=self._ours())]

    def volumes(self) -> list[str]:
        return [volume.name for volume in self.engine.volumes.list(filters=self._ours())]

    def logs(self) -> str:
        """The last lines of every container, for a failure."""
        lines = (
            f"--- {container.name}\n{container.logs(tail=30).decode(errors='replace')}"
            for container in self.containers(all=True)
        )
        return "\n".join(lines)

    def _ours(self) -> dict[str, str]:
        return {"label": f"com.docker.compose.project={self.project}"}


def environment(port: int) -> dict[str, str]:
    """Ours without any setting of the house: nothing but a free port and a tag, and no .env."""
    ours = {
        name: value for name, value in os.environ.items() if not name.startswith(("EMOTION_", "COMPOSE_"))
    }
    return {**ours, "EMOTION_PORT": str(port), "EMOTION_TAG": TAG}


@contextlib.contextmanager
def running(engine: docker.DockerClient) -> Iterator[Stack]:
    """A stack that is up, and is taken down in the end whatever happens."""
    stack = Stack(engine)
    try:
        stack.up()
        yield stack
    finally:
        stack.compose("down", "--volumes", "--remove-orphans", "--timeout", "30")


def crash(container: Container) -> None:
    """End the service as a fault would: not through the engine, which would take that for an order."""
    run_inside(container, CRASH, check=False)


def is_well(container: Container) -> bool:
    container.reload()
    state = container.attrs["State"]
    return state["Running"] and state["Health"]["Status"] == "healthy"


def settings_of(container: Container) -> dict[str, str]:
    """The settings that arrived inside, those of the image among them."""
    return json.loads(run_inside(container, SETTINGS))


def wait_until_well(container: Container) -> None:
    assert eventually(lambda: is_well(container), seconds=PATIENCE), container.logs(tail=50).decode()


def starts(container: Container) -> int:
    """How often the engine had to start it again."""
    container.reload()
    return container.attrs["RestartCount"]


def run_inside(container: Container, script: str, *arguments: str, check: bool = True) -> str:
    """Run a script with the container's own Python, as its own user; give its standard output."""
    done = container.exec_run(["python", "-c", script, *arguments], demux=True)
    output, errors = ((part or b"").decode() for part in done.output)
    if check:
        assert done.exit_code == 0, errors
    return output


def ask_inside(container: Container, path: str) -> str:
    """GET from the service in a container that publishes no port."""
    port = settings_of(container)["EMOTION_PORT"]
    return run_inside(container, ASK, f"http://127.0.0.1:{port}{path}")


def analyse(url: str, film: Path) -> httpx.Response:
    return httpx.post(f"{url}/v1/analyses", content=film.read_bytes(), timeout=PATIENCE)

"""A gateway as a process of its own, which a test can kill."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from tests.cli.processes import free_port
from tests.servers import House

PATIENCE = 170.0


def eventually(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Wait until the condition is true; give what it gave."""
    give_up = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < give_up, f"not within {seconds} s: {what}"
        time.sleep(0.05)
    return found


class GatewayProcess:
    """`python -m gateway` beside the inner services of a house; always on the same port."""

    def __init__(self, house: House, data: Path, log: Path, **settings: object) -> None:
        self.log = log
        self._environment = {
            **os.environ,
            "EMOTION_HOST": "127.0.0.1",
            "EMOTION_FACE_URL": house.face,
            "EMOTION_SPEECH_URL": house.speech,
            "EMOTION_FUSION_URL": house.fusion,
            "EMOTION_JOBS__DATA_FOLDER": str(data),
            "EMOTION_JOBS__AT_ONCE": "2",
            "EMOTION_JOBS__POLL_SECONDS": "0.05",
            "EMOTION_JOBS__RESCUE_SECONDS": "0.5",
            **{f"EMOTION_{name.upper()}": str(value) for name, value in settings.items()},
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._move()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def set(self, name: str, value: object) -> None:
        """Change a setting for the next start."""
        self._environment[f"EMOTION_{name.upper()}"] = str(value)

    def _move(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = httpx.Client(base_url=self.url, timeout=60)
        self._environment["EMOTION_PORT"] = str(self.port)

    def start(self) -> None:
        """Start it, and wait until it listens."""
        began_before = self.log.exists()
        while not self._listens():
            # Between its choice and now another program has taken the port.
            assert not began_before, self.log.read_text()[-2000:]
            assert "address already in use" in self.log.read_text(), self.log.read_text()[-2000:]
            self.client.close()
            self.log.unlink()
            self._move()

    def _listens(self) -> bool:
        with self.log.open("ab") as log:
            said = log.tell()
            process = self._process = subprocess.Popen(
                [sys.executable, "-m", "gateway"], env=self._environment, stdout=log, stderr=log
            )

        def listens() -> bool:
            return b"Uvicorn running" in self.log.read_bytes()[said:]

        eventually(lambda: listens() or process.poll() is not None, "the gateway listens or ends")
        return listens()

    def kill(self) -> None:
        """kill -9, and write into the log when it was dead."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        with self.log.open("a") as log:
            log.write(
                json.dumps({"time": datetime.now().astimezone().isoformat(), "message": "killed"}) + "\n"
            )

    def stop(self) -> None:
        self.client.close()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(60)

    def submit(self, film: bytes, *, detail: str = "summary", **headers: str) -> str:
        """Hand a film in as a job; give its address."""
        answer = self.client.post(
            f"/v1/analyses?detail={detail}", content=film, headers={"prefer": "respond-async", **headers}
        )
        assert answer.status_code == 202, answer.text
        return answer.headers["location"]

    def finished(self, location: str) -> dict[str, Any]:
        """Wait until a job has ended; give it."""

        def ended() -> dict[str, Any] | None:
            job = self.client.get(location).raise_for_status().json()
            return job if job["state"] in {"succeeded", "failed", "cancelled"} else None

        return eventually(ended, f"{location} ends; {self.log.read_text()[-3000:]}")

    def lines(self) -> list[dict[str, Any]]:
        """What the gateway has logged."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


def runs(*gateways: GatewayProcess) -> dict[str, list[tuple[datetime, datetime | None]]]:
    """For each job when it was worked on: begin and end (or death); None while it goes on."""
    found: dict[str, list[tuple[datetime, datetime | None]]] = {}
    for gateway in gateways:
        open_runs: dict[str, datetime] = {}
        for line in gateway.lines():
            when = datetime.fromisoformat(line["time"])
            match line["message"]:
                case "job begun":
                    open_runs[line["job"]] = when
                case "job ended":
                    found.setdefault(line["job"], []).append((open_runs.pop(line["job"]), when))
                case "killed":
                    for job, began in open_runs.items():
                        found.setdefault(job, []).append((began, when))
                    open_runs.clear()
        for job, began in open_runs.items():
            found.setdefault(job, []).append((began, None))
    return found


def assert_never_twice_at_once(*gateways: GatewayProcess) -> None:
    """No two runs of one job overlap."""
    for job, spans in runs(*gateways).items():
        spans.sort(key=lambda span: span[0])
        for (_, ended), (began, _) in itertools.pairwise(spans):
            assert ended is not None, f"{job} runs twice at once: {spans}"
            assert ended <= began, f"{job} ran twice at once: {spans}"


def files_in(folder: Path) -> list[Path]:
    """Every file in a folder, at any depth."""
    return [path for path in folder.rglob("*") if path.is_file()]

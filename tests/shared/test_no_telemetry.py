"""ONNX Runtime sends nothing to anybody: its collector is not even started."""

import os
import subprocess
import sys

SCRIPT = """
import shared.inference, onnxruntime, os
links = []
for name in os.listdir("/proc/self/fd"):
    try:
        links.append(os.readlink("/proc/self/fd/" + name))
    except OSError:
        pass
print(*links, sep="\\n")
"""


def test_its_collector_opens_no_database(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**environment, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "onnxruntime.db" not in done.stdout
    assert not list(tmp_path.rglob("*onnxruntime*"))

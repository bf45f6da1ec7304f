"""What a shut-in process can still do: read, write, compute. Nothing else."""

import json
import subprocess
import sys
import textwrap

import pytest

from gateway.media import sandbox, seccomp
from gateway.media.process import _environment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these measures are Linux's")

SCRIPT = textwrap.dedent("""
    import ctypes, errno, json, mmap, os, resource, signal, socket, sys, threading
    from gateway.media import sandbox
    from gateway.media.limits import MediaLimits

    no_network = sandbox.leave_network()
    interfaces = [name for _, name in socket.if_nameindex()]
    outside = os.pipe()
    upload = os.open(sys.argv[1], os.O_RDONLY)
    sandbox.keep_only(upload, outside[1])
    measures = sandbox.available_measures(no_network=no_network)
    base = sandbox.own_address_space()
    sandbox.shut_in(MediaLimits(), measures, parent=os.getppid(), base_bytes=base)
    libc = ctypes.CDLL(None, use_errno=True)

    def fails(what):
        try:
            what()
        except BaseException as error:
            return type(error).__name__
        return "allowed"

    def spawn():
        if os.fork() == 0:
            os._exit(0)

    def memory():
        bytearray(2 << 30)

    def executable_memory():
        mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()

    found = {
        "no_network": no_network,
        "interfaces": interfaces,
        "filter": measures.system_call_filter,
        "open": fails(lambda: open("/etc/passwd").close()),
        "write": fails(lambda: open("/tmp/written-from-the-sandbox", "w").close()),
        "listing": fails(lambda: os.listdir("/")),
        "stat": fails(lambda: os.stat("/etc/passwd")),
        "remove": fails(lambda: os.remove("/tmp/written-from-the-sandbox")),
        "socket": fails(socket.socket),
        "fork": fails(spawn),
        "exec": fails(lambda: os.execv("/bin/true", ["true"])),
        "thread": fails(threading.Thread(target=int).start),
        "kill": fails(lambda: os.kill(os.getppid(), 0)),
        "pipe": fails(os.pipe),
        "memory": fails(memory),
        "executable_memory": fails(executable_memory),
        "ptrace": libc.ptrace(0, 0, 0, 0),
        "more_cpu": fails(lambda: resource.setrlimit(resource.RLIMIT_CPU, (99_999, 99_999))),
        "limit_of_another": fails(lambda: resource.prlimit(os.getppid(), resource.RLIMIT_CPU)),
        "read_upload": os.read(3, 5).decode(),
        "root": os.geteuid() == 0 if not measures.system_call_filter else None,
    }
    os.write(1, json.dumps(found).encode())
    os._exit(0)
""")


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    upload = tmp_path_factory.mktemp("sandbox") / "upload"
    upload.write_bytes(b"hello")
    command = [sys.executable, "-c", SCRIPT, str(upload)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment())
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_upload_can_be_read(found):
    assert found["read_upload"] == "hello"


def test_memory_and_cpu_time_are_bounded(found):
    assert found["memory"] == "MemoryError"
    assert found["more_cpu"] != "allowed"


@pytest.mark.skipif(not seccomp.available(), reason="this kernel takes no filter")
@pytest.mark.parametrize(
    "what",
    [
        "open", "write", "listing", "stat", "remove", "socket", "fork", "exec", "thread", "kill", "pipe",
        "executable_memory", "limit_of_another",
    ],
)  # fmt: skip
def test_the_filter_denies(found, what):
    assert found["filter"]
    assert found[what] in {"PermissionError", "OSError", "RuntimeError"}


@pytest.mark.skipif(not seccomp.available(), reason="this kernel takes no filter")
def test_the_filter_denies_tracing(found):
    assert found["ptrace"] == -1


def test_where_it_can_it_has_no_network(found):
    if not found["no_network"]:
        pytest.skip("this machine lets nobody leave the network")
    assert found["interfaces"] == ["lo"]


def test_the_nursery_gets_no_secrets(monkeypatch):
    monkeypatch.setenv("EMOTION_SECRET", "hunter2")
    assert "hunter2" not in "".join(_environment().values())


def test_missing_measures_are_named():
    measures = sandbox.Measures(no_network=False, system_call_filter=True, dies_with_parent=True)
    assert measures.missing() == ("no_network",)

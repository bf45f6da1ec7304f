"""`emotion serve`: the four services, as processes of their own or in this one."""

import asyncio
import contextlib
import os
import socket
import sys
import time

from cli.addresses import HostError, PortInUseError, is_loopback, listen, port_of, url_of
from cli.child_process import STDERR
from cli.health import NotReadyError
from cli.house import House, read_house
from cli.service_commands import commands_for
from cli.supervisor import CrashLoopError, ForcedStopError, Patience, Supervisor
from shared.logs import configure_logs
from shared.settings import SettingsError
from shared.unread_settings import unread_words


def serve(*, host: str, port: int, single_process: bool) -> int:
    """Serve until SIGTERM or SIGINT.

    Args:
        host: where the gateway listens.
        port: the gateway's port; 0 for a free one.
        single_process: all in this process instead of a process a service.

    Returns:
        Exit status: 0 after an orderly stop, 1 when it could not start or did not stay up, 2 for a wrong
        setting.
    """
    started = time.monotonic()
    _open_closed_streams()
    run = _run_in_this_process if single_process else _run_processes
    try:
        with listen(host, port) as door:
            house = read_house(host=host, port=port_of(door))
            for name, meant in house.unread_settings(os.environ):
                _say(unread_words(name, meant))
            if not is_loopback(door):
                asked = "it asks for a key" if house.gateway.api_keys else "it asks nobody for a password"
                _say(f"Listening on {host}: other machines can reach this server, and {asked}.")
            asyncio.run(run(house, door, started))
    except SettingsError as error:
        return _fail(f"Wrong setting in the environment: {error}", 2)
    except PortInUseError as error:
        return _fail(f"{error} Choose another port with --port.", 1)
    except HostError as error:
        return _fail(f"{error} Choose an address or name of this machine with --host.", 1)
    except (CrashLoopError, NotReadyError) as error:
        return _fail(str(error), 1)
    except ForcedStopError:
        return _fail("Killed.", 1)
    return 0


async def _run_processes(house: House, door: socket.socket, started: float) -> None:
    configure_logs("supervisor", house.gateway.log_level)
    supervisor = Supervisor(
        commands_for(house, door),
        on_ready=lambda: _announce(house, started),
        patience=Patience(stop=house.stop_seconds),
    )
    await supervisor.run()


async def _run_in_this_process(house: House, door: socket.socket, started: float) -> None:
    from cli.one_process_server import serve_in_this_process  # noqa: PLC0415 - loads every library there is

    configure_logs("emotion", house.gateway.log_level)
    await serve_in_this_process(house, door, on_ready=lambda: _announce(house, started))


def _open_closed_streams() -> None:
    """Open closed standard streams on /dev/null, lest a socket gets the number of one."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= STDERR:
        os.set_inheritable(number, True)  # noqa: FBT003 - a standard function
    os.close(number)


def _announce(house: House, started: float) -> None:
    """Tell people on standard output; logs go to standard error."""
    url = url_of(house.gateway.host, house.gateway.port)
    seconds = time.monotonic() - started
    # Nobody has to listen.
    with contextlib.suppress(OSError):
        places = f"page: {url}/, docs: {url}/docs"
        print(f"Emotion server ready on {url} ({places}) in {seconds:.1f} s", flush=True)  # noqa: T201


def _say(message: str) -> None:
    print(f"emotion: {message}", file=sys.stderr, flush=True)  # noqa: T201


def _fail(message: str, status: int) -> int:
    _say(message)
    return status

"""How the four services are started as processes of one machine."""

import os
import socket
import sys
from collections.abc import Sequence

from cli.addresses import listen_near, port_of, reachable_url, url_of
from cli.house import House
from cli.supervisor import ServiceCommand
from shared.settings import ServiceSettings

# Linear algebra outside the networks is small; a pool of threads a process for it would only be in the way.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def commands_for(house: House, door: socket.socket) -> tuple[ServiceCommand, ...]:
    """Give a command a service, the gateway last.

    The inner services get the ports that their settings name where these are free (8001 to 8003), and free
    ones where not, so that a second server on the same machine only needs another `--port`.

    Args:
        house: settings of all.
        door: where the gateway listens.

    Raises:
        SettingsError: jobs can never be kept where they should be.
    """
    house.require_data_folder()
    inner = []
    for settings, name in (
        (house.face, "face_service"),
        (house.speech, "speech_service"),
        (house.fusion, "fusion_service"),
    ):
        listener = listen_near(settings.port)
        inner.append(_command(name, settings, listener, url_of(settings.host, port_of(listener))))
    urls = {f"EMOTION_{command.name.removesuffix('_service').upper()}_URL": command.url for command in inner}
    url = reachable_url(house.gateway.host, port_of(door))
    return (*inner, _command("gateway", house.gateway, door, url, urls))


def _command(
    name: str,
    settings: ServiceSettings,
    listener: socket.socket,
    url: str,
    more: dict[str, str] | None = None,
) -> ServiceCommand:
    own = {
        "EMOTION_HOST": settings.host,
        "EMOTION_PORT": str(port_of(listener)),
        "EMOTION_LISTENER": str(listener.fileno()),
        "EMOTION_THREADS": str(settings.threads),
        **(more or {}),
    }
    return ServiceCommand(
        name=name,
        command=_python_module(name),
        environment={**_ONE_THREAD, **os.environ, **own},
        url=url,
        listener=listener,
    )


def _python_module(name: str) -> Sequence[str]:
    # -P: a folder called `gateway` where the user happens to stand is not ours.
    return (sys.executable, "-P", "-m", name)

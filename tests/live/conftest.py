"""Gateways before the shared house, with limits that suit tests of live streams."""

import contextlib
from collections.abc import Callable, Iterator

import pytest

from gateway.app import create_app
from gateway.live.settings import LiveSettings
from gateway.settings import GatewaySettings
from tests import media_files
from tests.live.client import jpeg
from tests.live.gateway_process import HURRIED
from tests.live.recordings import recorded_mp4, recorded_webm
from tests.servers import House, serve

Serve = Callable[..., contextlib.AbstractContextManager[str]]


@pytest.fixture(scope="session")
def live_gateway(house: House) -> Serve:
    """Serve one more gateway: `live` are the limits of streams, the rest is the gateway's settings."""

    @contextlib.contextmanager
    def run(*, live: dict[str, object] | None = None, **settings: object) -> Iterator[str]:
        addresses = {"face_url": house.face, "speech_url": house.speech, "fusion_url": house.fusion}
        own = GatewaySettings(**{**addresses, **settings}, live=LiveSettings(**{**HURRIED, **(live or {})}))
        with serve(create_app(own), ready="/health/live") as url:
            yield url

    return run


@pytest.fixture(scope="session")
def hurried(live_gateway: Serve) -> Iterator[str]:
    """The address of a gateway that takes streams as fast as they are sent."""
    with live_gateway() as url:
        yield url


@pytest.fixture(scope="session")
def faces() -> list[bytes]:
    """JPEGs of a face that moves."""
    pictures = media_files.moving_face(media_files.astronaut(), frames=25, width=320, height=240)
    return [jpeg(picture) for picture in pictures]


@pytest.fixture(scope="session")
def other_faces() -> list[bytes]:
    """JPEGs of somebody else's face that moves."""
    pictures = media_files.moving_face(media_files.grace_hopper(), frames=25, width=320, height=240)
    return [jpeg(picture) for picture in pictures]


@pytest.fixture(scope="session")
def nobody() -> list[bytes]:
    """A JPEG without a face."""
    return [jpeg(media_files.noise(320, 240))]


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Six seconds of a face and a voice as browsers record them, by container."""
    path = tmp_path_factory.mktemp("recordings") / "recording"
    return {"webm": recorded_webm(path, seconds=6), "mp4": recorded_mp4(path, seconds=6)}

import re
import socket

import pytest

from cli.addresses import (
    HostError,
    PortInUseError,
    is_loopback,
    listen,
    listen_near,
    port_of,
    reachable_url,
    url_of,
)
from tests.cli.processes import free_port

EVERYWHERE = "0.0.0.0"  # noqa: S104 - never listened on


@pytest.fixture
def used_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_used_port_is_refused_with_its_number(used_port: int) -> None:
    with pytest.raises(PortInUseError, match=f"port {used_port}: address already in use"):
        listen("127.0.0.1", used_port)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(HostError, match=r"203\.0\.113\.1"):
        listen("203.0.113.1", 8000)


@pytest.mark.parametrize("host", ["nowhere.invalid", "a..b", "fe80::1%nowhere"])
def test_a_name_that_does_not_exist_is_refused(host: str) -> None:
    with pytest.raises(HostError, match=re.escape(host)):
        listen(host, 8000)


def test_port_zero_gives_a_free_port() -> None:
    with listen("127.0.0.1", 0) as listener:
        assert port_of(listener) > 0


def test_a_port_is_taken_when_free_and_another_when_not(used_port: int) -> None:
    free = free_port()
    with listen_near(free) as one, listen_near(free) as other, listen_near(used_port) as third:
        assert port_of(one) == free
        assert len({port_of(one), port_of(other), port_of(third), used_port}) == 4


def test_urls() -> None:
    assert url_of("127.0.0.1", 80) == "http://127.0.0.1:80"
    assert url_of("::1", 80) == "http://[::1]:80"
    assert reachable_url(EVERYWHERE, 80) == "http://127.0.0.1:80"
    assert reachable_url("::", 80) == "http://[::1]:80"


def test_an_empty_host_does_not_open_every_door() -> None:
    with pytest.raises(HostError, match="''"):
        listen("", 0)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.1.1", "127.1", "localhost", "LOCALHOST"])
def test_what_only_this_machine_can_reach(host: str) -> None:
    with listen(host, 0) as listener:
        assert is_loopback(listener)


def test_what_others_can_reach() -> None:
    with socket.socket() as bound:
        bound.bind((EVERYWHERE, 0))
        assert not is_loopback(bound)

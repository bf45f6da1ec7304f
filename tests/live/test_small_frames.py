"""Frames that are no messages are bounded too: pings, pongs, and pieces of a message that never ends."""

import contextlib
import socket
from urllib.parse import urlsplit

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from tests.live.client import knock, watch
from tests.live.gateway_process import samples

# More than ten seconds of them may be, in any time that this test could take.
A_FLOOD = 100_000


def pieces_without_end(protocol: ClientProtocol) -> None:
    protocol.send_continuation(b"", fin=False)


SMALL_FRAMES = {
    "pings": lambda protocol: protocol.send_ping(b"x" * 125),
    "pongs": lambda protocol: protocol.send_pong(b""),
    "pieces": pieces_without_end,
}


@pytest.mark.parametrize("kind", SMALL_FRAMES)
def test_a_flood_of_small_frames_ends_the_connection(hurried, kind):
    """Before an opening message, too: who sends them need not be known."""
    before = samples(hurried).get('emotion_refusals_total{problem="too-fast"}', 0)
    address = urlsplit(hurried)
    protocol = ClientProtocol(parse_uri(f"ws://{address.netloc}/v1/live"))
    with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
        protocol.send_request(protocol.connect())
        connection.sendall(b"".join(protocol.data_to_send()))
        while protocol.state is State.CONNECTING:
            protocol.receive_data(connection.recv(4096))
        if kind == "pieces":
            protocol.send_text(b"", fin=False)
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < A_FLOOD:
                for _ in range(100):
                    SMALL_FRAMES[kind](protocol)
                sent += 100
                connection.sendall(b"".join(protocol.data_to_send()))
            pytest.fail("all was taken")
    assert samples(hurried)['emotion_refusals_total{problem="too-fast"}'] == before + 1


async def test_whose_small_frames_were_too_many_is_told(hurried):
    async with knock(hurried) as viewer:
        for _ in range(501):
            viewer.connection.protocol.send_pong(b"")
        viewer.connection.send_data()
        code, reason = await viewer.to_the_end()
    assert (code, reason.partition(":")[0]) == (1008, "too-fast")


async def test_pings_and_large_pieces_are_welcome(hurried):
    async with watch(hurried, "pictures") as viewer:
        waiting = [await viewer.connection.ping() for _ in range(200)]
        for pong in waiting:
            await pong
        protocol = viewer.connection.protocol
        protocol.send_frame(Frame(Opcode.TEXT, b'{"event": "ping"}' + b" " * 1007, fin=False))
        protocol.send_frame(Frame(Opcode.CONT, b" " * 1024, fin=False))
        protocol.send_frame(Frame(Opcode.CONT, b" "))
        viewer.connection.send_data()
        await viewer.until("pong")
        await viewer.say(event="end")
        assert (await viewer.to_the_end())[0] == 1000

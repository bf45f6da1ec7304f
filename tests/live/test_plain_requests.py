"""What is no WebSocket handshake is told what a live stream wants."""

import pytest


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer emo_unknown"}, {"connection": "close"}])
def test_a_plain_get_is_told_to_open_a_websocket(gateway, headers):
    answer = gateway.get("/v1/live?fps=5", headers=headers)
    assert answer.status_code == 426
    assert answer.headers["upgrade"] == "websocket"
    document = answer.json()
    assert document["type"] == "/problems/upgrade-required"
    assert "proxy" in document["remedy"]


def test_other_methods_name_the_one_there_is(gateway):
    answer = gateway.post("/v1/live", content=b"x")
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}

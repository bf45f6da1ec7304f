"""The first requests of a server that has just said that it is ready, all at once."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests import media_files
from tests.cli.stack import serving

pytestmark = pytest.mark.stack


def test_ten_first_requests_at_once(tmp_path):
    film = media_files.talking_film(tmp_path / "film.mp4", seconds=2).read_bytes()

    def analysed(url):
        return httpx.post(f"{url}/v1/analyses", content=film, timeout=300)

    # With the seconds that a call has by itself: ten films may keep one waiting on a slow machine.
    with (
        serving(tmp_path / "server", environment={"EMOTION_MAX_WAITING": "10"}) as server,
        ThreadPoolExecutor(10) as threads,
    ):
        answers = list(threads.map(analysed, [server.url] * 10))
    assert [answer.status_code for answer in answers] == [200] * 10
    analyses = [answer.json() for answer in answers]
    assert [(analysis["status"], analysis["notices"]) for analysis in analyses] == [("complete", [])] * 10
    assert len({str(analysis["emotion"]) for analysis in analyses}) == 1

"""A browser's player shows the captions, where a browser is installed."""

import http.server
import json
import shutil
import subprocess
import threading
from pathlib import Path
from queue import Queue

import pytest

from gateway.exports.webvtt import WEBVTT
from tests.cli.samples import film_analysis
from tests.exports.material import written

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

PAGE = """<!doctype html><video id=film muted><track default src=captions.vtt></video>
<script>
const film = document.getElementById("film"), seen = [];
const send = answer => fetch("answer", {method: "POST", body: JSON.stringify(answer)});
film.onerror = () => send({error: "the film does not play"});
const track = film.textTracks[0];
film.querySelector("track").onerror = () => send({error: "the captions do not load"});
const pause = () => new Promise(done => setTimeout(done, 50));
(async () => {
  track.mode = "showing";
  // A blob can be wound to any place; this server does not send parts of a file.
  film.src = URL.createObjectURL(await (await fetch("film.webm")).blob());
  while (film.readyState < 1 || !track.cues || !track.cues.length) await pause();
  for (const at of [0.5, 1.5, 2.5]) {
    film.currentTime = at;
    const shown = () => [...track.activeCues].filter(cue => cue.startTime <= at && at < cue.endTime);
    while (!shown().length) await pause();
    seen.push([...track.activeCues].map(cue => cue.text));
  }
  const cues = [...track.cues].map(cue => [cue.startTime, cue.endTime]);
  send({cues, seen});
})();
</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_a_player_shows_the_captions(tmp_path: Path) -> None:
    from tests.media_files import AudioSpec, VideoSpec, talking_film  # noqa: PLC0415 - brings decoders along

    site = tmp_path / "site"
    site.mkdir()
    video = VideoSpec(codec="libvpx", options=(("deadline", "realtime"), ("cpu-used", "8")))
    talking_film(site / "film.webm", seconds=4, video=video, audio=AudioSpec(codec="libopus"))
    (site / "captions.vtt").write_bytes(written(WEBVTT, film_analysis()))
    (site / "index.html").write_text(PAGE, encoding="utf-8")
    answers: Queue[dict] = Queue()

    class Handler(http.server.SimpleHTTPRequestHandler):
        extensions_map = {".vtt": "text/vtt", ".webm": "video/webm", ".html": "text/html"}  # noqa: RUF012

        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(site))

        def do_POST(self) -> None:
            answers.put(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = subprocess.Popen(
            [
                *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
                *(f"--user-data-dir={tmp_path / 'profile'}", f"http://127.0.0.1:{server.server_port}/"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            answer = answers.get(timeout=150)
        finally:
            browser.terminate()
            browser.wait(30)
            server.shutdown()
    assert answer.get("cues") == [[0, 1], [1, 2], [2, 3]], answer
    assert answer["seen"] == [
        ["neutral 90%\nface neutral 90%"],
        ["happiness 90%\nface happiness 90% · voice happiness 90%"],
        ["happiness 90%\nface happiness 90% · voice happiness 90%"],
    ]

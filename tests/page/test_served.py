"""The page as files over HTTP; no browser is needed for these."""

import re
from pathlib import Path

import httpx
import pytest

import gateway.routes.page
from shared.contracts.problems import ProblemDocument

FOLDER = Path(gateway.routes.page.__file__).parents[1] / "page"
FILES = sorted(path for path in FOLDER.rglob("*") if path.is_file())
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html"}


@pytest.mark.parametrize("path", [file.relative_to(FOLDER).as_posix() for file in FILES])
def test_every_file_is_served_shut_in_and_kept(gateway: httpx.Client, path: str):
    answer = gateway.get(f"/page/{path}")
    assert answer.status_code == 200
    assert answer.content == (FOLDER / path).read_bytes()
    assert answer.headers["content-type"].split(";")[0] == TYPES[Path(path).suffix]
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["cache-control"] == "no-cache"
    again = gateway.get(f"/page/{path}", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["/", "/page/js/main.js", "/static-offline-docs/swagger-ui.css"])
@pytest.mark.parametrize("wanted", ["rubbish", "items=0-1", "bytes=5-2", "bytes=99999999-", "bytes=0-1", ""])
def test_files_come_whole(gateway: httpx.Client, path: str, wanted: str):
    whole = gateway.get(path)
    assert whole.headers["accept-ranges"] == "none"
    answer = gateway.get(path, headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (200, whole.content)


def test_the_front_is_the_page(gateway: httpx.Client):
    front = gateway.get("/")
    assert front.content == (FOLDER / "index.html").read_bytes()
    assert "camera=(self)" in front.headers["permissions-policy"]
    assert "frame-ancestors 'none'" in front.headers["content-security-policy"]
    assert gateway.head("/").status_code == 200


def test_a_question_in_the_address_of_the_page_does_no_harm(gateway: httpx.Client):
    assert gateway.get("/?from=somewhere").status_code == 200


@pytest.mark.parametrize("path", ["/page/none.js", "/page/", "/page/..%2fapp.py", "/page/%2e%2e/app.py"])
def test_nothing_else_is_served(gateway: httpx.Client, path: str):
    answer = gateway.get(path)
    assert answer.status_code == 404
    assert ProblemDocument.model_validate_json(answer.content).type == "/problems/not-found"


def test_the_page_is_not_in_the_way(gateway: httpx.Client):
    assert gateway.get("/docs").status_code == 200
    assert gateway.get("/v1/limits").status_code == 200
    assert gateway.post("/").status_code == 405
    assert not [
        path for path in gateway.get("/openapi.json").json()["paths"] if "page" in path or path == "/"
    ]


def test_what_the_page_names_exists():
    html = (FOLDER / "index.html").read_text()
    for name in re.findall(r'(?:href|src)="page/([^"]+)"', html):
        assert (FOLDER / name).is_file(), name
    for script in FOLDER.glob("js/*.js"):
        for name in re.findall(r'(?:from|import\() ?"(\./[^"]+)"', script.read_text()):
            assert (script.parent / name).is_file(), (script.name, name)


def test_every_module_that_opens_the_page_is_asked_for_at_once():
    """Else the browser learns of each only when it has read the one before."""
    needed, found = ["main.js"], set()
    while needed:
        name = needed.pop()
        imported = re.findall(r'from "\./([^"]+)"', (FOLDER / "js" / name).read_text())
        needed += [each for each in imported if each not in found]
        found.add(name)
    html = (FOLDER / "index.html").read_text()
    asked = re.findall(r'<link rel="modulepreload" href="page/js/([^"]+)">', html)
    assert sorted(asked) == sorted(found - {"main.js"})


def test_no_file_names_another_server():
    for file in FILES:
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.findall(r"https?://|//[a-z]+\.[a-z]+/", text), file.name

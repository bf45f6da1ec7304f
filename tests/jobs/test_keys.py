"""Keys, who sees what, fairness, and what pages of other origins may do."""

import asyncio

import httpx
import pytest
from fastapi import Request

from gateway.app import create_app
from gateway.callers import find_key, hash_key, identify_caller, new_key
from gateway.settings import GatewaySettings
from tests.jobs.gateway_process import GatewayProcess, eventually, files_in
from tests.servers import serve

ONE, OTHER = new_key(), new_key()


@pytest.fixture(scope="module")
def guarded(house, tmp_path_factory):
    folder = tmp_path_factory.mktemp("guarded")
    gateway = GatewayProcess(
        house,
        folder / "data",
        folder / "gateway.log",
        api_keys=f"{hash_key(ONE)},{hash_key(OTHER)}",
        cors_origins="https://app.example.org",
        jobs__most_per_caller=3,
        jobs__at_once=1,
    )
    gateway.start()
    yield gateway
    gateway.stop()


def bearer(key):
    return {"authorization": f"Bearer {key}"}


@pytest.mark.parametrize(
    "headers", [{}, bearer(new_key()), bearer(hash_key(ONE)), {"authorization": "Basic x"}]
)
def test_without_a_key_there_is_nothing(guarded, film, headers):
    for method, path in (("POST", "/v1/analyses"), ("GET", "/v1/analyses/an_1"), ("GET", "/v1/limits")):
        answer = guarded.client.request(method, path, headers=headers, content=film)
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["type"] == "/problems/unauthorized"
    assert guarded.client.get("/health/ready").status_code in {200, 503}


def test_a_job_is_seen_by_its_key_only(guarded, film):
    wish = {"prefer": "respond-async", "idempotency-key": "k"}
    handed_in = guarded.client.post("/v1/analyses", content=film, headers={**bearer(ONE), **wish})
    location = handed_in.headers["location"]
    mine, others = bearer(ONE), bearer(OTHER)
    assert guarded.client.get(location, headers=mine).status_code == 200
    for method, path in (("GET", location), ("GET", f"{location}/events"), ("DELETE", location)):
        assert guarded.client.request(method, path, headers=others).status_code == 404
    # Another owner's Idempotency-Key is another key.
    again = guarded.client.post("/v1/analyses", content=film, headers={**others, **wish})
    assert again.headers["location"] != location
    assert guarded.client.delete(location, headers=mine).status_code == 204
    assert guarded.client.delete(again.headers["location"], headers=others).status_code == 204


def test_so_many_jobs_of_one_key(guarded, long_film):
    def hand_in(key, **headers):
        wish = {**bearer(key), "prefer": "respond-async", **headers}
        return guarded.client.post("/v1/analyses?fps=30", content=long_film, headers=wish)

    taken = [hand_in(ONE) for _ in range(3)]
    assert {answer.status_code for answer in taken} == {202}
    refused = hand_in(ONE)
    assert refused.status_code == 429
    assert refused.json()["type"] == "/problems/too-many-requests"
    assert int(refused.headers["retry-after"]) > 0
    # Whoever sends a new key with each try must not fill the disk with what is refused.
    before = files_in(guarded.log.parent)
    assert hand_in(ONE, **{"idempotency-key": "new"}).status_code == 429
    assert not {file for file in files_in(guarded.log.parent) if "claims" in file.parts} - set(before)
    theirs = hand_in(OTHER)
    assert theirs.status_code == 202
    for answer in taken:
        guarded.client.delete(answer.headers["location"], headers=bearer(ONE))
    guarded.client.delete(theirs.headers["location"], headers=bearer(OTHER))


def test_keys_are_nowhere_in_the_clear(guarded, film):
    guarded.client.get("/v1/limits", headers=bearer(ONE))
    assert ONE not in guarded.log.read_text()
    for path in guarded.log.parent.rglob("*"):
        if path.is_file():
            assert ONE.encode() not in path.read_bytes()


def test_only_named_origins_may_ask(guarded):
    preflight = {"access-control-request-headers": "authorization"}
    for method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
        preflight["access-control-request-method"] = method
        allowed = guarded.client.options(
            "/v1/analyses", headers={"origin": "https://app.example.org", **preflight}
        )
        assert allowed.status_code == 200, method
        assert allowed.headers["access-control-allow-origin"] == "https://app.example.org"
    other = guarded.client.options("/v1/analyses", headers={"origin": "https://evil.example", **preflight})
    assert "access-control-allow-origin" not in other.headers


def test_no_origin_may_ask_where_none_is_set(gateway):
    answer = gateway.get("/v1/limits", headers={"origin": "https://app.example.org"})
    assert "access-control-allow-origin" not in answer.headers


def test_the_document_says_that_a_key_is_needed(guarded, gateway):
    document = guarded.client.get("/openapi.json").json()
    assert document["paths"]["/v1/analyses"]["post"]["security"] == [{"key": []}]
    assert "security" not in document["paths"]["/health/live"]["get"]
    # Who generates a client from a server without keys may use it with one that has.
    keyless = gateway.get("/openapi.json").json()
    assert keyless["paths"]["/v1/analyses"]["post"]["security"] == [{}, {"key": []}]
    scheme = keyless["components"]["securitySchemes"]["key"]
    assert scheme["description"].startswith("Not needed")
    assert scheme | {"description": ""} == document["components"]["securitySchemes"]["key"] | {
        "description": ""
    }


async def test_so_many_analyses_of_one_address_at_once(house, long_film):
    settings = GatewaySettings(
        face_url=house.face, speech_url=house.speech, fusion_url=house.fusion, max_analyses_per_caller=1
    )
    with serve(create_app(settings)) as url:
        async with httpx.AsyncClient(base_url=url, timeout=120) as client:
            answers = await asyncio.gather(
                *(client.post("/v1/analyses", content=long_film, params={"end": 8}) for _ in range(3))
            )
            statuses = sorted(answer.status_code for answer in answers)
            assert statuses[0] == 200
            assert 429 in statuses
            assert set(statuses) == {200, 429}
            assert (
                await client.post("/v1/analyses", content=long_film, params={"end": 1})
            ).status_code == 200


def test_a_key_is_found_by_its_hash():
    hashes = [hash_key(ONE), hash_key(OTHER)]
    assert find_key(OTHER, hashes) == hashes[1]
    assert find_key(new_key(), hashes) is None
    assert find_key("", hashes) is None
    assert ONE not in hash_key(ONE)


@pytest.mark.parametrize(
    "wrong", ["emo_abc", "sha256:xyz", new_key()], ids=["short", "no hash", "a key itself"]
)
def test_settings_take_hashes_only(wrong):
    with pytest.raises(ValueError, match="api_keys"):
        GatewaySettings(api_keys=wrong)


@pytest.mark.parametrize(
    ("trusted", "seen"),
    [((), "127.0.0.1"), (("10.0.0.0/8",), "127.0.0.1"), (("10.0.0.1", "127.0.0.0/8"), "203.0.113.9")],
)
def test_only_a_named_proxy_is_believed_about_an_address(trusted, seen):
    app = create_app(GatewaySettings(trusted_proxies=trusted))

    @app.get("/address")
    async def address(request: Request) -> str:
        return identify_caller(request, None).id

    with serve(app, ready="/health/live") as url:
        answer = httpx.get(f"{url}/address", headers={"x-forwarded-for": "203.0.113.9"})
    assert answer.json() == f"address:{seen}"


def test_whoever_stops_waiting_for_a_job_gives_the_place_back(one_gateway, film):
    one_gateway.set("jobs__worker", "none")
    one_gateway.set("max_analyses_per_caller", 1)
    one_gateway.start()
    wish = {"prefer": "wait=50", "idempotency-key": "k"}
    with pytest.raises(httpx.ReadTimeout):
        one_gateway.client.post("/v1/analyses", content=film, headers=wish, timeout=httpx.Timeout(60, read=3))

    def again() -> httpx.Response | None:
        answer = one_gateway.client.post("/v1/analyses", content=film, headers={**wish, "prefer": "wait=0"})
        return answer if answer.status_code != 429 else None

    # Still the same job, which nobody works on here.
    answer = eventually(again, "the place is free", seconds=20)
    assert answer.status_code == 202
    assert one_gateway.client.get(answer.headers["location"]).json()["state"] == "queued"

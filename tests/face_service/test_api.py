import asyncio
import re

import cv2
import httpx
import numpy as np
import pytest

from face_service.app import create_app
from face_service.settings import FaceSettings
from shared.contracts.faces import FaceBatch
from shared.contracts.problems import ProblemDocument
from shared.npy import MEDIA_TYPE, write_npy
from tests.face_service.app_client import AppClient
from tests.face_service.pictures import ASTRONAUT_FACE, pasted

NPY = {"content-type": MEDIA_TYPE}


def png(picture):
    return cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()


def faces_of(answer):
    assert answer.status_code == 200, answer.text
    return FaceBatch.model_validate_json(answer.content)


def problem_of(answer):
    assert answer.headers["content-type"] == "application/problem+json"
    problem = ProblemDocument.model_validate_json(answer.content)
    assert problem.status == answer.status_code
    assert problem.remedy
    assert not re.search(r"Traceback|[.]py|/\w+/\w", problem.detail)
    return problem


def test_a_batch_of_frames(client, astronaut):
    frames = np.stack([pasted(astronaut, 300, at=(20 + 10 * step, 10)) for step in range(4)])
    batch = faces_of(client.post("/v1/faces", content=write_npy(frames), headers=NPY))
    assert [len(picture.faces) for picture in batch.pictures] == [1, 1, 1, 1]
    left = [picture.faces[0].box.x * 640 for picture in batch.pictures]
    assert np.diff(left) == pytest.approx([10, 10, 10], abs=3)
    assert batch.compute_ms > 0


def test_blendshapes_of_chosen_frames_only(client, astronaut):
    frames = write_npy(np.stack([pasted(astronaut, 300, at=(20, 10))] * 5))

    def read(path):
        batch = faces_of(client.post(path, content=frames, headers=NPY))
        return [picture.faces[0].expression is not None for picture in batch.pictures]

    assert read("/v1/faces") == [True] * 5
    assert read("/v1/faces?expressions_of=0,2,4,99") == [True, False, True, False, True]
    assert read("/v1/faces?expressions_of=") == [False] * 5
    answer = client.post("/v1/faces?expressions_of=1,x", content=frames, headers=NPY)
    assert answer.status_code == 422
    assert problem_of(answer).field == "expressions_of"


def test_files_in_their_order(client, astronaut, coffee):
    files = [("file", ("a.png", png(coffee))), ("file", ("b.png", png(astronaut)))]
    batch = faces_of(client.post("/v1/faces", files=files))
    assert [len(picture.faces) for picture in batch.pictures] == [0, 1]
    box = batch.pictures[1].faces[0].box
    assert box.x * 512 == pytest.approx(ASTRONAUT_FACE[0], abs=12)


def test_8k_file(client, astronaut):
    picture = pasted(astronaut, 4000, at=(2000, 100), frame=(7680, 4320))
    content = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()
    (found,) = faces_of(client.post("/v1/faces", files={"file": ("8k.jpg", content)})).pictures
    (face,) = found.faces
    assert face.box.x == pytest.approx((2000 + ASTRONAUT_FACE[0] * 4000 / 512) / 7680, abs=0.02)


def test_both_ways_say_the_same(client, astronaut):
    by_file = faces_of(client.post("/v1/faces", files={"file": ("a.png", png(astronaut))}))
    by_array = faces_of(client.post("/v1/faces", content=write_npy(astronaut[None]), headers=NPY))
    (found,), (of_film,) = by_file.pictures[0].faces, by_array.pictures[0].faces
    assert found == of_film.model_copy(update={"appearance": None})
    # Only in a film somebody is to be found again.
    assert of_film.appearance


def test_pictures_of_an_array_need_not_be_a_film(client, astronaut):
    pictures = np.stack([astronaut, np.ascontiguousarray(astronaut[:, ::-1])])
    batch = faces_of(client.post("/v1/faces?film=false", content=write_npy(pictures), headers=NPY))
    by_file = faces_of(
        client.post("/v1/faces", files=[("file", ("a.png", png(picture))) for picture in pictures])
    )
    assert batch.pictures == by_file.pictures
    assert [picture.faces[0].appearance for picture in batch.pictures] == [None, None]


def test_profiles(client, astronaut):
    names = {
        profile: faces_of(
            client.post(f"/v1/faces?profile={profile}", content=write_npy(astronaut[None]), headers=NPY)
        ).model
        for profile in ("default", "paper")
    }
    assert "default" in names["default"]
    assert "paper" in names["paper"]


def test_a_large_file_of_a_form_needs_no_temporary_folder(client, monkeypatch, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (700, 700, 3), dtype=np.uint8)
    file = cv2.imencode(".png", noise)[1].tobytes()
    assert len(file) > 1 << 20
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "not there"))
    answer = client.post("/v1/faces", files={"file": file})
    assert answer.status_code == 200, answer.text


def test_max_faces(client, astronaut):
    picture = pasted(astronaut, 300, at=(20, 20))
    picture[80:230, 420:570] = pasted(astronaut, 150, at=(0, 0), frame=(150, 150))
    body = write_npy(picture[None])
    for asked, found in ((1, 1), (5, 2)):
        batch = faces_of(client.post(f"/v1/faces?max_faces={asked}", content=body, headers=NPY))
        assert len(batch.pictures[0].faces) == found


@pytest.mark.parametrize("shape", [(0, 4, 4, 3), (2, 1, 1, 3), (1, 2160, 3840, 3)])
def test_extreme_batches_have_no_faces(client, shape):
    batch = faces_of(client.post("/v1/faces", content=write_npy(np.full(shape, 9, np.uint8)), headers=NPY))
    assert [picture.faces for picture in batch.pictures] == [()] * shape[0]


async def until_ready(client):
    for _ in range(1200):
        if (await client.get("/health/ready")).is_success:
            return
        await asyncio.sleep(0.05)


SMALL = write_npy(np.zeros((1, 8, 8, 3), dtype=np.uint8))


@pytest.mark.parametrize(
    ("query", "body", "headers", "expected"),
    [
        ("", b"", NPY, (422, "bad-parameter", "body")),
        ("", b"not an array", NPY, (422, "bad-parameter", "body")),
        ("", SMALL[:-5], NPY, (422, "bad-parameter", "body")),
        ("", write_npy(np.zeros((1, 8, 8, 3))), NPY, (422, "bad-parameter", "body")),
        ("", write_npy(np.zeros((8, 8, 3), np.uint8)), NPY, (422, "bad-parameter", "body")),
        ("", write_npy(np.zeros((1, 8, 8, 1), np.uint8)), NPY, (422, "bad-parameter", "body")),
        ("", write_npy(np.zeros((1, 0, 8, 3), np.uint8)), NPY, (422, "bad-parameter", "body")),
        ("", write_npy(np.zeros((33, 8, 8, 3), np.uint8)), NPY, (422, "media-over-limit", "body")),
        ("?max_faces=0", SMALL, NPY, (422, "bad-parameter", "max_faces")),
        ("?max_faces=lots", SMALL, NPY, (422, "bad-parameter", "max_faces")),
        ("?profile=best", SMALL, NPY, (422, "bad-parameter", "profile")),
        ("?faces=3", SMALL, NPY, (422, "unknown-parameter", "faces")),
        ("", SMALL, {"content-type": "image/png"}, (415, "unsupported-media", "content-type")),
        ("", SMALL, {}, (415, "unsupported-media", "content-type")),
        ("", b"--x", {"content-type": "multipart/form-data"}, (400, "bad-request", "body")),
        ("", b"broken", {"content-type": "multipart/form-data; boundary=x"}, (400, "bad-request", "body")),
        (
            "",
            b"--x--\r\n",
            {"content-type": "multipart/form-data; boundary=x"},
            (422, "bad-parameter", "file"),
        ),
    ],
)
def test_refusals(client, query, body, headers, expected):
    answer = client.post(f"/v1/faces{query}", content=body, headers=headers)
    problem = problem_of(answer)
    assert (answer.status_code, problem.type.removeprefix("/problems/"), problem.field) == expected


@pytest.mark.parametrize(
    ("parts", "status", "name"),
    [
        ([("file", ("a.png", b""))], 422, "empty-upload"),
        ([("file", ("a.png", b"text"))], 415, "unsupported-media"),
        ([("file", ("a.png", png(np.zeros((9, 9, 3), np.uint8))[:40]))], 422, "damaged-media"),
        ([("picture", ("a.png", png(np.zeros((9, 9, 3), np.uint8))))], 422, "bad-parameter"),
        (
            [("file", (f"{i}.png", png(np.zeros((2, 2, 3), np.uint8)))) for i in range(33)],
            422,
            "media-over-limit",
        ),
        ([("file", (f"{i}.png", png(np.zeros((2, 2, 3), np.uint8)))) for i in range(60)], 400, "bad-request"),
    ],
)
def test_refused_files(client, parts, status, name):
    answer = client.post("/v1/faces", files=parts)
    assert (answer.status_code, problem_of(answer).type) == (status, f"/problems/{name}")


def test_a_body_over_the_limit():
    with AppClient(create_app(FaceSettings(threads=1, max_body_bytes=2000))) as client:
        client.wait_until_ready()
        answer = client.post("/v1/faces", content=write_npy(np.zeros((1, 30, 30, 3), np.uint8)), headers=NPY)
        assert (answer.status_code, problem_of(answer).type) == (413, "/problems/upload-too-large")


def test_models_are_listed(client):
    listed = client.get("/v1/models").json()["models"]
    assert sorted((model["profile"], model["role"]) for model in listed) == [
        ("default", "appearance"),
        ("default", "classification"),
        ("default", "detection"),
        ("default", "expression"),
        ("paper", "classification"),
        ("paper", "detection"),
    ]


def test_every_answer_is_documented(client):
    operation = client.get("/openapi.json").json()["paths"]["/v1/faces"]["post"]
    assert set(operation["responses"]) >= {"200", "400", "413", "415", "422", "503", "504"}
    assert set(operation["requestBody"]["content"]) == {MEDIA_TYPE, "multipart/form-data"}


async def test_first_requests_at_once(settings, astronaut):
    """Sent while the networks load: refused clearly, and answered alike once they are there."""
    app = create_app(settings)
    body = write_npy(astronaut[None])
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://face") as client,
    ):
        for answer in await asyncio.gather(
            *(client.post("/v1/faces", content=body, headers=NPY) for _ in range(6))
        ):
            assert answer.status_code in {200, 503}
            if answer.status_code == 503:
                assert problem_of(answer).type == "/problems/not-ready"
                assert answer.headers["retry-after"]
        await until_ready(client)
        answers = await asyncio.gather(
            *(client.post("/v1/faces", content=body, headers=NPY) for _ in range(8))
        )
        assert {str(faces_of(answer).pictures) for answer in answers} == {str(faces_of(answers[0]).pictures)}


async def test_too_many_at_once_are_refused(astronaut):
    app = create_app(FaceSettings(threads=1, inference_queue=1))
    body = write_npy(np.repeat(astronaut[None], 4, axis=0))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://face") as client,
    ):
        await until_ready(client)
        answers = await asyncio.gather(
            *(client.post("/v1/faces", content=body, headers=NPY) for _ in range(12))
        )
        refused = [answer for answer in answers if answer.status_code != 200]
        assert refused
        assert len(refused) < len(answers)
        for answer in refused:
            assert problem_of(answer).type == "/problems/overloaded"
            assert answer.headers["retry-after"]

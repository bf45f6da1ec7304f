"""Made films: faces and segments as the other services would give them."""

import asyncio
import contextlib
from types import SimpleNamespace

import httpx
import numpy as np
import pytest

from fusion_service.app import create_app
from fusion_service.parameters import load_model
from fusion_service.settings import FusionSettings
from shared.contracts.emotions import EMOTIONS, Scores
from shared.contracts.faces import Box, Face, FaceQuality, Pose
from shared.contracts.fusion import FrameFaces, FusionRequest, Profile
from shared.contracts.speech import SpeechSegment
from shared.contracts.vectors import pack_vector


def scores(label="neutral", confidence=0.76):
    """Scores with `confidence` for one emotion, the rest shared by the others."""
    rest = (1 - confidence) / 6
    return Scores.of([confidence if emotion == label else rest for emotion in EMOTIONS])


def spread(weights):
    """Scores in proportion to seven weights."""
    weights = np.asarray(weights, dtype=float)
    return Scores.of(weights / weights.sum())


def looks(person, *, noise=0.0, seed=0, length=116):
    """The appearance of a made person, with some noise."""
    base = np.random.default_rng(1000 + person).normal(size=length)
    base /= np.linalg.norm(base)
    moved = base + noise * np.random.default_rng(seed).normal(size=length) / np.sqrt(length)
    return pack_vector(moved / np.linalg.norm(moved))


def face(
    x=0.4,
    y=0.3,
    size=0.2,
    *,
    label="neutral",
    confidence=0.76,
    detection=0.95,
    pixels=120.0,
    sharpness=20.0,
    yaw=0.0,
    person=None,
    noise=0.1,
    seed=0,
    expression=None,
):
    return Face(
        box=Box(x=x, y=y, width=size, height=size),
        detection=detection,
        pose=Pose(yaw=yaw, roll=0),
        quality=FaceQuality(pixels=pixels, sharpness=sharpness, brightness=0.5),
        scores=label if isinstance(label, Scores) else scores(label, confidence),
        appearance=None if person is None else looks(person, noise=noise, seed=seed),
        expression=None if expression is None else pack_vector(np.asarray(expression)),
    )


def film(frames, *, fps=5.0, start=0.0, segments=(), **options):
    """A film of frames (each a list of faces) at `fps`, with segments."""
    return FusionRequest(
        kind=options.pop("kind", "film"),
        seconds=options.pop("seconds", len(frames) / fps),
        start=start,
        frames=[FrameFaces(t=start + index / fps, faces=faces) for index, faces in enumerate(frames)],
        segments=segments,
        **options,
    )


def segment(start=0.0, end=1.0, label="neutral", confidence=0.76, snr_db=25.0):
    return SpeechSegment(
        start=start,
        end=end,
        scores=label if isinstance(label, Scores) else scores(label, confidence),
        snr_db=snr_db,
    )


@pytest.fixture(scope="session")
def make():
    """The makers of films, faces, segments and scores."""
    return SimpleNamespace(scores=scores, spread=spread, face=face, film=film, segment=segment, looks=looks)


@pytest.fixture(scope="session")
def models():
    """The shipped parameters of every profile."""
    folder = FusionSettings().fusion_models
    return {profile: load_model(folder / profile / "fusion") for profile in Profile}


@pytest.fixture(scope="session")
def default(models):
    return models[Profile.DEFAULT]


@contextlib.asynccontextmanager
async def serving(**settings):
    """A client of the real app, once it is ready."""
    app = create_app(FusionSettings(threads=1, **settings))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://fusion") as http:
            for _ in range(500):
                if (await http.get("/health/ready")).status_code == 200:
                    break
                await asyncio.sleep(0.01)
            yield http


@pytest.fixture
async def client():
    async with serving() as http:
        yield http


@pytest.fixture
async def client_of_small_bodies():
    async with serving(max_body_bytes=2048) as http:
        yield http

"""The face networks that ship: whole files, one answer whatever the batch, the answers of the first day."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib import cbook
from PIL import Image
from skimage.data import astronaut

from face_service.alignment import APPEARANCE_TARGET, align_face, to_grey
from shared.contracts.emotions import EMOTIONS
from shared.inference import OnnxSession, calibrated, load_manifest

MODELS = Path(__file__).parents[2] / "face_service" / "models"
PROFILES = ("default", "paper")
# Eyes, nose and mouth corners of skimage's astronaut, in pixels.
ASTRONAUT = np.array([(200, 102), (247, 103), (220, 124), (199, 143), (240, 144)], np.float32)
# The same of matplotlib's picture of Grace Hopper.
HOPPER = np.array([(227, 193), (308, 195), (266, 240), (228, 268), (302, 270)], np.float32)
# Logits of `synthetic()` on the day the networks shipped.
GOLDEN = {
    "default": (0.9325, -2.0280, 2.5256, -1.2959, -0.9565, -2.6446, 0.4218),
    "paper": (-0.0394, 0.2045, 0.9631, 1.7152, 1.0126, -0.3985, -1.2136),
}


@pytest.fixture(scope="module", params=PROFILES)
def profile(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def session(profile: str) -> OnnxSession:
    return OnnxSession(MODELS / profile / "classification", threads=1)


def astronaut_crop(profile: str) -> np.ndarray:
    crop = align_face(astronaut(), ASTRONAUT, 112)
    return crop if profile == "default" else cv2.resize(to_grey(crop), (48, 48), interpolation=cv2.INTER_AREA)


def synthetic(shape: tuple[int, ...]) -> np.ndarray:
    """A picture from a formula: the same bytes on every machine."""
    places = np.indices(shape)
    return ((places * np.array([3, 5, 40])[: len(shape)].reshape(-1, *[1] * len(shape))).sum(0) % 256).astype(
        np.uint8
    )


def test_manifest_is_whole(profile):
    manifest = load_manifest(MODELS / profile / "classification")
    assert manifest.labels == EMOTIONS
    assert manifest.profile == profile
    assert 0.2 < manifest.uncertain_below < 1
    assert any("FER2013" in figure.what for figure in manifest.figures)
    for document in ("card.md", "LICENCE"):
        assert (MODELS / profile / "classification" / document).read_text().strip()


def test_manifest_describes_the_graph(session):
    shape = tuple(2 if size == "n" else int(size) for size in session.manifest.inputs[0].shape)
    outputs = session.run({"faces": np.zeros(shape, np.uint8)})
    assert set(outputs) == {output.name for output in session.manifest.outputs}
    for output in session.manifest.outputs:
        assert outputs[output.name].shape == (2, output.shape[1])
        assert np.isfinite(outputs[output.name]).all()


def test_a_picture_scores_the_same_in_any_batch(session):
    shape = session.manifest.inputs[0].shape[1:]
    pictures = np.random.default_rng(3).integers(0, 256, (5, *shape), dtype=np.uint8)
    together = session.run({"faces": pictures})
    for index in range(len(pictures)):
        alone = session.run({"faces": pictures[index : index + 1]})
        for name, values in alone.items():
            np.testing.assert_allclose(values[0], together[name][index], atol=1e-3)


def test_golden_logits(session, profile):
    """Preprocessing and weights are those that were measured: nothing between bytes and logits has moved."""
    faces = synthetic(session.manifest.inputs[0].shape[1:])[None]
    # Where float arithmetic differs by a last digit, int8 rounds a few values to the neighbouring step.
    allowed = 0.02 if profile == "default" else 1e-3
    np.testing.assert_allclose(session.run({"faces": faces})["logits"][0], GOLDEN[profile], atol=allowed)


def test_scores_sum_to_one(session, profile):
    logits = session.run({"faces": astronaut_crop(profile)[None]})["logits"]
    scores = calibrated(logits, session.manifest.temperature)
    np.testing.assert_allclose(scores.sum(1), 1, atol=1e-9)


def test_a_smile_is_happiness_in_the_mirror_too(session, profile):
    crop = astronaut_crop(profile)
    logits = session.run({"faces": np.stack([crop, crop[:, ::-1]])})["logits"]
    scores = calibrated(logits, session.manifest.temperature)
    assert [EMOTIONS[index] for index in scores.argmax(1)] == ["happiness", "happiness"]
    assert np.abs(scores[0] - scores[1]).sum() < 0.4


@pytest.mark.parametrize("grey", [False, True])
def test_appearance_links_one_person_and_parts_two(grey):
    session = OnnxSession(MODELS / "default" / "appearance", threads=1)
    with cbook.get_sample_data("grace_hopper.jpg") as file:
        hopper = np.asarray(Image.open(file).convert("RGB"))
    shown = [(astronaut(), ASTRONAUT), (astronaut(), ASTRONAUT + 2), (hopper, HOPPER), (hopper, HOPPER + 3)]
    crops = [align_face(picture, points, 112, APPEARANCE_TARGET) for picture, points in shown]
    if grey:
        crops = [np.repeat(to_grey(crop)[:, :, None], 3, axis=2) for crop in crops]
    vectors = session.run({"faces": np.stack(crops)})["appearance"]
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    alike = vectors @ vectors.T
    assert min(alike[0, 1], alike[2, 3]) > 0.8
    assert alike[:2, 2:].max() < 0.3

import numpy as np
import pytest

from face_service.alignment import EXPRESSION_TARGET, align_face
from face_service.classification import ExpressionReader
from shared.inference import OnnxSession

LANDMARKS = np.array([(200.1, 101.8), (247.1, 102.6), (220.4, 124.5), (198.6, 142.8), (239.7, 143.6)])

# What Google's own runtime (ai-edge-litert 2.3) makes of the published networks on the same crop.
# fmt: off
BLENDSHAPES = np.array([
    0.0, 0.0264, 0.0376, 0.085, 0.0742, 0.0451, 0.0005, 0.0, 0.0, 0.0578, 0.0529, 0.1695, 0.1773,
    0.0365, 0.1137, 0.1105, 0.0489, 0.0712, 0.0551, 0.2689, 0.2135, 0.0175, 0.0249, 0.0014, 0.0002, 0.0189,
    0.0006, 0.0012, 0.0477, 0.0353, 0.0, 0.0, 0.0175, 0.003, 0.0685, 0.1341, 0.076, 0.1127, 0.017,
    0.0008, 0.0028, 0.0178, 0.003, 0.0236, 0.8664, 0.8509, 0.0028, 0.0057, 0.5986, 0.5615, 0.0, 0.0,
])
# fmt: on
# Nose tip, outer corners of the eyes, corners of the mouth, chin: x, y and depth.
POINTS = {
    1: (130.33, 138.64, -30.92),
    33: (89.85, 100.97, 4.78),
    263: (171.95, 99.27, 2.99),
    61: (103.72, 153.57, 12.18),
    291: (159.87, 151.47, 10.85),
    152: (131.65, 207.22, 16.53),
}


@pytest.fixture(scope="module")
def session(settings):
    return OnnxSession(settings.face_models / "default" / "expression", threads=1)


@pytest.fixture(scope="module")
def crop(astronaut):
    return align_face(astronaut, LANDMARKS, 256, EXPRESSION_TARGET)


def test_same_as_the_published_networks(session, crop):
    outputs = session.run({"faces": crop[None]})
    assert outputs["blendshapes"][0] == pytest.approx(BLENDSHAPES, abs=1e-3)
    for index, point in POINTS.items():
        assert outputs["points"][0, index] == pytest.approx(point, abs=0.1)
    assert outputs["presence"][0] > 0.9


def test_names_are_in_the_manifest(session):
    names = session.manifest.outputs[0].meaning.split(": ")[1].split()
    assert len(names) == 52
    assert (names[0], names[25], names[44]) == ("_neutral", "jawOpen", "mouthSmileLeft")


def test_each_face_by_itself(session, crop):
    reader = ExpressionReader(session)
    both = reader.read(np.stack([crop, crop[:, ::-1]]))
    assert both.shape == (2, 52)
    np.testing.assert_allclose(both[0], reader.read(crop[None])[0], atol=1e-5)
    seven = reader.read(np.stack([crop, crop[:, ::-1]] * 3 + [crop]))
    np.testing.assert_allclose(seven[::2], np.tile(both[0], (4, 1)), atol=1e-5)
    np.testing.assert_allclose(seven[1::2], np.tile(both[1], (3, 1)), atol=1e-5)
    assert reader.read(crop[:0]).shape[0] == 0

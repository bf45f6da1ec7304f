"""Pictures of faces that ship with scikit-image and matplotlib, and the real networks."""

from pathlib import Path

import cv2
import matplotlib.cbook
import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray

from face_service.app import create_app, load_readers
from face_service.reading import FaceReader
from face_service.settings import FaceSettings
from face_service.yunet import YunetDetector
from shared.contracts.fusion import Profile
from shared.inference import OnnxSession
from tests.face_service.app_client import AppClient

Picture = NDArray[np.uint8]


@pytest.fixture(scope="session")
def astronaut() -> Picture:
    return np.asarray(skimage.data.astronaut())


@pytest.fixture(scope="session")
def hopper() -> Picture:
    path = Path(str(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB))


@pytest.fixture(scope="session")
def coffee() -> Picture:
    return np.asarray(skimage.data.coffee())


@pytest.fixture(scope="session")
def settings() -> FaceSettings:
    return FaceSettings(threads=2)


@pytest.fixture(scope="session")
def detector(settings: FaceSettings) -> YunetDetector:
    folder = settings.face_models / "default" / "detection"
    return YunetDetector(OnnxSession(folder, threads=1, arena=True))


@pytest.fixture(scope="session")
def readers(settings: FaceSettings) -> dict[Profile, FaceReader]:
    return load_readers(settings)[0]


@pytest.fixture(scope="session")
def client(settings: FaceSettings):
    with AppClient(create_app(settings)) as client:
        client.wait_until_ready()
        yield client

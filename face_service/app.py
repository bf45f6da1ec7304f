"""Wiring of face_service."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import cv2
import numpy as np
from fastapi import FastAPI

from face_service.classification import AppearanceReader, ExpressionReader, FaceClassifier
from face_service.haar import HaarDetector
from face_service.reading import FaceReader, cut_aligned, cut_grey
from face_service.routes import router
from face_service.settings import FaceSettings
from face_service.yunet import YunetDetector
from shared.contracts.fusion import Profile
from shared.contracts.manifests import Manifest
from shared.inference import OnnxSession
from shared.service import create_service

_log = logging.getLogger(__name__)

DESCRIPTION = """
Pictures in, faces out: box, points, pose, quality, a calibrated probability for each of seven emotions, a
vector for linking a face over time inside one analysis, and blendshapes for reading it over time.
Stateless: nothing is stored, nobody is recognised. What is scored is what a face displays, not what is felt.
"""


def create_app(settings: FaceSettings | None = None) -> FastAPI:
    """Make face_service."""
    settings = settings or FaceSettings()

    def load(app: FastAPI) -> Sequence[Manifest]:
        readers, manifests = load_readers(settings)
        app.state.readers = readers
        return manifests

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # One thread a call: several calls in flight use the cores better than one call on several.
        cv2.setNumThreads(1)
        yield

    return create_service(
        name="face_service",
        title="Faces",
        description=DESCRIPTION,
        settings=settings,
        routers=[router],
        load=load,
        lifespan=lifespan,
    )


def load_readers(settings: FaceSettings) -> tuple[dict[Profile, FaceReader], list[Manifest]]:
    """Load the networks of both profiles and run each once.

    Raises:
        ModelFileError: a network is missing or not what its manifest says.
    """
    default, paper = settings.face_models / "default", settings.face_models / "paper"
    # Inputs of these two come in a few fixed shapes, so they may keep their memory.
    detection = OnnxSession(default / "detection", threads=1, arena=True)
    classifiers = {
        profile: FaceClassifier(_session(folder / "classification"))
        for profile, folder in ((Profile.DEFAULT, default), (Profile.PAPER, paper))
    }
    appearance = _appearance(default / "appearance")
    expression = ExpressionReader(OnnxSession(default / "expression", threads=1, arena=True))
    haar = HaarDetector(paper / "detection")
    readers = {
        Profile.DEFAULT: FaceReader(
            detector=YunetDetector(detection),
            cut=cut_aligned,
            classifier=classifiers[Profile.DEFAULT],
            appearance=appearance,
            expression=expression,
            expression_faces=settings.face_expression_faces,
        ),
        Profile.PAPER: FaceReader(detector=haar, cut=cut_grey, classifier=classifiers[Profile.PAPER]),
    }
    for reader in readers.values():
        reader.read([np.zeros((360, 640, 3), dtype=np.uint8)], max_faces=1)
    if appearance is not None:
        appearance.read(np.zeros((1, appearance.size, appearance.size, 3), dtype=np.uint8))
    expression.read(np.zeros((1, expression.size, expression.size, 3), dtype=np.uint8))
    manifests = [
        detection.manifest,
        classifiers[Profile.DEFAULT].manifest,
        *([] if appearance is None else [appearance.manifest]),
        expression.manifest,
        haar.manifest,
        classifiers[Profile.PAPER].manifest,
    ]
    return readers, manifests


def _appearance(folder: Path) -> AppearanceReader | None:
    """The network that tells people apart; its folder may be left out, for its licence is another one."""
    if folder.is_dir():
        return AppearanceReader(_session(folder))
    _log.warning("there is no %s: people of a film are linked by place alone", folder)
    return None


def _session(folder: Path) -> OnnxSession:
    return OnnxSession(folder, threads=1)

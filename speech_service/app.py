"""Wiring of speech_service."""

import numpy as np
from fastapi import FastAPI

from shared.contracts.fusion import Profile
from shared.contracts.manifests import Manifest
from shared.inference import OnnxSession
from shared.service import create_service
from speech_service.activity import speech_probabilities
from speech_service.analysis import RULES
from speech_service.classification import Classifier, MfccClassifier, SoundClassifier
from speech_service.features import RATE
from speech_service.routes import router
from speech_service.settings import SpeechSettings

_DESCRIPTION = """Finds speech in a sound, cuts it at pauses and reads what the voice expresses.

Private: only the gateway calls it. It holds no state: any replica answers any call."""


def create_app(settings: SpeechSettings | None = None) -> FastAPI:
    """Make the service; without settings they are read from the environment."""
    settings = settings or SpeechSettings()

    def load(app: FastAPI) -> list[Manifest]:
        # Calls run side by side, one thread each: quicker in all than one call on several threads.
        activity = OnnxSession(settings.speech_models / Profile.DEFAULT / "activity", threads=1)
        classifiers: dict[Profile, Classifier] = {
            Profile.DEFAULT: SoundClassifier(
                OnnxSession(settings.speech_models / Profile.DEFAULT / "classification", threads=1)
            ),
            Profile.PAPER: MfccClassifier(
                OnnxSession(settings.speech_models / Profile.PAPER / "classification", threads=1)
            ),
        }
        silence = np.zeros(2 * RATE, dtype=np.float32)
        speech_probabilities(activity, silence, rules=RULES)
        for classifier in classifiers.values():
            classifier.read(silence)
        app.state.activity = activity
        app.state.classifiers = classifiers
        return [activity.manifest, *(classifier.manifest for classifier in classifiers.values())]

    return create_service(
        name="speech_service",
        title="Speech service",
        description=_DESCRIPTION,
        settings=settings,
        routers=[router],
        load=load,
    )

"""HTTP of speech_service."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from shared.contracts.fusion import Profile
from shared.contracts.problems import Problem
from shared.contracts.speech import SpeechAnalysis
from shared.form import FORM, files_of_form
from shared.inference import InferencePool, InferenceSession
from shared.npy import MEDIA_TYPE as NPY
from shared.problem_answers import problem_responses
from shared.request_body import read_body
from speech_service.analysis import analyse
from speech_service.classification import Classifier
from speech_service.settings import SpeechSettings
from speech_service.sounds import sound_of_array, sound_of_file

router = APIRouter(prefix="/v1", tags=["speech"])

_FILES = frozenset({"audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave", "audio/flac", "audio/x-flac"})
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        NPY: _BINARY,
        "audio/wav": _BINARY,
        "audio/flac": _BINARY,
        FORM: {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {"file": {"type": "string", "format": "binary", "description": "WAV or FLAC."}},
            }
        },
    },
}


async def _settings(request: Request) -> SpeechSettings:
    settings: SpeechSettings = request.app.state.settings
    return settings


async def _pool(request: Request) -> InferencePool:
    pool: InferencePool = request.app.state.pool
    return pool


async def _activity(request: Request) -> InferenceSession:
    activity: InferenceSession = request.app.state.activity
    return activity


async def _classifiers(request: Request) -> Mapping[Profile, Classifier]:
    classifiers: Mapping[Profile, Classifier] = request.app.state.classifiers
    return classifiers


Settings = Annotated[SpeechSettings, Depends(_settings)]
PoolOfThreads = Annotated[InferencePool, Depends(_pool)]
Activity = Annotated[InferenceSession, Depends(_activity)]
Classifiers = Annotated[Mapping[Profile, Classifier], Depends(_classifiers)]


@router.post(
    "/speech",
    summary="Sound in; segments of speech with scores out",
    response_model=SpeechAnalysis,
    responses=problem_responses(400, 413, 415, 422, 499, 503, 504),
    openapi_extra={"requestBody": _BODY},
)
async def read_speech(  # noqa: PLR0917 - FastAPI passes them by name
    request: Request,
    settings: Settings,
    pool: PoolOfThreads,
    activity: Activity,
    classifiers: Classifiers,
    profile: Annotated[Profile, Query(description="Which networks.")] = Profile.DEFAULT,
) -> Response:
    """Find where somebody speaks and read what the voice expresses.

    Send float32 samples (mono, 16 kHz) as .npy, or a WAV or FLAC file, raw or as `file` of a form. Music,
    noise and silence give no segments, and `scores` is null then.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != NPY and kind not in _FILES and kind != FORM:
        raise Problem(
            "unsupported-media",
            f"The media type {kind[:60]!r} is not taken here."
            if kind
            else "The request has no Content-Type.",
            remedy=f"Send {NPY}, audio/wav, audio/flac or {FORM}.",
            field="Content-Type",
        )
    body = await read_body(request, settings.max_body_bytes)
    if kind == FORM:
        (body,) = await files_of_form(body, request.headers, most=1)
    answer = await pool.run(
        _answer,
        body,
        array=kind == NPY,
        settings=settings,
        activity=activity,
        classifier=classifiers[profile],
    )
    return Response(answer, media_type="application/json")


def _answer(
    body: bytes, *, array: bool, settings: SpeechSettings, activity: InferenceSession, classifier: Classifier
) -> bytes:
    read = sound_of_array if array else sound_of_file
    sound = read(body, longest_seconds=settings.speech_seconds)
    return analyse(sound, activity, classifier).model_dump_json().encode()

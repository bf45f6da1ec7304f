"""The three inner APIs as typed clients."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shared import npy
from shared.client import ServiceClient
from shared.contracts.faces import FaceBatch
from shared.contracts.fusion import FusionRequest, FusionResult, Profile
from shared.contracts.manifests import ModelList
from shared.contracts.problems import Problem
from shared.contracts.speech import SpeechAnalysis
from shared.pieces import Pieces

# On a busy machine fusion_service took 4 s for so many bytes, and 38 s for two hours of a crowd: longer than
# a call may take by default.
_BYTES_OF_ONE_CALL = 1 << 25


class FaceService:
    """face_service.

    Args:
        client: how it is reached.
        seconds: longest time for one call.
        max_faces: at most this many faces of each picture are read, the largest.
    """

    def __init__(self, client: ServiceClient, *, seconds: float, max_faces: int) -> None:
        self._client = client
        self._seconds = seconds
        self.max_faces = max_faces

    async def read_faces(
        self,
        pictures: Sequence[NDArray[np.uint8]],
        profile: Profile,
        *,
        expressions_of: Sequence[int],
        film: bool = True,
    ) -> FaceBatch:
        """Find and read the faces of pictures of one size.

        Args:
            pictures: RGB, each of shape [height, width, 3].
            profile: which networks.
            expressions_of: numbers of the pictures whose faces' blendshapes are wanted.
            film: whether they are frames of one film or stream, whose people are to be told apart.

        Raises:
            shared.contracts.problems.Problem, shared.client.ServiceDownError: see `ServiceClient.post`.
        """
        body = Pieces(npy.stacked_npy(pictures))
        answer = await self._client.post(
            "/v1/faces",
            body,
            media_type=npy.MEDIA_TYPE,
            parameters={
                "profile": profile.value,
                "max_faces": str(self.max_faces),
                "expressions_of": ",".join(map(str, expressions_of)),
                "film": str(film).lower(),
            },
            seconds=self._seconds,
        )
        return FaceBatch.model_validate_json(answer)


class SpeechService:
    """speech_service.

    Args:
        client: how it is reached.
        seconds: longest time for one call.
    """

    def __init__(self, client: ServiceClient, *, seconds: float) -> None:
        self._client = client
        self._seconds = seconds

    async def read_speech(self, samples: NDArray[np.float32], profile: Profile) -> SpeechAnalysis:
        """Find and read the speech in a stretch of sound.

        Args:
            samples: mono, 16 kHz, -1..1, shape [n].
            profile: which networks.

        Raises:
            shared.contracts.problems.Problem, shared.client.ServiceDownError: see `ServiceClient.post`.
        """
        answer = await self._client.post(
            "/v1/speech",
            npy.write_npy(samples),
            media_type=npy.MEDIA_TYPE,
            parameters={"profile": profile.value},
            seconds=self._seconds,
        )
        return SpeechAnalysis.model_validate_json(answer)


class FusionService:
    """fusion_service.

    Args:
        client: how it is reached.
        seconds: longest time for one call; as much again for every 32 MiB sent.
    """

    def __init__(self, client: ServiceClient, *, seconds: float) -> None:
        self._client = client
        self._seconds = seconds

    async def fuse(self, request: FusionRequest, frames: Sequence[bytes]) -> FusionResult:
        """Link people, build the timeline and judge.

        Args:
            request: everything but the frames.
            frames: JSON of `FrameFaces`, one or several with commas between in each; in order of time.

        Raises:
            Problem: `media-over-limit` where there are more faces than fusion_service takes.
            Problem, shared.client.ServiceDownError: see `ServiceClient.post`.
        """
        body = _with_frames(request, frames)
        try:
            answer = await self._client.post(
                "/v1/fusion",
                body,
                media_type="application/json",
                seconds=self._seconds * (1 + len(body) / _BYTES_OF_ONE_CALL),
            )
        except Problem as problem:
            if problem.name != "upload-too-large":
                raise
            raise too_many_faces() from problem
        return FusionResult.model_validate_json(answer)


def too_many_faces() -> Problem:
    """Say that an upload has more faces than one analysis can have."""
    return Problem(
        "media-over-limit",
        "More faces were found than can be judged together.",
        remedy="Ask for fewer frames a second with `fps`, or for a part with `start` and `end`.",
        field="fps",
    )


def _with_frames(request: FusionRequest, frames: Sequence[bytes]) -> Pieces:
    """Put frames that are JSON already into the JSON of a request; a long film has megabytes of them."""
    rest = request.model_dump_json(exclude={"frames"}).encode()
    parts: list[bytes] = [rest[:-1], b',"frames":[']
    for index, part in enumerate(frames):
        parts += [b",", part] if index else [part]
    return Pieces([*parts, b"]}"])


async def list_models(client: ServiceClient) -> ModelList:
    """Ask a service for its networks; raises as `ServiceClient.get` does."""
    return ModelList.model_validate_json(await client.get("/v1/models", seconds=5))

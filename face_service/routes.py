"""HTTP of face_service."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request

from face_service.detection import Picture
from face_service.pictures import PictureLimits, pictures_from_files, pictures_from_npy
from face_service.reading import FaceReader
from face_service.settings import FaceSettings
from shared.contracts.faces import MOST_FACES, FaceBatch
from shared.contracts.fusion import Profile
from shared.contracts.problems import Problem
from shared.form import FORM, files_of_form
from shared.inference import InferencePool
from shared.npy import MEDIA_TYPE as NPY
from shared.problem_answers import problem_responses
from shared.request_body import read_body

router = APIRouter(tags=["faces"])

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            NPY: {
                "schema": {
                    "type": "string",
                    "format": "binary",
                    "description": "What numpy.save writes: uint8 [n, height, width, 3], RGB, C order.",
                }
            },
            FORM: {
                "schema": {
                    "type": "object",
                    "properties": {
                        "file": {"type": "array", "items": {"type": "string", "format": "binary"}},
                    },
                    "required": ["file"],
                }
            },
        },
    }
}


@router.post(
    "/v1/faces",
    summary="Find the faces of pictures and score what they express",
    responses=problem_responses(400, 413, 415, 422, 499, 500, 503, 504),
    openapi_extra=_BODY,
)
async def faces(
    request: Request,
    profile: Annotated[Profile, Query(description="The networks to use.")] = Profile.DEFAULT,
    max_faces: Annotated[
        int | None, Query(ge=1, le=MOST_FACES, description="Faces kept of each picture, the largest first.")
    ] = None,
    expressions_of: Annotated[
        str | None,
        Query(
            pattern=r"^([0-9]{1,4}(,[0-9]{1,4})*)?$",
            max_length=4096,
            description="Numbers, from 0, of the pictures of whose faces blendshapes are read; else all.",
            examples=["0,2,4,6"],
        ),
    ] = None,
    *,
    film: Annotated[
        bool, Query(description="Whether the pictures of an array are frames of one film, in order.")
    ] = True,
) -> FaceBatch:
    """Take one array of frames, or one or several JPEG or PNG files named `file`.

    The pictures of an array are taken for frames of one film in order: faces of one are followed into the
    next, and each has an appearance. With `film=false` they are not, as files never are.

    The answer has one entry a picture, in the order sent; a picture without a face has an empty list.
    """
    settings: FaceSettings = request.app.state.settings
    pool: InferencePool = request.app.state.pool
    reader: FaceReader = request.app.state.readers[profile]
    limits = PictureLimits(pictures=settings.face_pictures, pixels=settings.face_pixels)
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind not in {NPY, FORM}:
        raise Problem(
            "unsupported-media",
            f"The body's media type is {kind[:64] or 'missing'}.",
            remedy=f"Send {NPY} or {FORM}.",
            field="content-type",
        )
    body = await read_body(request, settings.max_body_bytes)
    wanted = Wanted(
        max_faces=settings.face_max_faces if max_faces is None else max_faces,
        expressions_of=None
        if expressions_of is None
        else frozenset(int(number) for number in expressions_of.split(",") if number),
        film=film and kind == NPY,
    )
    if kind == NPY:
        return await pool.run(read_array, body, reader=reader, limits=limits, wanted=wanted)
    files = await files_of_form(body, request.headers, most=limits.pictures + 1)
    return await pool.run(read_files, files, reader=reader, limits=limits, wanted=wanted)


@dataclass(frozen=True)
class Wanted:
    """What a call asks for; see `FaceReader.read`."""

    max_faces: int
    expressions_of: frozenset[int] | None = None
    film: bool = False


def read_array(body: bytes, *, reader: FaceReader, limits: PictureLimits, wanted: Wanted) -> FaceBatch:
    """Read the faces of an .npy body; raises what `pictures_from_npy` raises."""
    return _read(pictures_from_npy(body, limits), reader, wanted)


def read_files(files: list[bytes], *, reader: FaceReader, limits: PictureLimits, wanted: Wanted) -> FaceBatch:
    """Read the faces of picture files; raises what `pictures_from_files` raises."""
    return _read(pictures_from_files(files, limits), reader, wanted)


def _read(pictures: list[Picture], reader: FaceReader, wanted: Wanted) -> FaceBatch:
    return reader.read(
        pictures, max_faces=wanted.max_faces, film=wanted.film, expressions_of=wanted.expressions_of
    )

"""The inner API of face_service: pictures in, faces out."""

from pydantic import Field

from shared.contracts.base import Contract, PackedVector
from shared.contracts.emotions import Probability, Scores

# The most faces of one picture that a call may ask for.
MOST_FACES = 64


class Box(Contract):
    """A rectangle in fractions of the picture's width and height; may reach a little over the edge."""

    x: float = Field(ge=-1, le=2, description="Left edge, 0 = left side of the picture, 1 = right side.")
    y: float = Field(ge=-1, le=2, description="Top edge, 0 = top of the picture, 1 = bottom.")
    # Nothing smaller is given, and the area of what is much smaller would be zero.
    width: float = Field(ge=1e-5, le=3)
    height: float = Field(ge=1e-5, le=3)


class Point(Contract):
    """A point in fractions of the picture's width and height."""

    x: float
    y: float


class FaceQuality(Contract):
    """How well the face can be read."""

    pixels: float = Field(
        gt=0, description="Mean of the box's width and height, in pixels of the picture analysed."
    )
    sharpness: float = Field(
        ge=0,
        description="Standard deviation of the Laplacian of the aligned crop, 0..255; blurred: below 5.",
    )
    brightness: float = Field(ge=0, le=1, description="Mean luminance of the aligned crop.")


class Pose(Contract):
    """How the head is turned, in degrees; 0 is frontal and upright."""

    yaw: float = Field(
        ge=-180, le=180, description="Positive when the nose points to the picture's right edge."
    )
    roll: float = Field(ge=-180, le=180, description="Positive when the head leans clockwise in the picture.")


class Face(Contract):
    """One detected face in one picture."""

    box: Box
    detection: Probability = Field(description="Detection score.")
    landmarks: tuple[Point, ...] | None = Field(
        default=None,
        description="Right eye, left eye, nose tip, right and left mouth corner, as the person would say; "
        "null when the detector gives none.",
    )
    pose: Pose | None = None
    quality: FaceQuality
    scores: Scores
    appearance: PackedVector | None = Field(
        default=None,
        description="L2-normalised vector that tells people apart inside one analysis; of frames only.",
    )
    expression: PackedVector | None = Field(
        default=None, description="Blendshape coefficients, 0..1, for reading a face over time."
    )


class PictureFaces(Contract):
    """All faces of one picture of the batch."""

    faces: tuple[Face, ...]
    left_out: int = Field(default=0, ge=0, description="Smaller faces that were found and not read.")


class FaceBatch(Contract):
    """The answer of `POST /v1/faces`: one entry a picture, in the order they were sent."""

    pictures: tuple[PictureFaces, ...]
    model: str = Field(examples=["face-default-1"])
    uncertain_below: Probability = Field(
        description="Confidence below which this network's judgement is called uncertain."
    )
    compute_ms: float = Field(ge=0, description="Time spent inside the networks.")

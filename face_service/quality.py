"""How well a face can be read, and how the head is turned, from its crop and its five points."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from face_service.alignment import to_grey
from face_service.detection import Detection
from shared.contracts.faces import FaceQuality, Pose

# Measured on KDEF (front, half profile at 45 degrees): distance of the eyes over the distance from eyes to
# mouth, seen from the front, and how far the nose tip stands out in the same unit.
_EYES_OVER_HEIGHT = 1.08
_NOSE_OVER_HEIGHT = 0.474


def quality_of(detection: Detection, crop: NDArray[np.uint8]) -> FaceQuality:
    """Measure one face.

    Args:
        detection: the face, in pixels of the picture.
        crop: shape [s, s, 3] RGB or [s, s] grey.
    """
    grey = to_grey(crop) if crop.ndim == 3 else crop
    sharpness = float(cv2.Laplacian(grey, cv2.CV_32F).std())
    return FaceQuality(
        pixels=round((detection.box[2] + detection.box[3]) / 2, 1),
        sharpness=round(sharpness, 2),
        brightness=round(float(grey.mean()) / 255, 4),
    )


def pose_of(landmarks: NDArray[np.float64]) -> Pose | None:
    """Estimate how the head is turned; None when the points are too close together to tell.

    Roll is the lean of the line from eyes to mouth. Yaw follows from the nose tip, which moves aside with its
    sine, and the eyes, which close up with its cosine; good to some 10 degrees up to half profile.

    Args:
        landmarks: shape [5, 2], pixels.
    """
    eyes, mouth = landmarks[:2].mean(axis=0), landmarks[3:].mean(axis=0)
    down = mouth - eyes
    height = float(np.hypot(*down))
    if height < 1.0:
        return None
    down /= height
    across = np.array([down[1], -down[0]])
    sine = float((landmarks[2] - eyes) @ across) / height / _NOSE_OVER_HEIGHT
    cosine = max(0.0, float((landmarks[1] - landmarks[0]) @ across)) / height / _EYES_OVER_HEIGHT
    return Pose(
        yaw=round(math.degrees(math.atan2(sine, cosine)), 1),
        roll=round(math.degrees(math.atan2(-float(down[0]), float(down[1]))), 1),
    )

"""Random changes of a face picture, as cameras, films and detectors make them: uint8 RGB in and out."""

import cv2
import numpy as np
import numpy.typing as npt

from training.corpora.faces import Picture
from training.face.crops import Placement, cut

Random = np.random.Generator


def jittered(placement: Placement, random: Random) -> Placement:
    """Turn, scale, shift and mirror a placement about the middle of the crop, as an unsure detector would."""
    angle = np.deg2rad(random.normal(0, 6))
    scale = np.exp(random.normal(0, 0.07))
    stretch = np.exp(random.normal(0, 0.03))
    mirror = -1 if random.random() < 0.5 else 1
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    change = scale * turn @ np.diag([mirror * stretch, 1 / stretch])
    moved = change @ placement
    moved[:, 2] += 0.5 - change @ np.array([0.5, 0.5]) + random.normal(0, 0.03, 2)
    return np.asarray(moved, np.float64)


def recompressed(picture: Picture, quality: int) -> Picture:
    """Through JPEG and back."""
    coded = cv2.imencode(".jpg", picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)[:, :, ::-1]


def reduced(picture: Picture, side: int) -> Picture:
    """Down to `side` pixels and back up."""
    small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.uint8)


def darkened(picture: Picture, random: Random, gain: float) -> Picture:
    """Low light: less of it, and the sensor's noise."""
    noise = random.normal(0, 255 * 0.03, picture.shape[:2]).astype(np.float32)[:, :, None]
    return np.asarray(np.clip(picture * np.float32(gain) + noise, 0, 255), np.uint8)


def relit(picture: Picture, random: Random) -> Picture:
    """Other gain, offset and gamma, by one table for all channels, and a cast of colour."""
    ramp = np.linspace(0, 1, 256) ** np.exp(random.normal(0, 0.25))
    ramp = ramp * np.exp(random.normal(0, 0.2)) + random.normal(0, 0.06)
    tables = [ramp * np.exp(random.normal(0, 0.05)) for _ in range(3)]
    table = np.clip(np.stack(tables, -1) * 255, 0, 255).astype(np.uint8)[None]
    return np.asarray(cv2.LUT(picture, table), np.uint8)


def grey(picture: Picture) -> Picture:
    """Luma in all three channels."""
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.cvtColor(luma, cv2.COLOR_GRAY2RGB), np.uint8)


def occluded(picture: Picture, random: Random) -> Picture:
    """One rectangle of a single colour over part of the face."""
    side = picture.shape[0]
    height, width = (random.uniform(0.12, 0.4, 2) * side).astype(int)
    top, left = (random.uniform(-0.1, 0.9, 2) * side).clip(0).astype(int)
    picture = picture.copy()
    picture[top : top + height, left : left + width] = random.integers(0, 256, 3)
    return picture


def spoiled(picture: Picture, random: Random, often: float = 1) -> Picture:
    """At most a few of: few pixels, blur, low light, JPEG; in the order in which a camera does them."""
    if random.random() < 0.1 * often:
        picture = darkened(picture, random, random.uniform(0.15, 0.6))
    if random.random() < 0.1 * often:
        picture = np.asarray(
            cv2.GaussianBlur(picture, (0, 0), random.uniform(0.4, 1.8) * picture.shape[0] / 80), np.uint8
        )
    if random.random() < 0.2 * often:
        picture = reduced(picture, int(random.integers(18, 48)))
    if random.random() < 0.15 * often:
        picture = recompressed(picture, int(random.integers(15, 70)))
    return picture


def augmented(
    picture: Picture, placement: Placement, side: int, random: Random, *, often: float = 1
) -> Picture:
    """A changed crop of `side` pixels for learning; `often` scales how often it is spoiled or occluded."""
    border = cv2.BORDER_REPLICATE if random.random() < 0.8 else cv2.BORDER_CONSTANT
    crop = cut(picture, jittered(placement, random), side, border=border)
    if random.random() < 0.2:
        crop = grey(crop)
    if random.random() < 0.5:
        crop = relit(crop, random)
    crop = spoiled(crop, random, often)
    return occluded(crop, random) if random.random() < 0.2 * often else crop


def mixed(
    pictures: npt.NDArray[np.float32], random: Random, strength: float
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], float]:
    """Mixup (Zhang et al. 2018): blend a batch with itself; gives also the other order and the own share."""
    share = float(random.beta(strength, strength))
    share = max(share, 1 - share)
    order = random.permutation(len(pictures))
    return share * pictures + np.float32(1 - share) * pictures[order], order, share

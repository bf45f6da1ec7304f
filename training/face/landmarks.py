"""Five points of each face in the packs, found by YuNet, kept in a cache so that they are found once.

python -m training.face.landmarks --yunet yunet.onnx --cache FOLDER [--packs kdef jaffe ...]
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from training.corpora.faces import PACKS, Picture, read_pack

Points = npt.NDArray[np.float32]
FOUND_AT = 192
BORDER = 0.25


def find_points(detector: cv2.FaceDetectorYN, picture: Picture) -> Points | None:
    """The five points (eye, eye, nose, mouth, mouth; left to right in the picture) of the most central large
    face.

    The pictures are face crops: they are enlarged and framed first, because YuNet wants to see around a face.
    """
    height, width = picture.shape[:2]
    scale = FOUND_AT / max(height, width)
    border = round(BORDER * FOUND_AT)
    enlarged = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    framed = cv2.copyMakeBorder(enlarged, border, border, border, border, cv2.BORDER_REPLICATE)
    detector.setInputSize((framed.shape[1], framed.shape[0]))
    _, found = detector.detect(np.ascontiguousarray(framed[:, :, ::-1]))
    faces = np.asarray([] if found is None else found, np.float32).reshape(-1, 15)
    if not len(faces):
        return None
    face = faces[np.argmax(faces[:, 2] * faces[:, 3] * faces[:, 14])]
    return np.asarray((face[4:14].reshape(5, 2) - border) / scale, np.float32)


def find_all(pack_name: str, yunet: Path) -> npt.NDArray[np.float32]:
    """Points of every picture of a pack, float32 [n, 5, 2] in its pixels; NaN where no face was found."""
    detector = cv2.FaceDetectorYN.create(str(yunet), "", (FOUND_AT, FOUND_AT), score_threshold=0.4)
    pack = read_pack(pack_name)
    points = np.full((len(pack), 5, 2), np.nan, np.float32)
    for index, picture in enumerate(pack.pictures()):
        found = find_points(detector, picture)
        if found is not None:
            points[index] = found
    return points


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--yunet", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--packs", nargs="+", default=list(PACKS), choices=PACKS)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    arguments.cache.mkdir(parents=True, exist_ok=True)
    for name in arguments.packs:
        points = find_all(name, arguments.yunet)
        np.save(arguments.cache / f"{name}.points.npy", points)
        print(f"{name}: {np.isfinite(points[:, 0, 0]).mean():.1%} of {len(points)} found", flush=True)


if __name__ == "__main__":
    main()

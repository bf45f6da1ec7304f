"""Five points of each face in the packs, found by YuNet, kept in a cache so that they are found once.

    python -m training.face.landmarks --cache FOLDER [--packs kdef jaffe ...]

With the detector that ships. Needs EMOTION_CORPORA.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from face_service.yunet import YunetDetector
from shared.inference import OnnxSession
from training.corpora.faces import PACKS, Picture, read_pack
from training.face.samples import points_file
from training.whole_files import written_whole

Points = npt.NDArray[np.float32]
DETECTOR = Path(__file__).parents[2] / "face_service" / "models" / "default" / "detection"
FOUND_AT = 192
BORDER = 0.25


def find_points(detector: YunetDetector, picture: Picture) -> Points | None:
    """The five points [5, 2] (eyes, nose, mouth; left to right in the picture) of the largest face.

    The pictures are face crops: where none is found, they are enlarged and framed, because the detector
    wants to see around a face.
    """
    found = detector.detect([picture], film=False)[0]
    if found and found[0].landmarks is not None:
        return np.asarray(found[0].landmarks, np.float32)
    scale = FOUND_AT / max(picture.shape[:2])
    border = round(BORDER * FOUND_AT)
    enlarged = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    framed = cv2.copyMakeBorder(enlarged, border, border, border, border, cv2.BORDER_REPLICATE)
    found = detector.detect([np.asarray(framed, np.uint8)], film=False)[0]
    if found and found[0].landmarks is not None:
        return np.asarray((found[0].landmarks - border) / scale, np.float32)
    return None


def find_all(pack_name: str, *, only: str | None = None) -> npt.NDArray[np.float32]:
    """Points of every picture of a pack, float32 [n, 5, 2] in its pixels; NaN where no face was found.

    `only` names a split: the others stay NaN.
    """
    detector = YunetDetector(OnnxSession(DETECTOR, threads=1))
    pack = read_pack(pack_name)
    points = np.full((len(pack), 5, 2), np.nan, np.float32)
    wanted = range(len(pack)) if only is None else np.flatnonzero(pack.text("split") == only).tolist()
    for index in wanted:
        found = find_points(detector, pack.picture(index))
        if found is not None:
            points[index] = found
    return points


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--packs", nargs="+", default=list(PACKS), choices=PACKS)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    for name in arguments.packs:
        points = find_all(name)
        with written_whole(points_file(arguments.cache, name)) as unfinished:
            np.save(unfinished, points)
        print(f"{name}: {np.isfinite(points[:, 0, 0]).mean():.1%} of {len(points)} found", flush=True)


if __name__ == "__main__":
    main()

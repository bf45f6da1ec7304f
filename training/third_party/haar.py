"""Take the paper's detector, OpenCV's frontal Haar cascade, out of the installed OpenCV 4.

    python -m training.third_party.haar FOLDER

The cascade does not give probabilities. `score_slope` and `score_offset` of the manifest are a logistic
curve on the sum of votes of the last stage, fitted by `training.detection.haar_scores`.

Viola, Jones: Rapid object detection using a boosted cascade of simple features. CVPR 2001. Lienhart, Maydt:
An extended set of Haar-like features for rapid object detection. ICIP 2002.
"""

import argparse
import hashlib
from pathlib import Path

import cv2

from shared.contracts.manifests import Tensor
from training.third_party.network_folder import write_network_folder

NAME = "haarcascade_frontalface_default.xml"
SHA256 = "0f7d4527844eb514d4a4948e822da90fbb16a34a0bbbbc6adc6498747a5aafb0"
# 447 faces and 84 false alarms.
SCORE_SLOPE, SCORE_OFFSET = 0.4931, -0.5889

CARD = """# Frontal Haar cascade (`paper` profile)

**What it is.** The detector that the paper names: OpenCV's boosted cascade of Haar features for upright
frontal faces of at least 24 pixels. It gives boxes without points.

**Where it comes from.** `haarcascade_frontalface_default.xml` of OpenCV 4 (PyPI `opencv-python-headless`),
unchanged; by Rainer Lienhart, Intel licence (BSD type), beside this card. OpenCV 5 no longer has it.

**What it is not good at.** Turned, tilted and small faces, and textures that look like faces: measured
against the default detector in docs/face-detection.md. It is here so that the paper's method stays runnable
and comparable.

**Score.** The sum of votes of the last stage, through a logistic curve fitted on faces and false alarms
(`training/detection/haar_scores.py`).
"""


def cascade() -> bytes:
    """Read the cascade and verify it.

    Raises:
        ValueError: it is another file.
    """
    content = (Path(cv2.__file__).parent / "data" / NAME).read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise ValueError(f"{NAME} of the installed OpenCV is another file")
    return content


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="face_service/models/paper/detection")
    content = cascade()
    text = content.decode()
    licence = text[text.index("<!--") + 4 : text.index("-->")].strip() + "\n"
    manifest = write_network_folder(
        parser.parse_args().folder,
        network=content,
        card=CARD,
        licence_text=licence,
        name="face-detection-paper-1",
        role="detection",
        profile="paper",
        file=NAME,
        licence="Intel License Agreement For Open Source Computer Vision Library (BSD type)",
        source=f"PyPI opencv-python-headless 4.x, cv2/data/{NAME}, unchanged",
        summary="Boosted cascade of Haar features for upright frontal faces, as the paper uses.",
        inputs=(
            Tensor(
                name="picture",
                dtype="uint8",
                shape=("height", "width"),
                meaning="grey, histogram equalised, longer side at most 640",
            ),
        ),
        preprocessing={
            "scale_factor": 1.1,
            "min_neighbors": 5,
            "min_size": 24,
            "score_slope": SCORE_SLOPE,
            "score_offset": SCORE_OFFSET,
        },
    )
    print(f"{manifest.name}: {manifest.bytes / 1e3:.0f} kB")


if __name__ == "__main__":
    main()

"""Fit the curve that turns the Haar cascade's sum of votes into a probability that it is a face.

    EMOTION_CORPORA=... python -m training.detection.haar_scores

Faces: RAF-DB, KDEF and film frames; false alarms: whatever else is found there and in pictures without faces.
"""

import argparse

import cv2
import numpy as np
from sklearn.linear_model import LogisticRegression

from training.detection import material
from training.detection.candidates import haar


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    cv2.setNumThreads(1)
    detect = haar()
    examples = [*material.aligned(400), *material.posed("S", 100), *material.posed("HL", 100)]
    examples += [material.Example(frame, (180.0, 145.0), 115.0) for frame in material.film_frames(60)]
    examples += material.pasted(40) + material.pasted(60)
    votes: list[float] = []
    right: list[bool] = []
    for example in examples:
        for found in detect(example.picture):
            votes.append(found.score)
            right.append(example.hit_by(found))
    for picture in material.empty_views():
        alarms = detect(picture)
        votes += [found.score for found in alarms]
        right += [False] * len(alarms)
    model = LogisticRegression(C=1e6).fit(np.array(votes)[:, None], right)
    print(f"faces {sum(right)}, false alarms {len(right) - sum(right)}")
    print(f"slope {model.coef_[0, 0]:.4f}, offset {model.intercept_[0]:.4f}")


if __name__ == "__main__":
    main()

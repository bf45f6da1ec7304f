"""Adapt the encoder to emotion with few free weights: low-rank changes of its transformer's linear layers.

    python -m training.speech.adapt --corpora CORPORA --base whisper_base.npz --features FOLDER --out RUN

LoRA: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models". All corpora are learned together,
with a head over seven emotions that begins as the ensemble on the frozen features. In the end the head is
thrown away, the changes are added to the weights (`RUN/encoder.npz`, named as the base's), and
`training.speech.features` and `training.speech.train` go on from there.

Who is tested stays unheard (`training.speech.table.heard_by_encoder`). A stopped run goes on from its last
checkpoint.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from shared.contracts.emotions import EMOTIONS
from training import checkpoints
from training.corpora.speech import FOLDERS, RATE, Clip, Sound, read_emotional
from training.speech.ensemble import Ensemble, Recipe, train
from training.speech.features import alter, change_speed, fit_length
from training.speech.head import balanced_weights
from training.speech.network import LAYERS, MAPS, STATISTICS, WIDTH, Encoder, load_encoder
from training.speech.reduction import Moments, Reduction
from training.speech.table import Table, heard_by_encoder, read_features, table_of
from training.speech.train import STATISTICS_USED

LINEAR = ("joint", "out", "up", "down")
LONGEST_SECONDS = 4.0
CHECK_SECONDS = 420
# Clips drawn at once: sorted by length, they fall into batches of nearly equal lengths.
DRAWN = 8


@dataclass(frozen=True)
class Plan:
    """What a run needs: `rank` of the changes, `rate` of their AdamW and `head_rate` of the head's."""

    folder: Path
    minutes: float
    rank: int = 16
    rate: float = 5e-4
    head_rate: float = 3e-4
    batch: int = 16
    altered: float = 0.6
    smoothing: float = 0.05
    dropout: float = 0.4
    decay: float = 0.995


class LowRank(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """A weight [out, in] plus a product of two thin matrices; nothing is added in the beginning."""

    def __init__(self, shape: tuple[int, int], rank: int) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.randn(rank, shape[1]) * shape[1] ** -0.5)
        self.up = nn.Parameter(torch.zeros(shape[0], rank))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + self.up @ self.down


class AdaptedNetwork(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """Low-rank changes in the encoder, fixed directions, a small head: sound [n, samples] to [n, 7]."""

    def __init__(self, encoder: Encoder, reduction: Reduction, ensemble: Ensemble, plan: Plan) -> None:
        super().__init__()
        self.encoder = encoder.requires_grad_(requires_grad=False)
        for layer in encoder.layers:
            for name in LINEAR:
                linear = layer.get_submodule(name)
                change = LowRank(tuple(linear.weight.shape), plan.rank)
                parametrize.register_parametrization(linear, "weight", change)
        self.register_buffer("means", torch.from_numpy(np.stack(reduction.means)))
        self.register_buffer("bases", torch.from_numpy(np.stack(reduction.bases)))
        self.first = nn.Parameter(torch.from_numpy(ensemble.first.copy()))
        self.first_bias = nn.Parameter(torch.from_numpy(ensemble.first_bias.copy()))
        self.second = nn.Parameter(torch.from_numpy(ensemble.second.copy()))
        self.second_bias = nn.Parameter(torch.from_numpy(ensemble.second_bias.copy()))
        self.dropout = nn.Dropout(plan.dropout)

    def forward(self, sound: Tensor) -> Tensor:
        pooled = self.encoder(sound).float().unflatten(1, (MAPS, len(STATISTICS), WIDTH))
        used = pooled[:, :, : len(STATISTICS_USED)].flatten(2)
        # Not in half precision: the directions amplify small differences of large numbers.
        with torch.autocast("cpu", enabled=False):
            directions = torch.einsum("nmf,mfd->nmd", used - self.means, self.bases).flatten(1)
            hidden = self.dropout(functional.gelu(directions @ self.first + self.first_bias))
            return hidden @ self.second + self.second_bias

    def changes(self) -> list[nn.Parameter]:
        """The weights of the low-rank changes."""
        return [
            weight for layer in self.encoder.layers for weight in layer.parameters() if weight.requires_grad
        ]

    def head(self) -> list[nn.Parameter]:
        """The weights of the head."""
        return [self.first, self.first_bias, self.second, self.second_bias]


def first_head(table: Table, features: Path, names: list[str]) -> tuple[Reduction, Ensemble]:
    """Directions and ensemble on the frozen features of the clips that may be heard."""
    rows = heard_by_encoder(table)
    copies = [
        read_features(features, copy=c, names=names, wanted=STATISTICS_USED)[rows]
        for c in ("plain", "altered")
    ]
    reduction = Moments.of(copies[0]).reduction()
    x = np.concatenate([reduction.apply(copy) for copy in copies])
    labels = np.tile(table.emotion[rows], len(copies))
    weights = balanced_weights(np.tile(table.corpus[rows], len(copies)), labels)
    targets = np.eye(len(EMOTIONS), dtype=np.float32)[labels]
    return reduction, train(x, targets, weights, recipe=Recipe())


class Sampler:
    """Draws batches of changed clips of nearly equal length, each label of a corpus equally often."""

    def __init__(self, clips: list[Clip], table: Table, plan: Plan, seed: int) -> None:
        self.clips, self.table, self.plan = clips, table, plan
        self.rows = np.flatnonzero(heard_by_encoder(table))
        weights = balanced_weights(table.corpus[self.rows], table.emotion[self.rows]).astype(np.float64)
        self.chances = weights / weights.sum()
        self.random = np.random.default_rng(seed)

    def changed(self, row: int) -> Sound:
        """A clip as another device, room and tempo would give it, at most LONGEST_SECONDS of it."""
        sound = self.clips[row].sound()
        longest = int(1.2 * LONGEST_SECONDS * RATE)
        if len(sound) > longest:
            begin = int(self.random.integers(len(sound) - longest))
            sound = sound[begin : begin + longest]
        if self.random.random() < self.plan.altered:
            sound = alter(sound, self.random)
        elif self.random.random() < 0.5:
            sound = change_speed(sound, self.random.uniform(0.88, 1.12))
        return fit_length(sound)[: int(LONGEST_SECONDS * RATE)]

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Sounds [n, samples] and labels [n], for ever."""
        size = self.plan.batch
        while True:
            rows = self.random.choice(self.rows, DRAWN * size, p=self.chances)
            sounds = [self.changed(int(row)) for row in rows]
            order = np.argsort([len(sound) for sound in sounds])
            for part in self.random.permutation(DRAWN):
                chosen = order[part * size : (part + 1) * size]
                samples = min(len(sounds[i]) for i in chosen)
                begins = [int(self.random.integers(len(sounds[i]) - samples + 1)) for i in chosen]
                together = [sounds[i][b : b + samples] for i, b in zip(chosen, begins, strict=True)]
                yield torch.from_numpy(np.stack(together)), torch.from_numpy(self.table.emotion[rows[chosen]])


def accuracy(network: AdaptedNetwork, clips: list[Clip], table: Table, rows: npt.NDArray[np.int64]) -> str:
    """Per cent right on these rows, by corpus and over all corpora."""
    network.eval()
    right: dict[str, list[bool]] = {}
    with torch.no_grad():
        for row in rows:
            logits = network(torch.from_numpy(fit_length(clips[row].sound()))[None])
            right.setdefault(str(table.corpus[row]), []).append(int(logits.argmax()) == table.emotion[row])
    means = {name: 100 * float(np.mean(found)) for name, found in right.items()}
    return f"mean {np.mean(list(means.values())):.1f} " + " ".join(f"{k} {v:.0f}" for k, v in means.items())


def chosen_on(table: Table) -> npt.NDArray[np.int64]:
    """Clips of the speakers who calibrate, at most 60 a corpus: to see how a run goes."""
    found = []
    for name in dict.fromkeys(table.corpus.tolist()):
        rows = np.flatnonzero(table.calibration & (table.corpus == name) & (table.emotion >= 0))
        found.append(np.random.default_rng(0).permutation(rows)[:60])
    return np.concatenate(found)


def save_encoder(network: AdaptedNetwork, base: Path, path: Path) -> None:
    """Write the base's tensors with the changes added, named as the base names them."""
    with np.load(base) as stored:
        tensors = dict(stored)
    theirs = {
        "joint": "self_attention/linear_0",
        "out": "self_attention/linear_1",
        "up": "ffn/linear_0",
        "down": "ffn/linear_1",
    }
    for number in range(LAYERS):
        for ours, name in theirs.items():
            weight = network.encoder.layers[number].get_submodule(ours).weight
            tensors[f"layer_{number}/{name}/weight"] = weight.detach().numpy().astype(np.float32)
    unfinished = path.with_suffix(".part.npz")
    np.savez(unfinished, allow_pickle=False, **tensors)
    unfinished.rename(path)


def learn(plan: Plan, network: AdaptedNetwork, clips: list[Clip], table: Table) -> AdaptedNetwork:
    """Run (or go on with) a run until its minutes are used up; gives the network of averaged weights."""
    optimizer = torch.optim.AdamW(
        [
            {"params": network.changes(), "peak": plan.rate, "weight_decay": 0.01},
            {"params": network.head(), "peak": plan.head_rate, "weight_decay": 0.05},
        ]
    )
    run = checkpoints.Run(plan.folder / "last.pt", network, optimizer, minutes=plan.minutes, decay=plan.decay)
    watched = chosen_on(table)

    def report() -> None:
        print(f"{run.state()}: {accuracy(run.average.network, clips, table, watched)}", flush=True)

    checked = run.clock.worked()
    report()
    for sounds, labels in Sampler(clips, table, plan, seed=1000 + run.step).batches():
        if run.clock.progress() >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * checkpoints.cosine(run.clock.progress(), warm_up=0.05)
        network.train()
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(sounds)
        run.learn(functional.cross_entropy(logits, labels, label_smoothing=plan.smoothing), longest=1.0)
        if run.clock.worked() - checked > CHECK_SECONDS:
            report()
            checked = run.clock.worked()
    run.keep()
    report()
    found = run.average.network
    assert isinstance(found, AdaptedNetwork)  # noqa: S101  # for the type checker
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpora", type=Path, required=True, help="folder with speech/ and extra/")
    parser.add_argument("--only", nargs="+", choices=FOLDERS, default=list(FOLDERS))
    parser.add_argument(
        "--base", type=Path, required=True, help="what training.third_party.whisper_base wrote"
    )
    parser.add_argument("--features", type=Path, required=True, help="of the frozen encoder")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rank", type=int, default=Plan.rank)
    parser.add_argument("--rate", type=float, default=Plan.rate)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    plan = Plan(arguments.out, arguments.minutes, rank=arguments.rank, rate=arguments.rate)
    clips = read_emotional(arguments.corpora, arguments.only)
    table = table_of(clips)
    reduction, ensemble = first_head(table, arguments.features, arguments.only)
    network = AdaptedNetwork(load_encoder(arguments.base), reduction, ensemble, plan)
    save_encoder(learn(plan, network, clips, table), arguments.base, arguments.out / "encoder.npz")


if __name__ == "__main__":
    main()

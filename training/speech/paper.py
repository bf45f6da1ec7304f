"""The `paper` profile's network: MFCCs into an LSTM, seven emotions; and whether it is speech.

Follows the paper's method (MFCCs as librosa computes them, a recurrent network), trained on the same clips as
the `default` network. Features are kept as files, training goes on from its last finished epoch.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from speech_service.features import mfcc
from training import checkpoints
from training.corpora.speech import FOLDERS, NONVERBAL, Clip, Sound, add_only, add_unfelt, read_pack
from training.hardware import learning_device
from training.speech.features import alter, fit_length
from training.speech.head import balanced_weights
from training.speech.kept import is_kept, way_of
from training.speech.noises import make_noises
from training.speech.table import FOLDS, Table, assign_folds, plain_speaker, read_table
from training.speech.train import SHIP, fit_names, left_out_names, training_rows
from training.whole_files import written_whole

MFCC = {"coefficients": 40, "bands": 64, "window": 640, "hop": 320}
HIDDEN = 128
RATE = 5e-3
BATCH = 128

Frames = npt.NDArray[np.float16]


class MfccLstm(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """MFCC [1, frames, 40] to logits [1, 7] and the probability of speech [1, 1].

    The mean over time of each coefficient is taken off first, so that level and microphone say little.
    The LSTM reads two frames at a time: half the steps.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.ones(MFCC["coefficients"]))
        self.lstm = nn.LSTM(2 * MFCC["coefficients"], HIDDEN, batch_first=True)
        self.emotion = nn.Linear(2 * HIDDEN, 7)
        self.speech = nn.Linear(2 * HIDDEN, 1)

    def states(self, frames: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Mean and maximum over time of the LSTM's states, [n, 256]; mask [n, frames, 1]: real frames."""
        if mask is None:
            found, _ = self.lstm(_in_pairs((frames - frames.mean(dim=1, keepdim=True)) * self.scale))
            return torch.cat([found.mean(dim=1), found.amax(dim=1)], dim=1)
        mean = (frames * mask).sum(dim=1, keepdim=True) / mask.sum(dim=1, keepdim=True)
        found, _ = self.lstm(_in_pairs((frames - mean) * self.scale * mask))
        pairs = mask[:, : 2 * found.shape[1] : 2] * mask[:, 1 : 2 * found.shape[1] : 2]
        average = (found * pairs).sum(dim=1) / pairs.sum(dim=1)
        return torch.cat([average, (found - 9.0 * (1 - pairs)).amax(dim=1)], dim=1)

    def forward(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Read one sound."""
        states = self.states(frames)
        return self.emotion(states), torch.sigmoid(self.speech(states))


def _in_pairs(frames: torch.Tensor) -> torch.Tensor:
    """[n, frames, k] to [n, frames // 2, 2 k]."""
    pairs = frames.shape[1] // 2
    return frames[:, : 2 * pairs].reshape(frames.shape[0], pairs, 2 * frames.shape[2])


def compute_frames(sounds: list[Sound]) -> list[Frames]:
    """MFCCs of each sound, cut or repeated as for the other network."""
    return [mfcc(fit_length(sound), **MFCC).astype(np.float16) for sound in sounds]


def read_frames(corpora: Path, cache: Path, name: str, *, altered: bool) -> list[Frames]:
    """MFCCs of a pack (`noises`: of made sounds), computed once."""
    path = cache / f"{name}_{'altered' if altered else 'plain'}.npz"
    if not path.exists():
        random = np.random.default_rng(1)
        sounds = (
            [sound for _, sound in make_noises(360, seed=0)]
            if name == "noises"
            else [clip.sound() for clip in _clips(corpora, name)]
        )
        found = compute_frames([alter(sound, random) if altered else sound for sound in sounds])
        with written_whole(path) as unfinished:
            ends = np.cumsum([len(one) for one in found])
            np.savez(unfinished, frames=np.concatenate(found), ends=ends)
    with np.load(path) as stored:
        frames, ends = stored["frames"], stored["ends"]
    return np.split(frames, ends[:-1])


def _clips(corpora: Path, name: str) -> list[Clip]:
    return list(read_pack(corpora / FOLDERS.get(name, "extra") / f"{name}.npz"))


class Samples:
    """What a fit learns from: frames, emotion (-1: not speech), weight.

    `unfelt` may name NONVERBAL; made noises are always among what is not speech.
    """

    def __init__(
        self,
        corpora: Path,
        cache: Path,
        table: Table,
        names: list[str],
        fit: str,
        *,
        unfelt: Sequence[str] = (NONVERBAL,),
    ) -> None:
        rows = training_rows(table, fit)
        self.plain = [one for name in names for one in read_frames(corpora, cache, name, altered=False)]
        altered = [one for name in names for one in read_frames(corpora, cache, name, altered=True)]
        chosen = np.flatnonzero(rows)
        self.frames = [self.plain[i] for i in chosen] + [altered[i] for i in chosen]
        self.emotion = np.tile(table.emotion[rows], 2)
        self.weight = balanced_weights(np.tile(table.corpus[rows], 2), self.emotion)
        self._add_other(corpora, cache, fit, unfelt)

    def _add_other(self, corpora: Path, cache: Path, fit: str, unfelt: Sequence[str]) -> None:
        tested = int(fit.removeprefix("fold")) if fit.startswith("fold") else -1
        other = []
        if NONVERBAL in unfelt:
            speakers = np.array([plain_speaker(clip.speaker) for clip in _clips(corpora, NONVERBAL)])
            folds = assign_folds(NONVERBAL, speakers)
            other = [
                one
                for name, one in zip(
                    speakers, read_frames(corpora, cache, NONVERBAL, altered=False), strict=True
                )
                if folds[name] != tested
            ]
        noises = read_frames(corpora, cache, "noises", altered=False)
        other += [one for i, one in enumerate(noises) if i // 6 % FOLDS != tested]
        self.frames += other
        self.emotion = np.concatenate([self.emotion, np.full(len(other), -1)])
        self.weight = np.concatenate([self.weight, np.zeros(len(other), dtype=np.float32)])


def pad(frames: list[Frames]) -> tuple[torch.Tensor, torch.Tensor]:
    """Stack sounds of several lengths: [n, frames, 40] and the mask [n, frames, 1]."""
    longest = max(len(one) for one in frames)
    stacked = np.zeros((len(frames), longest, MFCC["coefficients"]), dtype=np.float32)
    mask = np.zeros((len(frames), longest, 1), dtype=np.float32)
    for i, one in enumerate(frames):
        stacked[i, : len(one)] = one
        mask[i, : len(one)] = 1
    return torch.from_numpy(stacked), torch.from_numpy(mask)


def batches(lengths: npt.NDArray[np.int64], random: np.random.Generator) -> list[npt.NDArray[np.int64]]:
    """Rows in batches of like length, in random order."""
    order = np.argsort(lengths + random.uniform(0, 20, len(lengths)))
    found = [order[i : i + BATCH] for i in range(0, len(order), BATCH)]
    return [found[i] for i in random.permutation(len(found))]


def train(samples: Samples, checkpoint: Path, *, epochs: int) -> MfccLstm:
    """Train, going on from the checkpoint when there is one.

    Raises:
        ValueError: the checkpoint is of a run with another number of steps: other clips, or other epochs.
    """
    torch.manual_seed(0)
    network = MfccLstm()
    network.to(learning_device())
    everything = np.concatenate(samples.frames[::10]).astype(np.float32)
    network.scale[:] = torch.from_numpy(1.0 / everything.std(axis=0))
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-2)
    lengths = np.array([len(one) for one in samples.frames])
    steps = -(-len(lengths) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps * epochs + 1)
    begin = 0
    if (state := checkpoints.load(checkpoint)) is not None:
        if state["schedule"]["total_steps"] != schedule.total_steps:
            raise ValueError(f"{checkpoint} is of a run on other clips or of other epochs")
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        schedule.load_state_dict(state["schedule"])
        begin = state["epoch"] + 1
    for epoch in range(begin, epochs):
        started = time.monotonic()
        # So that an epoch draws the same after a stop.
        torch.manual_seed(epoch)
        losses = [
            _step(network, optimiser, schedule, samples, rows)
            for rows in batches(lengths, np.random.default_rng(epoch))
        ]
        state = {"network": network.state_dict(), "optimiser": optimiser.state_dict()}
        checkpoints.save(checkpoint, state | {"schedule": schedule.state_dict(), "epoch": epoch})
        print(f"epoch {epoch}: loss {np.mean(losses):.3f}, {time.monotonic() - started:.0f} s", flush=True)
    network.cpu().eval()
    return network


def _step(
    network: MfccLstm,
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    samples: Samples,
    rows: npt.NDArray[np.int64],
) -> float:
    device = network.scale.device
    frames, mask = (part.to(device) for part in pad([samples.frames[i] for i in rows]))
    emotion = torch.from_numpy(samples.emotion[rows]).to(device)
    weight = torch.from_numpy(samples.weight[rows]).to(device)
    states = functional.dropout(network.states(frames, mask), 0.4, training=True)
    entropy = functional.cross_entropy(
        network.emotion(states), emotion.clamp(min=0), reduction="none", label_smoothing=0.05
    )
    spoken = functional.binary_cross_entropy_with_logits(network.speech(states)[:, 0], (emotion >= 0).float())
    loss = (entropy * weight).mean() + 0.3 * spoken
    optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()
    schedule.step()
    return float(loss.detach())


def predict(
    network: MfccLstm, frames: list[Frames]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Logits [n, 7] and probability of speech [n], each sound by itself."""
    network.eval()
    with torch.no_grad():
        found = [network(torch.from_numpy(one.astype(np.float32))[None]) for one in frames]
    return np.concatenate([a.numpy() for a, _ in found]), np.concatenate([b.numpy()[:, 0] for _, b in found])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=Path, required=True)
    add_only(parser, "corpora to learn from")
    add_unfelt(parser, [NONVERBAL])
    parser.add_argument("--cache", type=Path, required=True, help="folder for MFCCs")
    parser.add_argument("--out", type=Path, required=True, help="folder for the fits")
    parser.add_argument("--fits", nargs="+", choices=fit_names(), default=fit_names())
    parser.add_argument(
        "--left-out", action="store_true", help="a fit without each corpus in turn, in place of --fits"
    )
    parser.add_argument("--epochs", type=int, default=14)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for folder in (arguments.cache, arguments.out):
        folder.mkdir(parents=True, exist_ok=True)
    table = read_table(arguments.corpora, arguments.only)
    chosen = {"only": arguments.only, "epochs": arguments.epochs}
    # Fits of before there was a choice do not name it, and had all.
    way = way_of(**chosen, **({} if arguments.unfelt else {"unfelt": []}))
    for fit in left_out_names(table) if arguments.left_out else arguments.fits:
        target = arguments.out / f"{fit}.npz"
        if is_kept(target, way):
            continue
        samples = Samples(
            arguments.corpora, arguments.cache, table, arguments.only, fit, unfelt=arguments.unfelt
        )
        network = train(samples, arguments.out / f"{fit}.checkpoint", epochs=arguments.epochs)
        rows = np.arange(len(table)) if fit == SHIP else np.flatnonzero(~training_rows(table, fit))
        logits, speech = predict(network, [samples.plain[i] for i in rows])
        checkpoints.save(arguments.out / f"{fit}.pt", network.state_dict())
        with written_whole(target) as unfinished:
            np.savez(
                unfinished,
                way=way,
                rows=rows,
                logits=logits,
                speech=speech,
            )


if __name__ == "__main__":
    main()

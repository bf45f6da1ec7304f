"""Train a face network.

    python -m training.face.train --profile default --base faceres.pt --cache CACHE --out RUN --minutes 100
    python -m training.face.train --profile default --network plain --cache CACHE --out RUN --minutes 95
    python -m training.face.train --profile default --network plain --cache CACHE --out NEXT --minutes 110
        --start RUN/last.pt --taught 0.5 --rate 0.06 --stages 40:128:0.35 48:128:1
    python -m training.face.train --profile paper --cache CACHE --out RUN --minutes 20

A stopped run goes on from its last checkpoint when it is started again with the same --out. `--corpora`
chooses what is learned from (some allow research only: see the card). Needs EMOTION_CORPORA, and points found
by `training.face.landmarks` in the cache folder.
"""

import argparse
from pathlib import Path
from typing import Any

import cv2
import torch

from training.face import learn_default, learn_paper, learn_plain
from training.face.learned import ALL, LearnedFrom, learned_by
from training.face.plain_network import WIDTHS
from training.face.samples import CORPORA
from training.face.stages import Stage


def stage(text: str) -> Stage:
    """Read SIDE:BATCH:UNTIL."""
    side, batch, until = text.split(":")
    return Stage(int(side), int(batch), float(until))


def learned_from(arguments: argparse.Namespace) -> LearnedFrom:
    """What a run of the default profile with these options learns from, by whatever way."""
    plain = arguments.network == "plain"
    own = LearnedFrom(
        tuple(arguments.corpora or CORPORA),
        faceres=not plain and not arguments.base_licence,
        base="" if plain else arguments.base_licence,
    )
    if arguments.start is not None:
        own = own.gone_on_from(learned_by(arguments.start))
    # Whoever taught stands in no file beside its answers.
    return own.gone_on_from(ALL) if arguments.taught else own


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--profile", choices=("default", "paper"), default="default")
    parser.add_argument(
        "--network",
        choices=("faceres", "plain"),
        default="faceres",
        help="of the default profile: the trunk that began with identities, or plain convolutions",
    )
    parser.add_argument(
        "--corpora", nargs="+", choices=CORPORA, help="all of them by default; `paper` has FER2013 alone"
    )
    parser.add_argument(
        "--base", type=Path, help="weights to start from, made by training.third_party.faceres"
    )
    parser.add_argument(
        "--base-licence",
        default="",
        help="licence of --base in a few words, where it is not faceres: for licence and card",
    )
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=100)
    parser.add_argument("--rate", type=float, help="peak step; of faceres as a share of a filter's own size")
    parser.add_argument(
        "--stages",
        nargs="+",
        type=stage,
        help="SIDE:BATCH:UNTIL: side of the pictures, pictures a step, share of the time at which it ends",
    )
    parser.add_argument(
        "--start",
        type=Path,
        help="checkpoint whose averaged weights the run begins with; of faceres also a graph that ships",
    )
    parser.add_argument("--mixup", type=float, help="share of batches that are blended")
    parser.add_argument(
        "--taught",
        type=float,
        default=0.0,
        help="share of a teacher's answers in the targets (training.face.teacher)",
    )
    parser.add_argument("--frozen", type=int, default=1, help="blocks, from the stem on, that do not learn")
    parser.add_argument(
        "--widths", nargs="+", type=int, default=WIDTHS, help="channels of a plain network, stage by stage"
    )
    parser.add_argument("--seed", type=int, default=0, help="of a plain network's weights and pictures")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    cv2.setNumThreads(arguments.threads)
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    if arguments.profile == "paper":
        if arguments.corpora not in (None, ["fer2013"]):
            parser.error("the paper's network learns from FER2013 alone")
        learn_paper.learn(learn_paper.Plan(folder=arguments.out, minutes=arguments.minutes))
        return
    wanted: dict[str, Any] = {
        name: value for name in ("rate", "mixup", "start") if (value := getattr(arguments, name)) is not None
    }
    wanted |= {"folder": arguments.out, "cache": arguments.cache, "minutes": arguments.minutes}
    wanted |= {"corpora": tuple(arguments.corpora or CORPORA)}
    learned = learned_from(arguments)
    if (arguments.out / "last.pt").exists():
        learned = learned.gone_on_from(learned_by(arguments.out))
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.stages:
        wanted["stages"] = tuple(arguments.stages)
    if arguments.network == "plain":
        own = {"taught": arguments.taught, "seed": arguments.seed, "widths": tuple(arguments.widths)}
        learned.write(arguments.out)
        learn_plain.learn(learn_plain.Plan(**wanted, **own))
        return
    if arguments.base is None:
        parser.error("--network faceres needs --base")
    learned.write(arguments.out)
    learn_default.learn(learn_default.Plan(**wanted, base=arguments.base, frozen=arguments.frozen))


if __name__ == "__main__":
    main()

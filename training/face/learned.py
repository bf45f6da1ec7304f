"""What a face network learned from, kept beside a run and inside its graph, so that cards need not guess."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import onnx

from training.corpora.terms import FACERES, FACES, Terms, packs_of
from training.face.samples import CORPORA
from training.whole_files import written_whole

FILE = "learned_from.json"
_KEY = "learned_from"


@dataclass(frozen=True)
class LearnedFrom:
    """Corpora of pictures, by their names in `corpora.terms.FACES`.

    Attributes:
        corpora: that the run itself learned from.
        before: that had a part by way of weights it began with or of a teacher.
        faceres: whether any of its weights began as those of faceres.
        base: licence of other weights that the trunk began with, in the user's words; "" where there are
            none.
    """

    corpora: tuple[str, ...]
    before: tuple[str, ...] = ()
    faceres: bool = False
    base: str = ""

    def __or__(self, other: "LearnedFrom") -> "LearnedFrom":
        """What two networks that are joined learned from."""
        corpora = _in_order({*self.corpora, *other.corpora})
        before = _in_order({*self.before, *other.before} - {*corpora})
        bases = "; ".join(dict.fromkeys(text for text in (self.base, other.base) if text))
        return LearnedFrom(corpora, before, self.faceres or other.faceres, bases)

    def gone_on_from(self, earlier: "LearnedFrom") -> "LearnedFrom":
        """The same of a run that began with the weights, or with the answers, of another network."""
        before = _in_order({*self.before, *earlier.corpora, *earlier.before} - {*self.corpora})
        both = self | earlier
        return LearnedFrom(self.corpora, before, both.faceres, both.base)

    @property
    def everything(self) -> tuple[str, ...]:
        """All corpora that had a part."""
        return _in_order({*self.corpora, *self.before})

    @property
    def terms(self) -> list[Terms]:
        """Of all that had a part."""
        return [*([FACERES] if self.faceres else []), *packs_of(self.everything, FACES)]

    def write(self, run: Path) -> None:
        """Write it into the folder of a run."""
        with written_whole(run / FILE) as unfinished:
            unfinished.write_text(json.dumps(asdict(self), indent=1) + "\n")

    def put_into(self, model: onnx.ModelProto) -> None:
        """Write it into a graph, in place of what it says."""
        others = [entry for entry in model.metadata_props if entry.key != _KEY]
        del model.metadata_props[:]
        model.metadata_props.extend(others)
        model.metadata_props.add(key=_KEY, value=json.dumps(asdict(self)))


# What is believed of runs and graphs that do not say it.
ALL = LearnedFrom(CORPORA, faceres=True)


def learned_by(path: Path) -> LearnedFrom:
    """What a run (its folder or a checkpoint in it) or a graph learned from; ALL where it is silent."""
    if path.suffix == ".onnx":
        return learned_in(onnx.load(path))
    record = (path if path.is_dir() else path.parent) / FILE
    return _read(record.read_text()) if record.exists() else ALL


def learned_in(model: onnx.ModelProto) -> LearnedFrom:
    """What a graph says that it learned from: ALL where it does not say it."""
    return next((_read(entry.value) for entry in model.metadata_props if entry.key == _KEY), ALL)


def _read(text: str) -> LearnedFrom:
    found = json.loads(text)
    return LearnedFrom(tuple(found["corpora"]), tuple(found["before"]), found["faceres"], found["base"])


def _in_order(names: set[str]) -> tuple[str, ...]:
    order: Sequence[str] = list(FACES)
    return tuple(sorted(names, key=order.index))

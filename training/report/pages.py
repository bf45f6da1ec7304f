"""A page of tables for one network, from its answers."""

from collections.abc import Iterator, Sequence

from shared.contracts.emotions import EMOTIONS
from shared.contracts.manifests import Manifest
from training.measures import Share, calibration_error, least_calibration_error, mean_recall
from training.report.answers import UNKNOWN, Answers

# More people than these are counted, not named.
NAMED_PEOPLE = 24


AS_SERVED = (
    "Written by `make report` (`python -m training.report`): the network beside its manifest was run on\n"
    "every picture or clip below, as the service runs it. Nothing below was learned from."
)
# Speakers who took no part in training set the temperature and the threshold.
CALIBRATED_ON = (
    "Written by `make report` (`python -m training.report`): the network beside its manifest was run on\n"
    "every clip below, as the service runs it. No head learned from them, but temperature and threshold\n"
    "were set on all but URDU's (`paper`: on half of them): ECE and the last two columns say how well these\n"
    "fit there, no more."
)
FRAMED_BY_YUNET = (
    "Written by `make report` (`python -m training.report`): the network beside its manifest was run on\n"
    "every picture below, framed by the points that the `default` profile finds, so that both profiles\n"
    "answer on all of them; its own Haar cascade finds far fewer. Nothing below was learned from."
)


def page(
    manifest: Manifest, every: Sequence[Answers], pictures: Sequence[str], *, how: str = AS_SERVED
) -> str:
    """Markdown: accuracy, recall by emotion, by fold, by sex, calibration, who was in the test, pictures."""
    about = (
        f"File `{manifest.file}`, SHA-256 `{manifest.sha256}`; temperature {manifest.temperature:.3f};",
        f"`uncertain` below {manifest.uncertain_below:.2f}.\n",
    )
    title = f"{manifest.name}, measured from the corpora"
    tables = measured(every, pictures, threshold=manifest.uncertain_below)
    return "\n".join([*heading(title, how), *about, *tables])


def trial_page(title: str, every: Sequence[Answers], pictures: Sequence[str], *, how: str) -> str:
    """Markdown, as `page`, of something that does not ship: no manifest, nothing called uncertain."""
    return "\n".join([*heading(title, how), *measured(every, pictures, threshold=0.0)])


def heading(title: str, how: str) -> Iterator[str]:
    """Title, and how the page was made."""
    yield f"# {title}\n"
    yield f"{how} Intervals hold"
    yield "95 %: people drawn anew 2,000 times where they are known, else Wilson's.\n"


def measured(every: Sequence[Answers], pictures: Sequence[str], *, threshold: float) -> Iterator[str]:
    """The tables and pictures of a page."""
    yield from _accuracy(every, threshold)
    yield from _recall(every)
    yield from _folds(every)
    yield from _sexes(every)
    yield from _people(every)
    yield from (f"![{name}]({name})\n" for name in pictures)


def percent(share: Share) -> str:
    """A share and its interval in per cent."""
    return f"{100 * share.value:.1f} ({100 * share.low:.1f} to {100 * share.high:.1f})"


def _accuracy(every: Sequence[Answers], threshold: float) -> Iterator[str]:
    names = ("test", "n", "people", "right, %", "mean recall, %", "refused, %", "ECE (least)", "certain, %")
    yield f"| {' | '.join(names)} | right of these, % |"
    yield "|---" * (len(names) + 1) + "|"
    for answers in every:
        answered = answers.answered
        people = len(set(answers.person.tolist()) - {UNKNOWN}) or "?"
        scores = answers.scores[answered]
        error, least = calibration_error(scores, answers.label[answered]), least_calibration_error(scores)
        certain = answers.certain(threshold)
        kept = f"{100 * answers.right[certain].mean():.1f}" if certain.any() else ""
        recall = mean_recall(answers.predicted, answers.label)
        yield (
            f"| {answers.title} | {len(answers.label)} | {people} | {percent(answers.accuracy())} "
            f"| {100 * recall:.1f} | {100 * (1 - answered.mean()):.1f} | {error:.3f} ({least:.3f}) "
            f"| {100 * certain.mean():.1f} | {kept} |"
        )
    yield "\nECE: calibration error in 15 bins; in brackets what scores that are exactly right would have on"
    yield "as many answers.\n"


def _recall(every: Sequence[Answers]) -> Iterator[str]:
    yield "Found of each emotion, % (n):\n"
    names = every[0].names if every else tuple(EMOTIONS)
    yield "| test | " + " | ".join(names) + " |"
    yield "|---" * (len(names) + 1) + "|"
    for answers in every:
        cells = []
        for emotion in range(len(names)):
            mine = answers.label == emotion
            cells.append(f"{100 * answers.right[mine].mean():.0f} ({mine.sum()})" if mine.any() else "")
        yield f"| {answers.title} | " + " | ".join(cells) + " |"
    yield ""


def _folds(every: Sequence[Answers]) -> Iterator[str]:
    rows = [
        f"| {answers.title} | {fold} | {_names(people)} | {share.n} | {percent(share)} |"
        for answers in every
        for fold, people, share in answers.accuracy_by_fold()
    ]
    if rows:
        yield "By fold; the fit of a fold never saw its people:\n"
        yield "| test | fold | people | n | right, % |"
        yield "|---|---|---|---|---|"
        yield from rows
        yield ""


def _names(people: Sequence[str]) -> str:
    return ", ".join(people) if len(people) <= NAMED_PEOPLE else f"{len(people)} people"


def _sexes(every: Sequence[Answers]) -> Iterator[str]:
    rows = [
        f"| {answers.title} | {sex} | {share.n} | {percent(share)} |"
        for answers in every
        for sex, share in answers.accuracy_by_sex()
    ]
    if rows:
        yield "By sex, where the corpus' index has it:\n"
        yield "| test | sex | n | right, % |"
        yield "|---|---|---|---|"
        yield from rows
        yield ""


def _people(every: Sequence[Answers]) -> Iterator[str]:
    yield "People of each test:\n"
    for answers in every:
        people = sorted(set(answers.person.tolist()) - {UNKNOWN})
        if not people:
            yield f"- {answers.title}: not known to the corpus"
        elif len(people) <= NAMED_PEOPLE:
            yield f"- {answers.title}: {', '.join(people)}"
        else:
            yield f"- {answers.title}: {len(people)} people"
    yield ""

"""Numbers for the people of a stream that stay theirs, while windows come and go.

fusion_service links the faces of one window and knows nothing of the one before. Windows overlap, so most
people are known by the faces that both hold. Of those who are out of the picture one face each is kept; it is
sent along in front of the window, and who returns is linked to it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.kept_faces import KeptFaces
from shared.contracts.faces import Face
from shared.contracts.fusion import FrameFaces

_REMEMBERED = 32
# Who turns away before leaving is remembered as seen from the front.
_TURNED_DEGREES = 20.0

Persons = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Reminder:
    """Faces of one frame whose people are out of the picture: who they are, when that was, and the JSON.

    That they were seen together tells them apart, however alike they look.
    """

    persons: tuple[int, ...]
    t: float
    for_fusion: bytes


@dataclass(slots=True)
class _Known:
    """Somebody who was told apart.

    Args:
        first_seen: seconds.
        last_seen: seconds.
        face: how they are remembered, with its time; None until a face of theirs has left the window.
        beside: who was seen in one frame with them, and so is somebody else.
    """

    first_seen: float
    last_seen: float
    face: FrameFaces | None = None
    beside: set[int] = field(default_factory=set)


class People:
    """Everybody of one stream; at most 32 are remembered, those seen last."""

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}
        self._reminders: list[Reminder] = []
        self._numbers = 0
        self._given_up = 0

    @property
    def count(self) -> int:
        """How many were told apart so far; a number that turned out to mean nobody else does not count."""
        return self._numbers - self._given_up

    def first_seen(self, person: int) -> float:
        """Give the time at which somebody was first seen, seconds."""
        return self._known[person].first_seen

    def reminders(self, present: Iterable[int | None]) -> list[Reminder]:
        """Give a face of everybody but those in the window, in order of time, those of one frame together."""
        absent = self._known.keys() - set(present)
        by_time: dict[float, dict[int, Face]] = {}
        for person in sorted(absent):
            if (kept := self._known[person].face) is not None:
                by_time.setdefault(kept.t, {})[person] = kept.faces[0]
        # Those of the last time are kept, for they are sent along with every window until somebody returns.
        before = {(reminder.t, reminder.persons): reminder for reminder in self._reminders}
        self._reminders = [
            before.get((t, tuple(faces))) or _reminder(t, faces) for t, faces in sorted(by_time.items())
        ]
        return self._reminders

    def remember(self, t: float, faces: Sequence[Face], persons: Persons) -> None:
        """Take note of a frame that leaves the window."""
        for face, person in zip(faces, persons, strict=True):
            known = None if person is None else self._known.get(person)
            if known is not None and _is_better(face, known.face):
                known.face = FrameFaces(t=t, faces=(face,))

    def name(
        self,
        linked: Sequence[Persons],
        known_as: Sequence[Persons],
        times: Sequence[float],
        reminders: int,
    ) -> dict[int, int]:
        """Give the stream's number of each person of a window.

        Args:
            linked: the window's own numbers, by frame and face; the first `reminders` frames are those.
            known_as: the stream's numbers of the same faces, as far as they are known.
            times: when each frame was seen, seconds.
            reminders: how many.
        """
        voted = _votes(linked[reminders:], known_as[reminders:])
        reminded = _votes(linked[:reminders], known_as[:reminders])
        names: dict[int, int] = {}
        replaced: dict[int, int] = {}
        locals_ = Counter(
            person for persons in linked[reminders:] for person in persons if person is not None
        )
        for local, _ in locals_.most_common():
            candidates = [person for person, _ in voted.get(local, Counter()).most_common(1)]
            # Who was thought to be new, and turns out to be somebody from before, is called so again.
            candidates += list(reminded.get(local, ()))
            one = self._are_one(candidates, set(names.values()))
            names[local] = min(one) if one else self._new_number()
            replaced |= dict.fromkeys(one, names[local])
        present = set(names.values())
        for other in sorted(replaced.keys() - present):
            self._join(other, replaced[other])
        self._see(linked, names, times)
        for person in {person for persons in known_as[reminders:] for person in persons} - present:
            # All their faces are called otherwise now.
            if person in self._known and self._known[person].face is None:
                self._give_up(person)
        self._forget(present)
        return names

    def _are_one(self, candidates: Iterable[int], taken: set[int]) -> list[int]:
        """Give those that are free and can all mean one person, whom the first one means."""
        one: list[int] = []
        for person in candidates:
            if person not in taken and not any(self._are_two(other, person) for other in one):
                one.append(person)
        return one

    def _new_number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _are_two(self, one: int, other: int) -> bool:
        return one in self._known and other in self._known[one].beside

    def _join(self, person: int, to: int) -> None:
        """Forget a number that meant the same person as another; whoever was seen beside them is neither."""
        if person in self._known and to in self._known:
            self._known[to].beside |= self._known[person].beside
            for other in self._known[person].beside:
                self._known[other].beside.add(to)
        self._give_up(person)

    def _give_up(self, person: int) -> None:
        if person in self._known:
            self._drop(person)
            self._given_up += 1

    def _drop(self, person: int) -> None:
        for other in self._known.pop(person).beside:
            if other in self._known:
                self._known[other].beside.discard(person)

    def _see(self, linked: Sequence[Persons], names: dict[int, int], times: Sequence[float]) -> None:
        for t, persons in zip(times, linked, strict=True):
            together = {names[local] for local in persons if local is not None and local in names}
            for person in together:
                known = self._known.setdefault(person, _Known(t, t))
                known.last_seen = max(known.last_seen, t)
                known.beside |= together - {person}

    def _forget(self, present: set[int]) -> None:
        absent = sorted(self._known.keys() - present, key=lambda person: self._known[person].last_seen)
        for person in absent[: max(0, len(absent) - _REMEMBERED)]:
            self._drop(person)


def _reminder(t: float, faces: Mapping[int, Face]) -> Reminder:
    frame = FrameFaces(t=t, faces=tuple(faces.values()))
    return Reminder(tuple(faces), t, KeptFaces.of([frame]).for_fusion)


def _votes(linked: Sequence[Persons], known_as: Sequence[Persons]) -> dict[int, Counter[int]]:
    """Count, for each person of a window, which numbers its faces have."""
    votes: dict[int, Counter[int]] = {}
    for locals_, persons in zip(linked, known_as, strict=True):
        for local, person in zip(locals_, persons, strict=True):
            if local is not None and person is not None:
                votes.setdefault(local, Counter())[person] += 1
    return votes


def _is_better(face: Face, than: FrameFaces | None) -> bool:
    if than is None or face.pose is None:
        return True
    before = than.faces[0].pose
    return before is None or abs(face.pose.yaw) <= max(_TURNED_DEGREES, abs(before.yaw))

"""People keep their numbers while windows come and go; what is remembered is bounded."""

import numpy as np

from gateway.live.people import People
from shared.contracts.emotions import Scores
from shared.contracts.faces import Box, Face, FaceQuality, Pose
from shared.contracts.fusion import FrameFaces
from shared.contracts.vectors import pack_vector
from tests import media_files
from tests.live.client import jpeg, packets, watch


def a_face(yaw: float = 0.0) -> Face:
    return Face(
        box=Box(x=0.4, y=0.4, width=0.2, height=0.2),
        detection=0.9,
        pose=Pose(yaw=yaw, roll=0.0),
        quality=FaceQuality(pixels=100, sharpness=20, brightness=0.5),
        scores=Scores.of([1, 0, 0, 0, 0, 0, 0]),
        appearance=pack_vector(np.ones(4) / 2),
    )


def seen(people: People, linked, known_as, times):
    """Name the people of a window in which nobody is reminded of."""
    return people.name(linked, known_as, times, 0)


async def persons_in(viewer, seconds, faces, *, start):
    """Show faces one after the other; give the persons that were seen, in order, each once."""
    found = []
    for _, message in packets(seconds, fps=2, faces=faces, start=start):
        await viewer.send(message)
        shown = await viewer.until("faces")
        found += [face.person for face in shown.frames[0].faces if face.person not in found]
    # In their first frame somebody may be a passing detection still.
    return [person for person in found if person is not None]


async def test_who_returns_after_the_window_keeps_the_number(hurried, faces, other_faces):
    async with watch(hurried, "pictures", fps=2) as viewer:
        assert await persons_in(viewer, 4, faces, start=0) == [1]
        # Longer than any window.
        assert await persons_in(viewer, 20, other_faces, start=4) == [2]
        assert await persons_in(viewer, 4, faces, start=24) == [1]
        assert await persons_in(viewer, 4, other_faces, start=28) == [2]
        await viewer.say(event="end")
        await viewer.to_the_end()
    assert viewer.events[-1].people == 2
    first_seen = {person.id: person.first_seen for event in viewer.all("moment") for person in event.people}
    assert first_seen == {1: 0.0, 2: 4.0}


async def test_who_comes_after_nobody_was_there_is_somebody_else(hurried, faces, other_faces, nobody):
    async with watch(hurried, "pictures", fps=2) as viewer:
        assert await persons_in(viewer, 4, faces, start=0) == [1]
        # Longer than any window.
        assert await persons_in(viewer, 10, nobody, start=4) == []
        assert await persons_in(viewer, 3, other_faces, start=14) == [2]
        await viewer.say(event="end")
        await viewer.to_the_end()
    assert viewer.events[-1].people == 2
    assert viewer.all("notice") == []


async def test_two_people_beside_each_other(hurried):
    left, right = media_files.astronaut(), media_files.grace_hopper()[:512]
    both = [jpeg(np.concatenate([left, np.roll(right, shift, axis=0)], axis=1)) for shift in (0, 4, 8, 4)]
    async with watch(hurried, "pictures", fps=2) as viewer:
        assert sorted(await persons_in(viewer, 6, both, start=0)) == [1, 2]
        assert sorted(await persons_in(viewer, 12, both, start=6)) == [1, 2]
        by_place = {
            (face.box.x > 0.5, face.person) for event in viewer.all("faces") for face in event.frames[0].faces
        }
    assert len(by_place) == 2


def test_windows_that_overlap_agree():
    people = People()
    assert seen(people, [(1,), (1,)], [(None,), (None,)], [0.0, 0.2]) == {1: 1}
    # The next window numbers them the other way round.
    assert seen(people, [(2,), (2, 1)], [(1,), (None, None)], [0.2, 0.4]) == {2: 1, 1: 2}
    assert people.count == 2


def test_two_who_claim_one_number_do_not_share_it():
    people = People()
    seen(people, [(1,)], [(None,)], [0.0])
    names = seen(people, [(1, 2), (1, 2), (1, None)], [(1, 1), (1, 1), (1, None)], [0.0, 0.2, 0.4])
    assert names == {1: 1, 2: 2}


def test_who_is_recognised_late_gets_the_old_number_back():
    people = People()
    seen(people, [(1,)], [(None,)], [0.0])
    people.remember(0.0, [a_face()], (1,))
    assert seen(people, [(1,)], [(None,)], [20.0]) == {1: 2}
    (reminder,) = people.reminders([2])
    assert reminder.persons == (1,)
    assert people.name([(1,), (1,), (1,)], [(1,), (2,), (None,)], [0.0, 20.0, 20.2], 1) == {1: 1}
    assert people.first_seen(1) == 0.0
    assert people.count == 1
    assert people.reminders([1]) == []


def test_a_number_that_nobody_has_any_more_neither_counts_nor_is_remembered():
    """Again and again somebody's newest face is taken for somebody new, until the next one tells better."""
    people = People()
    seen(people, [(1,)], [(None,)], [0.0])
    people.remember(0.0, [a_face()], (1,))
    seen(people, [(1,), (1,)], [(None,), (None,)], [20.0, 20.2])
    for number in range(3, 43):
        t = 20.0 + number / 5
        assert seen(people, [(1,), (1,), (2,)], [(2,), (2,), (None,)], [20.0, 20.2, t]) == {1: 2, 2: number}
        assert people.count == 3
        assert seen(people, [(1,), (1,), (1,)], [(2,), (2,), (number,)], [20.0, 20.2, t]) == {1: 2}
        assert people.count == 2
    assert [reminder.persons for reminder in people.reminders([2])] == [(1,)]


def test_those_who_were_seen_together_are_reminded_of_together():
    people = People()
    seen(people, [(1, 2), (3, None)], [(None, None), (None, None)], [0.0, 0.2])
    people.remember(0.0, [a_face(), a_face()], (1, 2))
    people.remember(0.2, [a_face(), a_face()], (3, None))
    first, second = people.reminders([])
    assert (first.persons, first.t) == ((1, 2), 0.0)
    assert (second.persons, second.t) == ((3,), 0.2)
    assert len(FrameFaces.model_validate_json(first.for_fusion).faces) == 2
    assert [reminder.persons for reminder in people.reminders([2])] == [(1,), (3,)]


def test_who_is_only_reminded_of_is_not_there():
    people = People()
    seen(people, [(1,)], [(None,)], [0.0])
    people.remember(0.0, [a_face()], (1,))
    assert people.name([(1,), (2,)], [(1,), (None,)], [0.0, 20.0], 1) == {2: 2}


def test_a_passing_detection_is_nobody():
    people = People()
    assert seen(people, [(None,)], [(None,)], [0.0]) == {}
    assert people.count == 0


def test_somebody_is_remembered_as_seen_from_the_front():
    people = People()
    seen(people, [(1,)], [(None,)], [0.0])
    people.remember(1.0, [a_face(yaw=5)], (1,))
    people.remember(2.0, [a_face(yaw=70)], (1,))
    assert [reminder.t for reminder in people.reminders([])] == [1.0]
    people.remember(3.0, [a_face(yaw=-15)], (1,))
    assert [reminder.t for reminder in people.reminders([])] == [3.0]


def test_only_so_many_are_remembered_and_those_who_were_seen_last():
    people = People()
    for number in range(100):
        t = float(number)
        assert seen(people, [(1,)], [(None,)], [t]) == {1: number + 1}
        people.remember(t, [a_face()], (number + 1,))
    kept = [reminder.persons for reminder in people.reminders([])]
    assert kept == [(person,) for person in range(68, 101)]


def test_two_who_were_seen_together_are_not_one_however_alike_they_look():
    """One of them comes back alone, and the linker takes both reminders for whoever it is."""
    people = People()
    assert seen(people, [(1, 2)], [(None, None)], [0.0]) == {1: 1, 2: 2}
    people.remember(0.0, (a_face(), a_face()), (1, 2))
    assert people.name([(1,), (1,), (1,)], [(1,), (2,), (None,)], [0.0, 0.2, 20.0], 2) == {1: 1}
    assert people.count == 2
    [reminder] = people.reminders([1])
    assert reminder.persons == (2,)
    assert seen(people, [(1, 2)], [(1, 2)], [21.0]) == {1: 1, 2: 2}


def test_who_is_in_sight_does_not_take_the_number_of_someone_seen_beside_them():
    people = People()
    assert seen(people, [(1, 2)], [(None, None)], [0.0]) == {1: 1, 2: 2}
    people.remember(0.0, (a_face(), a_face()), (1, 2))
    assert people.name([(1,), (1,)], [(1,), (2,)], [0.0, 20.0], 1) == {1: 2}
    assert people.count == 2


def two_of_whom_one_was_there_before(people):
    """Somebody comes back beside somebody new, and is not recognised yet."""
    seen(people, [(1,)], [(None,)], [0.0])
    people.remember(0.0, [a_face()], (1,))
    assert seen(people, [(1, 2)], [(None, None)], [20.0]) == {1: 2, 2: 3}
    people.remember(20.0, [a_face(), a_face()], (2, 3))


def test_who_gets_the_old_number_back_does_not_take_that_of_someone_seen_beside_them():
    people = People()
    two_of_whom_one_was_there_before(people)
    reminders = [(1,), (1,)]
    assert people.name([*reminders, (1,)], [(1,), (3,), (2,)], [0.0, 20.0, 21.0], 2) == {1: 1}
    assert people.count == 2
    assert [reminder.persons for reminder in people.reminders([1])] == [(3,)]


def test_who_got_the_old_number_back_is_still_nobody_who_was_seen_beside_them():
    people = People()
    two_of_whom_one_was_there_before(people)
    assert people.name([(1,), (1,)], [(1,), (2,)], [0.0, 21.0], 1) == {1: 1}
    people.remember(21.0, [a_face()], (1,))
    # They stay, and the linker takes the other one's reminder for them.
    assert people.name([(1,), (1,)], [(3,), (1,)], [20.0, 40.0], 1) == {1: 1}
    assert people.count == 2
    assert [reminder.persons for reminder in people.reminders([1])] == [(3,)]


def test_a_number_that_goes_to_somebody_else_still_counts():
    """What was taken for one person was two, one of them from before."""
    people = People()
    seen(people, [(1,)], [(None,)], [0.0])
    people.remember(0.0, [a_face()], (1,))
    assert seen(people, [(1,), (1,), (1,)], [(None,)] * 3, [20.0, 20.2, 20.4]) == {1: 2}
    linked = [(1,), (1,), (1,), (2,)]
    assert people.name(linked, [(1,), (2,), (2,), (2,)], [0.0, 20.0, 20.2, 20.4], 1) == {1: 1, 2: 2}
    assert people.count == 2

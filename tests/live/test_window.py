"""A window of a stream before the real fusion_service: what it holds, and what it says."""

import numpy as np
import pytest

from gateway.live.window import Window
from gateway.services import FusionService
from shared.client import ServiceClient
from shared.contracts.emotions import Scores
from shared.contracts.faces import Box
from shared.contracts.fusion import FrameFaces
from shared.contracts.live import LiveOpen
from shared.contracts.speech import SpeechSegment
from shared.contracts.vectors import pack_vector
from tests.live.test_people import a_face

HAPPY = Scores.of([0, 1, 0, 0, 0, 0, 0])


@pytest.fixture
async def window(house):
    async with ServiceClient("fusion", house.fusion) as client:
        yield Window(FusionService(client, seconds=60), LiveOpen(event="open", source="pictures"))


def segment(start: float) -> SpeechSegment:
    return SpeechSegment(start=start, end=start + 1.0, scores=HAPPY, snr_db=20.0)


async def test_it_holds_the_last_seconds_only(window):
    for number in range(1000):
        window.add_frame(FrameFaces(t=number / 5, faces=(a_face(),)))
        window.add_segments((segment(number / 5),))
        if number % 100 == 99:
            await window.fuse(number / 5)
    # Eight seconds, at five a second.
    assert len(window._frames) == 41
    assert len(window._segments) == 46
    assert window.people.count == 1


async def test_its_moment_looks_back_as_far_as_was_asked_for(window):
    window.add_segments((segment(0.5),))
    for number in range(31):
        window.add_frame(FrameFaces(t=number / 5, faces=(a_face(),)))
    fused = await window.fuse(6.0)
    assert (fused.start, fused.end) == (1.0, 6.0)
    assert fused.moment.face.label == "neutral"
    assert fused.moment.speech.label == "happiness"
    # What was said has left the moment, though not yet the window.
    later = await window.fuse(6.6)
    assert later.moment.speech is None


async def test_before_anything_came_it_says_nothing(window):
    fused = await window.fuse(0.0)
    assert (fused.moment, fused.people) == (None, ())


async def test_who_left_is_not_there(window):
    for number in range(10):
        window.add_frame(FrameFaces(t=number / 5, faces=(a_face(),)))
    assert len((await window.fuse(2.0)).people) == 1
    window.add_frame(FrameFaces(t=20.0, faces=()))
    fused = await window.fuse(20.0)
    assert (fused.moment, fused.people) == (None, ())


async def test_two_alike_who_leave_and_return_together_keep_their_numbers(window):
    """More alike than what makes two faces one person's: only that they were there at once tells."""
    axes = np.eye(8)
    two = [
        a_face().model_copy(
            update={"appearance": pack_vector(looks), "box": Box(x=x, y=0.4, width=0.1, height=0.1)}
        )
        for x, looks in ((0.1, 0.85 * axes[0] + 0.527 * axes[1]), (0.7, 0.85 * axes[0] + 0.527 * axes[2]))
    ]
    for t, there in [(0.0, two), (0.2, two), (10.0, []), (20.0, two), (20.2, two)]:
        frame = FrameFaces(t=t, faces=tuple(there))
        window.add_frame(frame)
        await window.fuse(t)
        assert window.persons_in(frame) == tuple(range(1, len(there) + 1))
    assert window.people.count == 2


async def test_a_voice_leans_on_what_it_was_like_before_the_window(window):
    for number in range(8):
        spoken = segment(number * 3.0).model_copy(update={"voice": pack_vector(np.eye(7)[number % 3])})
        window.add_segments((spoken.model_copy(update={"end": spoken.start + 2.0}),))
        fused = await window.fuse(number * 3.0 + 2.0)
        if number < 4:
            assert fused.baseline is None
        else:
            # Five were heard when the fifth ended: only some of them are still in the window.
            assert fused.baseline.start == 14.0
            assert fused.baseline.readings == number + 1
    assert len(window._segments) < 5


async def test_a_voice_leans_on_nothing_where_that_is_not_wanted(house):
    async with ServiceClient("fusion", house.fusion) as client:
        options = LiveOpen(event="open", source="pictures", baseline="off")
        window = Window(FusionService(client, seconds=60), options)
        for number in range(6):
            window.add_segments(
                (segment(float(number)).model_copy(update={"voice": pack_vector(np.eye(7)[number % 3])}),)
            )
        assert (await window.fuse(7.0)).moment is not None
        assert (await window.fuse(7.0)).baseline is None


async def test_a_long_stream_keeps_a_bounded_past(window):
    for number in range(500):
        window.add_segments((segment(float(number)),))
        if number % 50 == 49:
            await window.fuse(float(number))
    assert len(window._earlier) == 60

"""A request whose analysis cannot end in time is refused early, and told of jobs."""

import asyncio

import pytest

from gateway import patience
from gateway.patience import _refuse_if_in_vain, refuse_in_vain
from shared.contracts.analyses import Probed, Progress
from shared.contracts.media import Media, MediaKind
from shared.contracts.problems import Problem
from shared.deadlines import Deadline, current_deadline


@pytest.fixture(autouse=True)
def _hundred_seconds_left():
    token = current_deadline.set(Deadline.after(100))
    yield
    current_deadline.reset(token)


def progress(seconds, of_seconds):
    return Progress(seconds=seconds, of_seconds=of_seconds, frames=1)


def test_a_pace_that_is_far_too_slow_is_refused_with_the_way_out():
    with pytest.raises(Problem) as refusal:
        _refuse_if_in_vain(progress(60, 3600), 0, elapsed=20)
    assert refusal.value.name == "deadline-exceeded"
    assert "respond-async" in refusal.value.document().remedy


@pytest.mark.parametrize(
    ("seconds", "of_seconds", "start", "elapsed"),
    [
        pytest.param(600, 3600, 0, 20, id="quick enough"),
        pytest.param(400, 3600, 0, 20, id="a little too slow, and the pace may grow"),
        pytest.param(1, 3600, 0, 5, id="too early to say"),
        pytest.param(60, None, 0, 20, id="length unknown"),
        pytest.param(3000, 3000, 3000, 20, id="nothing done yet"),
    ],
)
def test_what_may_still_come_in_time_goes_on(seconds, of_seconds, start, elapsed):
    _refuse_if_in_vain(progress(seconds, of_seconds), start, elapsed)
    assert current_deadline.get().remaining() > 0


async def events(*, before, after):
    """What the pipeline tells of an hour of sound: pauses in seconds before and after it is opened."""
    await asyncio.sleep(before)
    yield Probed(media=Media(kind=MediaKind.SOUND, seconds=3600.0, container="wav"))
    await asyncio.sleep(after)
    yield progress(1, 3600)


async def told(**pauses):
    return [event.event async for event in refuse_in_vain(events(**pauses), 0.0)]


async def test_only_time_after_the_media_was_opened_is_pace(monkeypatch):
    monkeypatch.setattr(patience, "_LOOK_AFTER_SECONDS", 0.3)
    assert await told(before=0.5, after=0.0) == ["probed", "progress"]
    with pytest.raises(Problem, match="At this pace"):
        await told(before=0.0, after=0.5)

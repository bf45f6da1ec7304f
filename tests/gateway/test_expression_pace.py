"""Of which frames blendshapes are asked for."""

import pytest

from gateway.fan_out import ExpressionPace


def wanted(asked, times):
    pace = ExpressionPace(asked)
    return [t for t in times if pace.wants(t)]


@pytest.mark.parametrize(
    ("asked", "film", "a_second"),
    [(5, 5, 2.5), (5, 24, 2.5), (10, 10, 2.5), (25, 25, 2.5), (30, 25, 2.5), (3, 3, 3.0), (2, 2, 2.0)],
)
def test_about_two_and_a_half_a_second(asked, film, a_second):
    """Times are those of the first frame of a film at or after each tick of the rate asked for."""
    shown = [k / film for k in range(20 * film)]
    ticks = [k / asked for k in range(20 * asked)]
    times = sorted({next(t for t in [*shown, 1e9] if t >= tick - 1e-3) for tick in ticks} - {1e9})
    assert len(wanted(asked, times)) / 20 == pytest.approx(a_second, abs=0.1)


def test_the_first_frame_is_always_wanted():
    assert wanted(5, [7.24, 7.44, 7.64]) == [7.24, 7.64]


@pytest.mark.parametrize("asked", [None, 1.0, 0.5])
def test_none_where_nothing_over_time_can_be_read(asked):
    assert wanted(asked, [0.0, 1.0, 2.0, 3.0]) == []

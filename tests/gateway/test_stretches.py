import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gateway.stretches import RATE, StretchCutter


@given(st.lists(st.integers(1, 3 * RATE), max_size=12), st.floats(0, 100))
def test_stretches_hold_all_the_sound_in_order(lengths, start):
    whole = np.arange(sum(lengths), dtype=np.float32)
    cutter = StretchCutter(4.0)
    stretches, done = [], 0
    for length in lengths:
        stretches += cutter.add(start + done / RATE, whole[done : done + length])
        done += length
    stretches += cutter.rest()
    assert np.array_equal(np.concatenate([s.samples for s in stretches] or [whole[:0]]), whole)
    assert all(len(s.samples) <= 4 * RATE for s in stretches)
    for stretch in stretches:
        assert abs(stretch.start - (start + stretch.samples[0] / RATE)) < 1e-3


def test_a_stretch_ends_where_it_is_quiet():
    sound = np.ones(10 * RATE, np.float32)
    sound[int(3.2 * RATE) : int(3.5 * RATE)] = 0
    first, *_ = StretchCutter(4.0).add(0.0, sound)
    assert 3.2 < len(first.samples) / RATE < 3.5

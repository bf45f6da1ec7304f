import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech_service.activity import FRAME, SegmentRules, find_spans, signal_to_noise, speech_probabilities
from speech_service.features import RATE
from speech_service.resampling import resample
from speech_service.sounds import sound_of_file

RULES = SegmentRules()


def spans_in(activity, sound):
    return find_spans(speech_probabilities(activity, sound, rules=RULES), len(sound), rules=RULES)


def quiet(seconds, level=1e-4, seed=9):
    return (level * np.random.default_rng(seed).standard_normal(int(seconds * RATE))).astype(np.float32)


def test_silence_and_steady_tones_hold_no_speech(activity):
    t = np.arange(3 * RATE) / RATE
    for sound in (np.zeros(3 * RATE), 0.3 * np.sin(2 * np.pi * 440 * t), 0.2 * np.sin(2 * np.pi * 50 * t)):
        assert not spans_in(activity, sound.astype(np.float32))


def test_a_voice_between_pauses_is_found_where_it_is(activity, babble):
    sound = np.concatenate([quiet(1.5), babble, quiet(1.5), babble, quiet(1)])
    first, second = spans_in(activity, sound)
    assert abs(first.start / RATE - 1.5) < 0.6
    assert abs(first.end / RATE - 4.0) < 0.6
    assert abs(second.start / RATE - 5.5) < 0.6
    assert abs(second.end / RATE - 8.0) < 0.6


@pytest.mark.parametrize("gain", [0.02, 0.3, 3.0])
def test_a_quiet_or_clipped_voice_is_a_voice(activity, babble, gain):
    assert spans_in(activity, babble * np.float32(gain))


def test_speech_of_a_synthesiser_is_found(activity):
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    text = "The quick brown fox jumps over the lazy dog, and nobody minds."
    wave = subprocess.run(["espeak-ng", "--stdout", text], check=True, capture_output=True).stdout
    # The length in the header of a stream is not its length.
    samples = np.frombuffer(wave[44:], dtype="<i2").astype(np.float32) / 32768
    sound = resample(samples, rate=22_050, target=RATE)
    spans = spans_in(activity, sound)
    assert sum(span.end - span.start for span in spans) > 0.7 * len(sound)


def test_long_speech_is_cut(activity, babble):
    sound = np.tile(babble, 9)
    spans = spans_in(activity, sound)
    assert len(spans) >= 3
    assert max(span.end - span.start for span in spans) <= RULES.longest * RATE


@given(
    st.lists(st.sampled_from([0.0, 0.05, 0.15, 0.3, 0.9, 1.0]), min_size=0, max_size=900),
    st.integers(min_value=0, max_value=FRAME - 1),
)
def test_spans_are_in_order_inside_the_sound_and_do_not_overlap(probabilities, missing):
    samples = max(0, len(probabilities) * FRAME - missing)
    spans = find_spans(np.array(probabilities, dtype=np.float32), samples, rules=RULES)
    last = 0
    for span in spans:
        assert last <= span.start < span.end <= samples
        assert span.end - span.start <= RULES.longest * RATE + FRAME
        last = span.end


def test_a_short_pause_stays_inside_and_a_long_one_cuts():
    frames = int(0.32 * RATE / FRAME)
    speech, pause = [1.0] * (3 * frames), [0.0] * frames
    joined = find_spans(np.array(speech + pause + speech, np.float32), 7 * frames * FRAME, rules=RULES)
    cut = find_spans(np.array(speech + pause * 3 + speech, np.float32), 9 * frames * FRAME, rules=RULES)
    assert len(joined) == 1
    assert len(cut) == 2


@pytest.mark.parametrize("wanted", [0, 10, 20, 30])
def test_signal_to_noise_is_measured(activity, babble, wanted):
    voice_power = float(np.mean(babble**2))
    noise_level = np.sqrt(voice_power * 10 ** (-wanted / 10))
    sound = np.concatenate([np.zeros(2 * RATE, np.float32), babble, np.zeros(2 * RATE, np.float32)])
    probabilities = speech_probabilities(activity, sound, rules=RULES)
    spans = find_spans(probabilities, len(sound), rules=RULES)
    (found,) = signal_to_noise(sound + quiet(len(sound) / RATE, noise_level), probabilities, spans)
    assert found == pytest.approx(wanted, abs=3.5)


def test_signal_to_noise_without_pauses_or_noise_stays_in_its_range(activity, babble):
    probabilities = speech_probabilities(activity, babble, rules=RULES)
    spans = find_spans(probabilities, len(babble), rules=RULES)
    for found in signal_to_noise(babble, probabilities, spans):
        assert -20 <= found <= 80


def test_a_wave_file_gives_the_same_sound(babble, wave_file):
    np.testing.assert_allclose(
        sound_of_file(wave_file(babble, "FLOAT"), longest_seconds=60), babble, atol=1e-7
    )

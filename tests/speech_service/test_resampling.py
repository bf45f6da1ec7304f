import tracemalloc

import librosa
import numpy as np
import pytest

from speech_service.resampling import resample

RATES = [8_000, 11_025, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000]


@pytest.mark.parametrize("rate", RATES)
def test_tones_keep_their_pitch_level_and_place(rate):
    t = np.arange(rate) / rate
    found = resample(np.sin(2 * np.pi * 1000 * t).astype(np.float32), rate=rate, target=16_000)
    assert found.shape == (16_000,)
    assert found.dtype == np.float32
    expected = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000)
    np.testing.assert_allclose(found[200:-200], expected[200:-200], atol=2e-3)


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_what_does_not_fit_is_removed(rate):
    t = np.arange(rate) / rate
    found = resample(np.sin(2 * np.pi * 9_000 * t).astype(np.float32), rate=rate, target=16_000)
    assert np.abs(found[200:-200]).max() < 1e-3


def test_noise_agrees_with_a_known_resampler():
    noise = np.random.default_rng(0).standard_normal(44_100).astype(np.float32)
    found = resample(noise, rate=44_100, target=16_000)
    expected = librosa.resample(noise, orig_sr=44_100, target_sr=16_000, res_type="soxr_hq")
    band = slice(0, 7_000)
    a, b = np.abs(np.fft.rfft(found))[band], np.abs(np.fft.rfft(expected[: len(found)]))[band]
    assert np.corrcoef(a, b)[0, 1] > 0.999


@pytest.mark.parametrize("samples", [0, 1, 2, 3, 100])
def test_short_sounds(samples):
    found = resample(np.ones(samples, dtype=np.float32), rate=44_100, target=16_000)
    assert len(found) == -(-samples * 160 // 441)
    assert np.isfinite(found).all()


def test_the_same_rate_changes_nothing():
    sound = np.arange(10, dtype=np.float32)
    assert resample(sound, rate=16_000, target=16_000) is sound


@pytest.mark.parametrize("rate", [16_001, 44_101, 191_999])
def test_a_rate_without_a_ratio_of_small_numbers_takes_little_and_is_hardly_off(rate):
    t = np.arange(rate) / rate
    sound = np.sin(2 * np.pi * 100 * t).astype(np.float32)
    tracemalloc.start()
    try:
        found = resample(sound, rate=rate, target=16_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 64 << 20
    assert len(found) == pytest.approx(16_000, abs=8)
    expected = np.sin(2 * np.pi * 100 * np.arange(len(found)) / 16_000)
    np.testing.assert_allclose(found[200:-200], expected[200:-200], atol=0.32)

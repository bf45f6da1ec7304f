"""A slip in the name of a setting is told, and what others read is left alone."""

import pytest

from cli.unread_settings import unread_settings


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("EMOTION_MAX_UPLOADS_BYTES", "EMOTION_MAX_UPLOAD_BYTES"),
        ("EMOTION_MAX_UPLOADS", "EMOTION_MAX_UPLOAD_BYTES"),
        ("EMOTION_THREAD", "EMOTION_THREADS"),
        ("EMOTION_JOB__AT_ONCE", "EMOTION_JOBS__AT_ONCE"),
        ("EMOTION_FACE_MODEL", "EMOTION_FACE_MODELS"),
        ("emotion_log_levels", "EMOTION_LOG_LEVEL"),
    ],
)
def test_a_slip_is_told_with_what_is_meant(written, meant):
    assert list(unread_settings(["PATH", written])) == [(written, meant)]


@pytest.mark.parametrize(
    "name",
    [
        "EMOTION_MAX_UPLOAD_BYTES",
        "emotion_threads",
        "EMOTION_JOBS",
        "EMOTION_JOBS__AT_ONCE",
        "EMOTION_SPEECH_MODELS",
        "EMOTION_API_KEY",
        "EMOTION_SERVER",
        "EMOTION_CORPORA",
        "EMOTION_OF_SOMEBODY_ELSE",
        "EMOTION_BROWSER_TESTS",
        "MAX_UPLOADS",
    ],
)
def test_what_is_read_or_somebody_elses_is_left_alone(name):
    assert not list(unread_settings([name]))

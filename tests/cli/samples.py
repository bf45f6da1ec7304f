"""Analyses to render: whole ones, made of the contracts."""

from shared.contracts.analyses import Analysis, Models, Notice, Status, Timings
from shared.contracts.emotions import EMOTIONS, Emotion, Judgement, Scores
from shared.contracts.fusion import (
    FaceVerdict,
    ModalityWeights,
    Moment,
    Person,
    Profile,
    Reading,
    SpeechVerdict,
    Verdict,
)
from shared.contracts.media import AudioStream, Media, MediaKind, VideoStream


def scores_for(label: Emotion, confidence: float) -> Scores:
    rest = (1 - confidence) / 6
    return Scores.of([confidence if emotion is label else rest for emotion in EMOTIONS])


def judged(label: Emotion, confidence: float) -> dict:
    return Judgement.of(scores_for(label, confidence), uncertain_below=0.6).model_dump()


def moment(start: float, label: Emotion, confidence: float = 0.9, *, face: bool = True, speech: bool = True):
    reading = Reading(label=label, scores=scores_for(label, confidence))
    return Moment(
        start=start,
        end=start + 1,
        face=reading if face else None,
        speech=reading if speech else None,
        **judged(label, confidence),
    )


_WEIGHTS = ModalityWeights(face=0.62, speech=0.38)
FILM = Media(
    kind=MediaKind.FILM,
    container="mp4",
    seconds=3.0,
    video=VideoStream(codec="h264", width=1280, height=720, fps=25.0, rotation=90),
    audio=AudioStream(codec="aac", rate=48000, channels=2),
)


def film_analysis(**changes: object) -> Analysis:
    values: dict[str, object] = {
        "id": "an_01K8Z3N5T0V7Q4W2X9Y6B1C3D5",
        "status": Status.COMPLETE,
        "profile": Profile.DEFAULT,
        "media": FILM,
        "emotion": Verdict(
            weights=ModalityWeights(face=0.62, speech=0.38), **judged(Emotion.HAPPINESS, 0.91)
        ),
        "face": FaceVerdict(coverage=0.97, **judged(Emotion.HAPPINESS, 0.88)),
        "speech": SpeechVerdict(seconds=1.9, snr_db=24.1, **judged(Emotion.SURPRISE, 0.55)),
        "people": (
            Person(id=1, first_seen=0.0, last_seen=3.0, frames=15, **judged(Emotion.HAPPINESS, 0.88)),
            Person(id=2, first_seen=1.0, last_seen=2.0, frames=4, **judged(Emotion.SADNESS, 0.4)),
        ),
        "moments": (
            moment(0, Emotion.NEUTRAL, speech=False),
            moment(1, Emotion.HAPPINESS),
            moment(2, Emotion.HAPPINESS),
        ),
        "frames": None,
        "segments": (),
        "models": Models(face="face-default-1", speech="speech-default-1", fusion="fusion-default-1"),
        "timings_ms": Timings(receive=3, decode=210, face=190, speech=80, fuse=6, total=300),
        "notices": (),
    }
    return Analysis(**{**values, **changes})


def silent_picture_analysis() -> Analysis:
    """A picture without anybody in it."""
    return film_analysis(
        media=Media(
            kind=MediaKind.PICTURE, container="jpeg", video=VideoStream(codec="mjpeg", width=640, height=480)
        ),
        emotion=None,
        face=None,
        speech=None,
        people=(),
        moments=(),
        notices=(Notice(code="no-face", message="No face was found in the picture."),),
    )

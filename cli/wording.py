"""Values as people read them in a terminal."""

from shared.contracts.media import AudioStream, Media, VideoStream

_CHANNELS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}


def percent(share: float) -> str:
    """Give a share of 0..1 as whole percent; what is there is never called 0."""
    return "<1 %" if 0 < share < 0.01 else f"{share * 100:.0f} %"


def clock(seconds: float) -> str:
    """Give a point in time: `3.2 s` under a minute, `1:02:03` from there on."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def file_size(count: int) -> str:
    """Give a number of bytes in B, kB or MB (thousands)."""
    for unit, scale in (("MB", 1_000_000), ("kB", 1_000)):
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count} B"


def printable(text: str) -> str:
    """Give a text without what could steer a terminal: file names may hold anything."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def describe_media(media: Media) -> str:
    """Say in one line what the upload is."""
    parts = [f"{media.kind}, {media.container}"]
    if media.seconds is not None:
        parts[0] += f", {clock(media.seconds)}"
    if media.video is not None:
        parts.append(_describe_video(media.video))
    if media.audio is not None:
        parts.append(_describe_audio(media.audio))
    return "; ".join(parts)


def _describe_video(video: VideoStream) -> str:
    text = f"{video.codec} {video.width} x {video.height}"
    if video.fps is not None:
        text += f", {video.fps:.4g} fps"
    return f"{text}, turned by {video.rotation} degrees" if video.rotation else text


def _describe_audio(audio: AudioStream) -> str:
    channels = _CHANNELS.get(audio.channels, f"{audio.channels} channels")
    return f"{audio.codec} {audio.rate / 1000:.4g} kHz {channels}"

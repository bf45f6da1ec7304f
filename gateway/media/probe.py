"""Opening a film or sound, and refusing it before decoding where its header claims too much."""

import math
import re
from dataclasses import dataclass
from typing import BinaryIO

import av
import av.audio
import av.container
import av.error
import av.video
from av.stream import Discard, Disposition

from gateway.media.channels import count_channels
from gateway.media.clock import may_start_again
from gateway.media.limits import MediaLimits
from gateway.media.options import DecodeOptions
from gateway.media.origin import first_start, origin_of, start_of
from gateway.media.refusals import damaged, over_limit, unsupported
from gateway.media.signatures import Container
from shared.contracts.media import AudioStream, Media, MediaKind, VideoStream
from shared.contracts.problems import Problem

VIDEO_CODECS = frozenset({
    "h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "mpeg2video", "mpeg1video", "mjpeg", "prores", "theora",
    "h263", "msmpeg4v3", "msmpeg4v2", "dvvideo", "flv1",
})  # fmt: skip
AUDIO_CODECS = frozenset({
    "aac", "aac_latm", "mp3", "mp2", "mp1", "opus", "vorbis", "flac", "alac", "ac3", "eac3", "adpcm_ms",
    "adpcm_ima_wav", "adpcm_ima_qt", "pcm_alaw", "pcm_mulaw", "pcm_u8", "pcm_s8", "pcm_s16le", "pcm_s16be",
    "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be", "pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be",
})  # fmt: skip
# FFmpeg's decoders for them, where these are not called like the codec.
_MORE_DECODERS = (
    "libdav1d", "libvpx-vp9", "mp3float", "mp2float", "mp1float", "libopus", "libvorbis", "ac3_fixed", "flv",
    "msmpeg4",
)  # fmt: skip
_DECODERS = ",".join(sorted(VIDEO_CODECS | AUDIO_CODECS | set(_MORE_DECODERS)))

_PROBING = {"probesize": "5000000", "analyzeduration": "5000000"}
# Whoever films waits for it: no frame is counted only to learn how many there are in a second.
_PROBING_UNENDED = {"probesize": "500000", "analyzeduration": "500000", "fpsprobesize": "0"}
_TRACKS_OF_ANY_KIND = 256
_READ_BYTES = 65_536
# Matroska counts in milliseconds: a frame rate of 1000 is what FFmpeg says of a file that states none.
_MATROSKA_CLOCK = 1000
_CLOCK_TIME_OF_THE_END = frozenset({"matroska", "ogg"})
# FFmpeg works these lengths out from the bit rate, which can be wrong by any factor.
_LENGTH_IS_A_GUESS = frozenset({"mp3", "aac"})

# Where their clock leaps, the time leapt over counts as length: what is beyond the limit is measured instead.
_LEAPS_LOOK_LIKE_LENGTH = frozenset({"mpegts"})
_TAGGED_END = re.compile(r"([0-9]{1,5}):([0-9]{2}):([0-9]{2}(?:\.[0-9]{1,9})?)")
_WHAT_LASTS = frozenset({"video", "audio", "subtitle"})


@dataclass(slots=True)
class OpenedMedia:
    """An opened film or sound that is within the limits.

    Args:
        container: PyAV's container, at its beginning.
        video: the video stream to decode, if there is one and it is wanted.
        audio: the audio stream to decode, if there is one and it is wanted.
        media: what the header says.
        origin: time that counts as zero, in the container's seconds.
        claimed_end: presentation time at which the chosen streams claim to end, or None where they do not
            say.
        form: what kind of container it is.
    """

    container: av.container.InputContainer
    video: av.video.VideoStream | None
    audio: av.audio.AudioStream | None
    media: Media
    origin: float
    claimed_end: float | None
    form: Container

    @property
    def may_be_longer(self) -> bool:
        """Whether more may follow than the header claims: its clock may start again."""
        return may_start_again(self.form.demuxer)

    def forget_length(self) -> None:
        """Take back what the header claims of the length: the clock has started again."""
        self.claimed_end = None
        self.media = self.media.model_copy(update={"seconds": None})


def open_media(file: BinaryIO, form: Container, limits: MediaLimits, options: DecodeOptions) -> OpenedMedia:
    """Open a film or sound and check what its header claims.

    Only the demuxer named by the file's own first bytes is used, no other file or address can be reached from
    it, and only decoders of `VIDEO_CODECS` and `AUDIO_CODECS` run.

    Raises:
        Problem: `damaged-media`, `unsupported-media`, `media-over-limit`, or `bad-parameter` for a `start`
            beyond the end.
    """
    container = _open(file, form, _PROBING_UNENDED if options.unended else _PROBING)
    _check_tracks(container, limits)
    video, audio = choose_video(container, form), choose_audio(container)
    if video is None and audio is None:
        raise _nothing_to_decode(container, form)
    first = first_start(video, audio)
    origin = origin_of(form.name, first)
    # What has not ended yet claims the length of its first fragment.
    seconds = None if options.unended else _claimed_seconds(container, form, first=first, origin=origin)
    is_a_guess = _is_a_guess(seconds, form, limits)
    if is_a_guess:
        seconds = None
    fps = None if video is None else _claimed_fps(video, form)
    if video is not None:
        _check_video(video, fps, limits)
    if audio is not None:
        _check_audio(audio, limits)
    _check_length(seconds, options, limits, may_be_longer=may_start_again(form.demuxer))
    media = Media(
        kind=MediaKind.SOUND if video is None else MediaKind.FILM,
        container=form.name,
        seconds=seconds,
        video=None if video is None else _describe_video(video, fps),
        audio=None if audio is None else _describe_audio(audio, origin),
    )
    video, audio = video if options.faces else None, audio if options.sound else None
    opened = OpenedMedia(
        container=container,
        video=video,
        audio=audio,
        media=media,
        origin=origin,
        claimed_end=None,
        form=form,
    )
    if not options.unended and not is_a_guess:
        opened.claimed_end = _claimed_end(opened)
    _leave_out_the_rest(opened)
    return opened


def _open(file: BinaryIO, form: Container, probing: dict[str, str]) -> av.container.InputContainer:
    try:
        return av.open(
            file,
            mode="r",
            format=form.demuxer,
            options={
                "format_whitelist": form.demuxer or "",
                "codec_whitelist": _DECODERS,
                "protocol_whitelist": "none",
                **probing,
                "max_streams": str(_TRACKS_OF_ANY_KIND),
                "threads": "1",
            },
            buffer_size=_READ_BYTES,
            metadata_errors="replace",
        )
    except MemoryError:
        raise
    except (av.error.FFmpegError, ValueError, OverflowError) as error:
        raise damaged(f"The {form.spoken} file is damaged or cut off: its header cannot be read.") from error


def _check_tracks(container: av.container.InputContainer, limits: MediaLimits) -> None:
    tracks = len(container.streams.video) + len(container.streams.audio)
    if tracks > limits.max_streams:
        raise over_limit("max_streams", "The number of sound and video tracks", tracks, limits.max_streams)


def _claimed_seconds(
    container: av.container.InputContainer, form: Container, *, first: float, origin: float
) -> float | None:
    """Give when the header claims that all ends; None where it is missing, impossible, or only a guess."""
    if container.duration is None or container.duration <= 0 or form.name in _LENGTH_IS_A_GUESS:
        return None
    # Some say when all ends on their own clock, the others how long it is.
    counted_from = 0.0 if form.demuxer in _CLOCK_TIME_OF_THE_END else first
    seconds = counted_from + container.duration / av.time_base - origin
    return whole_milliseconds(seconds) if seconds > 0 else None


def whole_milliseconds(seconds: float) -> float:
    """Round a length up, so that no time of a result, which are rounded as well, lies beyond it."""
    return math.ceil(round(seconds * 1000, 3)) / 1000


def _is_a_guess(seconds: float | None, form: Container, limits: MediaLimits) -> bool:
    leaps = form.demuxer in _LEAPS_LOOK_LIKE_LENGTH
    return leaps and seconds is not None and seconds > limits.max_seconds


def _codec_name(stream: av.video.VideoStream | av.audio.AudioStream) -> str:
    # The name of the format ("av1"), not of FFmpeg's decoder for it ("libdav1d").
    return stream.codec_context.codec.canonical_name if stream.codec_context is not None else "unknown"


def choose_video(container: av.container.InputContainer, form: Container) -> av.video.VideoStream | None:
    """Give the video stream that is analysed: the first that can be decoded and is no cover picture."""
    for stream in container.streams.video:
        is_cover = stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails)
        if is_cover or form.never_film:
            continue
        if _codec_name(stream) in VIDEO_CODECS and stream.codec_context.width and stream.codec_context.height:
            return stream
    return None


def choose_audio(container: av.container.InputContainer) -> av.audio.AudioStream | None:
    """Give the audio stream that is analysed: the default of those that can be decoded, or the first."""
    candidates = [stream for stream in container.streams.audio if _codec_name(stream) in AUDIO_CODECS]
    candidates.sort(key=lambda stream: not stream.disposition & Disposition.default)
    return candidates[0] if candidates else None


def _nothing_to_decode(container: av.container.InputContainer, form: Container) -> Problem:
    streams: tuple[av.video.VideoStream | av.audio.AudioStream, ...]
    streams = (*container.streams.video, *container.streams.audio)
    for stream in streams:
        known = VIDEO_CODECS | AUDIO_CODECS
        if not stream.disposition & Disposition.attached_pic and _codec_name(stream) not in known:
            return unsupported(
                f"an {form.spoken} file in a codec that is not decoded here ({_codec_name(stream)})"
            )
    return damaged(f"The {form.spoken} file holds no sound and no pictures that can be decoded.")


def _claimed_fps(video: av.video.VideoStream, form: Container) -> float | None:
    """Give the average frame rate; None where it is missing, or only the clock's resolution."""
    rate = video.average_rate
    if rate is None or rate <= 0 or (form.demuxer == "matroska" and rate >= _MATROSKA_CLOCK):
        return None
    return float(rate)


def _check_video(video: av.video.VideoStream, fps: float | None, limits: MediaLimits) -> None:
    width, height = video.codec_context.width, video.codec_context.height
    check_frame_size(width, height, limits)
    if fps is None:
        return
    if fps > limits.max_fps:
        raise over_limit("max_fps", "The number of frames a second", fps, limits.max_fps)
    if width * height * fps > limits.max_pixel_rate:
        what = f"The number of pixels a second ({width} x {height} at {fps:g} frames)"
        raise over_limit("max_pixel_rate", what, width * height * fps, limits.max_pixel_rate)


def check_frame_size(width: int, height: int, limits: MediaLimits) -> None:
    """Refuse images of a film that are too large.

    Raises:
        Problem: `media-over-limit`.
    """
    if width * height > limits.max_film_pixels:
        what = f"The number of pixels of the film's images ({width} x {height})"
        raise over_limit("max_film_pixels", what, width * height, limits.max_film_pixels)
    if max(width, height) > limits.max_side:
        raise over_limit(
            "max_side", "The longer side of the film's images", max(width, height), limits.max_side
        )


def _check_audio(audio: av.audio.AudioStream, limits: MediaLimits) -> None:
    rate, channels = audio.codec_context.sample_rate or 0, count_channels(audio)
    if rate < 1 or channels < 1:
        raise damaged("The sound track claims no sampling rate or no channels.")
    if rate < limits.min_sample_rate:
        raise over_limit(
            "min_sample_rate", "The sound's number of samples a second", rate, limits.min_sample_rate
        )
    if rate > limits.max_sample_rate:
        raise over_limit(
            "max_sample_rate", "The sound's number of samples a second", rate, limits.max_sample_rate
        )
    if channels > limits.max_channels:
        raise over_limit("max_channels", "The sound's number of channels", channels, limits.max_channels)


def _check_length(
    seconds: float | None, options: DecodeOptions, limits: MediaLimits, *, may_be_longer: bool
) -> None:
    if seconds is None:
        return
    if options.begin >= seconds and not may_be_longer:
        detail = f"`start` is {options.begin:g} s, but the media ends at {seconds:.3f} s."
        raise Problem("bad-parameter", detail, field="start")
    wanted = min(options.end or math.inf, seconds) - options.begin
    if wanted > limits.max_seconds:
        remedy = "Send shorter media, or ask for a part of it with `start` and `end`."
        problem = over_limit("max_seconds", "The length in seconds", wanted, limits.max_seconds)
        problem.remedy = remedy
        raise problem


def _describe_video(video: av.video.VideoStream, fps: float | None) -> VideoStream:
    return VideoStream(
        codec=_codec_name(video),
        width=video.codec_context.width,
        height=video.codec_context.height,
        fps=None if fps is None else round(fps, 3),
    )


def _describe_audio(audio: av.audio.AudioStream, origin: float) -> AudioStream:
    context = audio.codec_context
    return AudioStream(
        codec=_codec_name(audio),
        rate=context.sample_rate,
        channels=count_channels(audio),
        start=round(max(0.0, start_of(audio) - origin), 3),
    )


def _claimed_end(opened: OpenedMedia) -> float | None:
    """Give when the chosen streams claim to end, seconds; what is claimed of others says nothing of them."""
    form, origin, seconds = opened.form, opened.origin, opened.media.seconds
    if form.name in _LENGTH_IS_A_GUESS:
        return None
    chosen = [stream for stream in (opened.video, opened.audio) if stream is not None]
    ends = [
        (0.0 if form.demuxer in _CLOCK_TIME_OF_THE_END else start_of(stream))
        + float(stream.duration * stream.time_base)
        - origin
        for stream in chosen
        if stream.duration is not None and stream.time_base is not None
    ]
    if ends:
        return max(ends)
    tagged = [_tagged_end(stream) - origin for stream in chosen] if form.demuxer == "matroska" else []
    if tagged and min(tagged) > 0.0:
        # Whoever shortens a film may forget the tags.
        return max(tagged) if seconds is None else min(seconds, max(tagged))
    return seconds if _are_all(opened.container, chosen) else None


def _tagged_end(stream: av.video.VideoStream | av.audio.AudioStream) -> float:
    """Give when a stream ends, in seconds on the container's clock, as muxers of Matroska note; else -inf."""
    tag = _TAGGED_END.fullmatch(stream.metadata.get("DURATION", ""))
    if tag is None:
        return -math.inf
    hours, minutes, seconds = tag.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _are_all(
    container: av.container.InputContainer, chosen: list[av.video.VideoStream | av.audio.AudioStream]
) -> bool:
    """Tell whether there is nothing else to be seen, heard or read, whose length the container's may be."""
    return all(
        stream in chosen or stream.type not in _WHAT_LASTS or stream.disposition & Disposition.attached_pic
        for stream in container.streams
    )


def _leave_out_the_rest(opened: OpenedMedia) -> None:
    for stream in opened.container.streams:
        if stream not in {opened.video, opened.audio}:
            stream.discard = Discard.all
    for chosen in (opened.video, opened.audio):
        if chosen is not None:
            # Threads are what the sandbox forbids; one core decodes faster than the networks read.
            chosen.codec_context.thread_count = 1

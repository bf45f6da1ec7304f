"""Makers of test media: pictures, sounds and films of every container, from two faces and a voice.

The photographs ship inside scikit-image (an astronaut) and matplotlib (Grace Hopper); the voice is
espeak-ng's where it is installed, and a voice-like generated sound where not. Nothing is fetched.
"""

import functools
import io
import itertools
import math
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile
from matplotlib import cbook
from numpy.typing import NDArray
from PIL import Image
from skimage import data

Pixels = NDArray[np.uint8]
Samples = NDArray[np.float32]

SENTENCE = "I am so glad to see you again. What a wonderful surprise this is!"


@functools.cache
def astronaut() -> Pixels:
    """A smiling woman's face, [512,512,3] RGB; the face is near (x 224, y 110) and 100 wide."""
    return data.astronaut()


@functools.cache
def grace_hopper() -> Pixels:
    """A calm woman's face, [600,512,3] RGB."""
    with cbook.get_sample_data("grace_hopper.jpg") as file:
        return np.asarray(Image.open(file).convert("RGB"))


def noise(width: int, height: int, *, seed: int = 0) -> Pixels:
    """A picture without a face, [height,width,3]."""
    coarse = np.random.default_rng(seed).integers(40, 200, (9, 16, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def moving_face(
    face: Pixels, *, frames: int, width: int = 320, height: int = 240, turn: float = 8.0, zoom: float = 0.15
) -> Iterator[Pixels]:
    """A photograph that moves, grows, shrinks and tilts before a background, [height,width,3] each.

    Args:
        turn: tilt at most, degrees.
        zoom: change of size at most, as a fraction.
    """
    background = Image.fromarray(noise(width, height))
    photograph = Image.fromarray(face)
    for number in range(frames):
        phase = 2 * math.pi * number / max(frames, 25)
        side = round(height * (1 + zoom * math.sin(phase)))
        shown = photograph.resize((side, side)).rotate(turn * math.sin(2 * phase), Image.Resampling.BILINEAR)
        canvas = background.copy()
        left = round((width - side) / 2 + 0.15 * width * math.sin(phase))
        canvas.paste(shown, (left, (height - side) // 2))
        yield np.asarray(canvas)


def cut_film(*, frames_each: int = 12, width: int = 320, height: int = 240) -> Iterator[Pixels]:
    """Three shots: one face, the other face, no face."""
    yield from moving_face(astronaut(), frames=frames_each, width=width, height=height)
    yield from moving_face(grace_hopper(), frames=frames_each, width=width, height=height)
    for _ in range(frames_each):
        yield noise(width, height)


def counted(frames: int, *, width: int = 160, height: int = 120) -> Iterator[Pixels]:
    """Pictures that tell their number in eight dark and light bars: a test sees which were sampled."""
    for number in range(frames):
        bars = [200 if number >> (7 - bit) & 1 else 50 for bit in range(8)]
        row = np.repeat(np.array(bars, np.uint8), width // 8)
        yield np.broadcast_to(row[None, :, None], (height, width, 3)).copy()


def number_of(picture: Pixels) -> int:
    """Read the number of a picture that `counted` made, scaled or not."""
    height, width, _ = picture.shape
    middles = [(2 * bit + 1) * width // 16 for bit in range(8)]
    return sum(int(picture[height // 2, x, 1] > 125) << (7 - bit) for bit, x in enumerate(middles))


@functools.cache
def speech(seconds: float = 2.0, rate: int = 16_000) -> Samples:
    """A voice, mono, [seconds x rate] in -1..1, repeated or cut to length."""
    wanted = round(seconds * rate)
    voice, own_rate = _espeak() or (_generated_voice(4.0), 16_000)
    positions = np.arange(round(len(voice) * rate / own_rate)) * own_rate / rate
    voice = np.interp(positions, np.arange(len(voice)), voice).astype(np.float32)
    return np.resize(voice, wanted)


def tone(seconds: float = 2.0, rate: int = 16_000, hertz: float = 440.0, level: float = 0.5) -> Samples:
    """A pure tone, mono."""
    return (level * np.sin(2 * math.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def _espeak() -> tuple[Samples, int] | None:
    program = shutil.which("espeak-ng")
    if program is None:
        return None
    spoken = subprocess.run([program, "--stdout", SENTENCE], capture_output=True, check=False)
    if spoken.returncode != 0:
        return None
    # espeak-ng writes a header with an open length.
    samples = (
        np.frombuffer(spoken.stdout[44 : len(spoken.stdout) // 2 * 2], "<i2").astype(np.float32) / 32_768
    )
    return samples, int.from_bytes(spoken.stdout[24:28], "little")


def _generated_voice(seconds: float, rate: int = 16_000) -> Samples:
    """Harmonics of a gliding pitch in syllables: no words, but the rhythm and spectrum of a voice."""
    t = np.arange(round(seconds * rate)) / rate
    pitch = 140 + 30 * np.sin(2 * math.pi * 0.7 * t)
    phase = 2 * math.pi * np.cumsum(pitch) / rate
    voice = sum(np.sin(n * phase) / (1 + ((n * 140 - 600) / 500) ** 2) for n in range(1, 20))
    syllables = np.clip(np.sin(2 * math.pi * 3.5 * t), 0, None) * (np.sin(2 * math.pi * 0.4 * t) > -0.7)
    voice *= syllables
    return (0.5 * voice / np.abs(voice).max()).astype(np.float32)


def write_picture(
    path: Path, pixels: Pixels | None = None, *, orientation: int = 1, **options: object
) -> Path:
    """Write a JPEG, PNG, WebP, BMP or GIF file, as its suffix says.

    Args:
        pixels: the astronaut where not given.
        orientation: EXIF orientation to claim (the pixels are stored as they are).
        options: for Pillow's writer.
    """
    image = Image.fromarray(astronaut() if pixels is None else pixels)
    if orientation != 1:
        exif = Image.Exif()
        exif[0x0112] = orientation
        options["exif"] = exif
    image.save(path, **options)
    return path


@dataclass(frozen=True, slots=True)
class VideoSpec:
    """How the pictures of a film are stored."""

    codec: str = "libx264"
    fps: Fraction = Fraction(25)
    pixel_format: str = "yuv420p"
    options: tuple[tuple[str, str], ...] = (("preset", "ultrafast"),)
    rotation: int = 0
    """Degrees clockwise that turn the stored pictures upright."""
    pixel_aspect: Fraction | None = None
    times: tuple[float, ...] | None = None
    """Presentation times in seconds, for a variable frame rate."""
    offset: float = 0.0
    """Presentation time of the first picture, seconds."""


@dataclass(frozen=True, slots=True)
class AudioSpec:
    """How the sound of a film is stored."""

    codec: str = "aac"
    rate: int = 48_000
    layout: str = "stereo"
    offset: float = 0.0
    """Presentation time of the first sample, seconds."""
    options: tuple[tuple[str, str], ...] = ()


def write_film(
    path: Path,
    pictures: Iterator[Pixels] | None = None,
    sound: Samples | None = None,
    *,
    sound_parts: Sequence[tuple[float, Samples]] = (),
    video: VideoSpec | None = None,
    audio: AudioSpec | None = None,
    container: str | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Write a film or a sound.

    Args:
        path: its suffix names the container unless `container` does.
        pictures: all of one size; none for a sound.
        sound: mono samples at the rate of `audio`, copied to each channel; none for a silent film.
        sound_parts: instead of `sound`, parts with their presentation times in seconds, for sound with holes.
        video: how the pictures are stored.
        audio: how the sound is stored.
        container: FFmpeg's muxer.
        options: for the muxer.
    """
    video, audio = video or VideoSpec(), audio or AudioSpec()
    with av.open(str(path), "w", format=container, options=options or {}) as file:
        image_stream = first = None
        if pictures is not None:
            first = next(pictures, None)
            image_stream = _add_video(file, video, (160, 120) if first is None else first.shape[1::-1])
        parts = sound_parts if sound is None else [(audio.offset, sound)]
        sound_stream = _add_audio(file, audio) if parts else None
        packets = []
        if image_stream is not None and first is not None:
            packets += _encode_pictures(image_stream, first, pictures, video)
        if sound_stream is not None:
            packets += _encode_sound(sound_stream, parts, audio)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            file.mux(packet)
    return path


def _add_video(file, spec, size):
    stream = file.add_stream(spec.codec, rate=spec.fps, options=dict(spec.options))
    stream.width, stream.height = size
    stream.pix_fmt = spec.pixel_format
    stream.codec_context.thread_count = 1
    if spec.times is not None:
        stream.codec_context.time_base = Fraction(1, 1000)
    if spec.pixel_aspect is not None:
        stream.codec_context.sample_aspect_ratio = spec.pixel_aspect
    if spec.rotation:
        stream.set_display_rotation(-spec.rotation)
    return stream


def _add_audio(file, spec):
    return file.add_stream(spec.codec, rate=spec.rate, layout=spec.layout, options=dict(spec.options))


def _encode_pictures(stream, first, rest, spec):
    packets = []
    times = None if spec.times is None else iter(spec.times)
    for number, pixels in enumerate(itertools.chain([first], rest)):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        if times is None:
            frame.time_base = 1 / spec.fps
            frame.pts = number + round(spec.offset * spec.fps)
        else:
            frame.time_base = Fraction(1, 1000)
            frame.pts = round(1000 * (next(times) + spec.offset))
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def _encode_sound(stream, parts, spec):
    packets = []
    channels = stream.layout.nb_channels
    size = stream.frame_size or 1024
    for begin, sound in parts:
        resampler = av.AudioResampler(
            format=stream.format, layout=stream.layout, rate=spec.rate, frame_size=size
        )
        frame = av.AudioFrame.from_ndarray(np.tile(sound, (channels, 1)), format="fltp", layout=spec.layout)
        frame.sample_rate, frame.time_base = spec.rate, Fraction(1, spec.rate)
        frame.pts = round(begin * spec.rate)
        for block in [*resampler.resample(frame), *resampler.resample(None)]:
            packets += stream.encode(block)
    return packets + stream.encode(None)


def write_sound(
    path: Path, samples: Samples | None = None, *, rate: int = 16_000, subtype: str | None = None
) -> Path:
    """Write WAV, FLAC or Ogg Vorbis with soundfile.

    Args:
        samples: [n] or [n,channels]; a voice where not given.
        subtype: soundfile's name of the sample format.
    """
    soundfile.write(path, speech(2.0, rate) if samples is None else samples, rate, subtype=subtype)
    return path


def talking_film(
    path: Path, *, seconds: float = 2.0, width: int = 320, height: int = 240, **specs: object
) -> Path:
    """Write a film of one moving face with a voice, 25 frames a second."""
    pictures = moving_face(astronaut(), frames=round(seconds * 25), width=width, height=height)
    return write_film(path, pictures, speech(seconds, 48_000), **specs)


def truncated(path: Path, fraction: float, target: Path) -> Path:
    """Write the first part of a file."""
    whole = path.read_bytes()
    target.write_bytes(whole[: int(len(whole) * fraction)])
    return target


def moving_jpegs(path: Path, jpeg: bytes, *, size: tuple[int, int], frames: int, fps: int = 25) -> Path:
    """Write a film of one and the same JPEG picture, many times, without encoding anything.

    Args:
        size: width and height of the picture.
    """
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mjpeg", rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p"
        for number in range(frames):
            packet = av.Packet(jpeg)
            packet.stream, packet.time_base = stream, Fraction(1, fps)
            packet.pts = packet.dts = number
            packet.is_keyframe = True
            file.mux(packet)
    return path


Maker = Callable[[Path], Path]

_MPEG4 = VideoSpec(codec="mpeg4", options=())
_VP8 = VideoSpec(codec="libvpx", options=(("deadline", "realtime"), ("cpu-used", "8")))
_VP9 = VideoSpec(codec="libvpx-vp9", options=(("deadline", "realtime"), ("cpu-used", "8")))
_OPUS = AudioSpec(codec="libopus")


def _film(name: str, **specs: object) -> Maker:
    return lambda folder: talking_film(folder / name, **specs)


def _live_webm(folder: Path) -> Path:
    """Write WebM as a browser's recorder does: without a length and without an index."""
    return talking_film(
        folder / "live.webm", video=_VP8, audio=_OPUS, container="webm", options={"live": "1"}
    )


FILMS: dict[str, Maker] = {
    "mp4": _film("film.mp4"),
    "mp4-fast-start": _film("fast.mp4", options={"movflags": "faststart"}),
    "mp4-fragmented": _film("fragmented.mp4", options={"movflags": "frag_keyframe+empty_moov"}),
    "mp4-hevc": _film(
        "hevc.mp4",
        video=VideoSpec(
            codec="libx265", options=(("preset", "ultrafast"), ("x265-params", "log-level=none:pools=1"))
        ),
    ),
    "mov": _film("film.mov"),
    "mov-prores": _film(
        "prores.mov", video=VideoSpec(codec="prores_ks", pixel_format="yuv422p10le", options=())
    ),
    "mkv": _film("film.mkv", audio=AudioSpec(codec="ac3", layout="5.1(side)")),
    "webm": _film("film.webm", video=_VP9, audio=_OPUS),
    "webm-live": _live_webm,
    "avi": _film("film.avi", video=_MPEG4, audio=AudioSpec(codec="libmp3lame", rate=44_100)),
    "avi-mjpeg": _film(
        "mjpeg.avi",
        video=VideoSpec(codec="mjpeg", pixel_format="yuvj420p", options=()),
        audio=AudioSpec(codec="pcm_s16le"),
    ),
    "mpegts": _film("film.ts", container="mpegts"),
    "mpegts-mpeg2": _film(
        "mpeg2.ts",
        container="mpegts",
        video=VideoSpec(codec="mpeg2video", options=()),
        audio=AudioSpec(codec="mp2"),
    ),
}
"""A talking face, 2 s, 320 x 240, 25 frames a second, in every film container; each maker takes a folder."""


def _coded_sound(name: str, **specs: object) -> Maker:
    spec = AudioSpec(**specs)
    return lambda folder: write_film(folder / name, None, speech(2.0, spec.rate), audio=spec)


def _plain_sound(name: str, rate: int, subtype: str | None = None) -> Maker:
    return lambda folder: write_sound(folder / name, speech(2.0, rate), rate=rate, subtype=subtype)


SOUNDS: dict[str, Maker] = {
    "wav": _plain_sound("sound.wav", 16_000),
    "wav-8k-8bit": _plain_sound("low.wav", 8_000, "PCM_U8"),
    "wav-96k-24bit": _plain_sound("high.wav", 96_000, "PCM_24"),
    "wav-float": _plain_sound("float.wav", 44_100, "FLOAT"),
    "flac": _plain_sound("sound.flac", 44_100),
    "ogg-vorbis": _plain_sound("sound.ogg", 44_100),
    "ogg-opus": _coded_sound("sound.opus", codec="libopus"),
    "mp3": _coded_sound("sound.mp3", codec="libmp3lame", rate=44_100),
    "m4a": lambda folder: write_film(folder / "sound.m4a", None, speech(2.0, 48_000), container="ipod"),
    "aac": _coded_sound("sound.aac", rate=44_100),
    "wav-5.1": lambda folder: write_film(
        folder / "six.wav", None, speech(2.0, 48_000), audio=AudioSpec(codec="pcm_s16le", layout="5.1")
    ),
}
"""Two seconds of a voice in every sound container."""


def _picture(name: str, **options: object) -> Maker:
    return lambda folder: write_picture(folder / name, **options)


PICTURES: dict[str, Maker] = {
    "jpeg": _picture("picture.jpg", quality=90),
    "jpeg-progressive": _picture("progressive.jpg", progressive=True),
    "png": _picture("picture.png"),
    "webp": _picture("picture.webp"),
    "bmp": _picture("picture.bmp"),
    "gif": _picture("picture.gif"),
}
"""The astronaut, 512 x 512, in every picture format."""


def animated(path: Path, pictures: Sequence[Pixels]) -> Path:
    """Write an animated GIF or WebP file."""
    first, *rest = [Image.fromarray(pixels) for pixels in pictures]
    first.save(path, save_all=True, append_images=rest, duration=100, loop=0)
    return path


def with_cover(path: Path, samples: Samples, *, rate: int = 48_000) -> Path:
    """Write an M4A, MP3 or FLAC file with a cover picture."""
    cover = io.BytesIO()
    Image.fromarray(astronaut()).resize((64, 64)).save(cover, "JPEG")
    codec = {".mp3": "libmp3lame", ".flac": "flac"}.get(path.suffix, "aac")
    with av.open(str(path), "w", format="mp4" if path.suffix == ".m4a" else None) as file:
        spec = AudioSpec(codec=codec, rate=rate)
        sound = _add_audio(file, spec)
        picture = file.add_stream("mjpeg")
        picture.width = picture.height = 64
        picture.pix_fmt = "yuvj420p"
        picture.disposition = av.stream.Disposition.attached_pic
        packet = av.Packet(cover.getvalue())
        packet.stream, packet.pts, packet.dts, packet.time_base = picture, 0, 0, Fraction(1, 25)
        file.start_encoding()
        file.mux(packet)
        for block in _encode_sound(sound, [(0.0, samples)], spec):
            file.mux(block)
    return path

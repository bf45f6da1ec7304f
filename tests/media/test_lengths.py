"""How long a film claims to be, and of which films it is said that they break off."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from tests import media_files
from tests.media.conftest import decode_all, refusal_of

ASS_HEADER = b"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour
Style: Default,Arial,16,&Hffffff

[Events]
Format: Layer, Start, End, Style, Text
"""


def encoded_pictures(stream, times):
    packets = []
    for t, pixels in zip(times, media_files.counted(len(times)), strict=True):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        frame.pts, frame.time_base = round(t * 1000), Fraction(1, 1000)
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def add_pictures(file):
    stream = file.add_stream("h264", rate=25, options={"preset": "veryfast", "g": "5", "bf": "0"})
    stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
    stream.codec_context.time_base = Fraction(1, 1000)
    stream.codec_context.thread_count = 1
    return stream


def encoded_sound(stream, seconds):
    frame = av.AudioFrame.from_ndarray(
        (media_files.tone(seconds)[None] * 32_767).astype("<i2"), format="s16", layout="mono"
    )
    frame.sample_rate, frame.pts, frame.time_base = 16_000, 0, Fraction(1, 16_000)
    resampler = av.AudioResampler("s16", "mono", 16_000, frame_size=1600)
    packets = []
    for block in [*resampler.resample(frame), *resampler.resample(None)]:
        packets += stream.encode(block)
    return packets + stream.encode(None)


def write_tracks(path, *sounds, subtitles=None):
    """Write three seconds of pictures, with sound tracks of so many seconds and subtitles up to a time."""
    with av.open(str(path), "w", options={"cluster_time_limit": "500"}) as file:
        pictures = add_pictures(file)
        tracks = [file.add_stream("pcm_s16le", rate=16_000, layout="mono") for _ in sounds]
        words = None if subtitles is None else file.add_stream("subrip")
        if words is not None:
            words.codec_context.subtitle_header = ASS_HEADER
        packets = encoded_pictures(pictures, np.arange(75) / 25)
        for packet in packets:
            packet.duration = round(0.04 / packet.time_base)
        for track, seconds in zip(tracks, sounds, strict=True):
            packets += encoded_sound(track, seconds)
        if words is not None:
            packet = av.Packet(b"The end")
            packet.stream, packet.time_base = words, Fraction(1, 1000)
            packet.pts = packet.dts = round(subtitles * 1000) - 500
            packet.duration = 500
            packets.append(packet)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            file.mux(packet)
    return path


def write_last_frame(path, *, stands=20.0, times=(0.0, 0.2, 0.4, 0.6), options=None):
    """Write pictures whose last one is shown for so many seconds."""
    with av.open(str(path), "w", options=options or {}) as file:
        packets = encoded_pictures(add_pictures(file), times)
        for packet in packets:
            length = stands if packet is packets[-1] else 0.2
            packet.duration = round(length / packet.time_base)
            file.mux(packet)
    return path


@pytest.mark.parametrize(
    ("sounds", "subtitles", "seconds"),
    [((3.0, 10.0), None, 3.0), ((3.0,), 9.0, 3.0), ((), 9.0, 3.0), ((4.0, 2.0), None, 4.0)],
)
async def test_what_is_not_analysed_may_last_longer(pool, tmp_path, sounds, subtitles, seconds):
    path = write_tracks(tmp_path / "tracks.mkv", *sounds, subtitles=subtitles)
    film = await decode_all(pool, path)
    assert film.seconds == pytest.approx(seconds, abs=0.05)
    assert film.notices == ()
    cut = await decode_all(pool, media_files.truncated(path, 0.4, tmp_path / "cut.mkv"))
    assert cut.codes == {"truncated"}
    assert f"of {seconds:.2f} seconds" in cut.notices[0].message


async def test_tracks_that_do_not_say_how_long_they_are(pool, tmp_path):
    path = write_tracks(tmp_path / "tracks.mkv", 3.0, 10.0)
    path.write_bytes(path.read_bytes().replace(b"DURATION", b"DURATI0N"))
    film = await decode_all(pool, path)
    assert film.seconds == pytest.approx(3.0, abs=0.05)
    assert film.notices == ()
    alone = write_tracks(tmp_path / "alone.mkv", 3.0)
    alone.write_bytes(alone.read_bytes().replace(b"DURATION", b"DURATI0N"))
    cut = await decode_all(pool, media_files.truncated(alone, 0.4, tmp_path / "cut.mkv"))
    assert cut.codes == {"truncated"}


async def test_tags_that_were_forgotten_when_the_film_was_shortened(pool, tmp_path):
    path = write_tracks(tmp_path / "tracks.mkv", 3.0)
    path.write_bytes(path.read_bytes().replace(b"00:00:03.", b"00:00:59."))
    assert (await decode_all(pool, path)).notices == ()


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("stands", [5.0, 20.0])
async def test_a_last_frame_that_stands_long(pool, tmp_path, suffix, stands):
    path = write_last_frame(tmp_path / f"last{suffix}", stands=stands)
    film = await decode_all(pool, path)
    assert film.numbers == [0, 1, 2, 3]
    assert film.seconds == pytest.approx(0.6 + stands, abs=0.01)
    assert film.media.seconds == pytest.approx(0.6 + stands, abs=0.01)
    assert film.notices == ()
    assert (await decode_all(pool, path, end=0.5)).seconds == pytest.approx(0.5)
    problem = await refusal_of(pool, path, start=3.0)
    assert (problem.name, problem.field) == ("bad-parameter", "start")
    assert "Nothing begins" in problem.detail


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("fraction", [0.5, 0.7, 0.9])
async def test_a_film_with_a_long_last_frame_that_was_cut_off(pool, tmp_path, suffix, fraction):
    options = {"movflags": "faststart"} if suffix == ".mp4" else {"cluster_time_limit": "1000"}
    path = write_last_frame(tmp_path / f"last{suffix}", times=np.arange(100) * 0.2, options=options)
    film = await decode_all(pool, media_files.truncated(path, fraction, tmp_path / f"cut{suffix}"))
    assert "truncated" in film.codes
    assert film.seconds < 20.0


async def test_a_film_that_was_cut_off_between_two_clusters(pool, tmp_path):
    path = write_last_frame(
        tmp_path / "last.mkv", times=np.arange(100) * 0.2, options={"cluster_time_limit": "1000"}
    )
    whole = path.read_bytes()
    last = whole.rfind(b"\x1f\x43\xb6\x75")
    (tmp_path / "cut.mkv").write_bytes(whole[:last])
    film = await decode_all(pool, tmp_path / "cut.mkv")
    assert film.codes == {"truncated"}
    assert film.seconds < 20.0


def end_of_sound(film):
    # The last of the pieces follows on the one before it.
    return film.sound_times[0] + len(film.samples) / 16_000


def check_that_nothing_is_beyond(film, *, claims_too_little=False):
    """Times of results are rounded to milliseconds (segments) and tenths of them (moments, frames)."""
    assert round(film.seconds, 4) <= film.media.seconds
    if not claims_too_little:
        assert film.probed.seconds in {None, film.media.seconds}
    assert all(t <= film.media.seconds for t in film.times)
    if len(film.samples):
        assert round(end_of_sound(film), 3) <= film.media.seconds


@pytest.mark.parametrize("name", media_files.FILMS)
async def test_nothing_of_a_film_is_beyond_its_end(pool, made, name):
    check_that_nothing_is_beyond(await decode_all(pool, made("FILMS", name)))


@pytest.mark.parametrize("name", media_files.SOUNDS)
async def test_nothing_of_a_sound_is_beyond_its_end(pool, made, name):
    check_that_nothing_is_beyond(await decode_all(pool, made("SOUNDS", name)))


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100])
@pytest.mark.parametrize("suffix", [".wav", ".ogg", ".m4a"])
async def test_no_sound_of_an_odd_length_is_beyond_its_end(pool, tmp_path, suffix, rate):
    path, samples = tmp_path / f"odd{suffix}", media_files.tone(3.0, rate)[: 2 * rate + 37]
    if suffix == ".m4a":
        spec = media_files.AudioSpec(rate=rate)
        media_files.write_film(path, None, samples, audio=spec, container="ipod")
    else:
        media_files.write_sound(path, samples, rate=rate)
    sound = await decode_all(pool, path)
    check_that_nothing_is_beyond(sound)
    assert sound.media.seconds == pytest.approx(len(samples) / rate, abs=0.002)
    assert end_of_sound(sound) == pytest.approx(sound.media.seconds, abs=0.001)


@pytest.mark.parametrize(("pictures", "sound"), [(1.0, 3.013), (3.0, 1.013)])
async def test_players_count_to_the_end_of_the_longer_of_pictures_and_sound(pool, tmp_path, pictures, sound):
    path = media_files.write_film(
        tmp_path / "film.mp4", media_files.counted(round(25 * pictures)), media_files.speech(sound, 48_000)
    )
    film = await decode_all(pool, path)
    check_that_nothing_is_beyond(film)
    assert film.media.seconds == film.seconds == max(pictures, sound)


async def test_a_last_frame_that_seems_to_stand_as_long_as_the_others_do(pool, tmp_path):
    times = tuple(np.cumsum(np.linspace(0.02, 0.3, 25)).tolist())
    path = media_files.write_film(
        tmp_path / "film.mp4", media_files.counted(25), video=media_files.VideoSpec(times=times)
    )
    film = await decode_all(pool, path)
    check_that_nothing_is_beyond(film)
    assert film.seconds == film.media.seconds == pytest.approx(4.04)


def with_other_length(path, seconds):
    """Write another length into the header of a Matroska file."""
    whole = path.read_bytes()
    place = whole.index(b"\x44\x89\x88") + 3
    path.write_bytes(whole[:place] + struct.pack(">d", 1000 * seconds) + whole[place + 8 :])
    return path


@pytest.mark.parametrize("claimed", [0.3, 1.0])
@pytest.mark.parametrize("with_pictures", [True, False])
async def test_a_header_that_claims_too_little_is_corrected(pool, tmp_path, with_pictures, claimed):
    pictures = media_files.counted(50) if with_pictures else None
    path = media_files.write_film(tmp_path / "film.mkv", pictures, media_files.speech(2.0, 48_000))
    film = await decode_all(pool, with_other_length(path, claimed))
    assert film.probed.seconds == claimed
    assert film.media.seconds == pytest.approx(2.0, abs=0.03)
    assert round(film.seconds, 4) <= film.media.seconds
    assert len(film.samples) / 16_000 == pytest.approx(2.0, abs=0.03)
    assert film.notices == ()


@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_mulaw", "adpcm_ms"])
async def test_an_avi_that_claims_the_length_of_its_pictures_keeps_its_sound(pool, tmp_path, codec):
    path = media_files.write_film(
        tmp_path / "film.avi",
        media_files.counted(50),
        media_files.tone(2.22, 48_000),
        video=media_files.VideoSpec(codec="mpeg4"),
        audio=media_files.AudioSpec(codec=codec),
    )
    film = await decode_all(pool, path)
    assert film.probed.seconds == 2.0
    check_that_nothing_is_beyond(film, claims_too_little=True)
    assert film.media.seconds == pytest.approx(end_of_sound(film), abs=0.001)
    assert 2.22 <= end_of_sound(film) < 2.27


async def test_a_length_by_a_clock_on_the_wall_cuts_no_sound_off(pool, tmp_path):
    """Recordings of browsers do not say how long they are until a script writes it in."""
    path = media_files.write_film(
        tmp_path / "film.webm",
        None,
        media_files.tone(2.0, 48_000),
        audio=media_files.AudioSpec(codec="libopus"),
    )
    film = await decode_all(pool, with_other_length(path, 1.85))
    assert film.probed.seconds == 1.85
    check_that_nothing_is_beyond(film, claims_too_little=True)
    assert film.media.seconds == end_of_sound(film) == 2.0

"""Files put together from others: the clock starts again inside, and nothing of what follows is lost."""

import time
from fractions import Fraction

import av
import numpy as np
import pytest

from gateway.media.clock import JoinedClock
from tests import media_files
from tests.media.conftest import decode_all, refusal_of
from tests.media_files import AudioSpec, VideoSpec

B_FRAMES = VideoSpec(
    options=(("preset", "veryfast"), ("bf", "3"), ("g", "20"), ("x264-params", "b-pyramid=normal"))
)
OLD = 75


def part(path, *, begins=0.0, hertz=440.0, pictures=True, video=B_FRAMES, seconds=3.0):
    """Write three seconds of counted frames and a tone whose clock begins at a time."""
    codec = "libopus" if path.suffix == ".ogg" else "mp2"
    return media_files.write_film(
        path,
        media_files.counted(round(seconds * 25)) if pictures else None,
        media_files.tone(seconds, 48_000, hertz),
        video=VideoSpec(video.codec, options=video.options, offset=begins),
        audio=AudioSpec(codec=codec, offset=begins),
        container="ogg" if path.suffix == ".ogg" else "mpegts",
    )


def joined(target, *parts):
    target.write_bytes(b"".join(path.read_bytes() for path in parts))
    return target


def loudest_hertz(samples):
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.fft.rfftfreq(len(samples), 1 / 16_000)[spectrum.argmax()])


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """MPEG-TS parts by the time at which their clock begins, each with a tone of its own."""
    folder = tmp_path_factory.mktemp("parts")
    tones = {0: 440, 10: 600, 50: 800, 1000: 1000, 30_000: 1200}
    return {
        begins: part(folder / f"{begins}.ts", begins=begins, hertz=hertz) for begins, hertz in tones.items()
    }


@pytest.mark.parametrize(
    ("first", "second"), [(0, 0), (50, 10), (10, 50), (10, 1000), (10, 30_000), (1000, 10), (30_000, 0)]
)
async def test_two_parts_follow_each_other(pool, parts, tmp_path, first, second):
    path = joined(tmp_path / "both.ts", parts[first], parts[second])
    film = await decode_all(pool, path, fps=60)
    assert film.numbers == [*range(OLD), *range(OLD)]
    assert np.diff(film.times) == pytest.approx(0.04, abs=0.045)
    assert film.times[OLD] == pytest.approx(3.03, abs=0.06)
    assert film.seconds == pytest.approx(6.05, abs=0.1)
    assert film.media.seconds == pytest.approx(6.05, abs=0.1)
    assert len(film.samples) == pytest.approx(6.0 * 16_000, abs=1600)
    tones = {0: 440, 10: 600, 50: 800, 1000: 1000, 30_000: 1200}
    assert loudest_hertz(film.samples[8_000:40_000]) == pytest.approx(tones[first], abs=2)
    assert loudest_hertz(film.samples[56_000:88_000]) == pytest.approx(tones[second], abs=2)
    assert film.notices == ()


async def test_a_programme_that_is_interrupted(pool, tmp_path):
    whole = [part(tmp_path / "a.ts", begins=10), part(tmp_path / "b.ts", begins=1000)]
    path = joined(tmp_path / "ad.ts", whole[0], whole[1], part(tmp_path / "c.ts", begins=13), *whole)
    film = await decode_all(pool, path, fps=5)
    assert film.numbers == [*range(0, OLD, 5)] * 5
    assert film.seconds == pytest.approx(15.0, abs=0.3)
    assert film.notices == ()


@pytest.mark.parametrize("second", [0.0, 1.5])
async def test_a_chain_of_sounds(pool, tmp_path, second):
    first = part(tmp_path / "a.ogg", pictures=False)
    path = joined(
        tmp_path / "chain.ogg",
        first,
        part(tmp_path / "b.ogg", begins=second, pictures=False, hertz=880, seconds=4.0),
    )
    sound = await decode_all(pool, path)
    assert sound.seconds == pytest.approx(7.0, abs=0.05)
    assert sound.media.seconds == pytest.approx(7.0, abs=0.05)
    assert loudest_hertz(sound.samples[8_000:40_000]) == pytest.approx(440, abs=2)
    assert loudest_hertz(sound.samples[56_000:104_000]) == pytest.approx(880, abs=2)
    assert sound.notices == ()


async def test_a_stretch_of_what_was_put_together(pool, parts, tmp_path):
    path = joined(tmp_path / "both.ts", parts[0], parts[0])
    film = await decode_all(pool, path, start=4.1, end=5.1)
    assert film.times == pytest.approx([4.1, 4.3, 4.5, 4.7, 4.9], abs=0.05)
    assert film.numbers[0] == pytest.approx(27, abs=1)
    assert len(film.samples) == 16_000
    assert film.seconds == pytest.approx(5.1)


@pytest.mark.parametrize("suffix", [".ts", ".ogg"])
async def test_a_start_beyond_the_joined_end(pool, tmp_path, suffix):
    one = part(tmp_path / f"one{suffix}", pictures=suffix == ".ts")
    path = joined(tmp_path / f"both{suffix}", one, one)
    for name, start, end in ((path, 9.0, 6.0), (one, 5.0, 3.0)):
        problem = await refusal_of(pool, name, start=start)
        assert (problem.name, problem.field) == ("bad-parameter", "start")
        assert float(problem.detail.rsplit(" ", 2)[-2]) == pytest.approx(end, abs=0.1)


async def test_the_limit_is_held_against_all_parts(limited, parts, tmp_path):
    pool = await limited(max_seconds=4.0)
    for second in (0, 1000, 30_000):
        problem = await refusal_of(pool, joined(tmp_path / "both.ts", parts[0], parts[second]))
        assert (problem.name, problem.extra["limit"]) == ("media-over-limit", "max_seconds")
    film = await decode_all(pool, joined(tmp_path / "both.ts", parts[10], parts[1000]), start=2.5)
    assert film.seconds == pytest.approx(6.0, abs=0.1)


async def test_many_jumps_take_no_longer_than_few(limited, tmp_path):
    pool = await limited(max_seconds=20.0)
    short = part(tmp_path / "a.ts", begins=10, seconds=0.2), part(tmp_path / "b.ts", begins=900, seconds=0.2)
    film = await decode_all(pool, joined(tmp_path / "some.ts", *short * 40))
    assert film.seconds == pytest.approx(16.0, abs=6.0)
    problem = await refusal_of(pool, joined(tmp_path / "many.ts", *short * 80))
    assert (problem.name, problem.extra["limit"]) == ("media-over-limit", "max_seconds")


def packet(stream, decoded, *, shown=None, length=0.04):
    """Make a packet of a stream, by its number, with times in seconds."""
    made = av.Packet(b"x")
    made.time_base = Fraction(1, 1000)
    made.dts = None if decoded is None else round(decoded * 1000)
    made.pts = made.dts if shown is None else round(shown * 1000)
    made.duration = round(length * 1000)
    return stream, made


class FakePacket:
    """What the clock needs of a packet; PyAV's own tells no stream that it was not read from."""

    def __init__(self, stream_index, made):
        self.stream_index = stream_index
        self.time_base, self.duration = made.time_base, made.duration
        self.pts, self.dts = made.pts, made.dts


def moved(demuxer, *packets):
    """Give the presentation times after joining, seconds, and the clock."""
    clock = JoinedClock(demuxer)
    times = []
    for stream, made in packets:
        each = FakePacket(stream, made)
        clock.join(each)
        times.append(each.pts / 1000)
    return times, clock


def test_late_packets_of_the_old_stretch_stay_in_it():
    times, _ = moved(
        "mpegts",
        packet(0, 5.0),
        packet(1, 5.0),
        packet(0, 5.04),
        packet(0, 900.0),
        packet(1, 5.04),
        packet(1, 5.08),
        packet(0, 900.04),
        packet(1, 900.02),
        packet(1, 900.06),
    )
    assert times == pytest.approx([5.0, 5.0, 5.04, 5.08, 5.04, 5.08, 5.12, 5.10, 5.14])


def test_a_stream_that_had_ended_earlier_takes_the_same_shift():
    old = [packet(0, k * 0.5, length=0.5) for k in range(20)]
    times, _ = moved("mpegts", packet(1, 0.0), packet(1, 0.5), *old, packet(0, 0.0), packet(1, 0.02))
    assert times[-2:] == pytest.approx([10.0, 10.02])
    times, _ = moved("mpegts", packet(1, 0.0), packet(1, 0.5), *old, packet(0, 0.0), packet(1, 0.3))
    assert times[-2:] == pytest.approx([10.0, 10.3])


def test_a_stream_that_begins_after_the_jump():
    times, _ = moved("mpegts", packet(0, 50.0), packet(0, 50.04), packet(0, 0.0), packet(1, 0.1))
    assert times[-2:] == pytest.approx([50.08, 50.18])


def test_a_leap_that_is_short_for_one_stream_only():
    times, _ = moved(
        "mpegts", packet(0, 0.72), packet(1, 0.7), packet(0, 10.8), packet(1, 10.7), packet(0, 10.84)
    )
    assert times == pytest.approx([0.72, 0.7, 0.76, 0.66, 0.8])


def test_a_hole_in_one_stream_is_no_jump():
    pictures = [packet(0, k * 0.5) for k in range(60)]
    times, clock = moved("mpegts", packet(1, 0.0), *pictures, packet(1, 29.5), packet(0, 30.0))
    assert times[-2:] == [29.5, 30.0]
    assert not clock.jumped
    assert moved("ogg", packet(0, 0.0), packet(0, 60.0))[0] == [0.0, 60.0]


@pytest.mark.parametrize("wrong", [0.0, 5000.0])
def test_one_wrong_time_changes_no_other(wrong):
    steps = [200 + k * 0.04 for k in range(50)]
    stamped = [*steps[:20], wrong, *steps[21:]]
    both = [packet(stream, t) for t in stamped for stream in (0, 1) if (stream, t) != (1, wrong)]
    times, _ = moved("mpegts", *both)
    assert times[-20:] == pytest.approx([t for t in steps[-10:] for _ in (0, 1)])


def test_frames_out_of_turn_are_no_jump():
    shown = [0.0, 2.4, 1.2, 0.6, 1.8, 4.8, 3.6, 3.0, 4.2]
    stamped = [packet(0, k * 0.6 - 1.2, shown=t, length=0.6) for k, t in enumerate(shown)]
    assert moved("mpegts", *stamped)[0] == shown


def test_other_formats_keep_their_times():
    for demuxer in (None, "matroska", "mov"):
        assert moved(demuxer, packet(0, 50.0), packet(0, 0.0), packet(0, 90.0))[0] == [50.0, 0.0, 90.0]


def test_a_jump_in_every_packet_goes_on_and_takes_no_longer():
    began = time.process_time()
    stamped = (packet(k % 2, (k * 7919) % 100_000, length=0.01) for k in range(20_000))
    times, _ = moved("mpegts", *stamped)
    assert time.process_time() - began < 3.0
    assert max(times) > 100.0


@pytest.mark.parametrize("stamp", [2**62, -(2**62), 2**63 - 1, -(2**63) + 1])
def test_times_that_fit_into_no_number(stamp):
    clock = JoinedClock("ogg")
    for dts, pts in ((0, stamp), (-stamp, stamp), (stamp, -stamp), (0, 0)):
        made = av.Packet(b"x")
        made.time_base, made.dts, made.pts = Fraction(1, 48_000), dts, pts
        clock.join(made)

"""What a browser's MediaRecorder makes."""

from pathlib import Path

from tests import media_files

VP8 = media_files.VideoSpec(codec="libvpx", options=(("deadline", "realtime"), ("cpu-used", "8")))
H264 = media_files.VideoSpec(options=(("preset", "ultrafast"), ("tune", "zerolatency"), ("g", "25")))
OPUS = media_files.AudioSpec(codec="libopus")


def recorded_webm(path: Path, **specs: object) -> bytes:
    """WebM without a length and without an index, a cluster each 200 ms."""
    options = {"live": "1", "cluster_time_limit": "200"}
    return media_files.talking_film(
        path, video=VP8, audio=OPUS, container="webm", options=options, **specs
    ).read_bytes()


def recorded_mp4(path: Path, **specs: object) -> bytes:
    """Fragmented MP4: an empty index, then a fragment each 200 ms."""
    options = {"movflags": "empty_moov+default_base_moof", "frag_duration": "200000"}
    return media_files.talking_film(path, video=H264, container="mp4", options=options, **specs).read_bytes()

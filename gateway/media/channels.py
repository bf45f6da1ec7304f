"""The channels of a sound track: how many there are, and their samples."""

import ctypes
from collections.abc import Iterable

import av
import av.audio
import av.error
import numpy as np
from numpy.typing import NDArray

from shared.mixing import Mixer

# Layouts of which FFmpeg keeps no list.
_WITHOUT_LIST = frozenset({"mono", "stereo"})
_ZERO = {"u8": 128.0}
_FULL_SCALE = {"u8": 2.0**7, "s16": 2.0**15, "s32": 2.0**31, "s64": 2.0**63}


def hold_layout(layout: av.AudioLayout) -> av.AudioLayout:
    """Never let go of a layout; to be done with every one that comes of a file.

    PyAV (18.1) shares the list of channels of an unusual order with FFmpeg, and frees it with its own layout
    and once more with FFmpeg's. A hundred bytes a frame, in a process that ends with its film, are less.
    """
    if layout.name not in _WITHOUT_LIST:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(layout))
    return layout


def hold_layouts(frames: Iterable[object]) -> list[object]:
    """Do so for frames that were decoded, before one of them is let go; gives them back."""
    found = list(frames)
    for frame in found:
        if isinstance(frame, av.AudioFrame):
            hold_layout(frame.layout)
    return found


def count_channels(track: av.audio.AudioStream) -> int:
    """Give how many channels a track claims."""
    return hold_layout(track.codec_context.layout).nb_channels


def can_be_mixed(frame: av.AudioFrame) -> bool:
    """Tell whether a frame's channels have places that FFmpeg mixes by.

    A front channel beside a middle one, or those of a sphere, it refuses.
    """
    try:
        av.AudioResampler("flt", "mono", frame.sample_rate).resample(frame)
    except (av.error.FFmpegError, ValueError) as error:
        if isinstance(error, MemoryError):
            raise
        return False
    return True


def samples_of(frame: av.AudioFrame) -> NDArray[np.float32]:
    """Give a frame's samples, [channels, samples], full scale at 1."""
    samples = frame.to_ndarray()
    planes = samples if frame.format.is_planar else samples.reshape(frame.samples, -1).T
    found = np.ascontiguousarray(planes, dtype=np.float32)
    kind = frame.format.packed.name
    if kind in _FULL_SCALE:
        found -= np.float32(_ZERO.get(kind, 0.0))
        found /= np.float32(_FULL_SCALE[kind])
    return found


def mixed(frame: av.AudioFrame, mixer: Mixer) -> av.AudioFrame:
    """Give a frame of one channel, at the same time."""
    samples = mixer.mix(samples_of(frame))
    one = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
    one.sample_rate, one.pts, one.time_base = frame.sample_rate, frame.pts, frame.time_base
    return one

"""From the decoder's stream to calls: frames in batches, sound in stretches."""

import numpy as np
from numpy.typing import NDArray

from gateway.media.decoder import DecodedFrame, DecodedSound
from gateway.readers import FaceReading, SpeechReading
from gateway.stretches import StretchCutter


class FanOut:
    """Collects what the decoder gives into calls; waits while as many calls are in flight as may be.

    Args:
        faces: takes the frames.
        speech: takes the sound.
        frames_per_call: frames in one batch.
        stretch_seconds: longest stretch of sound.
    """

    def __init__(
        self, faces: FaceReading, speech: SpeechReading, *, frames_per_call: int, stretch_seconds: float
    ) -> None:
        self.faces = faces
        self.speech = speech
        self._frames_per_call = frames_per_call
        self._cutter = StretchCutter(stretch_seconds)
        self._times: list[float] = []
        self._pictures: list[NDArray[np.uint8]] = []
        self.frames = 0
        self.reached = 0.0

    async def take(self, item: DecodedFrame | DecodedSound) -> None:
        """Take the next frame (its pictures may change in size) or piece of sound."""
        self.reached = max(self.reached, item.t)
        if isinstance(item, DecodedSound):
            for stretch in self._cutter.add(item.t, item.samples):
                await self.speech.read(stretch)
            return
        if self._pictures and self._pictures[0].shape != item.picture.shape:
            await self._send_frames()
        self._times.append(item.t)
        self._pictures.append(item.picture)
        self.frames += 1
        if len(self._pictures) >= self._frames_per_call:
            await self._send_frames()

    async def finish(self) -> None:
        """Send what is left."""
        if self._pictures:
            await self._send_frames()
        for stretch in self._cutter.rest():
            await self.speech.read(stretch)

    async def _send_frames(self) -> None:
        times, self._times = self._times, []
        pictures, self._pictures = self._pictures, []
        await self.faces.read(times, pictures)

"""From the decoder's stream to calls: frames in batches, sound in stretches."""

from gateway.media.decoder import DecodedFrame, DecodedSound
from gateway.readers import FaceReading, SampledFrame, SpeechReading
from gateway.stretches import StretchCutter

# A face is read over time from blendshapes of about 2.5 frames a second: more say nothing more (measured on
# films of actors, each held out), and a film sampled slower than 2 a second cannot be read over time at all.
_EXPRESSION_SECONDS = 0.4
_EXPRESSION_LEAST_FPS = 2.0


class ExpressionPace:
    """Tells of which frames blendshapes are wanted.

    Args:
        fps: frames sampled a second; None for a picture, which nothing over time can be read from.
    """

    def __init__(self, fps: float | None) -> None:
        self._last: float | None = None
        self._step: float | None = None
        if fps is not None and fps >= _EXPRESSION_LEAST_FPS:
            # A whole number of frames, less a quarter of one for times that tremble.
            self._step = (max(1, round(_EXPRESSION_SECONDS * fps)) - 0.25) / fps

    def wants(self, t: float) -> bool:
        """Tell for the next frame, presented at `t` seconds."""
        if self._step is None or (self._last is not None and t - self._last < self._step):
            return False
        self._last = t
        return True


class FanOut:
    """Collects what the decoder gives into calls; waits while as many calls are in flight as may be.

    Args:
        faces: takes the frames.
        speech: takes the sound.
        film: whether the frames are a film's, not a single picture.
        pace: of which frames blendshapes are wanted.
        frames_per_call: frames in one batch.
        stretch_seconds: longest stretch of sound.
    """

    def __init__(
        self,
        faces: FaceReading,
        speech: SpeechReading,
        *,
        film: bool,
        pace: ExpressionPace,
        frames_per_call: int,
        stretch_seconds: float,
    ) -> None:
        self.faces = faces
        self.speech = speech
        self._frames_per_call = frames_per_call
        self._cutter = StretchCutter(stretch_seconds)
        self._film = film
        self._pace = pace
        self._waiting: list[SampledFrame] = []
        self.frames = 0
        self.reached = 0.0

    async def take(self, item: DecodedFrame | DecodedSound) -> None:
        """Take the next frame (its pictures may change in size) or piece of sound."""
        self.reached = max(self.reached, item.t)
        if isinstance(item, DecodedSound):
            for stretch in self._cutter.add(item.t, item.samples):
                await self.speech.read(stretch)
            return
        if self._waiting and self._waiting[0].picture.shape != item.picture.shape:
            await self._send_frames()
        self._waiting.append(SampledFrame(item.t, item.picture, self._pace.wants(item.t)))
        self.frames += 1
        if len(self._waiting) >= self._frames_per_call:
            await self._send_frames()

    async def finish(self) -> None:
        """Send what is left."""
        if self._waiting:
            await self._send_frames()
        for stretch in self._cutter.rest():
            await self.speech.read(stretch)

    async def _send_frames(self) -> None:
        frames, self._waiting = self._waiting, []
        await self.faces.read(frames, film=self._film)

"""One live stream: media in, decoded, read and fused while they come, events out."""

import asyncio
import time

from starlette.websockets import WebSocket, WebSocketDisconnect

from gateway.live.counts import Counts
from gateway.live.messages import parse_text
from gateway.live.metrics import LiveMetrics, StreamTally
from gateway.live.outbox import Outbox
from gateway.live.reading import LiveReading
from gateway.live.settings import LiveSettings
from gateway.live.source import Source
from gateway.media.decoder import DecodedFrame, DecodeOptions, Decoding
from gateway.pipeline import PipelineTools, present_modalities
from shared.allowance import Allowance
from shared.contracts.analyses import Notice, Probed
from shared.contracts.live import LiveDone, LiveEnd, LiveOpen, LivePing, LivePong, LiveProgress
from shared.contracts.media import Modality
from shared.contracts.problems import Problem

_TICK_SECONDS = 0.25
_PROGRESS_EVERY_SECONDS = 1.0
# Bytes keep coming, and nothing can be made of them, though one frame was due.
_NOTHING_DECODED_SECONDS = 10.0
# A longer pause between two messages counts as no more: nothing could be decoded in it.
_LONGEST_GAP_SECONDS = 2.0
# What was sent last may still be on its way through the decoder when a stream's time is over.
_DECODER_GRACE_SECONDS = 30.0


class LiveStream:
    """Runs one stream to its end.

    Args:
        socket: an accepted connection whose opening message was read.
        options: that message.
        tools: decoders and services.
        settings: its limits.
        metrics: where frames are counted.
    """

    def __init__(
        self,
        socket: WebSocket,
        options: LiveOpen,
        tools: PipelineTools,
        settings: LiveSettings,
        metrics: LiveMetrics,
    ) -> None:
        self._socket = socket
        self._options = options
        self._tools = tools
        self._settings = settings
        self._bytes = Allowance(settings.bytes_per_second)
        self._messages = Allowance(settings.messages_per_second)
        self._outbox = Outbox(socket, seconds=settings.send_seconds)
        self.counts = Counts()
        self.bytes_received = 0
        self._reading = LiveReading(options, tools, self._outbox, self.counts, metrics)
        self._tally = StreamTally(metrics)
        self._began = self._last_media = time.monotonic()
        self._undecoded_seconds = 0.0

    @property
    def seconds(self) -> float:
        """Time reached in the stream."""
        return self._reading.seconds

    async def run(self) -> None:
        """Read the stream to its end, and send `done`.

        Raises:
            ExceptionGroup: with the `Problem` that ended it, or `WebSocketDisconnect` where the client went.
            Problem: no decoder can be had.
        """
        decoding_until = time.monotonic() + self._settings.max_seconds + _DECODER_GRACE_SECONDS
        async with self._tools.decoders.decode_stream(
            self._decode_options(),
            self._settings.media_limits(self._tools.decoders.limits),
            deadline=decoding_until,
        ) as (decoding, pipe):
            source = Source(
                pipe,
                self._options,
                self.counts.frames,
                max_lead_seconds=self._settings.max_lead_seconds,
            )
            try:
                await self._run(decoding, source)
            finally:
                self._tools.metrics.decoded(decoding.cpu_ms)
                self._tally.bring_up_to(self.seconds, self.counts.frames)

    async def _run(self, decoding: Decoding, source: Source) -> None:
        async with asyncio.TaskGroup() as around:
            receiving = around.create_task(self._receive(source))
            ticking = around.create_task(self._tick(source))
            delivering = around.create_task(self._outbox.deliver())
            async with asyncio.TaskGroup() as work:
                work.create_task(self._decode(decoding, source))
                work.create_task(self._reading.read_frames())
                work.create_task(self._reading.read_sound())
            ticking.cancel()
            await self._reading.tell_moment(last=True)
            self._outbox.put(self._done())
            self._outbox.close()
            await delivering
            receiving.cancel()

    def _decode_options(self) -> DecodeOptions:
        is_container = self._options.source == "container"
        return DecodeOptions(
            fps=self._options.fps,
            faces=Modality.FACE in self._options.modalities,
            sound=Modality.SPEECH in self._options.modalities,
            unended="container" if is_container else "packets",
            sound_rate=self._options.sound_rate,
        )

    async def _receive(self, source: Source) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message["code"])
            if not self._messages.take(1):
                raise Problem("too-fast", "Too many messages a second.")
            if (data := message.get("bytes")) is not None:
                self._count(len(data))
                await source.take(data)
                self._media_came(time.monotonic())
            else:
                self._answer(message["text"], source)
                # Many may have come at once: what they are answered with is sent before the next is read.
                await asyncio.sleep(0)

    def _media_came(self, now: float) -> None:
        self._undecoded_seconds += min(now - self._last_media, _LONGEST_GAP_SECONDS)
        self._last_media = now

    def _count(self, length: int) -> None:
        if length > self._settings.max_message_bytes:
            raise Problem("message-too-large", f"A message of {length} bytes is too long.")
        self.bytes_received += length
        if self.bytes_received > self._settings.max_bytes:
            raise Problem("stream-too-long", "As many bytes have come as one stream may have.")
        if not self._bytes.take(length):
            raise Problem("too-fast", "Too many bytes a second.")

    def _answer(self, text: str, source: Source) -> None:
        message = parse_text(text)
        if isinstance(message, LivePing):
            self._outbox.put(LivePong())
        elif isinstance(message, LiveEnd):
            source.end()
        else:
            raise Problem("unexpected-message", "The stream is open already.")

    async def _decode(self, decoding: Decoding, source: Source) -> None:
        await self._probe(decoding, source)
        async for item in decoding:
            self._undecoded_seconds = 0.0
            source.check_lead(item.t)
            if isinstance(item, DecodedFrame):
                self.counts.frames.received += not source.is_pictures
                self._reading.take_frame(item, source.arrival_of(item))
            else:
                self._reading.take_sound(item)
        if not source.ended:
            detail = f"The stream breaks off after {self.seconds:.1f} s: what follows cannot be decoded."
            raise Problem("damaged-media", detail)
        for notice in decoding.notices:
            self._reading.tell(notice)
        self._reading.end()

    async def _probe(self, decoding: Decoding, source: Source) -> None:
        media = await decoding.probe()
        if source.is_pictures:
            return
        self._reading.window.modalities = present_modalities(media, self._options.modalities)
        self._outbox.put(Probed(media=media))
        if media.audio is None and Modality.SPEECH in self._options.modalities:
            self._reading.tell(Notice(code="no-audio", message="The stream has no sound, so no voice comes."))
        if media.video is None and Modality.FACE in self._options.modalities:
            self._reading.tell(Notice(code="no-video", message="The stream has no video, so no faces come."))

    async def _tick(self, source: Source) -> None:
        told = time.monotonic()
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            now = time.monotonic()
            self._check(source, now)
            await self._reading.tell_moment()
            if now - told >= _PROGRESS_EVERY_SECONDS:
                told = now
                self._tally.bring_up_to(self.seconds, self.counts.frames)
                self._outbox.put(self._progress())

    def _check(self, source: Source, now: float) -> None:
        """Hold the stream to its times."""
        settings = self._settings
        if now - self._began > settings.max_seconds:
            raise Problem("stream-too-long", f"A stream may last {settings.max_seconds:g} s.")
        if not source.ended and now - self._last_media > settings.idle_seconds:
            raise Problem("stream-idle", f"No media came for {settings.idle_seconds:g} s.")
        decoded_within = _NOTHING_DECODED_SECONDS + 1 / self._options.fps
        if not source.is_pictures and self._undecoded_seconds > decoded_within:
            raise Problem("damaged-media", "Bytes keep coming, and nothing can be decoded from them.")
        if self._reading.unread_seconds > settings.unread_seconds:
            raise Problem("service-unavailable", "Neither faces nor voice can be read.", retry_after=10)

    def _progress(self) -> LiveProgress:
        return LiveProgress(
            seconds=round(self.seconds, 3),
            frames=self.counts.frames.shown(),
            sound=self.counts.sound.shown(),
        )

    def _done(self) -> LiveDone:
        return LiveDone(
            seconds=round(self.seconds, 3),
            frames=self.counts.frames.shown(),
            sound=self.counts.sound.shown(),
            people=self._reading.window.people.count,
            notices=tuple(self._reading.notices),
        )

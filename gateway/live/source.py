"""From a stream's messages to its decoding process."""

import time
from collections import OrderedDict

from gateway.live.counts import Frames
from gateway.live.packets import Pace, PacketReader, wants
from gateway.media.decoder import DecodedFrame
from gateway.media.pipe import PipeWriter
from shared.contracts.live import LiveOpen
from shared.contracts.problems import Problem

# Pictures on their way through the decoder are a handful.
_ARRIVALS_KEPT = 64


class Source:
    """Takes media messages, checks them, and writes them to the decoder, no faster than it reads.

    Args:
        pipe: to the decoder.
        options: what the client wants.
        frames: counts pictures.
        max_lead_seconds: how far times may run ahead of the clock.
    """

    def __init__(
        self, pipe: PipeWriter, options: LiveOpen, frames: Frames, *, max_lead_seconds: float
    ) -> None:
        self._pipe = pipe
        self._options = options
        self._frames = frames
        self._max_lead_seconds = max_lead_seconds
        self._began = time.monotonic()
        self._packets = PacketReader(options)
        self._pace = Pace(options)
        self._arrivals: OrderedDict[float, float] = OrderedDict()
        self.ended = False
        """Whether the client has said that nothing more comes."""

    @property
    def is_pictures(self) -> bool:
        """Whether pictures and sound come as packets."""
        return self._options.source == "pictures"

    async def take(self, message: bytes) -> None:
        """Take the next message.

        Raises:
            Problem: `damaged-media`, `wrong-order`, `too-fast`, or `unexpected-message` after the end.
        """
        if self.ended:
            raise Problem("unexpected-message", "Media came after `end`.")
        if not self.is_pictures:
            await self._pipe.write(message)
            return
        packet = self._packets.read(message)
        self.check_lead(packet.t)
        if packet.is_picture:
            self._frames.received += 1
        if not wants(self._options, packet):
            self._frames.skipped += packet.is_picture
            return
        if packet.is_picture:
            if not self._pace.wants(packet.t):
                self._frames.skipped += 1
                return
            self._arrivals[packet.t] = time.monotonic()
            while len(self._arrivals) > _ARRIVALS_KEPT:
                self._arrivals.popitem(last=False)
        await self._pipe.write(packet.for_decoder())

    def end(self) -> None:
        """Nothing more comes.

        Raises:
            Problem: `unexpected-message` where that was said before.
        """
        if self.ended:
            raise Problem("unexpected-message", "`end` came twice.")
        self.ended = True
        self._pipe.close()

    def check_lead(self, t: float) -> None:
        """Refuse media that come much faster than they are filmed.

        Raises:
            Problem: `too-fast`.
        """
        lead = t - (time.monotonic() - self._began)
        if lead > self._max_lead_seconds:
            raise Problem("too-fast", f"The media are {lead:.1f} s ahead of the clock.")

    def arrival_of(self, frame: DecodedFrame) -> float:
        """Give the moment at which a frame's picture arrived; now, for a frame of a recorder."""
        return self._arrivals.pop(frame.t, time.monotonic())

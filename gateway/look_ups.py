"""Looking up hosts that callers name, in threads: a silent name server holds each for as long as it likes."""

import asyncio
import contextlib
import weakref
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from gateway.callers import Caller
from gateway.jobs.public_addresses import Target, resolve


class LookUps:
    """Threads for look-ups, apart from those that uploads and jobs need.

    Args:
        most: look-ups at once.
        most_per_caller: of one caller, so that nobody's hosts hold all threads.
    """

    def __init__(self, *, most: int = 16, most_per_caller: int = 4) -> None:
        self._threads = ThreadPoolExecutor(most, thread_name_prefix="look-up")
        self._most_per_caller = most_per_caller
        # Kept for as long as somebody waits or looks up.
        self._shares: weakref.WeakValueDictionary[str, asyncio.Semaphore] = weakref.WeakValueDictionary()

    async def check(self, url: str, caller: Caller, *, private: bool) -> None:
        """Resolve the host of a URL; waits for a thread that this caller may have.

        Args:
            url: http or https.
            caller: who names it.
            private: whether addresses that the internet does not reach are allowed.

        Raises:
            AddressRefusedError, NoAnswerError: as `resolve`.
        """
        share = self._shares.setdefault(caller.id, asyncio.Semaphore(self._most_per_caller))
        await share.acquire()
        looking = self._threads.submit(resolve, url, private=private)
        # With the thread, not with this call, which may be broken off.
        looking.add_done_callback(partial(_give_back, share, asyncio.get_running_loop()))
        await asyncio.wrap_future(looking)


def _give_back(share: asyncio.Semaphore, loop: asyncio.AbstractEventLoop, _: Future[Target]) -> None:
    # A thread may outlast the loop.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(share.release)

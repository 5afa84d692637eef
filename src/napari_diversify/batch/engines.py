"""What does the work: threads, processes on this machine, or a dask cluster."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait
from threading import Thread
from typing import Any

from ..core.blocks import spread_over
from ..core.blocks import workers as cores

#: More processes than one machine can start.
_MOST = 1000
#: A cluster is asked again after this many seconds how many workers it has.
_ASKED_AGAIN = 5.0
#: Tasks handed over to a cluster at least: workers may be still to come, and it answers slowly.
_LEAST_AHEAD = 64


@contextmanager
def engine(workers: int | None = None, scheduler: str | None = None) -> Iterator[Executor]:
    """An executor for :func:`run`; which one it is does not change a byte.

    Parameters
    ----------
    workers : int, optional
        Number of processes on this machine; by default, threads of this process.
    scheduler : str, optional
        Address of a running dask.distributed scheduler, such as
        ``tcp://10.0.0.1:8786``, whose workers see the same files.

    Raises
    ------
    ValueError
        If both are given, or workers is less than 1 or more than 1000.
    ImportError
        If dask.distributed is not installed; the message says how to get it.
    OSError
        If the scheduler does not answer.
    """
    if workers is not None and scheduler is not None:
        raise ValueError("give either a number of workers or the address of a scheduler, not both")
    if scheduler is not None:
        with _cluster(scheduler) as executor:
            yield executor
    elif workers is None:
        with ThreadPoolExecutor(cores()) as executor:
            yield executor
    else:
        if workers < 1:
            raise ValueError(f"workers must be 1 or more; got {workers}")
        if workers > _MOST:
            raise ValueError(f"workers must be at most {_MOST}; got {workers}")
        # spawned, not forked: threads do not survive a fork
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(
            workers,
            mp_context=context,
            initializer=_follow_parent,
            initargs=(logging.root.manager.disable, max(1, cores() // workers)),
        ) as executor:
            yield executor


class Crew:
    """How many tasks an executor works on at once; a cluster grows and shrinks meanwhile."""

    def __init__(self, executor: Executor) -> None:
        self._executor, self._size, self._asked = executor, 0, -_ASKED_AGAIN
        self._client: Any = getattr(executor, "_client", None)  # of a cluster

    @property
    def size(self) -> int:
        """Threads or processes; of a cluster, the threads of its workers."""
        if self._client is None:
            return int(getattr(self._executor, "_max_workers", cores()))
        if time.monotonic() - self._asked >= _ASKED_AGAIN:
            self._size, self._asked = sum(self._client.nthreads().values()), time.monotonic()
        return self._size

    @property
    def ahead(self) -> int:
        """How many tasks to hand over before the first is done, so that nobody waits for one."""
        return 2 * self.size if self._client is None else max(_LEAST_AHEAD, 2 * self.size)


def _follow_parent(silenced: int, threads: int) -> None:
    """Set up a worker: it leaves Ctrl+C to its run, logs like it, and ends when that is gone."""
    spread_over(threads)
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    logging.disable(silenced)
    parent = multiprocessing.parent_process()
    if parent is not None:

        def watch() -> None:
            wait([parent.sentinel])
            os._exit(1)

        Thread(target=watch, daemon=True).start()


@contextmanager
def _cluster(address: str) -> Iterator[Executor]:
    try:
        from distributed import Client
        from distributed.comm.addressing import resolve_address
    except ImportError:
        raise ImportError("a cluster needs dask.distributed: pip install distributed") from None
    try:
        resolve_address(address)  # with an invalid address, a client takes 20 s to give up
        client: Any = Client(address, timeout="10s", set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError, ValueError) as error:
        raise OSError(
            f"no dask scheduler answers at {address} ({error}). Is it running, and is the "
            "address right?"
        ) from error
    with client, client.get_executor(pure=False) as executor:
        yield executor

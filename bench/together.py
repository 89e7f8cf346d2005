"""Several measurements at the same time, each in a thread; when one fails, or on Ctrl-C, all end and clean up."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_OVER = threading.Event()


class GivenUp(SystemExit):
    """Another measurement failed, or the user ended it."""


def rest(seconds: float) -> None:
    """Sleep, but not on when the comparison has been given up."""
    if _OVER.wait(max(0.0, seconds)):
        raise GivenUp("given up")


def together(jobs: Mapping[Any, Callable[[], Any]]) -> dict[Any, Any]:
    """What each job returned, by its name."""
    found: dict[Any, Any] = {}
    failed: list[BaseException] = []

    def run(name: Any, job: Callable[[], Any]) -> None:
        try:
            found[name] = job()
        except BaseException as error:  # noqa: BLE001 - raised again below, in the main thread
            failed.append(error)
            _OVER.set()

    threads = [threading.Thread(target=run, args=pair) for pair in jobs.items()]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except BaseException:
        _OVER.set()
        for thread in threads:
            thread.join(60)
        raise
    if failed:
        raise failed[0]
    return {name: found[name] for name in jobs}

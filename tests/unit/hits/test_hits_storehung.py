"""The store's thread, as the supervisor sees it: one that hangs starves the watchdog, as nothing can take its place."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from channelcheck import until
from managing import Manager

from edge.hits.settings import HitsSettings, SiteSettings
from edge.hits.store import Store
from edge.host.supervision import Supervisor
from edge.log import Log


async def hung(folder: Path) -> None:
    site = SiteSettings(id=1, hosts=("www.example.org",))
    store = Store(str(folder / "hits.db"), (site,), HitsSettings(), Log("error"))
    manager, gate = Manager(), threading.Event()
    supervisor = Supervisor(asyncio.get_running_loop(), manager, Log("error"), store.threads, 0.3, hangs=1.0)
    assert store.threads() == []
    await store.start()
    supervisor.start()
    await until(lambda: manager.fed > 2)
    assert [(thread.beat, thread.abandon) for thread in store.threads()] == [(None, None)]

    answer = store.ask(lambda _db: gate.wait())  # a disk that never answers looks the same
    await until(lambda: not supervisor.well)
    fed = manager.fed
    gate.set()
    assert await answer
    await until(lambda: supervisor.well and manager.fed > fed)
    supervisor.stop()
    await store.close()


def test_a_store_that_hangs_starves_the_watchdog_until_it_goes_on(tmp_path: Path) -> None:
    asyncio.run(asyncio.wait_for(hung(tmp_path), 60))

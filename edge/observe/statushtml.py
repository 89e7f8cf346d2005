"""A status as a page. Pure. Names of channels and sites are the operator's; they are escaped all the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from string import Template

import msgspec

from edge.http.html import LANGUAGES, escape
from edge.observe import statustext as say
from edge.observe.status import ChannelStatus, HitsStatus, Rates, Status

_FULL = 0.9  # of a limit: shown as trouble


class StatusHtml:
    """The template with its parts; `texts`: web/status.json; `tags` name what the files beside it hold."""

    def __init__(self, template: str, texts: bytes, tags: Mapping[str, str]) -> None:
        self._template = Template(template)
        self._texts = msgspec.json.decode(texts, type=dict[str, dict[str, str]])
        self._tags = tags

    def page(self, now: Status, rates: Rates | None, lang: str, chosen: str | None) -> bytes:
        """`chosen`: the language in the address, to be carried on."""
        texts = self._texts[lang]
        body = [*_whole(now, rates, texts), *_channels(now, rates, texts)]
        if now.hits is not None:
            body += _hits(now.hits, rates, texts)
        leave = f'<form method="post" action="{_action(chosen, lang)}"><button>{escape(texts["leave"])}</button></form>'
        return self._page(lang, body, leave, watched=True)

    def door(self, lang: str, chosen: str | None, *, wrong: bool) -> bytes:
        """The form for the token; nothing of the state."""
        texts = self._texts[lang]
        body = [
            f'<form class="door" method="post" action="{_action(chosen, lang)}">',
            f'<label for="token">{escape(texts["private"])}</label>',
            f'<p class="bad" role="alert">{escape(texts["wrong"])}</p>' if wrong else "",
            '<input id="token" name="token" type="password" autocomplete="off" required autofocus>',
            f"<button>{escape(texts['open'])}</button></form>",
        ]
        return self._page(lang, body, "", watched=False)

    def _page(self, lang: str, body: list[str], leave: str, *, watched: bool) -> bytes:
        texts = self._texts[lang]
        script = f'<script defer src="/status/status.js?v={self._tags["status.js"]}"></script>'
        again = '<noscript><meta http-equiv="refresh" content="5"></noscript>'
        return self._template.substitute(
            lang=lang, title=escape(texts["title"]), style=self._tags["status.css"], gone=escape(texts["gone"]),
            head=f"{script}\n{again}" if watched else "", body="\n".join(body), footer=f"{_languages(lang)} {leave}",
        ).encode("utf-8", "replace")  # fmt: skip


def _languages(lang: str) -> str:
    return " ".join(
        f'<a href="/status?lang={each}" hreflang="{each}"{_current(each == lang)}>{each}</a>' for each in LANGUAGES
    )


def _current(here: bool) -> str:
    return ' aria-current="true"' if here else ""


def _action(chosen: str | None, lang: str) -> str:
    return f"/status?lang={lang}" if chosen else "/status"


# -- the process


def _whole(now: Status, rates: Rates | None, texts: Mapping[str, str]) -> Iterator[str]:
    state = texts.get(now.state, now.state)
    yield f'<p class="state {now.state}"><b>{escape(state)}</b> edge {escape(now.build.release)}</p><dl class="cards">'
    yield _card(texts["uptime"], say.ago(now.uptime), "")
    yield from _memory(now, texts)
    yield from _processor(now, rates, texts)
    net, requests = now.network, say.each_second(rates.requests if rates else None)
    more = f"{net.connections} {texts['connections']}, {requests} {texts['requests']}"
    bits = sum(rates.bits.values()) if rates else None
    yield _card(texts["sent"], say.rate(bits), "", f"{more}, {say.size(net.month)} {texts['month']}")
    if now.disk_size:
        full = say.part(now.disk_size - (now.disk_free or 0), now.disk_size)
        of = f"{texts['of']} {say.size(now.disk_size)}"
        yield _card(texts["disk"], say.size(now.disk_free), texts["free"], of, full)
    yield "</dl>"


def _memory(now: Status, texts: Mapping[str, str]) -> Iterator[str]:
    memory = now.memory
    used = say.taken(memory)
    room = f"{texts['room']} {say.size(sum(memory.drawn.values()))} / {say.size(memory.room)}"
    yield _card(texts["memory"], say.size(used), f"/ {say.size(memory.limit)}", room, say.part(used, memory.limit))
    if memory.shedding != "none":
        yield _card(texts["shedding"], texts.get(f"shed_{memory.shedding}", memory.shedding), "", bad=True)


def _processor(now: Status, rates: Rates | None, texts: Mapping[str, str]) -> Iterator[str]:
    used, quota, loop = now.processor.used, now.processor.quota, now.loop
    throttled, stolen = (say.share(rates.throttled), say.share(rates.steal)) if rates else (say.NOTHING,) * 2
    stands = f"{texts['throttled']} {throttled}, {texts['stolen']} {stolen}"
    of = "" if quota is None else f"/ {quota:.2g} {texts['cores']}"
    yield _card(texts["processor"], say.share(used), of, stands, say.part(used, quota))
    yield _card(texts["loop"], say.brief(loop.p99), "p99", f"p50 {say.brief(loop.p50)}, max {say.brief(loop.worst)}")


def _card(name: str, value: str, beside: str, below: str = "", full: float | None = None, *, bad: bool = False) -> str:
    meter = "" if full is None else f'<meter min="0" max="1" high="{_FULL}" value="{full:.3f}"></meter>'
    shown = f"<b>{escape(value)}</b> <span>{escape(beside)}</span>"
    kind = ' class="bad"' if bad else ""
    return f"<div{kind}><dt>{escape(name)}</dt><dd>{shown}{meter}<small>{escape(below)}</small></dd></div>"


# -- channels and sites


def _channels(now: Status, rates: Rates | None, texts: Mapping[str, str]) -> Iterator[str]:
    if not now.channels:
        return
    names = ("channel", "state", "since", "rung", "lag", "viewers", "sent", "source")
    yield _table(
        texts["channels"], [texts[name] for name in names], [_channel(c, now, rates, texts) for c in now.channels]
    )


def _channel(channel: ChannelStatus, now: Status, rates: Rates | None, texts: Mapping[str, str]) -> list[str]:
    state = f'<span class="state {channel.state}">{escape(texts.get(channel.state, channel.state))}</span>'
    why = f" <small>{escape(say.why(channel))}</small>" if say.why(channel) else ""
    bits = rates.bits.get(channel.name) if rates else None
    cells = (
        say.ago(now.time - channel.since), channel.rung or say.NOTHING, say.brief(channel.lag_seconds),
        say.viewers(channel.viewers), f"{say.rate(bits)}, {say.size(sum(channel.sent.values()))}",
        f"{say.picture(channel)}, {channel.connections} {texts['reconnects']}",
    )  # fmt: skip
    return [f"<bdi>{escape(channel.name)}</bdi>", state + why, *map(escape, cells)]


def _hits(hits: HitsStatus, rates: Rates | None, texts: Mapping[str, str]) -> Iterator[str]:
    rows = [
        [
            f"{site.id} <bdi>{escape(site.name)}</bdi>",
            escape(say.each_second(rates.hits.get(site.id) if rates else None)),
            str(site.hits),
            str(site.visits),
            say.NOTHING if site.visitors is None else f"{site.visitors:.0f}",
        ]
        for site in hits.sites
    ]
    names = ("site", "hits_second", "hits", "visits", "visitors")
    yield _table(texts["sites"], [texts[name] for name in names], rows)
    store = f'<b class="bad">{escape(texts["failing"])}</b>' if hits.failing else escape(texts["kept"])
    counts = ("waiting", "failed", "excluded", "rejected", "under_way")
    told = [*(f"{getattr(hits, name)} {texts[name]}" for name in counts), say.size(hits.database)]
    yield f'<p class="note">{store} · {escape(" · ".join(told))}</p>'


def _table(caption: str, names: list[str], rows: list[list[str]]) -> str:
    """`rows` are HTML; each cell carries its column's name, which a phone shows beside it."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    body = "".join(f"<tr>{_row(names, row)}</tr>" for row in rows)
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _row(names: list[str], row: list[str]) -> str:
    first, *others = row
    cells = (f'<td data-name="{escape(name)}">{cell}</td>' for name, cell in zip(names[1:], others, strict=True))
    return f'<th scope="row">{first}</th>{"".join(cells)}'

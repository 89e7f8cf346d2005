"""The pages' server side: what is shown to whom, in which language, under which headers."""

import gzip
import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from routing import answered

from edge.channel.channel import Channel
from edge.channel.registry import Registry
from edge.channel.settings import ChannelSettings
from edge.channel.state import ChannelState
from edge.clock import ManualClock
from edge.http.html import LANGUAGES, escape, language, safety
from edge.http.message import Request, Response
from edge.http.router import Router
from edge.log import Log
from edge.serve.pages import SERVED, WEB, Web
from edge.serve.player import Pages, State

SECRET_SOURCE = "http://user:pass@source.example/1034.ts?key=sesame"


class Shown(Channel):
    """A channel in a state of the test's choice: nothing runs."""

    shown = ChannelState()

    def state(self):
        return self.shown


def channel(name="news", poster=b"jpg", *, public=True, **state):
    made = Shown(ChannelSettings(name=name, source=SECRET_SOURCE, public=public), ManualClock(), Log())
    made.poster = poster
    shown = {"status": "live", "since": 12.0, "width": 352, "height": 240, "sar": 40 / 33}
    made.shown = ChannelState(**(shown | state))
    return made


class OneToken:
    def find(self, secret):
        return frozenset({"view"}) if secret == "good" else frozenset()


@pytest.fixture(scope="module")
def web():
    return Web()


def serve(web, *channels):
    router = Router(OneToken())
    Pages(Registry(channels), router.refusal, web).add_to(router)

    def get(path, query="", **headers) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = answered(router, Request("GET", path, query.encode(), named, "127.0.0.1", "http", "localhost"))
        assert isinstance(answer, Response)
        return answer

    return get


def head(response):
    return dict(response.headers)


class Tags(HTMLParser):
    """Every start tag with its attributes; parsing a page this way is what a browser does with our escapes."""

    def __init__(self, page: bytes):
        super().__init__()
        self.seen = []
        self.feed(page.decode())

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def all(self, tag):
        return [attrs for name, attrs in self.seen if name == tag]


def test_the_page_names_its_channel_and_its_addresses(web):
    page = serve(web, channel())("/live/news")
    assert page.status == 200
    tags = Tags(page.body)
    (body,) = tags.all("body")
    assert (body["data-name"], body["data-kind"]) == ("news", "page")
    assert msgspec.json.decode(body["data-texts"])["live"] == "Live"
    paths = {attrs.get("data-path") for attrs in tags.all("input")}
    assert paths >= {"/live/news/index.m3u8", "/live/news.ts", "/live/news.flv", "/live/news.mp4"}


def test_nothing_of_the_source_is_on_any_page(web):
    get = serve(web, channel(), channel("shut", public=False, status="away", reason="refused"))
    for path in ("/", "/live/news", "/live/shut", "/live/news/state"):
        assert not re.search(rb"source\.example|sesame|user:|pass@", get(path).body), path


def test_no_script_or_style_stands_in_a_page(web):
    get = serve(web, channel())
    for path in ("/", "/live/news"):
        for tag, attrs in Tags(get(path).body).seen:
            assert tag != "style"
            assert tag != "script" or "src" in attrs
            assert not [name for name in attrs if name.startswith("on") or name == "style"]


def test_only_the_embedded_page_may_stand_in_a_frame(web):
    get = serve(web, channel())
    for path, query, framed in (("/", "", False), ("/live/news", "", False), ("/live/news", "embed", True)):
        headers = head(get(path, query))
        assert headers["Content-Security-Policy"].endswith("frame-ancestors *" if framed else "frame-ancestors 'none'")
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
    (body,) = Tags(get("/live/news", "embed").body).all("body")
    assert body["data-kind"] == "embed"


@pytest.mark.parametrize(
    ("chosen", "accept", "expected"),
    [
        (None, "", "en"),
        (None, "fr", "fr"),
        (None, "fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", "fr"),
        (None, "de, en;q=0.5, fr;q=0.4", "en"),
        (None, "en;q=0.2, FR;q=0.9", "fr"),
        (None, "fr;q=0, de", "en"),
        (None, "fr;q=x,;;q=,,", "en"),
        (None, "ja", "en"),
        ("fr", "en", "fr"),
        ("xx", "fr", "fr"),
    ],
)
def test_the_language_is_the_viewers(chosen, accept, expected):
    assert language(chosen, accept) == expected


def test_a_page_says_its_language(web):
    get = serve(web, channel())
    french = get("/live/news", accept_language="fr-FR,fr;q=0.9")
    assert Tags(french.body).all("html") == [{"lang": "fr"}]
    assert "Activer le son" in french.body.decode()
    assert ("Vary", "Accept-Language") in french.headers
    assert Tags(get("/", "lang=fr").body).all("html") == [{"lang": "fr"}]


def test_every_language_has_every_text():
    texts = msgspec.json.decode((Path(WEB) / "texts.json").read_bytes())
    assert set(texts) == set(LANGUAGES)
    for part in ("script", "page"):
        assert len({tuple(sorted(words[part])) for words in texts.values()}) == 1


def test_the_script_has_every_text_that_it_names():
    known = msgspec.json.decode((Path(WEB) / "texts.json").read_bytes())["en"]["script"]
    scripts = "".join((Path(WEB) / name).read_text() for name in ("player.js", "list.js"))
    named = set(re.findall(r"texts\.(\w+)", scripts)) | {"live", "starting", "away", "off"}
    assert named <= set(known)


def test_names_are_escaped_whatever_the_configuration_let_through(web):
    name = "a\"><script>alert('&')</script>"
    for page in (web.player(name, "en", embed=False), web.index([name], "en")):
        tags = Tags(page)
        assert all("src" in attrs for attrs in tags.all("script"))
        assert b"<script>alert" not in page
    assert Tags(web.player(name, "en", embed=False)).all("body")[0]["data-name"] == name
    assert escape("<&>\"'") == "&lt;&amp;&gt;&quot;&#39;"


def test_a_name_that_looks_like_a_placeholder_is_a_name(web):
    assert b'data-name="$texts"' in web.player("$texts", "en", embed=False)


def test_an_unknown_channel_is_404(web):
    get = serve(web, channel())
    assert get("/live/other").status == 404
    assert get("/live/other/state").status == 404
    assert get("/web/other.js").status == 404
    assert get("/web/player.html").status == 404


def test_the_list_shows_public_channels_only(web):
    get = serve(web, channel("news"), channel("shut", public=False))
    page = get("/").body
    assert [attrs["data-name"] for attrs in Tags(page).all("li")] == ["news"]
    assert b"shut" not in page
    nobody = serve(web)("/").body
    assert b"No public channel" in nobody
    # The line that says so is no channel: the script asks for the state of those that have a name.
    assert [attrs for attrs in Tags(nobody).all("li") if "data-name" in attrs] == []
    (selected,) = re.findall(r'querySelectorAll\("(.*?)"\)', (Path(WEB) / "list.js").read_text())
    assert selected.endswith("li[data-name]")


def test_the_state_of_a_channel(web):
    answer = serve(web, channel(status="away", reason="refused"))("/live/news/state")
    assert answer.status == 200
    assert head(answer)["Cache-Control"] == "no-store"
    assert head(answer)["Access-Control-Allow-Origin"] == "*"
    state = msgspec.json.decode(answer.body, type=State)
    assert (state.status, state.reason, state.since) == ("away", "refused", 12.0)
    assert (state.width, state.height, round(state.sar, 3)) == (352, 240, 1.212)
    outputs = {"hls": "/live/news/index.m3u8", "ts": "/live/news.ts", "flv": "/live/news.flv", "mp4": "/live/news.mp4"}
    assert state.urls == outputs | {"jpg": "/live/news.jpg"}


@pytest.mark.parametrize(
    ("status", "reason", "shown"),
    [("starting", None, "starting"), ("starting", "refused", "away"), ("off", None, "off"), ("live", None, "live")],
)
def test_a_source_that_refuses_from_the_start_is_away(web, status, reason, shown):
    answer = serve(web, channel(status=status, reason=reason))("/live/news/state")
    assert msgspec.json.decode(answer.body, type=State).status == shown


def test_no_picture_is_promised_before_there_is_one(web):
    answer = serve(web, channel(poster=None, width=None, height=None))("/live/news/state")
    assert "jpg" not in msgspec.json.decode(answer.body, type=State).urls


def test_an_output_that_cannot_carry_the_codecs_is_not_offered(web):
    hevc = channel()
    hevc.unavailable = {"flv": "codec", "ts": "codec"}
    assert set(msgspec.json.decode(serve(web, hevc)("/live/news/state").body, type=State).urls) == {"mp4", "jpg"}


def test_a_private_channel_shows_its_state_to_a_token_only(web):
    get = serve(web, channel(public=False))
    assert get("/live/news/state").status == 401
    assert get("/live/news/state", authorization="Bearer bad").status == 401
    answer = get("/live/news/state", authorization="Bearer good")
    assert answer.status == 200
    assert msgspec.json.decode(answer.body, type=State).public is False
    assert get("/live/news").status == 200  # the page that asks for the token


def test_files_are_packed_for_those_who_can_unpack(web):
    get = serve(web)
    for name in SERVED:
        plain, packed = get(f"/web/{name}"), get(f"/web/{name}", accept_encoding="br, gzip")
        assert "Content-Encoding" not in head(plain)
        assert head(packed)["Content-Encoding"] == "gzip"
        assert plain.body == gzip.decompress(packed.body) == (Path(WEB) / name).read_bytes()
        assert head(plain)["Vary"] == head(packed)["Vary"] == "Accept-Encoding"
        assert head(plain)["ETag"] != head(packed)["ETag"]


def test_pages_are_packed_for_those_who_can_unpack(web):
    get = serve(web, channel())
    assert gzip.decompress(get("/live/news", accept_encoding="gzip").body) == get("/live/news").body


def test_a_file_that_the_browser_has_is_not_sent_again(web):
    get = serve(web)
    first = get("/web/player.js")
    again = get("/web/player.js", if_none_match=f'"other", {head(first)["ETag"]}')
    assert (again.status, again.body) == (304, b"")
    assert head(again)["ETag"] == head(first)["ETag"]
    assert get("/web/player.js", if_none_match='"other"').status == 200


def test_only_an_address_that_names_the_content_is_kept_for_ever(web):
    get = serve(web, channel())
    (script,) = Tags(get("/live/news").body).all("script")
    path, _, query = script["src"].partition("?")
    assert "immutable" in head(get(path, query))["Cache-Control"]
    assert head(get(path))["Cache-Control"] == "no-cache"
    assert head(get(path, "v=older"))["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_player_page_is_small(web, lang):
    page = len(web.player("news", lang, embed=False))
    sizes = {name: len(web.files[name].body) for name in ("player.js", "mse.js", "style.css", "icon.svg")}
    assert page + sizes["player.js"] + sizes["mse.js"] < 25_000
    assert page + sum(sizes.values()) < 30_000


def test_headers_of_a_frame_differ_in_nothing_else():
    framed, alone = dict(safety(framed=True)), dict(safety(framed=False))
    assert {key for key in framed if framed[key] != alone[key]} == {"Content-Security-Policy"}

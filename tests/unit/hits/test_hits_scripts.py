"""What browsers load: hit.js small and whole, the opt-out page and its cookies, who may choose."""

import gzip
import re
import subprocess
from pathlib import Path

import msgspec
import pytest
from routing import answered

from edge.hits.scripts import LOCALS, Scripts, opted_out, squeeze
from edge.http.html import LANGUAGES, WEB
from edge.http.message import Request
from edge.http.router import Router

HIT = (Path(WEB) / "hit.js").read_text()
TEXTS = msgspec.json.decode((Path(WEB) / "optout.json").read_bytes())
HERE = {"sec_fetch_site": "same-origin"}


@pytest.fixture(scope="module")
def ask():
    router = Router()
    Scripts().add_to(router)

    def answer(method, path, query="", body=b"", scheme="https", **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return answered(router, Request(method, path, query.encode(), named, "127.0.0.1", scheme, "edge.example", body))

    return answer


def head(answer):
    return dict(answer.headers)


def cookies(answer):
    return [value for name, value in answer.headers if name == "Set-Cookie"]


def test_the_tracker_is_under_a_kilobyte(ask):
    answer = ask("GET", "/hit.js", accept_encoding="gzip")
    assert head(answer)["Content-Encoding"] == "gzip"
    assert len(answer.body) < 1010  # how well zlib packs differs by a few bytes between its versions
    assert gzip.decompress(answer.body) == ask("GET", "/hit.js").body


def test_what_is_served_says_what_the_source_says():
    """Every word that is not a local name, every literal, in its order."""
    served = squeeze(HIT)
    code = "\n".join(line for line in HIT.splitlines() if not line.strip().startswith("//"))
    literals = re.findall(r'"[^"\n]*"|/(?:\\.|[^/\n\\ ])+/[a-z]*(?=\.)', code)
    assert len(literals) > 15
    at = 0
    for literal in literals:
        at = served.index(literal, at) + len(literal)
    words, kept = (
        [word for word in re.findall(r"\w+", text) if len(word) > 1 and word not in LOCALS] for text in (code, served)
    )
    assert words == kept
    assert not re.search(r"//|\n", re.sub(r'"[^"]*"', "", served))


def test_local_names_stay_apart():
    assert len({name[0] for name in LOCALS}) == len(LOCALS)
    single = set(re.findall(r"(?<![\w\\.])[a-z](?!\w)", "".join(line for line in HIT.splitlines() if "//" not in line)))
    assert single <= {"a", "i", "x"}  # the element `a`, a flag, what stands between width and height


@pytest.mark.peer
@pytest.mark.parametrize("path", ["/hit.js", "/optout.js"])
def test_what_is_served_is_javascript(path, ask, node, tmp_path):
    script = tmp_path / "served.js"
    script.write_bytes(ask("GET", path).body)
    done = subprocess.run([node, "--check", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_nothing_in_the_tracker_needs_more_than_a_strict_policy():
    assert not re.search(r"\beval\b|\bFunction\b|innerHTML|createElement|setTimeout\(['\"]", HIT)
    assert not re.search(r"setItem|localStorage\.\w+ ?=[^=]|cookie ?=[^=]|sessionStorage|indexedDB", HIT)


@pytest.mark.parametrize("path", ["/hit.js", "/optout.js"])
def test_scripts_are_kept_a_day_by_any_site(path, ask):
    first = ask("GET", path)
    assert head(first)["Content-Type"] == "text/javascript; charset=utf-8"
    assert head(first)["Cache-Control"] == "public, max-age=86400"
    assert head(first)["Cross-Origin-Resource-Policy"] == "cross-origin"
    again = ask("GET", path, if_none_match=head(first)["ETag"])
    assert (again.status, again.body) == (304, b"")
    assert not cookies(first)


def test_the_script_has_its_texts_in_every_language(ask):
    script = ask("GET", "/optout.js").body.decode()
    assert '"$texts"' not in script
    assert msgspec.json.encode(TEXTS).decode() in script
    assert set(TEXTS) == set(LANGUAGES)
    assert len({tuple(sorted(words)) for words in TEXTS.values()}) == 1
    named = set(re.findall(r"words\.(\w+)", script))
    assert named <= set(TEXTS["en"])


def test_the_page_speaks_the_visitors_language_and_may_stand_in_a_frame(ask):
    answer = ask("GET", "/optout", accept_language="fr-FR,fr")
    page = answer.body.decode()
    assert '<html lang="fr">' in page
    assert TEXTS["fr"]["leave"] in page
    assert "$" not in page
    assert "<script" not in page
    assert head(answer)["Content-Security-Policy"].endswith("frame-ancestors *")
    assert head(answer)["Cache-Control"] == "no-store"
    assert '<html lang="en">' in ask("GET", "/optout", "lang=en", accept_language="fr").body.decode()


@pytest.mark.parametrize(
    ("cookie", "out"),
    [
        ("", False),
        ("matomo_ignore=1", True),
        ("a=b; mtm_consent_removed=1700000000000", True),
        ("matomo_ignore", True),
        ("a=matomo_ignore", False),
        ("not_matomo_ignore=1; xmtm_consent_removed=1", False),
        (";;=; =;", False),
    ],
)
def test_the_page_says_what_is_chosen(cookie, out, ask):
    assert opted_out(cookie) is out
    page = ask("GET", "/optout", cookie=cookie).body.decode()
    assert (TEXTS["en"]["out"] in page) is out
    assert (TEXTS["en"]["in"] in page) is not out
    assert f'value="{"in" if out else "out"}"' in page


def test_a_choice_is_one_cookie_without_a_number_in_it(ask):
    answer = ask("POST", "/optout", body=b"choice=out", **HERE)
    assert answer.status == 303
    assert head(answer)["Location"] == "?asked=out&lang=en"
    assert cookies(answer) == ["matomo_ignore=1; Path=/; Max-Age=34560000; Secure; SameSite=None"]


def test_a_choice_in_a_frame_holds_for_the_site_around_it(ask):
    kept = cookies(ask("POST", "/optout", body=b"choice=out", sec_fetch_dest="iframe", **HERE))
    assert [each.endswith("; Partitioned") for each in kept] == [False, True]


def test_a_choice_is_taken_back_with_both_cookies(ask):
    gone = cookies(ask("POST", "/optout", body=b"choice=in", sec_fetch_dest="iframe", **HERE))
    assert len(gone) == 4
    assert all("Max-Age=0;" in each for each in gone)
    assert {each.partition("=")[0] for each in gone} == {"matomo_ignore", "mtm_consent_removed"}


def test_without_https_the_cookie_stays_with_its_site(ask):
    (kept,) = cookies(ask("POST", "/optout", body=b"choice=out", scheme="http", sec_fetch_dest="iframe", **HERE))
    assert kept.endswith("; SameSite=Lax")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec_fetch_site": "same-origin", "origin": "null"}, 303),
        ({"sec_fetch_site": "cross-site", "origin": "https://edge.example"}, 403),
        ({"sec_fetch_site": "same-site"}, 403),
        ({"origin": "https://edge.example"}, 303),
        ({"origin": "https://edge.example.evil"}, 403),
        ({"origin": "null"}, 403),
        ({}, 403),
    ],
)
def test_no_other_site_chooses_for_its_visitors(headers, status, ask):
    answer = ask("POST", "/optout", body=b"choice=in", **headers)
    assert answer.status == status
    assert bool(cookies(answer)) is (status == 303)


@pytest.mark.parametrize("body", [b"", b"choice=", b"choice=out&choice=in", b"choice=maybe", b"\xff"])
def test_anything_else_is_no_choice(body, ask):
    answer = ask("POST", "/optout", body=body, **HERE)
    assert (answer.status, cookies(answer)) == (400, [])


@pytest.mark.parametrize(
    ("asked", "cookie", "refused"),
    [("out", "", True), ("out", "matomo_ignore=1", False), ("in", "", False), ("in", "matomo_ignore=1", True)],
)
def test_a_browser_that_kept_no_choice_is_told(asked, cookie, refused, ask):
    page = ask("GET", "/optout", f"asked={asked}", cookie=cookie).body.decode()
    assert (TEXTS["en"]["refused"] in page) is refused

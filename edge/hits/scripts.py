"""What browsers load to be counted, or not to be: `/hit.js`, `/optout.js` for a site's own page, the page `/optout`.

The choice never leaves the browser. On `/optout` it is a cookie of edge's own host, which trackers send along and
`admit` obeys; a browser that withholds it from other sites needs the script, which keeps it with the site itself.
"""

from __future__ import annotations

import re
from string import Template

import msgspec

from edge.http.html import HTML, WEB, Asset, asset_of, document, escape, read, send, spoken
from edge.http.message import Headers, Request, Response, text
from edge.http.router import Router

COOKIES = ("matomo_ignore", "mtm_consent_removed")  # the first is what `/optout` sets
# Sites name no version in the address. A day is what other trackers take, too.
_LASTING = "public, max-age=86400"
_KEEP = 34_560_000  # seconds: 400 days, the most that browsers keep a cookie (RFC 6265bis 5.5)
_MOST_BODY = 64
# Also for pages that let in only what agrees to it (Cross-Origin-Embedder-Policy).
_FOR_ALL: Headers = (("Cross-Origin-Resource-Policy", "cross-origin"), ("Access-Control-Allow-Origin", "*"))
_PAGE: Headers = (
    ("Content-Type", HTML),
    ("Cache-Control", "no-store"),
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors *",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),  # without a referrer the form's Origin would be "null"
)

_SIGNS = re.compile(r" ?([-=+(){}\[\],;:?&|<>!]) ?")
# The local names of hit.js: each begins with another letter, which is what it is served as.
LOCALS = ("all", "click", "event", "fields", "link", "old", "path", "ready", "send", "to", "view")
_LOCAL = re.compile(rf'(?<![\w"])(?<!\w\.)({"|".join(LOCALS)})(?![\w":])')


def squeeze(script: str) -> str:
    """hit.js without comments, needless spaces and long local names.

    No minifier: it holds for a script whose literals hold no space. Packed, hit.js is under 1 KB by it.
    """
    lines = [line.strip() for line in script.splitlines()]
    code = _SIGNS.sub(r"\1", " ".join(line for line in lines if line and not line.startswith("//")))
    return _LOCAL.sub(lambda found: found[1][0], code).replace(";}", "}").replace(",}", "}")


def _bare(script: str) -> str:
    """Without comments and indentation."""
    lines = [line.strip() for line in script.splitlines()]
    return "\n".join(line for line in lines if line and not line.startswith("//"))


class Scripts:
    """Handlers. Files are read once, before edge listens."""

    def __init__(self, folder: str = WEB) -> None:
        texts = read(folder, "optout.json")
        self._texts = msgspec.json.decode(texts, type=dict[str, dict[str, str]])
        self._page = Template(document(folder, "optout.html"))
        self._hit = asset_of("hit.js", squeeze(read(folder, "hit.js").decode()).encode())
        optout = _bare(read(folder, "optout.js").decode()).replace(
            '"$texts"', msgspec.json.encode(self._texts).decode()
        )
        self._optout = asset_of("optout.js", optout.encode())

    def add_to(self, router: Router) -> None:
        router.add("GET", "/hit.js", lambda request: _script(self._hit, request))
        router.add("GET", "/optout.js", lambda request: _script(self._optout, request))
        router.add("GET", "/optout", self.page)
        router.add("POST", "/optout", self.choose, body=_MOST_BODY)

    def page(self, request: Request) -> Response:
        """Says what is chosen, and after a choice (`?asked=`) that was not kept, that it was not."""
        words = self._texts[spoken(request)]
        out = opted_out(request.headers.get("cookie", ""))
        refused = request.arg("asked") == ("in" if out else "out")
        shown = words | {
            "lang": spoken(request),
            "state": words["out" if out else "in"],
            "refused": words["refused"] if refused else "",
            "choice": "in" if out else "out",
            "button": words["join" if out else "leave"],
        }
        page = self._page.substitute({key: escape(value) for key, value in shown.items()})
        return Response(200, _PAGE, page.encode())

    def choose(self, request: Request) -> Response:
        """From the page's form alone: another site must not choose for its visitors."""
        if not _from_here(request):
            return text(403, "The choice is made on the page /optout itself, not from another site.")
        choices = {b"choice=out": "out", b"choice=in": "in"}
        choice = choices.get(request.body)
        if choice is None:
            return text(400, "Expected the form field choice to be out or in.")
        location = f"?asked={choice}&lang={spoken(request)}"  # below whatever path a proxy shows us
        return Response(303, (("Location", location), ("Cache-Control", "no-store"), *_cookies(request, choice)))


def opted_out(cookie: str) -> bool:
    """Whether the Cookie field holds one of COOKIES, whatever its value."""
    names = [each.partition("=")[0].strip() for each in cookie.split(";")]
    return any(name in names for name in COOKIES)


def _script(asset: Asset, request: Request) -> Response:
    answer = send(asset, request, _LASTING)
    return Response(answer.status, (*answer.headers, *_FOR_ALL), answer.body)


def _from_here(request: Request) -> bool:
    """By what no script of a page can set: Sec-Fetch-Site, or from browsers before 2023 the Origin."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return request.headers.get("origin", "").partition("://")[2] == request.host != ""


def _cookies(request: Request, choice: str) -> Headers:
    """Sent along from other sites over HTTPS only (SameSite=None needs it). In a frame there are two: one for this pair
    of sites (Partitioned), as some browsers keep no other there, and one for all sites.
    """
    across = "; Secure; SameSite=None" if request.scheme == "https" else "; SameSite=Lax"
    framed = request.headers.get("sec-fetch-dest", "") in ("iframe", "frame", "embed", "object")
    kinds = [across, f"{across}; Partitioned"] if framed and request.scheme == "https" else [across]
    names, seconds = (COOKIES[:1], _KEEP) if choice == "out" else (COOKIES, 0)
    return tuple(("Set-Cookie", f"{name}=1; Path=/; Max-Age={seconds}{kind}") for name in names for kind in kinds)

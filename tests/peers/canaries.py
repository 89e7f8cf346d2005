"""Every place of a tracking request where personal data may stand, and what stands there in the attack of the test.

Where nothing is kept, a word; where a path, a title, an event or the like is kept, what may tell who somebody is: an
e-mail address, a telephone number, a long number, a token. Each canary begins as no other text in the process does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote, urlencode

WORD, DIGITS, TOKEN = "zqcanary", "4791750", "c0ffee7abad1"
NEEDLES = tuple(word.encode() for word in (WORD, DIGITS, TOKEN))
HOST = "www.site.example"
PAGE = f"https://{HOST}/page"

# Table 1.5 of the wire format: parameters of which nothing is kept, or a class, a number, a bucket.
NOTHING = (
    "_id", "cid16", "uid", "_idn", "_idts", "_idvc", "_viewts", "_refts", "_ref", "_rck", "rand", "r", "apiv", "h",
    "m", "s", "res", "fla", "java", "dir", "qt", "realp", "pdf", "wma", "gears", "ag", "cookie", "ua", "uadata",
    "lang", "new_visit", "dimension2", "dimension999", "_cvar", "cvar", "e_cvar", "data", "search", "search_cat",
    "search_count", "pv_id", "idgoal", "revenue", "ec_id", "ec_items", "ec_st", "ec_tx", "ec_sh", "ec_dt", "_pkc",
    "_pkp", "_pks", "_pkn", "c_p", "c_t", "c_i", "e_v", "pf_net", "pf_srv", "pf_tfr", "pf_dm1", "pf_dm2", "pf_onl",
    "gt_ms", "ca", "ping", "cs", "cdt", "cdo", "cip", "country", "region", "city", "lat", "long", "token_auth",
    "bots", "recMode", "http_status", "bw_bytes", "source", "dp", "send_image", "debug", "queuedtracking",
    "tracker_install_check", "ma_id", "ma_re", "ma_mt", "ma_ti", "ma_pn", "ma_st", "ma_le", "ma_ps", "ma_ttp", "ma_w",
    "ma_h", "ma_fs", "ma_se", "cra", "cra_st", "cra_ct", "cra_tp", "cra_ru", "cra_rl", "cra_rc", "fa_id", "fa_name",
    "hsr_ev", "hsr_vid", "pk_vid", "ignore_referrer", "ignore_referer", "rec", "idsite", "unheard_of",
)  # fmt: skip
# What must stand beside a parameter for it to mean anything.
BESIDE = {
    "search_cat": {"search": "x"}, "search_count": {"search": "x"}, "e_v": {"e_c": "a", "e_a": "b"},
    "e_cvar": {"e_c": "a", "e_a": "b"}, "ec_id": {"idgoal": "0"}, "ec_items": {"idgoal": "0", "ec_id": "5"},
    "revenue": {"idgoal": "1"}, "c_p": {"c_n": "ad"}, "c_t": {"c_n": "ad"}, "c_i": {"c_n": "ad"},
    "ma_re": {"ma_id": "1"}, "ma_ti": {"ma_id": "1"}, "ma_mt": {"ma_id": "1"}, "ma_pn": {"ma_id": "1"},
}  # fmt: skip
# Parameters of which text is kept, with what stands around a canary in them.
KEPT = {
    "action_name": ("Order of {}", {}),
    "url": (PAGE + "/{}", {}),
    "url ": (PAGE + "?page={}", {}),  # an allowed parameter of the address
    "url  ": (PAGE + "?utm_campaign={}", {}),
    "e_c": ("{}", {"e_a": "b"}),
    "e_a": ("mail {}", {"e_c": "a"}),
    "e_n": ("{}", {"e_c": "a", "e_a": "b"}),
    "_rcn": ("letter {}", {}),
    "dimension1": ("{}", {}),
    "download": (f"https://{HOST}/files/" + "{}.pdf", {}),
    "c_n": ("for {}", {"c_p": "x"}),
}
# Addresses of which parts are never kept.
ADDRESSES = {
    "url": (
        f"https://{WORD}1:{WORD}2@{HOST}/page", f"{PAGE}?{WORD}3={WORD}4", f"{PAGE}#{WORD}5", f"{PAGE};sid={WORD}6",
        f"https://{WORD}7.example/page", f"{WORD}8", f"{PAGE}?email={WORD}9&gclid={WORD}10",
    ),
    "urlref": (
        f"https://{WORD}11:{WORD}12@other.example/{WORD}13?q={WORD}14#{WORD}15", f"{WORD}16",
        f"https://www.google.com/search?q={WORD}17", f"android-app://app.example/{WORD}18",
    ),
    "link": (f"https://{WORD}19@other.example/{WORD}20?q={WORD}21#{WORD}22", f"mailto:{WORD}23@mail.example"),
    "download": (f"https://{HOST}/f.zip?q={WORD}24#{WORD}25",),
}  # fmt: skip
HEADERS = (
    "User-Agent", "Accept-Language", "Accept", "Referer", "Cookie", "Origin", "X-Forwarded-For", "Forwarded",
    "X-Real-IP", "Via", "From", "Authorization", "Sec-CH-UA", "Sec-CH-UA-Model", "Sec-CH-UA-Platform",
    "Sec-CH-UA-Full-Version-List", "X-Requested-With", "X-Client-IP", "CF-IPCountry", "X-Unheard-Of", "If-None-Match",
    "Content-Type",
)  # fmt: skip


def shapes(number: int) -> tuple[str, ...]:
    """What looks like a person's, each with `number` in it."""
    return (
        f"{WORD}{number}@mail.example",
        f"+{DIGITS}{number:04}",
        f"{DIGITS}{number:07}",
        f"{TOKEN}{number:020x}",
    )


def hits() -> Iterator[dict[str, str]]:
    """Parameters of one hit each, with canaries in one of them."""
    usual = {"idsite": "1", "rec": "1", "url": PAGE}
    for number, name in enumerate(NOTHING):
        value = f"{WORD}{number:08}"[:16] if name == "cid16" else f"{WORD}{number}"
        yield usual | BESIDE.get(name, {}) | {name.removesuffix("16"): value}
    for name, (text, beside) in KEPT.items():
        for shape in shapes(len(text)):
            yield (
                usual
                | beside
                | {name.strip(): text.format(quote(shape) if name.startswith(("url", "down")) else shape)}
            )
    for name, values in ADDRESSES.items():
        for value in values:
            yield usual | {name: value}
    yield usual | {f"{WORD}26": "1"}
    yield usual | {"e_c": f"{WORD}27@mail.example", "e_a": f"{WORD}28@mail.example", "ua": f"Googlebot/{WORD}29"}


def headers(person: str) -> Iterator[dict[str, str]]:
    """Of one request each. `person`: a usual agent."""
    for number, name in enumerate(HEADERS):
        value = f"{WORD}{number + 30}"
        yield {"User-Agent": f"{person} {value}" if name == "User-Agent" else person} | (
            {name: value} if name != "User-Agent" else {}
        )
    yield {"User-Agent": person, f"X-{WORD}60": "1"}
    yield {"User-Agent": f"{WORD}61bot/1.0"}
    yield {"User-Agent": person, "DNT": "1", "Referer": f"https://{HOST}/{WORD}62"}
    yield {"User-Agent": person, "Cookie": f"matomo_ignore={WORD}63; a={WORD}64"}


def bodies() -> Iterator[bytes]:
    """Of POST requests: lists of hits, whole and damaged."""
    lines = [f"?{urlencode(hit)}" for hit in hits()]
    for at in range(0, len(lines), 50):
        yield json.dumps({"requests": lines[at : at + 50]}).encode()
    yield json.dumps({"requests": list(hits())[:50], "token_auth": f"{WORD}70", f"{WORD}71": f"{WORD}72"}).encode()
    yield json.dumps({"requests": [{"idsite": 1, "rec": 1, "url": PAGE, "cvar": {"1": [f"{WORD}73", 5]}}]}).encode()
    yield json.dumps({"requests": [f"{WORD}74", 5, None, [f"{WORD}75"]]}).encode()
    yield b'{"requests":["?idsite=1&rec=1&uid=' + WORD.encode() + b'76"'
    yield f"idsite=1&rec=1&url={quote(PAGE)}&uid={WORD}77&%zz={WORD}78&a[]={WORD}79&{'x=1&' * 3000}".encode()
    yield b"\xff\xfe" + WORD.encode() + b"80"

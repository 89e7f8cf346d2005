"""Parameters as PHP reads them. Pure; a bounded number of passes over the input, whatever it is."""

from __future__ import annotations

from binascii import a2b_qp

from edge.errors import PeerError

MOST = 1000  # parameters; PHP's max_input_vars
_SEPARATOR = "\x1f"
# "%41" becomes "=41", which is quoted-printable: the one decoder in C that the standard library has for such escapes.
# What the request itself must not have then becomes 0xFF, which no UTF-8 has: the exact way is taken.
_TO_QUOTED = bytes.maketrans(b"%&=+\n\r\x1f", b"=\x1f\x1f \xff\xff\xff")
_NO_SIGNS = bytes(byte for byte in range(256) if byte not in b"&=")
_IN_TURN = b"=&" * MOST
_DIGITS = b"0123456789abcdefABCDEF"
# Of pages that are not UTF-8, by their names in HTML. Python loads a codec's table on its first use (0.3 ms, once).
_CHARSETS = {
    "iso-8859-1": "cp1252", "latin1": "cp1252", "windows-1252": "cp1252", "iso-8859-15": "iso8859_15",
    "iso-8859-2": "iso8859_2", "windows-1250": "cp1250", "windows-1251": "cp1251", "koi8-r": "koi8_r",
    "koi8-u": "koi8_u", "iso-8859-7": "iso8859_7", "windows-1253": "cp1253", "iso-8859-9": "cp1254",
    "windows-1254": "cp1254", "windows-1255": "cp1255", "windows-1256": "cp1256", "windows-1257": "cp1257",
    "shift_jis": "cp932", "euc-jp": "euc_jp", "gb2312": "gbk", "gbk": "gbk", "gb18030": "gb18030", "big5": "big5hkscs",
    "euc-kr": "cp949",
}  # fmt: skip


class Malformed(PeerError):
    """A request that cannot be read. The message holds nothing of it. `status`: 400, or 413 for more than is taken."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(status, message)


def parse(query: bytes) -> dict[str, str]:
    """The parameters of `a=1&b=2`: the last of a name wins, `a[]` and `a[x]` are `a`, bad escapes stay as they are.

    Bytes that are not UTF-8 are read in the charset that `cs` names, else replaced. Malformed for more than `MOST`.
    """
    if len(query) >= MOST and query.count(b"&") >= MOST:
        raise Malformed(f"expected at most {MOST} parameters")
    fields = _quick(query)
    return _exact(query) if fields is None else fields


def _quick(query: bytes) -> dict[str, str] | None:
    """What clients send: each parameter with one "=" and a plain name, all UTF-8. None: it is something else."""
    signs = query.translate(None, _NO_SIGNS)
    count = len(signs)
    if not count & 1 or signs != _IN_TURN[:count]:
        return None
    raw = unescaped(query.translate(_TO_QUOTED))
    if raw is None:
        return None
    try:
        words = raw.decode().split(_SEPARATOR)
    except UnicodeDecodeError:
        return None
    if len(words) != count + 1:  # an escape forged a separator
        return None
    each = iter(words)
    fields = dict(zip(each, each, strict=True))
    names = "".join(fields)
    odd = " " in names or "." in names or "[" in names or "\0" in names or "" in fields
    return None if odd else fields


def unescaped(quoted: bytes) -> bytes | None:
    """`quoted`, which has no line breaks, without its escapes (`=41` is an A); None if there is one that is none."""
    escapes = quoted.count(b"=")
    if not escapes:
        return quoted
    raw = a2b_qp(quoted)
    return raw if len(quoted) - len(raw) == 2 * escapes else None  # a bad one shrinks by less


def _exact(query: bytes) -> dict[str, str]:
    pairs = [pair.partition(b"=") for pair in query.split(b"&")]
    charset = _charset(pairs)
    fields: dict[str, str] = {}
    for name, _, value in pairs:
        key = _variable(decode(unquote(name), charset))
        if key:
            fields[key] = decode(unquote(value), charset)
    return fields


def _charset(pairs: list[tuple[bytes, bytes, bytes]]) -> str:
    said = [value for name, _, value in pairs if name == b"cs"]
    return codec(said[-1].decode("latin-1")) if said else "utf-8"


def codec(charset: str) -> str:
    """Python's name for a page's charset; "utf-8" for what is not known."""
    return _CHARSETS.get(charset.lower(), "utf-8") if len(charset) < 20 else "utf-8"


def decode(raw: bytes, charset: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode(charset, "replace")


def unquote(raw: bytes) -> bytes:
    """`raw` without its percent-encoding; "+" is a space, and what is no escape stays."""
    spaced = raw.replace(b"+", b" ")
    if b"%" not in spaced:
        return spaced
    if b"\n" not in spaced and b"\r" not in spaced:
        found = unescaped(spaced.replace(b"=", b"%3D").replace(b"%", b"="))
        if found is not None:
            return found
    first, *rest = spaced.split(b"%")
    return first + b"".join([_escaped(piece) for piece in rest])


def _escaped(piece: bytes) -> bytes:
    digits = piece[:2]
    if len(digits) == 2 and not digits.strip(_DIGITS):
        return bytes((int(digits, 16),)) + piece[2:]
    return b"%" + piece


def _variable(name: str) -> str:
    """The name of PHP's variable, empty for none (php_register_variable_ex)."""
    name = name.lstrip(" ").partition("\0")[0]
    start, bracket, rest = name.partition("[")
    if bracket and not start:
        return ""
    if bracket and "]" not in rest:
        start = name.replace("[", "_")
    return start.replace(" ", "_").replace(".", "_")

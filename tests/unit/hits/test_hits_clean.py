"""What may be kept of a text."""

import base64
import re
import string
import unicodedata
from random import Random

import pytest

from edge.hits import clean as module
from edge.hits.clean import MASK, clean, mask_numbers, segment, telling, unescape


@pytest.mark.parametrize(
    "text",
    [
        "alice@example.com",
        "mail:alice@example.com",
        "<alice@example.com>",
        "@alice",
        "alice＠example.com",  # full width
        "alice&#64;example.com",
        "alice&commat;example.com",
        "alice(at)example.com",
        "alice[AT]example.com",
        "alice%40example.com",
        "alice%2540example.com",
        "alice%25252525252540example.com",
        "alice%25%34%30example.com",
        "alice%\u200b40example.com",  # the escape is whole only once the invisible is gone
        "alice%00@example.com",
        "2001:db8::1",
        "[2001:db8:0:0:1:2:3:4]",
        "00:1A:2B:3C:4D:5E",
        "00-1A-2B-3C-4D-5E",
        "550e8400-e29b-41d4-a716-446655440000",
        "550E8400E29B41D4A716446655440000",
        "report-550e8400-e29b-41d4-a716-446655440000.pdf",
        "a3f5c9e1b7d2",
        "0123456789abcdef",
        "5d41402abc4b2a76b9719d911017c592",
        "dQw4w9WgXcQ",
        "V1StGXR8_Z5jdHi6B-myT",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
        "GbKqTzWmRxLpVnYcHdJf",
        "confirm-x7Kd9aQ2LmP0",
        "abcdefghijklmnopqrstuvwxyzabcdefgh",
    ],
)
def test_what_tells_somebody_apart_becomes_a_star(text):
    assert segment(unescape(text)) == MASK
    assert clean(f"before {text} after") == "before * after"


@pytest.mark.parametrize(
    "text",
    [
        "index.html",
        "how-to-use-h264-in-2026",
        "top-10-laptops",
        "conference2026",
        "3dprinting",
        "2026",
        "123456",
        "2026-05-31",
        "2026-05-31-10-tips",
        "31.5.2026",
        "season-2025-2026",
        "mp3-mp4-m4a",
        "iphone-12-vs-s21-vs-a52",
        "v1.2.3",
        "Datenschutzgrundverordnung",
        "getElementsByTagName",
        "12:30:45",
        "Special:Recent",
        "Überraschung",
        "統計",
        "100%",
        "C++",
        "zITYbh",
        "R&D",
        "(beta)",
    ],
)
def test_ordinary_words_stay(text):
    assert segment(unescape(text)) == text
    assert clean(f"before {text} after") == f"before {text} after"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("floods-10482219.html", "floods-*.html"),
        ("0612345678", "*"),
        ("+33 6 12 34 56 78", "+*"),
        ("06.12.34.56.78", "*"),
        ("call (555) 123-4567 now", "call (* now"),
        ("+44 (0) 20 7946 0958", "+*"),
        ("4111 1111 1111 1111", "*"),
        ("4111-1111-1111-1111", "*"),
        ("DE89370400440532013000", "DE*"),
        ("06–12–34–56–78", "*"),
        ("٠٦١٢٣٤٥٦٧٨", "*"),  # digits of other scripts
        ("192.0.2.7", "*"),
        ("10.0.0.1", "*"),
        ("from 10.0.0.1 on", "from * on"),
        ("2026-05-31 0612345678", "*"),
        ("12 apples, 34 pears and 567 plums", "12 apples, 34 pears and 567 plums"),
        ("1999 2000 2001", "*"),  # twelve digits in a row might be a number: rather once too often
        ("year 2026/2027", "year 2026/2027"),
        ("20260531", "*"),
    ],
)
def test_long_numbers(text, kept):
    assert mask_numbers(text) == kept


def test_a_token_is_seen_whole_though_it_holds_a_long_number():
    assert segment("tok-9f8e7d6c-12345678901234") == MASK
    assert segment("a1b2c3d-" + "1234567890" * 4) == MASK  # what is left of it looks like a token only then


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("caf%C3%A9", "café"),
        ("caf%E9", "café"),  # an old page's Latin-1
        ("a%20b", "a b"),
        ("%", "%"),
        ("%zz", "%zz"),
        ("100%25", "100%"),
        ("%2525252541", "A"),
        ("a\x00b\x1b[31m", "ab[31m"),
        ("a\u202eb\u2066c\u200bd", "abcd"),
        ("a\tb\u00a0c", "a b c"),
        ("a\ud800b", "ab"),
        ("％４１", "A"),
        ("%25%32%35%34%31", "A"),
    ],
)
def test_unescape(raw, text):
    assert unescape(raw) == text


def test_escapes_inside_escapes_end():
    deep = "@"
    for _ in range(12):  # every character again
        deep = "".join(f"%{ord(c):02X}" for c in deep)
        if len(deep) > 50_000:
            break
    assert unescape(deep) == MASK


def test_a_long_text_ends_with_a_whole_word():
    assert clean("word " * 1000) == ("word " * 40).strip()
    assert len(clean("word " * 1000)) <= module.MOST
    assert clean("x" * 500) == MASK
    assert clean("wort" + " a" * 2000, 10) == "wort a a a"
    assert clean("ab cd", 2) == "ab"


def test_a_number_that_the_bound_cuts_is_left_out():
    text = "a" * 10 + " b" * 500 + " 06 12 34 56 78" * 100
    assert not re.search(r"\d", clean(text, 2000))


def test_a_long_part_of_a_path_is_no_name():
    assert segment("a-" * 64) == "a-" * 64
    assert segment("a-" * 65) == MASK


def test_wide_forms_are_those_of_unicode():
    for code, plain in module._PLAIN.items():
        to = chr(plain) if isinstance(plain, int) else plain
        assert unicodedata.normalize("NFKC", chr(code)) == to or unicodedata.category(chr(code)) in ("Pd", "Sm")


def test_telling_is_only_for_words():
    assert not telling("")
    assert not telling("x:y:z:w")
    assert telling("::1")


@pytest.mark.parametrize(
    ("make", "passing"),
    [
        (lambda lot: lot.randbytes(8).hex(), 0),
        (lambda lot: lot.randbytes(16).hex(), 0),
        (lambda lot: base64.b32encode(lot.randbytes(16)).decode().rstrip("="), 0),
        (lambda lot: base64.urlsafe_b64encode(lot.randbytes(16)).decode().rstrip("="), 0.006),
        (lambda lot: base64.urlsafe_b64encode(lot.randbytes(24)).decode(), 0.001),
        (lambda lot: "".join(lot.choices(string.ascii_letters + string.digits, k=20)), 0.002),
    ],
)
def test_how_many_random_tokens_pass(make, passing):
    """Guessing has an end: some short tokens of letters look like words. This is the share that does."""
    lot = Random(5)
    tokens = [make(lot) for _ in range(5000)]
    assert sum(token in segment(token) for token in tokens) <= passing * len(tokens)

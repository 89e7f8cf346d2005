"""Invariant: any document becomes `Settings` or `Mistakes`, never anything else. What passes can be used and shown."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge.cli.check import _channel, _whole
from edge.config.advice import warnings
from edge.config.load import parse, settle
from edge.config.mistake import Mistakes
from edge.config.model import Document, Settings

KEYS = ["data_dir", "log", "level", "http", "channel", "listen", "egress", "headers", "name", "source", "video"]
KEYS += [
    "audio",
    "codec",
    "width",
    "height",
    "fit",
    "fps",
    "bitrate",
    "preset",
    "channels",
    "program",
    "user_file",
    "public",
]
KEYS += ["trusted_proxies", "max_viewers", "traffic_per_month", "metrics_listen", "password_file", "audio_language"]
VALUES = [
    "h264",
    "copy",
    "none",
    "aac",
    "auto",
    "demo:",
    "http://h/",
    "256k",
    "127.0.0.1:80",
    "::1",
    "news",
    "10.0.0.0/8",
]

scalars = st.one_of(
    st.sampled_from(VALUES),
    st.text(max_size=20),
    st.integers(),
    st.integers(-10, 5000),
    st.floats(),
    st.booleans(),
    st.just(dt.date(2020, 1, 1)),
    st.just(2**70),
)
keys = st.sampled_from(KEYS) | st.text(max_size=10)
trees = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6))
video = st.dictionaries(st.sampled_from(["codec", "width", "height", "fit", "fps", "bitrate"]), scalars, max_size=3)
channels = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "b", "A"]), "source": st.sampled_from(VALUES)},
    optional={"video": video | trees, "audio": trees, "headers": trees, "user_file": scalars, "max_viewers": scalars},
)
documents = st.dictionaries(keys, trees, max_size=6) | st.fixed_dictionaries(
    {"channel": st.lists(channels, max_size=3)}, optional={"http": trees, "data_dir": scalars}
)


def outcome(tree: dict[str, Any]) -> Settings | Mistakes:
    try:
        return settle(tree, "edge.toml")
    except Mistakes as mistakes:
        return mistakes


@given(documents)
@example({"http": {"listen": ["127.0.0.1:80", float("nan")]}})
@settings(max_examples=500, deadline=None)
def test_any_tree_is_settings_or_mistakes(tree: dict[str, Any]) -> None:
    result = outcome(tree)
    if isinstance(result, Mistakes):
        assert result.messages
        for message in result.messages:
            assert message.isprintable(), message
            assert message.startswith("edge.toml"), message
            assert ": expected " in message, message  # a message in msgspec's words would be a gap of the walk
    else:
        assert isinstance(result, Document)
        rows = [*_whole(result, None), *(row for channel in result.channels for row in _channel(channel))]
        assert all(text.isprintable() or "data_dir" in name for name, text in rows)
        assert all(warnings(result))


@given(st.text(max_size=200) | st.text(alphabet="[]{}=\"'.\n#, \\u01aftrue", max_size=100))
@settings(max_examples=500, deadline=None)
def test_any_text_is_a_document_or_mistakes(text: str) -> None:
    try:
        tree = parse(text, "edge.toml")
    except Mistakes as mistakes:
        (message,) = mistakes.messages
        assert re.match(r"edge\.toml:([0-9]+:[0-9]+:)? expected TOML, got", message), message
    else:
        outcome(tree)

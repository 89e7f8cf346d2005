"""What is remembered of a set of parameters says the same as looking at each hit would."""

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.hits import values
from edge.hits.admit import Admit, Client
from edge.hits.groups import GROUPS, WORDS
from edge.hits.kinds import kind
from edge.hits.scrub import Scrubber
from edge.hits.settings import HitsSettings, SiteSettings
from edge.hits.shapes import MOST, Shapes, read, recording
from edge.hits.timing import refused, when

SITES = (
    SiteSettings(1, ("a.example",)),
    SiteSettings(2, ("b.example",), titles=True, event_names=True, dimensions={"1": "Plan"}),
)
NOW = 1_700_000_000
NAMES = st.sampled_from([*GROUPS, "dimension1", "dimension2", "fa_x", "hsr_vid", "x", "fa", "é", ""])
VALUES = st.sampled_from(["", "0", "1", "2", "x", "a" * 16, "12", "1699000000", "http://a.example/p"])
FIELDS = st.dictionaries(NAMES, VALUES, max_size=12)


@settings(max_examples=1500, deadline=None)
@given(FIELDS, st.booleans(), st.booleans())
def test_what_a_shape_rules_out_is_not_there(fields, allowed, robot):
    shape = Shapes(SITES).of(1, fields)
    if not shape.checked:
        assert refused(fields, allowed) is None
    if not shape.timed:
        assert when(fields, NOW, allowed) == NOW
    if not shape.timings:
        assert values.timings(fields) == ()
    if not shape.acting:
        assert kind(fields, robot=robot) == "pageview"
    if not shape.speaking:
        assert not any(map(fields.get, ("ua", "lang", "cip")))
    assert shape.recording == recording(name for name, value in fields.items() if value)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(SITES), FIELDS), max_size=8))
def test_hits_are_scrubbed_the_same_with_a_shape_and_are_counted_once(hits):
    """One scrubber remembers; the other meets each hit as its first."""
    remembering, sums = Scrubber(SITES, HitsSettings()), dict.fromkeys(WORDS, 0)
    for site, fields in hits:
        fresh = Scrubber(SITES, HitsSettings())
        shape = remembering.shapes.of(site.id, fields)
        hit = remembering.scrub(site, fields, "agent", "en", "", NOW, shape=shape)
        assert hit == fresh.scrub(site, fields, "agent", "en", "", NOW)
        for word, count in fresh.shapes.scrubbed().items():
            sums[word] += count
    assert remembering.shapes.scrubbed() == sums == remembering.shapes.scrubbed()


def test_counts_outlive_what_is_forgotten_and_no_more_is_remembered():
    shapes = Shapes(SITES)
    for number in range(3 * MOST):
        shapes.of(1, {f"x{number}": "1", "uid": "alice"}).seen += 1
        assert shapes.stats().entries <= MOST
    shapes.tick(1.0)
    assert shapes.stats().entries == 0
    shapes.of(1, {"uid": "bob"})
    shapes.tick(2.0)
    assert shapes.stats().entries == 1  # for a quarter of an hour
    assert (shapes.scrubbed()["unknown"], shapes.scrubbed()["identifier"]) == (3 * MOST, 3 * MOST)


def test_of_a_set_the_names_are_not_held():
    assert "alice" not in repr(read(("alice@example.com", "rec"), SITES[0]))


def test_a_recording_without_a_value_is_none():
    admit, page = Admit(SITES, HitsSettings(), frozenset()), {"rec": "1", "url": "http://a.example/"}
    client = Client("192.0.2.1", "agent", "en", {})
    for fields, reason in (({"fa_id": "1"}, "recording"), ({"fa_id": ""}, None)):
        shape = Shapes(SITES).of(1, page | fields)
        assert admit.reason(SITES[0], page | fields, client, shape.recording) == reason

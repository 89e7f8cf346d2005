"""From lines to scrubbed hits: what is a page view, what is not and why, and how a file is known again."""

import accesslogs
import msgspec
import pytest
from accesslogs import ROBOT, request

from edge.hits.batch import BATCH_BYTES, MARKS, decode, encode
from edge.hits.calendar import Calendar
from edge.hits.hit import Dropped
from edge.hits.importing import DayKeys, Fingerprint, Importer, batches, kind_of
from edge.hits.logformats import combined
from edge.hits.settings import HitsSettings, SiteSettings

NOW = 1795608000.0
SITE = SiteSettings(1, ("www.example.org",))


def importer(site=SITE, spam=frozenset(), **settings):
    return Importer(site, HitsSettings(**settings), spam, NOW)


def line(path="/", at=int(NOW) - 60, **more):
    return combined(accesslogs.combined(request(at, path, **more)))


def test_a_page_view_is_scrubbed():
    asked = line("/blog/x?token=abc&mail=jane@example.com", referrer="https://www.google.com/search?q=secret")
    hit, flags = importer().take(asked)
    assert (hit.kind, hit.page, hit.referrer, hit.browser, hit.device) == (
        "pageview", "/blog/x", "Google", "Firefox", "desktop",
    )  # fmt: skip
    assert flags.visit
    assert "secret" not in repr(hit)


def test_a_download():
    hit, _ = importer().take(line("/files/Edge-0.4.TAR.GZ?x=1"))
    assert (hit.kind, hit.download, hit.page) == ("download", "/files/Edge-0.4.TAR.GZ", "")


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (line(method="POST"), "method"),
        (line(method="HEAD"), "method"),
        (line(status=404), "status"),
        (line(status=301), "status"),
        (line(status=206), "status"),
        (line(status=100), "status"),
        (line("/style.css"), "asset"),
        (line("/robots.txt"), "asset"),
        (line("/.well-known/acme-challenge/x"), "asset"),
        (line(at=int(NOW) - 800 * 86_400), "old"),
        (line(at=int(NOW) + 2 * 86_400), "future"),
    ],
)
def test_what_is_no_page_view(asked, reason):
    taking = importer()
    assert taking.take(asked) is None
    assert taking.summary.skipped == {reason: 1}


def test_not_modified_is_a_page_view():
    assert importer().take(line(status=304))[0].kind == "pageview"


@pytest.mark.parametrize(
    ("taking", "asked", "reason"),
    [
        (importer(), line(agent=ROBOT), "bot"),
        (importer(spam=frozenset({"spam.example"})), line(referrer="http://spam.example/"), "spam"),
        (importer(exclude_networks=("198.51.100.0/24",)), line(), "network"),
        (
            importer(),
            combined(f"other.example:80 {accesslogs.combined(request(int(NOW)))}"),
            "foreign_host",
        ),
    ],
)
def test_excluded_as_live_hits_are(taking, asked, reason):
    assert taking.take(asked) == Dropped(1, asked.at, reason)
    assert taking.summary.excluded == {reason: 1}


def test_a_site_of_any_host_below_another():
    hit, _ = importer(SiteSettings(1, ("*.example.org",))).take(line("/a"))
    assert hit.page == "/a"


def test_visits_end_after_half_an_hour():
    taking = importer()
    flags = [taking.take(line(at=int(NOW) - 9000 + second))[1] for second in (0, 60, 1900, 3800)]
    assert [each.visit for each in flags] == [True, False, True, True]
    assert [each.bounce for each in flags] == [1, -1, 1, 1]


def test_two_agents_of_one_network_are_two():
    taking = importer()
    found = [taking.take(line(agent=agent))[1] for agent in (accesslogs.FIREFOX, accesslogs.SAFARI)]
    assert [flags.visit for flags in found] == [True, True]
    assert found[0].unique != found[1].unique


def test_keys_of_another_day_tell_nothing():
    keys = DayKeys(Calendar("Europe/Paris"))
    midnight = 1795561200  # 2026-11-25 00:00 in Paris
    before, _ = keys.keys("192.0.2.1", "a", midnight - 10)
    after, old = keys.keys("192.0.2.1", "a", midnight + 10)
    assert (old, len(after)) == (before, 8)
    assert after != before
    assert keys.keys("192.0.2.1", "a", midnight + 1801)[1] is None
    again, _ = DayKeys(Calendar("Europe/Paris")).keys("192.0.2.1", "a", midnight + 10)
    assert again != after


def test_secrets_are_bounded_and_thrown_away():
    keys = DayKeys(Calendar())
    first, _ = keys.keys("192.0.2.1", "a", 0)
    for day in range(1, 1001):
        keys.keys("192.0.2.1", "a", day * 86_400)
    assert len(keys._secrets) == 1000
    assert keys.keys("192.0.2.1", "a", 0)[0] != first


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("/", "page"), ("/a.b/c", "page"), ("/index.php?f=x.css", "page"), ("/page.html", "page"), ("/.", "page"),
        ("/x.PDF", "download"), ("/a.tar.gz", "download"), ("/x.png?v=1", "asset"), ("/feed.xml", "asset"),
    ],
)  # fmt: skip
def test_kinds(target, kind):
    assert kind_of(target) == kind


def marked(lines, site=1):
    marks = Fingerprint(site)
    for each in lines:
        marks.add(each)
    return marks.digests


def test_a_file_is_known_by_its_first_lines_alone():
    lines = [line(at=int(NOW) - n, address=f"192.0.2.{n % 200}") for n in range(300)]
    digests = marked(lines)
    assert len(digests) == len(MARKS)
    assert marked(lines[:200]) == digests[:8]
    assert marked(lines, site=2)[0] != digests[0]
    masked = [msgspec.structs.replace(each, address="", agent="", referrer="", target="/x") for each in lines]
    assert marked(masked) == digests  # nothing of a visitor is in it


def counted(requests, done=0):
    offsets = [(combined(accesslogs.combined(each)), (n + 1) * 100) for n, each in enumerate(requests)]
    taking = importer()
    return taking, list(batches(offsets, taking, Fingerprint(1), done))


def test_batches_fit_into_a_request_and_lose_nothing():
    taking, found = counted(accesslogs.visits(3000, int(NOW) - 80_000))
    assert len(found) > 5
    assert all(len(encode(batch)) < BATCH_BYTES + 4096 for batch in found)
    assert sum(len(batch.counted) for batch in found) == taking.summary.pageviews == 3000
    ends = [batch.marks[0].done for batch in found]
    assert ends == sorted(ends)
    assert ends[-1] == 300_000
    assert decode(encode(found[0])) == found[0]


def test_what_is_imported_marks_the_file_and_counts_no_more():
    requests = accesslogs.visits(100, int(NOW) - 80_000)
    taking, found = counted(requests, done=9000)
    assert taking.summary.pageviews == 10
    assert {mark.done for batch in found for mark in batch.marks} == {10_000}
    assert counted(requests, done=10_000)[1] == []


def test_a_batch_that_is_none():
    for data in (b"", b"x", encode(counted(accesslogs.visits(3, int(NOW) - 100))[1][0])[:-3]):
        with pytest.raises(msgspec.MsgspecError):
            decode(data)


def test_nothing_raw_is_in_a_batch():
    requests = [request(int(NOW) - 5, "/a?sid=s3cr3t", address="192.0.2.77", referrer="https://x.example/?q=s3cr3t")]
    data = encode(counted(requests)[1][0])
    for word in (b"192.0.2.77", b"s3cr3t", b"Mozilla"):
        assert word not in data


def test_logs_of_two_servers_tell_of_the_same_visitors():
    taking = importer()
    logs = [[line(at=int(NOW) - 90_000 + 100 * n) for n in range(900)] for _ in range(2)]
    found = [[taking.take(each)[1].unique for each in log] for log in logs]
    registers = [{unique for unique in log if unique} for log in found]
    assert registers[0] == registers[1]
    assert len(registers[0]) == 2  # one for each day

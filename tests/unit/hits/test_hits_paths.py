"""Whose an address is, and what of it is kept."""

import pytest

from edge.hits.paths import Hosts, Paths, Place, host_of, shown_host

SITE = Paths(("page", "lang"), ("/user/*", "/shop/*/orders/inv-*.pdf"))


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("https://www.example.org/a/b", "/a/b"),
        ("https://www.example.org", "/"),
        ("https://www.example.org?x=1", "/"),
        ("HTTPS://WWW.Example.ORG/A/b", "/A/b"),
        ("//www.example.org/a", "/a"),
        ("/a/b/", "/a/b/"),
        ("https://alice:secret@www.example.org:8443/a", "/a"),
        ("https://www.example.org/a?page=2&email=x@y.z", "/a?page=2"),
        ("https://www.example.org/a?lang=fr&page=2", "/a?page=2&lang=fr"),
        ("https://www.example.org/a?page=1&page=2", "/a?page=2"),
        ("https://www.example.org/a?page=", "/a"),
        ("https://www.example.org/a?p%61ge=2", "/a?page=2"),
        ("https://www.example.org/a?page=alice%2540example.com", "/a?page=*"),
        ("https://www.example.org/a?page=0612345678", "/a?page=*"),
        ("https://www.example.org/a?page=a%26x%3D1%23b+c", "/a?page=a%26x=1%23b c"),
        ("https://www.example.org/a#section", "/a"),
        ("https://www.example.org/a#?page=2", "/a"),
        ("https://www.example.org/a;jsessionid=ABC/b;c=d", "/a/b"),
        ("https://www.example.org/a%3Bjsessionid=ABC/b", "/a/b"),
        ("https://www.example.org/caf%C3%A9", "/café"),
        ("https://www.example.org/a%3Fb%23c", "/a%3Fb%23c"),
        ("https://www.example.org/a%2Fb", "/a/b"),
        ("https://www.example.org/alice@example.com/x", "/*/x"),
        ("https://www.example.org/alice%2540example.com/x", "/*/x"),
        ("https://www.example.org/call/+33612345678", "/call/+*"),
        ("https://www.example.org/reset/0b1c2d3e4f5a6b7c8d9e", "/reset/*"),
        ("https://www.example.org/2026/05/31/slug", "/2026/05/31/slug"),
        ("https://www.example.org/user/alice/photos", "/user/*/photos"),
        ("https://www.example.org/USER/alice", "/USER/*"),
        ("https://www.example.org/user%2Falice", "/user/*"),
        ("https://www.example.org/user/", "/user/"),
        ("https://www.example.org/user", "/user"),
        ("https://www.example.org/users/alice", "/users/alice"),
        ("https://www.example.org/shop/paris/orders/inv-12.pdf", "/shop/*/orders/inv-*.pdf"),
        ("https://www.example.org/shop/paris/orders/note.pdf", "/shop/paris/orders/note.pdf"),
        ("https://www.example.org\\@evil.example/a", "/a"),
        ("  https://www.example.org/a  ", "/a"),
        ("https://www.example.org/a%20", "/a"),
        ("file:///home/alice/page.html", ""),
        ("javascript:alert(1)", ""),
        ("data:text/html,alice", ""),
        ("mailto:alice@example.com", ""),
        ("alice", ""),
        ("", ""),
    ],
)
def test_pages(url, page):
    assert SITE.read(url).page == page


def test_without_rules_no_parameter_is_kept():
    assert Paths((), ()).read("https://e/a?page=1&q=2") == Place("/a", query=True)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://e/a?page=1", Place("/a?page=1")),
        ("https://e/a?x=1", Place("/a", query=True)),
        ("https://e/a#x", Place("/a", fragment=True)),
        ("https://e/user/alice", Place("/user/*", masked=True)),
        ("https://e/a?ignore_referrer=1", Place("/a", quiet=True, query=True)),
        ("https://e/a?ignore_referer=1", Place("/a", quiet=True, query=True)),
    ],
)
def test_what_was_left_out_is_told(url, place):
    assert SITE.read(url) == place


@pytest.mark.parametrize(
    ("query", "campaign"),
    [
        ("utm_source=nl", "nl"),
        ("utm_source=nl&utm_campaign=spring", "spring"),
        ("utm_medium=mail&utm_term=secret", "mail"),
        ("pk_campaign=a", "a"),
        ("pk_cpn=a&pk_kwd=secret", "a"),
        ("piwik_campaign=a", "a"),
        ("mtm_campaign=a&utm_campaign=b", "a"),
        ("matomo_campaign=spring+sale%21", "spring sale!"),
        ("utm_campaign=for%20alice%40example.com", "for *"),
        ("utm_campaign=to-0612345678", "to-*"),
        ("utm_campaign=", ""),
        ("campaign=x", ""),
        ("gclid=Cj0KCQiA", ""),
    ],
)
def test_campaigns(query, campaign):
    assert SITE.read(f"https://e/a?{query}").campaign == campaign
    assert SITE.read(f"https://e/a#{query}").campaign == campaign  # Matomo looks there as well


def test_a_page_is_bounded_at_a_part_of_its_path():
    part = "/" + "part-" * 10
    page = SITE.read("https://e" + part * 40).page
    assert page == part * (1024 // len(part))


def test_a_path_has_only_so_many_parts():
    assert SITE.read("https://e" + "/a" * 64).page == "/a" * 64
    assert SITE.read("https://e" + "/a" * 64 + "/").page == "/a" * 64
    assert SITE.read("https://e" + "/a" * 500).page == "/a" * 64


def test_what_the_bound_of_an_address_cuts_in_two_is_left_out():
    inside = "https://e/" + "a/" * 1000 + "x" * 20
    assert SITE.read(inside + "alice" * 100 + "@example.com").page.strip("/a") == ""
    padding = "https://e/a?x=" + "y" * 2020 + "&page="
    assert SITE.read(padding + "alice" * 100 + "@example.com").page == "/a"
    assert SITE.read("https://e/" + "x" * 5000).page == "/"


def test_a_query_that_would_make_the_page_too_long_goes_first():
    page = SITE.read("https://e/" + ("part-" * 20 + "/") * 10 + "?page=" + "ab-" * 33).page
    assert page.startswith("/part")
    assert "?" not in page


def test_only_so_many_parameters_are_looked_at():
    assert SITE.read("https://e/a?" + "x=1&" * 150 + "page=2").page == "/a"
    assert SITE.read("https://e/a?" + "x=1&" * 90 + "page=2").page == "/a?page=2"


def test_downloads_are_paths_of_whatever_host():
    assert SITE.path("https://cdn.example/files/report.pdf?token=1#x") == "/files/report.pdf"
    assert SITE.path("ftp://cdn.example/files/report.pdf") == ""
    assert SITE.path("https://cdn.example/user/alice/cv.pdf") == "/user/*/cv.pdf"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://www.Example.org/", "www.example.org"),
        ("http://a:b@c.example:80/x@y", "c.example"),
        ("http://evil@good.example", "good.example"),
        ("https://good.example\\@evil.example", "good.example"),
        ("https://good.example?@evil.example", "good.example"),
        ("https://good.example./", "good.example"),
        ("http://[2001:db8::1]:80/", "2001:db8::1"),
        ("//c.example/x", "c.example"),
        ("android-app://com.slack/", "com.slack"),
        ("c.example", ""),
        ("", ""),
    ],
)
def test_hosts_of_addresses(url, host):
    assert host_of(url) == host


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("https://www.example.org/a", True),
        ("http://www.example.org:8080/a", True),
        ("https://WWW.EXAMPLE.ORG/a", True),
        (" https://www.example.org/a ", True),
        ("https://example.org/", False),
        ("https://a.example.net/", True),
        ("https://a.b.example.net/", True),
        ("https://example.net/", False),
        ("https://badexample.net/", False),
        ("https://www.example.org.evil.example/", False),
        ("https://www.example.org@evil.example/", False),
        ("https://www.example.orgx/", False),
        ("file:///www.example.org/", False),
        ("javascript:www.example.org", False),
        ("/a", True),
        ("a/b:c", True),
        ("", True),
    ],
)
def test_whose_a_page_is(url, own):
    assert Hosts(("www.Example.org", "*.example.net")).own(url) is own


def test_hosts_with_a_port_in_the_configuration():
    assert Hosts(("localhost:8000",)).own("http://localhost:9000/")


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("blog.example.org", "blog.example.org"),
        ("münchen.example", "münchen.example"),
        ("192.0.2.7", "*"),
        ("2001:db8::1", ""),
        ("a3f5c9e1b7d2.cdn.example", "*.cdn.example"),
        ("0612345678.example", "*.example"),
        ("a b.example", ""),
        ("alice%40example.org", ""),
        ("x" * 200, ""),
        ("", ""),
    ],
)
def test_hosts_as_they_are_kept(host, shown):
    assert shown_host(host) == shown

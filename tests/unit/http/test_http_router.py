"""From paths to handlers, and who may call them."""

import pytest
from routing import answered

from edge.access.tokens import Tokens
from edge.http.message import Request, text
from edge.http.router import Router, bearer


def ask(router, path, method="GET", **headers):
    return answered(router, Request(method, path, b"", headers, "127.0.0.1", "http", "a"))


def named(name):
    return lambda request: text(200, f"{name} {request.params}")


def test_a_request_does_not_show_who_asks_and_for_what():
    secret = "alice"
    request = Request("GET", f"/{secret}", secret.encode(), {"cookie": secret}, secret, "http", secret, secret.encode())
    assert secret not in repr(request)


@pytest.fixture
def router():
    made = Router()
    for pattern in (
        "/",
        "/live/{name}",
        "/live/{name}.ts",
        "/live/{name}/index.m3u8",
        "/live/{name}/{msn}.ts",
        "/live/{name}/state",
        "/live/demo",
    ):
        made.add("GET", pattern, named(pattern))
    return made


@pytest.mark.parametrize(
    ("path", "pattern", "params"),
    [
        ("/", "/", {}),
        ("/live/news", "/live/{name}", {"name": "news"}),
        ("/live/news.ts", "/live/{name}.ts", {"name": "news"}),
        ("/live/.ts", "/live/{name}", {"name": ".ts"}),
        ("/live/a.b.ts", "/live/{name}.ts", {"name": "a.b"}),
        ("/live/news/index.m3u8", "/live/{name}/index.m3u8", {"name": "news"}),
        ("/live/news/12.ts", "/live/{name}/{msn}.ts", {"name": "news", "msn": "12"}),
        ("/live/news/state", "/live/{name}/state", {"name": "news"}),
        ("/live/demo", "/live/demo", {}),
    ],
)
def test_most_literal_pattern_wins(router, path, pattern, params):
    assert ask(router, path).body.decode() == f"{pattern} {params}\n"


@pytest.mark.parametrize("path", ["/live", "/live/", "/live/a/b", "/live/a/b/c.ts", "/liveXnews", "*", "/live//state"])
def test_unknown_paths(router, path):
    assert ask(router, path).status == 404


def test_dots_are_literal(router):
    assert ask(router, "/live/news/indexXm3u8").status == 404


def test_methods():
    router = Router()
    router.add("GET", "/a", named("get"))
    router.add("POST PUT", "/a", named("post"))
    assert ask(router, "/a", "PUT").body == b"post {}\n"
    assert ask(router, "/a", "HEAD").body == b"get {}\n"
    refused = ask(router, "/a", "DELETE")
    assert (refused.status, dict(refused.headers)["Allow"]) == (405, "GET, HEAD, OPTIONS, POST, PUT")
    options = ask(router, "/a", "OPTIONS")
    assert (options.status, dict(options.headers)["Access-Control-Allow-Methods"]) == (
        204,
        "GET, HEAD, OPTIONS, POST, PUT",
    )
    with pytest.raises(ValueError, match="POST /a is there already"):
        router.add("POST", "/a", named("again"))


def guarded(tokens):
    router = Router(tokens)
    router.add("GET", "/metrics", named("metrics"), scope="stats")
    router.add("GET", "/of/{name}", named("of"), scope="stats")
    return router


@pytest.mark.parametrize("path", ["/metrics", "/of/a"])
def test_scopes(tmp_path, path):
    tokens = Tokens(str(tmp_path / "tokens.json"))
    stats, view, admin = (tokens.new([scope]) for scope in ("stats", "view", "admin"))
    router = guarded(tokens)
    assert ask(router, path, authorization=f"Bearer {stats}").status == 200
    assert ask(router, path, authorization=f"bearer  {admin} ").status == 200
    assert ask(router, path, "OPTIONS").status == 204
    assert ask(router, path, "POST").status == 405
    for field in ({}, {"authorization": "Bearer"}, {"authorization": f"Basic {stats}"}, {"authorization": stats}):
        answer = ask(router, path, **field)
        assert (answer.status, dict(answer.headers)["WWW-Authenticate"]) == (401, 'Bearer realm="edge"')
    unknown = ask(router, path, authorization="Bearer edge_x")
    assert (unknown.status, dict(unknown.headers)["WWW-Authenticate"]) == (
        401,
        'Bearer realm="edge", error="invalid_token"',
    )
    weak = ask(router, path, authorization=f"Bearer {view}")
    assert (weak.status, dict(weak.headers)["WWW-Authenticate"]) == (
        403,
        'Bearer realm="edge", error="insufficient_scope", scope="stats"',
    )
    assert ask(router, path, "HEAD").status == 401


def test_nothing_guarded_answers_without_tokens():
    assert ask(guarded(None), "/metrics", authorization="Bearer x").status == 401


def test_bearer():
    assert bearer(Request("GET", "/", b"", {"authorization": "BEARER a b"}, "", "http", "")) == "a b"

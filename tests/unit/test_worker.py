"""The worker as a user sees it: started, watched, asked rubbish, stopped."""

import json
import signal
import socket
import subprocess
import sys
import threading
from itertools import pairwise

import pytest
from faultsource import Faults, FaultSource
from mediacheck import check_plays, demuxed
from running import PATIENCE, channel, running, write_config

from edge.cli.main import main

DEMO = channel("demo", "demo:")


@pytest.fixture(scope="module", name="demo")
def _demo(tmp_path_factory):
    with running(tmp_path_factory.mktemp("worker"), DEMO) as worker:
        worker.until_live("demo")
        yield worker


@pytest.mark.parametrize("container", ["ts", "flv", "mp4"])
def test_a_viewer_starts_at_a_keyframe_and_gets_a_stream_that_decodes(demo, container):
    data = demo.read(f"/live/demo.{container}", 120_000)
    packets = check_plays(data[: len(data) // 188 * 188] if container == "ts" else data)
    assert {p.kind for p in packets} == {"video", "audio"}


def test_hls_is_served_from_memory(demo):
    demo.until(lambda: demo.get("/live/demo/index.m3u8")[1].count(b"#EXTINF") >= 3, "three segments")
    lines = demo.get("/live/demo/index.m3u8")[1].decode().splitlines()
    status, segment = demo.get(f"/live/demo/{lines[-1]}")
    assert status == 200
    first = next(p for p in demuxed(segment) if p.kind == "video")
    assert first.key


def test_probes_and_pages_answer(demo):
    for path in ("/healthz", "/readyz", "/readyz?channels", "/", "/live/demo", "/live/demo?embed", "/metrics"):
        assert demo.get(path)[0] == 200, path
    assert demo.get("/live/demo.jpg")[1].startswith(b"\xff\xd8")


def test_head_and_range_are_answered_properly(demo):
    head = demo.head("/live/demo.ts")
    assert (head["content-type"], head["accept-ranges"]) == ("video/mp2t", "none")
    assert demo.head("/live/demo.jpg")["content-type"] == "image/jpeg"


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/live/none.ts", 404), ("GET", "/live/none", 404), ("GET", "/live/none/index.m3u8", 404),
    ("GET", "/live/demo/1.ts", 404), ("GET", "/nothing", 404), ("POST", "/live/demo.ts", 405),
    ("DELETE", "/", 405), ("GET", "/api/v1/channels", 401),
])  # fmt: skip
def test_wrong_requests_get_a_clear_status(demo, method, path, status):
    assert demo.get(path, method=method)[0] == status


def test_a_token_opens_what_it_should(demo, capsys):
    folder = demo._log.parent
    assert main(["token", "new", "--scope", "stats", "--data-dir", str(folder / "data")]) == 0
    secret = capsys.readouterr().out.strip().splitlines()[0]
    demo.until(lambda: demo.get("/api/v1/channels", secret)[0] == 200, "the token to be known")
    (found,) = json.loads(demo.get("/api/v1/channels", secret)[1])
    assert found["name"] == "demo"
    assert found["encoded"] > 0


def test_a_private_channel_needs_a_token_and_tells_nothing_without(tmp_path, capsys):
    with running(tmp_path, channel("secret", "demo:", "public = false")) as worker:
        worker.until(lambda: worker.get("/readyz?channels")[0] == 200, "frames")
        for path in ("secret.ts", "secret.mp4", "secret.jpg", "secret/index.m3u8", "secret/state"):
            assert worker.get(f"/live/{path}")[0] == 401, path
        for path in ("/", "/metrics", "/readyz?channels"):
            assert b"secret" not in worker.get(path)[1], path
        main(["token", "new", "--scope", "stats", "--data-dir", str(tmp_path / "data")])
        stats = capsys.readouterr().out.strip().splitlines()[0]
        worker.until(lambda: b'channel="secret"' in worker.get("/metrics", stats)[1], "the token to be known")
        main(["token", "new", "--scope", "view", "--data-dir", str(tmp_path / "data")])
        secret = capsys.readouterr().out.strip().splitlines()[0]
        worker.until(lambda: worker.get("/live/secret.jpg", secret)[0] == 200, "the token to be known")


def test_sigterm_ends_viewers_and_exits_0(tmp_path):
    with running(tmp_path, DEMO) as worker:
        worker.until_live("demo")
        host, port = worker.url.removeprefix("http://").split(":")
        viewers = [socket.create_connection((host, int(port))) for _ in range(3)]
        for viewer in viewers:
            viewer.sendall(b"GET /live/demo.ts HTTP/1.1\r\nHost: x\r\n\r\n")
            assert viewer.recv(1000)
        assert worker.stop() == 0
        for viewer in viewers:
            viewer.settimeout(60)
            while viewer.recv(1 << 20):
                pass
            viewer.close()
        assert "event=stopped" in worker.log


def test_a_second_signal_ends_at_once(tmp_path):
    with running(tmp_path, DEMO) as worker:
        host, port = worker.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as viewer:
            viewer.sendall(b"GET /live/demo.ts HTTP/1.1\r\nHost: x\r\n\r\n")
            viewer.recv(1000)
            worker.process.send_signal(signal.SIGTERM)
            worker.process.send_signal(signal.SIGTERM)
            assert worker.process.wait(timeout=60) in (0, 1)


def test_a_source_that_is_away_fails_readyz_channels_alone(tmp_path, free_port):
    more = channel("gone", f"http://user:s3cr3t@127.0.0.1:{free_port}/x.ts?key=s3cr3t")
    with running(tmp_path, DEMO + more) as worker:
        worker.until_live("demo")
        status, body = worker.get("/readyz?channels")
        assert (status, worker.get("/readyz")[0]) == (503, 200)
        assert b"gone" in body
        assert b"demo" not in body
        assert worker.state("gone")["status"] in ("starting", "away")
        said = worker.log + "".join(
            worker.get(p)[1].decode() for p in ("/", "/live/gone", "/live/gone/state", "/metrics")
        )
        assert "s3cr3t" not in said
        assert 'edge_source_connections_total{channel="gone",reason="refused"}' in said


def test_viewers_beyond_a_bound_get_503_and_are_counted(tmp_path):
    with running(tmp_path, DEMO, "max_viewers = 1") as worker:
        worker.until_live("demo")
        host, port = worker.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as viewer:
            viewer.sendall(b"GET /live/demo.ts HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b" 200 " in viewer.recv(1000)
            assert worker.get("/live/demo.mp4")[0] == 503
        worker.until(lambda: worker.get("/metrics")[1].count(b'reason="viewers"'), "the refusal to be counted")


def test_traffic_is_counted_across_a_restart(tmp_path):
    http = 'traffic_per_month = "1MiB"'
    with running(tmp_path, DEMO, http) as worker:
        worker.until_live("demo")
        viewers = [threading.Thread(target=worker.read, args=("/live/demo.ts", 220_000)) for _ in range(5)]
        for viewer in viewers:
            viewer.start()
        for viewer in viewers:
            viewer.join()
        assert worker.stop() == 0
    with running(tmp_path, DEMO, http) as worker:
        worker.until_live("demo")
        assert worker.get("/live/demo.ts")[0] == 503


def test_playlist_numbers_never_go_back_across_a_restart(tmp_path):
    def number(worker):
        worker.until_live("demo")
        text = worker.get("/live/demo/index.m3u8")[1].decode()
        return int(text.partition("#EXT-X-MEDIA-SEQUENCE:")[2].split()[0])

    with running(tmp_path, DEMO) as worker:
        before = number(worker)
        assert worker.stop() == 0
    with running(tmp_path, DEMO) as worker:
        assert number(worker) > before


def test_one_connection_outlives_the_cuts_of_the_source(tmp_path, source_sample):
    with (
        FaultSource(source_sample, Faults(cut=3, replay=1, damage=0.001, patience=30)) as source,
        running(tmp_path, channel("news", source)) as worker,
    ):
        worker.until_live("news")
        found: list[bytes] = []
        viewer = threading.Thread(target=lambda: found.append(worker.read("/live/news.ts", 400_000)))
        viewer.start()
        viewer.join(PATIENCE)
        assert not viewer.is_alive()
        packets = check_plays(found[0][: len(found[0]) // 188 * 188])
        video = [p.dts for p in packets if p.kind == "video"]
        assert len(video) > 60
        assert max(b - a for a, b in pairwise(video)) < 0.5
        cuts = worker.get("/metrics")[1].decode()
        assert 'edge_source_connections_total{channel="news",reason="ended"}' in cuts


def run(config):
    return subprocess.run(
        [sys.executable, "-m", "edge", "run", "--config", str(config)], capture_output=True, check=False, timeout=120
    )


def test_a_port_in_use_is_said(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = tmp_path / "edge.toml"
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        config.write_text(f'data_dir = "{tmp_path}/data"\n[http]\nlisten = ["{address}"]\n{DEMO}')
        done = run(config)
    assert done.returncode == 2
    assert address in done.stderr.decode()
    assert "in use" in done.stderr.decode()
    assert b"Traceback" not in done.stderr


def test_a_data_dir_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "data").write_text("a file")
    done = run(write_config(tmp_path, DEMO))
    assert done.returncode == 2
    assert b"data_dir" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_damaged_state_file_is_set_aside(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "state.json").write_bytes(b"\0{")
    with running(tmp_path, DEMO) as worker:
        worker.until_live("demo")
        assert "event=state_damaged" in worker.log


def test_probe_says_what_a_source_holds(small_sample, capsys):
    assert main(["probe", str(small_sample), "--seconds", "1"]) == 0
    said = capsys.readouterr().out
    assert "video" in said
    assert "edge would" in said
    with FaultSource(small_sample) as source:
        assert main(["probe", source, "--seconds", "1"]) == 0
    assert "read as http" in capsys.readouterr().out


def test_probe_names_what_is_wrong(free_port, capsys):
    assert main(["probe", f"http://127.0.0.1:{free_port}/"]) == 1
    assert "refuses" in capsys.readouterr().err
    assert main(["probe", "/nowhere/film.ts"]) == 1
    assert "expected a media file at /nowhere/film.ts: No such file or directory" in capsys.readouterr().err
    assert main(["probe", "concat:a|b"]) == 2

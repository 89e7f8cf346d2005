"""A real server with the usual routes, for tests that leave it as it was; a certificate for servers that speak TLS."""

import subprocess

import pytest
from httppeer import DEADLINE, running


@pytest.fixture(scope="module")
def server():
    with running() as one:
        yield one


@pytest.fixture(scope="session")
def certificate(openssl, tmp_path_factory):
    """Of 127.0.0.1, two days long: a folder with `cert` and `key`."""
    place = tmp_path_factory.mktemp("tls")
    words = f"{openssl} req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key -out cert -days 2"
    command = [*words.split(), "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(command, cwd=place, check=True, capture_output=True, timeout=DEADLINE)
    return place

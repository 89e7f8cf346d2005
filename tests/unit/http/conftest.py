"""A real server with the usual routes, for tests that leave it as it was."""

import pytest
from httppeer import running


@pytest.fixture(scope="module")
def server():
    with running() as one:
        yield one

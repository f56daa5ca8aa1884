from __future__ import annotations

from collections.abc import Iterator

import pytest

from fork_server import ForkServer


@pytest.fixture(scope="session")
def fork_server(suite_folder: object) -> Iterator[ForkServer]:
    with ForkServer() as server:
        yield server

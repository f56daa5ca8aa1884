from __future__ import annotations

from collections.abc import Iterator

import pytest

from forked_engines import forked_engines


@pytest.fixture(scope="session", autouse=True)
def engines(suite_folder: object) -> Iterator[None]:
    """The engines of all windows are forked; what a spawned one does is tested in `tests/engine`."""
    with forked_engines():
        yield

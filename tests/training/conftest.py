from __future__ import annotations

from collections.abc import Iterator

import pytest

from nursery import Nursery


@pytest.fixture(scope="session")
def nursery(suite_folder: object) -> Iterator[Nursery]:
    with Nursery() as found:
        yield found

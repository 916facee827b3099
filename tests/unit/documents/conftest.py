from __future__ import annotations

import pytest

from tests.unit.fakes import FixedClock


@pytest.fixture
def clock() -> FixedClock:
    """A clock that a test turns."""
    return FixedClock()

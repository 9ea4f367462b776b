from pathlib import Path

import pytest

from .samples import described, record


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Episodes of 10, 12, 1 and 8 steps."""
    return record(tmp_path / "dataset", described())

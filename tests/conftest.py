"""What all tests share: the project's own folders importable, no way out to a metadata server, logging as it was, bounded property tests."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
# At the end: an installed wheel comes before the checkout.
sys.path.append(str(ROOT))

# The vendor's credentials library would ask the metadata server of a cloud machine.
os.environ.setdefault("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")

# Machines that run many tests at once are slow now and then; a deadline would be a wall-clock threshold.
settings.register_profile(
    "project", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("project")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden` writes what golden tests compare with; `--unhurried` waits as long as the rules say."""
    parser.addoption(
        "--update-golden", action="store_true", help="write tests/whole/golden anew; read the difference"
    )
    parser.addoption(
        "--unhurried",
        action="store_true",
        help="let kept alerts end by themselves, which takes 15 minutes more",
    )


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    """Take back what commands change on the root logger, on which other tests read records."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers

"""Every test of datasets starts from an empty cache."""

import pytest


@pytest.fixture(autouse=True)
def _own_cache(empty_cache):
    """Use `empty_cache`."""

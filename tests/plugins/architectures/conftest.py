"""What the tests of architectures share."""

import pytest

from helpers.networks import HERE, NOISE, difference


@pytest.fixture
def assert_official(shared, record_property):
    """``assert_official(module, "edsr_tiny_x2")`` asserts that a network computes what its authors' code computes.

    Large oracles are in the shared facts alone; without those, the test is skipped. Further arguments are those of
    `difference`.
    """

    def check(module, name, **options):
        folder = HERE if (HERE / f"{name}.json").exists() else shared("oracles/networks")
        found = difference(module, name, folder, **options)
        record_property(f"{name}: difference in units of the official rounding error", f"{found:.2f}")
        assert found < NOISE, f"{name} differs by {found:.2f} times the official rounding error; {NOISE} are allowed"

    return check

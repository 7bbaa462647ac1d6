"""Shared by all tests: paths, small fakes, and the comparison with outside oracles."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""
TESTS = ROOT / "tests"
ORACLES = TESTS / "oracles"
SHARED = ROOT.parent / "shared"
"""Facts, oracles and datasets beside the checkout; not everywhere."""

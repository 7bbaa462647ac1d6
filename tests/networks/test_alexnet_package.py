"""A pickle gives arrays and nothing else."""

import pickle

import numpy as np
import pytest

from srbench.errors import UnavailableError
from srbench.networks.alexnet_package import unpickle_arrays

ARRAYS = {"a": {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "c": [np.ones(1)]}}


@pytest.mark.parametrize("protocol", [3, 4])
def test_pickled_arrays_are_read(protocol):
    read = unpickle_arrays(pickle.dumps(ARRAYS, protocol=protocol))
    np.testing.assert_array_equal(read["a"]["b"], ARRAYS["a"]["b"])
    np.testing.assert_array_equal(read["a"]["c"][0], [1.0])


@pytest.mark.parametrize("protocol", [0, 2, 5])  # these spell arrays by calling further functions
def test_functions_that_are_not_needed_are_not_allowed(protocol):
    with pytest.raises(UnavailableError, match="was refused"):
        unpickle_arrays(pickle.dumps(ARRAYS, protocol=protocol))


def test_a_damaged_pickle_is_a_reason():
    with pytest.raises(UnavailableError, match="the pickle is damaged"):
        unpickle_arrays(pickle.dumps({"a": np.zeros(9)}, protocol=3)[:-20])

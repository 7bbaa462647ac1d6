"""The result of a test does not depend on earlier tests or on what a user has installed for srbench."""

import os
import zlib

import pytest
import torch

from srbench.catalog.discovery import user_folder
from srbench.datasets.manifest import user_manifest


@pytest.fixture(scope="module")
def shared_by_two():
    return torch.rand(3).tolist()


@pytest.mark.parametrize("number", [0, 1])
def test_a_test_draws_from_a_stream_of_its_own(request, shared_by_two, number):
    assert torch.initial_seed() == zlib.crc32(request.node.nodeid.encode())
    torch.manual_seed(zlib.crc32(b"shared_by_two"))
    assert torch.rand(3).tolist() == shared_by_two


def test_plugins_and_datasets_of_a_person_are_not_seen():
    assert not user_folder().exists()
    assert not user_manifest().exists()
    assert "SRBENCH_PLUGINS" not in os.environ

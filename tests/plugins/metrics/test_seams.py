"""``seams:TILExSCALE`` is the visibility of the seams of such tiles, in a column of a run."""

import pytest
import torch

from srbench.errors import UnavailableError
from srbench.imaging.seams import seam_visibility
from srbench.testing import violations_of


def test_it_holds_the_contract_of_metrics(catalog):
    assert violations_of(catalog.metrics["seams:8x2"]) == []


def test_it_is_the_seams_of_tiles_in_pixels_of_lr(catalog):
    sr = torch.rand(1, 3, 64, 48).double()
    metric = catalog.metrics["seams:10x2"].load(torch.device("cpu"))
    assert torch.equal(metric(sr, sr), seam_visibility(sr, 20, 2))


@pytest.mark.parametrize("name", ["seams:", "seams:0x2", "seams:96", "seams:x4", "seams:96x2.5"])
def test_a_name_without_tiles_is_refused(name, catalog):
    with pytest.raises(UnavailableError, match="as in seams:96x4"):
        catalog.metrics[name]

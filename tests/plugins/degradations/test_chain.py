"""``chain:FILE.toml`` is a degradation that is read once for as long as its file does not change."""

import pytest
import torch

from srbench.catalog.catalog import load_catalog
from srbench.errors import SrbenchError

TEXT = 'label = "halved"\n[[steps]]\nstep = "area_down"\n'


@pytest.fixture
def shelf():
    return load_catalog().degradations


def test_a_file_is_a_degradation_and_read_again_when_it_changes(shelf, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(TEXT)
    spec = shelf[f"chain:{path}"]
    assert spec.label == "halved"
    hr = torch.rand(1, 3, 8, 8, dtype=torch.float64)
    wanted = torch.nn.functional.avg_pool2d(hr, 2)
    torch.testing.assert_close(spec.apply(hr, 2, torch.Generator()), wanted, rtol=0, atol=1e-13)
    path.write_text(TEXT.replace("halved", "other"))
    assert load_catalog().degradations[f"chain:{path}"].label == "other"


def test_a_file_that_is_not_there_is_named(shelf, tmp_path):
    with pytest.raises(SrbenchError, match=r"missing\.toml"):
        shelf[f"chain:{tmp_path / 'missing.toml'}"]

"""CBAM is A-SKD's, and its maps are recorded before the sigmoid."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers import ORACLES
from srbench.networks.capture import capture
from srbench.networks.recognition.attention import CBAM


def official():
    """The block with the release's weights, and its arrays."""
    with np.load(ORACLES / "losses" / "askd_cbam.npz") as file:
        arrays = {key: torch.from_numpy(file[key]) for key in file.files}
    cbam = CBAM(32, 2).double()
    weights = {"channel.fc.0": "ca_w0", "channel.fc.2": "ca_w2", "spatial.conv": "sa_w"}
    cbam.load_state_dict({f"{path}.weight": arrays[key] for path, key in weights.items()}, strict=True)
    return cbam, arrays


def test_its_output_and_its_maps_are_the_releases():
    cbam, arrays = official()
    with torch.no_grad(), capture(cbam, ("channel", "spatial", "spatial:input")) as maps:
        found = cbam(arrays["x"])
    for one, key in ((maps["channel"], "ca_logits"), (maps["spatial"], "sa_logits"), (maps["spatial:input"], "ca_out")):
        torch.testing.assert_close(one, arrays[key], rtol=0, atol=1e-14)
    torch.testing.assert_close(found, arrays["sa_out"], rtol=0, atol=1e-14)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**31))
def test_it_only_lowers_features_and_keeps_their_signs(height, width, seed):
    features = torch.randn(2, 8, height, width, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        found = CBAM(8, 2)(features)
    assert found.shape == features.shape
    assert ((found * features >= 0) & (found.abs() <= features.abs())).all()

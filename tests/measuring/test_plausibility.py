"""Given weights are tried on a photograph: what is far below interpolation is doubted."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from srbench.catalog.catalog import load_catalog
from srbench.imaging.resize import imresize
from srbench.measuring.plausibility import doubt_about_weights
from srbench.networks.network import Network, build_network
from srbench.networks.weights import load_state_dict

CPU = torch.device("cpu")
OFFICIAL = {
    ("a2n", 2): "a2n/aan_x2.pt",
    ("bsrn", 4): "bsrn/net_g_BSRN_x4.pth",
    ("comonet_s", 2): "comonet/CoMo-S_x2.pth",
    ("comonet_s", 4): "comonet/CoMo-S_x4.pth",
    ("hpinet_s", 4): "hpinet/HPINet-S-x4.pth",
    ("hpinet_m", 2): "hpinet/HPINet-M-x2.pth",
    ("imdn", 2): "imdn/IMDN_x2.pth",
    ("imdn", 4): "imdn/IMDN_x4.pth",
    ("ncnet", 3): "ncnet/ncnet_x3_from_tflite.npz",
    ("pan", 2): "pan/PANx2_DF2K.pth",
    ("pan", 4): "pan/PANx4_DF2K.pth",
    ("rlfn", 2): "rlfn/rlfn_x2.pth",
    ("rlfn", 4): "rlfn/rlfn_x4.pth",
    ("vdsr", 2): "vdsr/VDSR_Official.mat",
}


class Changed(nn.Module):
    """Interpolation, with its values changed."""

    def __init__(self, change, scale):
        super().__init__()
        self.change, self.scale = change, scale

    def forward(self, lr):
        return self.change(imresize(lr, scale=self.scale))


@pytest.fixture(scope="module")
def architectures():
    return load_catalog().architectures


@pytest.fixture(scope="module")
def spec(architectures):
    return architectures["espcn"]


def official(spec, scale, path):
    network = build_network(spec, scale)
    read = next(one.read for one in spec.checkpoints if one.scale in (scale, None))
    state = read(path) if read else load_state_dict(path, network.module.state_dict()).state
    network.module.load_state_dict(dict(state))
    network.module.eval()
    return network


def doubt(spec, change, scale=4):
    spec = replace(spec, channels="rgb")
    return doubt_about_weights(Network(spec, Changed(change, scale)), scale, CPU)


def test_interpolation_and_what_is_a_little_worse_are_not_doubted(spec):
    assert doubt(spec, lambda sr: sr) == ""
    assert doubt(spec, lambda sr: sr + 0.01) == ""


@pytest.mark.parametrize(
    "change",
    [lambda sr: sr * 0.9, lambda sr: sr.flip(1), lambda sr: sr.roll(3, -1), lambda sr: sr * torch.nan],
    ids=["another range", "blue and red exchanged", "shifted", "no numbers"],
)
def test_what_is_far_below_interpolation_is_doubted_with_both_figures(spec, change):
    assert "these weights of espcn give" in doubt(spec, change)
    assert "dB at x4 and bicubic interpolation 2" in doubt(spec, change)


@pytest.mark.parametrize("scale", [2, 3, 5, 7, 8, 9, 16])
def test_every_scale_can_be_tried(spec, scale):
    assert doubt(spec, lambda sr: sr, scale) == ""
    assert f"dB at x{scale} and bicubic" in doubt(spec, lambda sr: 1 - sr, scale)


def test_weights_of_chance_are_doubted_at_every_scale(spec):
    for scale in spec.scales:
        network = build_network(spec, scale)
        network.module.eval()
        assert f"at x{scale} and bicubic" in doubt_about_weights(network, scale, CPU)


@pytest.mark.parametrize(("name", "scale"), OFFICIAL)
def test_official_weights_are_doubted_only_if_they_are_given_another_input_range(name, scale, architectures, shared):
    spec = architectures[name]
    network = official(spec, scale, shared(f"weights/{OFFICIAL[name, scale]}"))
    assert doubt_about_weights(network, scale, CPU) == ""
    right, wrong = (1, 255) if spec.input_range == 1 else (255, 1)
    text = doubt_about_weights(Network(replace(spec, input_range=float(wrong)), network.module), scale, CPU)
    assert f"dB at x{scale} for input from 0 to {wrong}, which the architecture declares" in text
    assert f"dB for input from 0 to {right}; correct its input_range" in text


@pytest.mark.parametrize("loss_db", [0.8, 1.2])
def test_the_input_range_is_doubted_if_the_other_scores_clearly_higher(loss_db, spec):
    noise = torch.randn(1, 3, 192, 192, generator=torch.Generator().manual_seed(0))
    bicubic_mse = 10**-2.609

    def noisy_if_dark(sr):
        return sr if sr.max() > 2 else sr + noise * (bicubic_mse * (10 ** (loss_db / 10) - 1)) ** 0.5

    text = doubt(spec, noisy_if_dark)
    assert ("for input from 0 to 255; correct its input_range" in text) == (loss_db > 1)
    assert ("and bicubic interpolation" in text) == (loss_db < 1)


def test_a_network_that_refuses_another_input_range_is_not_doubted(spec):
    def strict(sr):
        assert sr.max() < 2
        return sr

    assert doubt(spec, strict) == ""

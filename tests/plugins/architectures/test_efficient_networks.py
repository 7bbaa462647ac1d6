"""A²N, NCNet and the small networks of the field are their authors': outputs, keys, sizes, counts, weights."""

import pytest
import torch
from srbench_plugins.architectures import a2n, bsrn, carn, imdn, ncnet, rlfn, srcnn, vdsr

from helpers.networks import fill, gmacs
from srbench.errors import CheckpointError
from srbench.imaging import imresize
from srbench.networks.weights import load_state_dict
from srbench.profiling.complexity import count_parameters
from srbench.testing import photograph

MODULES = (a2n, bsrn, carn, imdn, ncnet, rlfn, srcnn, vdsr)
SPECS = {spec.name: spec for module in MODULES for spec in module.register_architectures()}


@pytest.mark.parametrize("scale", [3, 4])
def test_ncnet_equals_the_official_network(scale, assert_official):
    assert_official(SPECS["ncnet"].network(scale), f"ncnet_x{scale}")


@pytest.mark.parametrize(("name", "scale"), [("a2n", 2), ("a2n", 4), ("a2n_m", 2), ("a2n_m", 4)])
def test_a2n_equals_the_official_network(name, scale, assert_official):
    assert_official(SPECS[name].network(scale), f"{name}_x{scale}")


@pytest.mark.parametrize(
    ("name", "scale", "parameters", "macs"),
    [
        ("a2n", 2, 1_036_443, 247.47),
        ("a2n", 3, 1_036_443, 117.51),
        ("a2n", 4, 1_047_459, 72.40),
        ("a2n_m", 2, 831_643, 200.28),
        ("a2n_m", 3, 831_643, 96.57),
        ("a2n_m", 4, 842_659, 60.60),
        ("ncnet", 2, 42_664, 9.80),
        ("ncnet", 3, 52_279, 5.33),
        ("ncnet", 4, 72_544, 4.17),
        ("carn", 2, 1_591_939, 222.8),
        ("carn", 4, 1_591_939, 90.9),
        ("carn_m", 2, 414_787, 91.2),
        ("carn_m", 4, 414_787, 32.5),
        ("imdn", 2, 694_404, 158.8),
        ("imdn", 4, 715_176, 40.9),
        ("rlfn", 2, 526_856, 115.4),
        ("rlfn", 4, 543_740, 29.8),
        ("bsrn", 4, 352_400, 19.18),
        ("vdsr", 2, 665_921, 612.6),
        ("srcnn", 2, 57_281, 52.7),
    ],
)
def test_its_parameters_and_operations_are_the_published_ones(name, scale, parameters, macs):
    with torch.device("meta"):
        assert count_parameters(SPECS[name].network(scale)) == parameters
    digits = len(str(macs).partition(".")[2])
    assert round(gmacs(SPECS[name], scale), digits) == macs


CHECKPOINTS = [(spec.name, c) for spec in SPECS.values() for c in spec.checkpoints]


@pytest.mark.parametrize(
    ("name", "checkpoint"), CHECKPOINTS, ids=[f"{name}-{c.tag}-x{c.scale}" for name, c in CHECKPOINTS]
)
def test_the_official_weights_load_as_they_are(name, checkpoint, shared):
    path = shared(f"weights/{checkpoint.file}")
    state = checkpoint.read(path) if checkpoint.read else load_state_dict(path).state
    network = SPECS[name].network(checkpoint.scale or 2)
    network.load_state_dict(state, strict=True)
    loaded = network.state_dict()
    assert all(torch.equal(loaded[key], tensor) for key, tensor in state.items())


@pytest.mark.parametrize("read", [vdsr.read_matlab, ncnet.read_arrays])
def test_a_damaged_file_of_weights_is_refused_in_a_sentence(read, tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(b"not weights at all")
    with pytest.raises(CheckpointError, match="is damaged or"):
        read(path)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_ncnet_without_its_body_is_nearest_neighbour_interpolation(scale):
    network = ncnet.NCNet(scale).eval()
    for parameter in network.body[-1].parameters():
        torch.nn.init.zeros_(parameter)
    lr = photograph(1, 3, 5, 6)
    nearest = lr.repeat_interleave(scale, dim=2).repeat_interleave(scale, dim=3)
    with torch.no_grad():
        assert torch.equal(network(lr), nearest)


def test_the_fixed_skip_of_ncnet_follows_its_network_and_stays_out_of_its_state():
    network = ncnet.NCNet(2)
    assert network.double().nearest.dtype == torch.float64
    assert "nearest" not in network.state_dict()


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_vdsr_without_its_body_is_bicubic_interpolation_within_the_range_of_luma(scale):
    network = vdsr.VDSR(layers=3, channels=4).eval()
    for parameter in network.body[-1].parameters():
        torch.nn.init.zeros_(parameter)
    lr = 0.2 + 0.6 * photograph(1, 1, 9, 7)
    lr[..., :3] *= 0.1
    enlarged = imresize(lr, scale=scale)
    assert enlarged.min() < vdsr.BLACK
    with torch.no_grad():
        assert torch.equal(network(lr, scale), enlarged.clamp(16 / 255, 235 / 255))


def test_the_branches_of_a2n_share_one_by_one_image_by_image():
    block = a2n.AttentionInAttention(8, 3).eval()
    fill(block, set())
    both = torch.rand(2, 8, 6, 6, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.allclose(block(both), torch.cat([block(both[:1]), block(both[1:])]), atol=1e-6)
        for parameter in block.attention.parameters():
            parameter.zero_()
        block.ADM[2].weight.zero_()  # a half each
        features = torch.nn.functional.leaky_relu(block.conv_first(both), 0.2)
        half = torch.nn.functional.leaky_relu(0.5 * block.non_attention(features), 0.2)
        assert torch.allclose(block(both), both + block.conv_last(half), atol=1e-6)


@pytest.mark.parametrize("name", ["rlfn", "bsrn"])
def test_networks_with_a_pooled_gate_say_how_small_an_image_may_be(name):
    spec = SPECS[name]
    network = spec.network(2).eval()
    with torch.no_grad():
        assert network(torch.rand(1, 3, spec.min_size, spec.min_size)).isfinite().all()
        with pytest.raises(RuntimeError):
            network(torch.rand(1, 3, spec.min_size - 1, spec.min_size))


def test_a_flat_image_gives_imdn_gradients_of_numbers():
    """Its gate takes a standard deviation, whose slope at zero is infinite."""
    network = imdn.IMDN(2, channels=16, modules=1)
    torch.nn.init.zeros_(network.fea_conv.weight)
    network(torch.zeros(1, 3, 1, 1)).sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())


def test_reported_scores_are_told_apart_and_complete():
    for spec in SPECS.values():
        keys = [(r.dataset, r.scale, r.metric) for r in spec.reported]
        assert len(set(keys)) == len(keys)
    found = {(r.dataset, r.scale, r.metric): (r.value, r.protocol) for r in SPECS["vdsr"].reported}
    assert found["set5", 3, "psnr_y"] == (33.66, "published-bicubic")
    assert found["b100", 4, "ssim_y"] == (0.7251, "published-bicubic")

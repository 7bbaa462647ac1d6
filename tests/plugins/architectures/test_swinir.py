"""SwinIR and SwinFIR compute what their authors' code computes, with its keys, sizes and counts."""

import dataclasses
import math
from functools import partial

import pytest
import torch
from srbench_plugins.architectures import swinfir, swinir

from helpers.networks import fill
from srbench.measuring.inference import super_resolve
from srbench.measuring.protocol import Inference
from srbench.networks.fitting import fit
from srbench.networks.network import Network
from srbench.profiling.complexity import count_macs, count_parameters

SPECS = {spec.name: spec for module in (swinir, swinfir) for spec in module.register_architectures()}
TINY = {"channels": 12, "depths": (2, 2), "heads": (2, 2), "window": 4, "image": 16}
THREE = {"connection": swinir.three_convs, "last": swinir.three_convs}
TINIES = {
    "swinir_tiny_x2": partial(swinir.SwinIR, 2),
    "swinir_tiny_direct_x3": partial(swinir.SwinIR, 3, upsampler="pixelshuffledirect"),
    "swinir_tiny_nearest_x4": partial(swinir.SwinIR, 4, upsampler="nearest+conv", **THREE),
    "swinir_tiny_dn_x1": partial(swinir.SwinIR, 1, upsampler=""),
    "swinfir_tiny_sfb_x2": partial(swinfir.SwinFIR, 2),
    "swinfir_tiny_hsfb_x3": partial(swinfir.SwinFIR, 3, upsampler="pixelshuffledirect", reduction=2),
}


@pytest.mark.parametrize("name", TINIES)
def test_a_tiny_one_equals_the_official_network(name, assert_official):
    assert_official(TINIES[name](**TINY), name)


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("name", ["swinir_light", "swinfir_t"])
def test_the_light_one_equals_the_official_network(name, scale, assert_official):
    assert_official(SPECS[name].network(scale), f"{name}_x{scale}")


def measured(spec):
    """How srbench calls the network of a whole image, by which its authors' test scripts are followed."""
    return lambda module, lr: super_resolve(Network(spec, module), lr, module.scale, Inference())


@pytest.mark.parametrize("name", ["swinfir_tiny_sfb_x2", "swinfir_tiny_hsfb_x3"])
def test_an_image_of_any_size_is_padded_as_in_the_official_test(name, assert_official):
    spec = dataclasses.replace(SPECS["swinfir"], size_multiple=TINY["window"])
    network = TINIES[name](**TINY)
    assert_official(network, name, output="y_testpad", call=measured(spec))


@pytest.mark.parametrize("scale", [2, 4])
def test_swinfir_t_of_an_image_of_any_size_equals_the_official_test(scale, assert_official):
    spec = SPECS["swinfir_t"]
    name = f"swinfir_t_x{scale}"
    assert_official(spec.network(scale), name, output="y_testpad", call=measured(spec))


@pytest.mark.slow
@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("name", ["swinir_m", "swinfir"])
def test_the_papers_network_equals_the_official_one(name, scale, assert_official):
    assert_official(SPECS[name].network(scale), f"{name}_x{scale}")


@pytest.mark.filterwarnings("ignore:torch.meshgrid")  # spandrel's
@pytest.mark.parametrize(
    ("scale", "options"),
    [
        (3, {}),
        (8, {}),
        (3, {"upsampler": "pixelshuffledirect"}),
        (2, {"upsampler": "nearest+conv"}),
        (4, {"upsampler": "nearest+conv", **THREE}),
    ],
)
def test_spandrel_knows_it_by_its_keys_and_computes_the_same(scale, options):
    """Another implementation, at scales for which there is no oracle."""
    spandrel = pytest.importorskip("spandrel")
    network = swinir.SwinIR(scale, **TINY | {"window": 8, "image": 64}, **options).eval()
    state = network.state_dict()
    fill(network, {key for key in state if "mask" in key or "index" in key})
    with torch.no_grad():
        for key, tensor in state.items():
            if "norm" in key and key.endswith("weight"):
                tensor.add_(1)
        other = spandrel.ModelLoader("cpu").load_from_state_dict(dict(state))
        assert (other.architecture.name, other.scale) == ("SwinIR", scale)
        lr = torch.rand(2, 3, 19, 26, generator=torch.Generator().manual_seed(0))
        assert torch.allclose(other.model.eval()(lr), network(lr), atol=1e-5)


FOURIER_CHANNELS = {"swinfir": 6 * 90, "swinfir_t": 4 * 30}
"""Of all residual blocks together; the published counts leave the transforms out."""


@pytest.mark.parametrize(
    ("name", "scale", "parameters", "lr", "gmacs"),
    [
        ("swinir_light", 2, 910_152, (360, 640), 240.9),
        ("swinir_light", 3, 918_267, (240, 427), 109.2),
        ("swinir_light", 4, 929_628, (180, 320), 62.7),
        pytest.param("swinir_m", 2, 11_752_487, (360, 640), 2871.9, marks=pytest.mark.slow),
        pytest.param("swinir_m", 3, 11_937_127, (240, 427), 1312.4, marks=pytest.mark.slow),
        ("swinir_m", 4, 11_900_199, (180, 320), 769.9),
        ("swinfir_t", 2, 947_220, (372, 648), 297.5),
        ("swinfir_t", 3, 955_335, (252, 432), 135.3),
        ("swinfir_t", 4, 966_696, (192, 324), 78.0),
        pytest.param("swinfir", 2, 14_350_211, (372, 648), 3840.5, marks=pytest.mark.slow),
        pytest.param("swinfir", 3, 14_534_851, (252, 432), 1755.4, marks=pytest.mark.slow),
        ("swinfir", 4, 14_497_923, (192, 324), 1029.1),
    ],
)
def test_its_size_and_multiply_accumulates_are_the_published_ones(name, scale, parameters, lr, gmacs):
    with torch.device("meta"):
        assert count_parameters(SPECS[name].network(scale)) == parameters
    counted = count_macs(lambda: SPECS[name].network(scale), lambda network, lr: network(lr), lr)
    assert counted.uncounted == ()
    pixels = math.prod(lr)
    fourier = 2.5 * FOURIER_CHANNELS.get(name, 0) * pixels * math.log2(pixels)
    assert round((counted.total - fourier) / 1e9, 1) == gmacs


def test_at_x8_it_has_three_upsampling_stages():
    network = SPECS["swinir_m"].build(8, **TINY)
    assert {"upsample.0.weight", "upsample.2.weight", "upsample.4.weight"} <= network.state_dict().keys()
    assert network(torch.rand(1, 3, 3, 5)).shape == (1, 3, 24, 40)


def test_a_checkpoint_of_another_training_size_gives_the_same_network(catalog, tmp_path):
    """Its masks count the windows of its training images: the release's on DIV2K alone were 48 pixels wide."""
    spec, smaller = SPECS["swinir_m"], swinir.SwinIR(2, **TINY | {"image": 8})
    network = Network(spec, swinir.SwinIR(2, **TINY).eval())
    fill(smaller, {key for key in smaller.state_dict() if "mask" in key or "index" in key})
    state = smaller.state_dict()
    fit(network, state, tmp_path, catalog)
    lr = torch.rand(1, 3, 13, 10)
    with torch.no_grad():
        assert torch.equal(network.module(lr), smaller.eval()(lr))
    assert state["layers.0.residual_group.blocks.1.attn_mask"].shape == (4, 16, 16)


def test_images_no_larger_than_a_window_were_never_shifted():
    network = swinir.SwinIR(2, **TINY | {"image": 4})
    assert not any("attn_mask" in key for key in network.state_dict())


def test_in_training_each_image_skips_branches_of_its_own_and_keeps_their_mean():
    torch.manual_seed(0)
    layer = swinir.SwinLayer(4, 2, 2, 2.0, image=None, drop=0.25).train()
    torch.nn.init.ones_(layer.mlp.fc2.bias)
    for part in (layer.attn.proj, layer.mlp.fc2):
        torch.nn.init.zeros_(part.weight)
    order = swinir.orders(2000, 1, 1, 2, torch.device("cpu"))[1]
    change = layer(torch.zeros(2000 * 4, 4), order, 2000)[order.place].view(2000, 16)
    assert (change == change[:, :1]).all()
    assert change.unique().tolist() == pytest.approx([0, 4 / 3])
    assert change.mean().item() == pytest.approx(1, abs=0.05)


def test_the_fourier_unit_sees_every_pixel_from_every_other():
    unit = swinfir.FourierUnit(2)
    x = torch.rand(1, 2, 6, 5, requires_grad=True)
    unit(x)[0, 0, 0, 0].backward()
    assert (x.grad != 0).all()


def test_an_sfb_with_an_unchanged_spectrum_is_local():
    block = swinfir.SpatialFrequencyBlock(4).eval()
    block.F.fu.act = torch.nn.Identity()
    torch.nn.init.dirac_(block.F.fu.conv_layer.weight)
    torch.nn.init.zeros_(block.F.fu.conv_layer.bias)
    x = torch.rand(1, 4, 7, 6)
    with torch.no_grad():
        halved = block.F.conv1(x)
        local = block.fusion(torch.cat((block.S(x), block.F.conv2(2 * halved)), 1))
        assert torch.allclose(block(x), local, atol=1e-5)


def test_reported_scores_name_their_source_and_those_of_other_weights_say_so():
    for spec in (SPECS["swinir_light"], SPECS["swinir_m"]):
        assert len(spec.reported) >= 15
        assert all(score.source for score in spec.reported)
    tags = {score.checkpoint for score in SPECS["swinir_m"].reported}
    assert tags == {None, "div2k"}

"""SwinIR computes what its authors' code computes, with its keys, sizes and counts."""

import dataclasses
from functools import partial

import pytest
import torch
from srbench_plugins.architectures import swinir

from helpers.architectures import (
    assert_alone_as_in_a_batch,
    assert_close_in,
    assert_compiles_whole,
    assert_its_loss_falls,
    assert_one_export_serves,
    assert_onnxruntime_computes_the_same,
    assert_size,
    assert_trains_in,
    assert_within_rounding_of_double,
    attentive,
    fresh,
)
from helpers.networks import fill
from helpers.rounding import assert_equal_but_for_rounding
from srbench.networks.fitting import fit
from srbench.networks.network import Network
from srbench.profiling.complexity import count_macs
from srbench.testing import photograph, violations_of

SPECS = {spec.name: spec for spec in swinir.register_architectures()}
TINY = {"channels": 12, "depths": (2, 2), "heads": (2, 2), "window": 4, "image": 16}
THREE = {"connection": swinir.three_convs, "last": swinir.three_convs}
TINIES = {
    "swinir_tiny_x2": partial(swinir.SwinIR, 2),
    "swinir_tiny_direct_x3": partial(swinir.SwinIR, 3, upsampler="pixelshuffledirect"),
    "swinir_tiny_nearest_x4": partial(swinir.SwinIR, 4, upsampler="nearest+conv", **THREE),
    "swinir_tiny_dn_x1": partial(swinir.SwinIR, 1, upsampler=""),
}
SMALL = {"channels": 12, "depths": (2, 1), "heads": (2, 3), "window": 4, "image": 12}
SHALLOW = {
    name: dataclasses.replace(
        SPECS[name], build=partial(swinir.SwinIR, **SMALL, **more), size_multiple=4, taps=("layers.0", "layers.1")
    )
    for name, more in {"swinir_light": {"upsampler": "pixelshuffledirect"}, "swinir_m": {}}.items()
}


@pytest.mark.parametrize("name", TINIES)
def test_a_tiny_one_equals_the_official_network(name, assert_official):
    assert_official(TINIES[name](**TINY), name)


@pytest.mark.parametrize("scale", [2, 4])
def test_the_light_one_equals_the_official_network(scale, assert_official):
    assert_official(SPECS["swinir_light"].network(scale), f"swinir_light_x{scale}")


@pytest.mark.slow
@pytest.mark.parametrize("scale", [2, 4])
def test_the_papers_network_equals_the_official_one(scale, assert_official):
    assert_official(SPECS["swinir_m"].network(scale), f"swinir_m_x{scale}")


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
        assert_equal_but_for_rounding(other.model.eval()(lr), network(lr))


@pytest.mark.parametrize(
    ("name", "scale", "parameters", "lr", "gmacs"),
    [
        ("swinir_light", 2, 910_152, (360, 640), 240.9),
        ("swinir_light", 3, 918_267, (240, 427), 109.2),
        ("swinir_light", 4, 929_628, (180, 320), 62.7),
        pytest.param("swinir_m", 2, 11_752_487, (360, 640), 2871.9, marks=pytest.mark.slow),
        pytest.param("swinir_m", 3, 11_937_127, (240, 427), 1312.4, marks=pytest.mark.slow),
        ("swinir_m", 4, 11_900_199, (180, 320), 769.9),
    ],
)
def test_its_size_and_multiply_accumulates_are_the_published_ones(name, scale, parameters, lr, gmacs):
    assert_size(SPECS[name], scale, parameters)
    counted = count_macs(lambda: SPECS[name].network(scale), lambda network, lr: network(lr), lr)
    assert counted.uncounted == ()
    assert round(counted.total / 1e9, 1) == gmacs


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
    fit(network, 2, state, tmp_path, catalog)
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


def test_reported_scores_name_their_source_and_those_of_other_weights_say_so():
    for spec in (SPECS["swinir_light"], SPECS["swinir_m"]):
        assert len(spec.reported) >= 15
        assert all(score.source for score in spec.reported)
    tags = {score.checkpoint for score in SPECS["swinir_m"].reported}
    assert tags == {None, "div2k"}


@pytest.mark.parametrize("name", SHALLOW)
def test_it_keeps_the_contract_of_an_architecture(name):
    assert violations_of(SHALLOW[name]) == []


def test_images_of_any_size_are_the_same_alone_and_in_a_batch():
    network = attentive(SHALLOW["swinir_light"])
    for height, width in ((1, 1), (3, 14), (4, 8), (9, 5)):
        lr = photograph(3, 3, height, width)
        assert network(lr, 2).shape == (3, 3, 2 * height, 2 * width)
        assert_alone_as_in_a_batch(network, lr)


def test_with_and_without_gradients_it_gives_the_same():
    """In training attention is spelt out, otherwise PyTorch's kernel computes it."""
    network, lr = attentive(SHALLOW["swinir_light"]), photograph(2, 3, 12, 8)
    trained = network(lr, 2)
    with torch.no_grad():
        assert_equal_but_for_rounding(trained, network(lr, 2))


@pytest.mark.slow
def test_one_export_serves_every_batch_and_every_size_from_three_windows_on():
    sizes = ((1, 9, 9), (3, 21, 10), (1, 16, 16), (2, 12, 103))
    assert_one_export_serves(attentive(SHALLOW["swinir_light"]).module, sizes, example=(2, 3, 13, 18))


@pytest.mark.slow
def test_onnx_runtime_computes_the_same():
    assert_onnxruntime_computes_the_same(attentive(SHALLOW["swinir_light"]).module, photograph(1, 3, 12, 16))


@pytest.mark.slow
def test_compiled_whole_it_gives_the_same():
    assert_compiles_whole(attentive(SHALLOW["swinir_light"]).module, photograph(1, 3, 12, 8))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", SHALLOW)
def test_in_half_precision_it_stays_close_in_use_and_in_training(name, dtype):
    network, lr = attentive(SHALLOW[name]), photograph(2, 3, 12, 8)
    assert_close_in(dtype, network, lr)
    assert_trains_in(dtype, network, lr)


def test_a_bright_and_large_image_leaves_half_precision_finite():
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.float16):
        assert attentive(SHALLOW["swinir_light"])(torch.ones(1, 3, 160, 160), 2).isfinite().all()


@pytest.mark.parametrize("name", SHALLOW)
def test_it_is_within_rounding_of_double_precision(name):
    assert_within_rounding_of_double(attentive(SHALLOW[name]), photograph(2, 3, 12, 10))


def test_its_loss_falls():
    assert_its_loss_falls(fresh(SHALLOW["swinir_light"]))

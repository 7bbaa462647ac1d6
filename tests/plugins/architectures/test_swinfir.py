"""SwinFIR computes what its authors' code computes, with its keys, sizes and counts."""

import dataclasses
import math
from functools import partial

import pytest
import torch
from srbench_plugins.architectures import swinfir

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
from helpers.rounding import assert_equal_but_for_rounding
from srbench.measuring.inference import super_resolve
from srbench.measuring.protocol import Inference
from srbench.networks.network import Network
from srbench.profiling.complexity import count_macs
from srbench.testing import photograph, violations_of

SPECS = {spec.name: spec for spec in swinfir.register_architectures()}
TINY = {"channels": 12, "depths": (2, 2), "heads": (2, 2), "window": 4, "image": 16}
TINIES = {
    "swinfir_tiny_sfb_x2": partial(swinfir.SwinFIR, 2),
    "swinfir_tiny_hsfb_x3": partial(swinfir.SwinFIR, 3, upsampler="pixelshuffledirect", reduction=2),
}
SMALL = {"channels": 12, "depths": (2, 1), "heads": (2, 3), "window": 4, "image": 12}
SHALLOW = {
    name: dataclasses.replace(
        SPECS[name], build=partial(swinfir.SwinFIR, **SMALL, **more), size_multiple=4, taps=("layers.0", "layers.1")
    )
    for name, more in {"swinfir_t": {"upsampler": "pixelshuffledirect", "reduction": 2}, "swinfir": {}}.items()
}


@pytest.mark.parametrize("name", TINIES)
def test_a_tiny_one_equals_the_official_network(name, assert_official):
    assert_official(TINIES[name](**TINY), name)


@pytest.mark.parametrize("scale", [2, 4])
def test_the_light_one_equals_the_official_network(scale, assert_official):
    assert_official(SPECS["swinfir_t"].network(scale), f"swinfir_t_x{scale}")


def measured(spec):
    """How srbench calls the network of a whole image, by which its authors' test scripts are followed."""
    return lambda module, lr: super_resolve(Network(spec, module), lr, module.scale, Inference())


@pytest.mark.parametrize("name", TINIES)
def test_an_image_of_any_size_is_padded_as_in_the_official_test(name, assert_official):
    spec = dataclasses.replace(SPECS["swinfir"], size_multiple=TINY["window"])
    assert_official(TINIES[name](**TINY), name, output="y_testpad", call=measured(spec))


@pytest.mark.parametrize("scale", [2, 4])
def test_the_light_one_equals_the_official_test_of_an_image_of_any_size(scale, assert_official):
    spec = SPECS["swinfir_t"]
    assert_official(spec.network(scale), f"swinfir_t_x{scale}", output="y_testpad", call=measured(spec))


@pytest.mark.slow
@pytest.mark.parametrize("scale", [2, 4])
def test_the_papers_network_equals_the_official_one(scale, assert_official):
    assert_official(SPECS["swinfir"].network(scale), f"swinfir_x{scale}")


FOURIER_CHANNELS = {"swinfir": 6 * 90, "swinfir_t": 4 * 30}
"""The operations of all residual blocks together; the published counts leave the transforms out."""


@pytest.mark.parametrize(
    ("name", "scale", "parameters", "lr", "gmacs"),
    [
        ("swinfir_t", 2, 947_220, (372, 648), 297.5),
        ("swinfir_t", 3, 955_335, (252, 432), 135.3),
        ("swinfir_t", 4, 966_696, (192, 324), 78.0),
        pytest.param("swinfir", 2, 14_350_211, (372, 648), 3840.5, marks=pytest.mark.slow),
        pytest.param("swinfir", 3, 14_534_851, (252, 432), 1755.4, marks=pytest.mark.slow),
        ("swinfir", 4, 14_497_923, (192, 324), 1029.1),
    ],
)
def test_its_size_and_multiply_accumulates_are_the_published_ones(name, scale, parameters, lr, gmacs):
    assert_size(SPECS[name], scale, parameters)
    counted = count_macs(lambda: SPECS[name].network(scale), lambda network, lr: network(lr), lr)
    assert counted.uncounted == ()
    pixels = math.prod(lr)
    fourier = 2.5 * FOURIER_CHANNELS[name] * pixels * math.log2(pixels)
    assert round((counted.total - fourier) / 1e9, 1) == gmacs


def test_the_fourier_unit_sees_every_pixel_from_every_other():
    unit = swinfir.FourierUnit(8)  # where all units are on one side of zero, frequencies cancel
    x = torch.rand(1, 8, 6, 5, requires_grad=True)
    unit(x)[0, :, 0, 0].sum().backward()
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
        assert_equal_but_for_rounding(block(x), local)


def test_nothing_is_kept_of_an_image_that_was_measured():
    """Orders and masks made in inference mode could not be trained through."""
    network, lr = attentive(SHALLOW["swinfir_t"]), photograph(1, 3, 12, 8)
    with torch.inference_mode():
        network(lr, 2)
    network.module.train()
    network(lr, 2).mean().backward()


@pytest.mark.parametrize("name", SHALLOW)
def test_it_keeps_the_contract_of_an_architecture(name):
    assert violations_of(SHALLOW[name]) == []


def test_images_of_any_size_are_the_same_alone_and_in_a_batch():
    network = attentive(SHALLOW["swinfir_t"])
    for height, width in ((1, 1), (3, 14), (4, 8), (9, 5)):
        lr = photograph(3, 3, height, width)
        assert network(lr, 2).shape == (3, 3, 2 * height, 2 * width)
        assert_alone_as_in_a_batch(network, lr)


def test_with_and_without_gradients_it_gives_the_same():
    """In training attention is spelt out, otherwise PyTorch's kernel computes it."""
    network, lr = attentive(SHALLOW["swinfir_t"]), photograph(2, 3, 12, 8)
    trained = network(lr, 2)
    with torch.no_grad():
        assert_equal_but_for_rounding(trained, network(lr, 2))


@pytest.mark.slow
def test_one_export_serves_every_batch_and_every_size_from_three_windows_on():
    sizes = ((1, 9, 9), (3, 21, 10), (1, 16, 16), (2, 12, 103))
    assert_one_export_serves(attentive(SHALLOW["swinfir_t"]).module, sizes, example=(2, 3, 13, 18))


@pytest.mark.slow
def test_onnx_runtime_computes_the_same():
    assert_onnxruntime_computes_the_same(attentive(SHALLOW["swinfir_t"]).module, photograph(1, 3, 12, 16))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Torchinductor does not support code generation for complex")  # spectra: left as is
def test_compiled_whole_it_gives_the_same():
    assert_compiles_whole(attentive(SHALLOW["swinfir_t"]).module, photograph(1, 3, 12, 8))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", SHALLOW)
def test_in_half_precision_it_stays_close_in_use_and_in_training(name, dtype):
    network, lr = attentive(SHALLOW[name]), photograph(2, 3, 12, 8)
    assert_close_in(dtype, network, lr)
    assert_trains_in(dtype, network, lr)


def test_a_bright_and_large_image_leaves_half_precision_finite():
    """The spectrum holds the sum of the image, which the Fourier unit takes in single precision."""
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.float16):
        assert attentive(SHALLOW["swinfir_t"])(torch.ones(1, 3, 160, 160), 2).isfinite().all()


@pytest.mark.parametrize("name", SHALLOW)
def test_it_is_within_rounding_of_double_precision(name):
    assert_within_rounding_of_double(attentive(SHALLOW[name]), photograph(2, 3, 12, 10))


def test_its_loss_falls():
    assert_its_loss_falls(fresh(SHALLOW["swinfir_t"]))

"""What SwinIR and SwinFIR must do beyond their outputs, shown with shallow ones: used, exported and trained as any."""

import copy
import dataclasses
import importlib.util
from functools import partial

import pytest
import torch
from srbench_plugins.architectures import swinfir, swinir

from helpers.networks import fill
from srbench.networks.network import Network
from srbench.testing import photograph, violations_of

SMALL = {"channels": 12, "depths": (2, 1), "heads": (2, 3), "window": 4, "image": 12}
SHALLOW = {
    "swinir_light": (swinir, partial(swinir.SwinIR, upsampler="pixelshuffledirect", **SMALL)),
    "swinir_m": (swinir, partial(swinir.SwinIR, **SMALL)),
    "swinfir_t": (swinfir, partial(swinfir.SwinFIR, upsampler="pixelshuffledirect", reduction=2, **SMALL)),
    "swinfir": (swinfir, partial(swinfir.SwinFIR, **SMALL)),
}
TWO = ["swinir_light", "swinfir_t"]


def shallow(name):
    module, build = SHALLOW[name]
    spec = next(spec for spec in module.register_architectures() if spec.name == name)
    return dataclasses.replace(spec, build=build, size_multiple=4, taps=("layers.0", "layers.1"))


def attentive(name):
    """A network whose attention and norms matter: fresh ones hardly attend."""
    network = Network(shallow(name), shallow(name).network(2).eval())
    state = network.module.state_dict()
    fill(network.module, {key for key in state if "mask" in key or "index" in key})
    with torch.no_grad():
        for key, tensor in state.items():
            if "norm" in key and key.endswith("weight"):
                tensor.add_(1)
    return network


@pytest.mark.parametrize("name", SHALLOW)
def test_it_keeps_the_contract_of_an_architecture(name):
    assert violations_of(shallow(name)) == []


@pytest.mark.parametrize("name", TWO)
def test_images_of_any_size_are_the_same_alone_and_in_a_batch(name):
    network = attentive(name)
    for height, width in ((1, 1), (3, 14), (4, 8), (9, 5)):
        lr = photograph(3, 3, height, width)
        with torch.no_grad():
            both = network(lr, 2)
            assert torch.allclose(both, torch.cat([network(one[None], 2) for one in lr]), atol=1e-6)
        assert both.shape == (3, 3, 2 * height, 2 * width)


@pytest.mark.parametrize("name", TWO)
def test_with_and_without_gradients_it_gives_the_same(name):
    """In training attention is spelt out, otherwise PyTorch's kernel computes it."""
    network = attentive(name)
    lr = photograph(2, 3, 12, 8)
    trained = network(lr, 2)
    with torch.no_grad():
        assert torch.allclose(trained, network(lr, 2), atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", TWO)
def test_one_export_serves_every_batch_and_every_size_from_three_windows_on(name):
    network = attentive(name).module
    sides = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    exported = torch.export.export(network, (photograph(2, 3, 13, 18),), dynamic_shapes=(sides,)).module()
    for count, height, width in ((1, 9, 9), (3, 21, 10), (1, 16, 16), (2, 12, 103)):
        lr = photograph(count, 3, height, width)
        with torch.no_grad():
            assert torch.allclose(exported(lr), network(lr), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", TWO)
def test_onnx_runtime_computes_the_same(name, tmp_path):
    if not all(map(importlib.util.find_spec, ("onnx", "onnxscript", "onnxruntime"))):
        pytest.skip("onnx is not installed here")
    import onnxruntime

    network = attentive(name).module
    lr = photograph(1, 3, 12, 16)
    torch.onnx.export(network, (lr,), tmp_path / "net.onnx", dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    (sr,) = session.run(None, {session.get_inputs()[0].name: lr.numpy()})
    with torch.no_grad():
        assert torch.allclose(torch.from_numpy(sr), network(lr), atol=1e-4)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Torchinductor does not support code generation for complex")  # spectra: left as is
@pytest.mark.parametrize("name", TWO)
def test_compiled_whole_it_gives_the_same(name):
    network = attentive(name)
    lr = photograph(1, 3, 12, 8)
    compiled = Network(network.spec, torch.compile(network.module, fullgraph=True))
    with torch.no_grad():
        assert torch.allclose(compiled(lr, 2), network(lr, 2), atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", SHALLOW)
def test_in_half_precision_it_stays_close_in_use_and_in_training(name, dtype):
    network = attentive(name)
    lr = photograph(2, 3, 12, 8)
    with torch.no_grad():
        wanted = network(lr, 2)
        half = Network(network.spec, copy.deepcopy(network.module).to(dtype))
        assert (half(lr.to(dtype), 2).float() - wanted).square().mean().sqrt() < 0.02
    with torch.autocast("cpu", dtype=dtype):
        sr = network(lr, 2)
        assert (sr.float() - wanted).square().mean().sqrt() < 0.02
        sr.float().square().mean().backward()
    assert all(p.grad.isfinite().all() for p in network.module.parameters())


@pytest.mark.parametrize("name", TWO)
def test_a_bright_and_large_image_leaves_half_precision_finite(name):
    """The spectrum holds the sum of the image, which the Fourier unit takes in single precision."""
    network = attentive(name)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.float16):
        assert network(torch.ones(1, 3, 160, 160), 2).isfinite().all()


@pytest.mark.parametrize("name", SHALLOW)
def test_it_is_within_rounding_of_double_precision(name):
    network = attentive(name)
    lr = photograph(2, 3, 12, 10)
    wide = Network(network.spec, copy.deepcopy(network.module).double())
    with torch.no_grad():
        assert torch.allclose(wide(lr.double(), 2).float(), network(lr, 2), atol=1e-5)


def test_nothing_is_kept_of_an_image_that_was_measured():
    """Orders and masks made in inference mode could not be trained through."""
    network = attentive("swinfir_t")
    lr = photograph(1, 3, 12, 8)
    with torch.inference_mode():
        network(lr, 2)
    network.module.train()
    network(lr, 2).mean().backward()


@pytest.mark.parametrize("name", TWO)
def test_its_loss_falls(name):
    torch.manual_seed(0)
    network = Network(shallow(name), shallow(name).network(2).train())
    adam = torch.optim.Adam(network.module.parameters(), lr=2e-3)
    hr = photograph(4, 3, 32, 32)
    lr = torch.nn.functional.avg_pool2d(hr, 2)
    losses = []
    for _ in range(40):
        loss = (network(lr, 2) - hr).abs().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])

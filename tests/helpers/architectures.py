"""What every network must do beside its formula: it is used, exported, compiled, converted and trained as any other."""

import copy

import pytest
import torch

from helpers.networks import fill
from helpers.rounding import assert_equal_but_for_rounding
from srbench.networks.conversion import INPUT, to_onnx
from srbench.networks.network import Network
from srbench.networks.weights import load_state_dict
from srbench.profiling.complexity import count_parameters
from srbench.testing import photograph

ANOTHER_COMPILER = 1024
"""Roundings that are allowed a network whose operations were fused, with an exponential of its own."""


def fresh(spec, scale=2):
    """A network of a spec, ready to measure; the same weights every time."""
    torch.manual_seed(0)
    return Network(spec, spec.network(scale).eval())


def attentive(spec, scale=2):
    """A network whose attention and norms matter, by the large weights of the oracles' rule and gains about one."""
    network = Network(spec, spec.network(scale).eval())
    state = network.module.state_dict()
    fill(network.module, {key for key in state if "mask" in key or "index" in key})
    with torch.no_grad():
        for key, tensor in state.items():
            if "norm" in key and key.endswith("weight"):
                tensor.add_(1)
    return network


def assert_size(spec, scale, parameters):
    """Assert how many parameters a network has."""
    with torch.device("meta"):
        assert count_parameters(spec.network(scale)) == parameters


def assert_weights_load(spec, checkpoint, shared):
    """Assert that the official weights are those of the network, key by key, and return them."""
    path = shared(f"weights/{checkpoint.file}")
    state = checkpoint.read(path) if checkpoint.read else load_state_dict(path).state
    network = spec.network(checkpoint.scale or 2)
    network.load_state_dict(state, strict=True)
    loaded = network.state_dict()
    assert all(torch.equal(loaded[key], tensor) for key, tensor in state.items())
    return state


def assert_one_export_serves(module, sizes, *, example=(2, 3, 9, 13), gain=1.0, shift=0.0):
    """Assert that one exported program computes images of other sizes and batches too.

    Args:
        module: The network.
        sizes: (count, height, width) of each.
        example: Of the lr with which it is exported.
        gain: What the values of an image in [0, 1] are multiplied by.
        shift: What is then added.
    """
    sides = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    exported = torch.export.export(module, (photograph(*example) * gain + shift,), dynamic_shapes=(sides,)).module()
    for count, height, width in sizes:
        lr = photograph(count, example[1], height, width) * gain + shift
        with torch.no_grad():
            assert_equal_but_for_rounding(exported(lr), module(lr))


def assert_compiles_whole(module, *lr):
    """Assert that a network compiles without a break, and then computes the same."""
    with torch.no_grad():
        compiled = torch.compile(module, fullgraph=True)(*lr)
        assert_equal_but_for_rounding(compiled, module(*lr), ANOTHER_COMPILER)


def assert_onnxruntime_computes_the_same(module, lr):
    """Assert that a network as an ONNX file computes the same; skip where what that takes is not installed."""
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    import onnxruntime

    session = onnxruntime.InferenceSession(to_onnx(module, lr), providers=["CPUExecutionProvider"])
    with torch.no_grad():
        (found,) = session.run(None, {INPUT: lr.numpy()})
        assert_equal_but_for_rounding(torch.from_numpy(found), module(lr), ANOTHER_COMPILER)


def assert_close_in(dtype, network, lr, error=0.02):
    """Assert that a network whose weights are ``dtype`` is off by less than an error (root of the mean square)."""
    other = Network(network.spec, copy.deepcopy(network.module).to(dtype))
    with torch.no_grad():
        away = other(lr.to(dtype), 2).float() - network(lr, 2)
    assert away.square().mean().sqrt() < error


def assert_trains_in(dtype, network, lr, error=0.02):
    """Assert that a network is off by less than an error under autocast, and passes gradients that are numbers."""
    with torch.no_grad():
        wanted = network(lr, 2)
    with torch.autocast("cpu", dtype=dtype):
        sr = network(lr, 2)
        assert (sr.float() - wanted).square().mean().sqrt() < error
        sr.float().square().mean().backward()
    assert all(p.grad.isfinite().all() for p in network.module.parameters())


def assert_within_rounding_of_double(network, lr):
    """Assert that a network loses no more than the last digits of single precision."""
    wide = Network(network.spec, copy.deepcopy(network.module).double())
    with torch.no_grad():
        assert_equal_but_for_rounding(network(lr, 2), wide(lr.double(), 2))


def assert_memory_by_pixels_gives_the_same(network, lr):
    """Assert that a network computes the same with images and weights in memory pixel by pixel."""
    by_pixels = Network(network.spec, copy.deepcopy(network.module).to(memory_format=torch.channels_last))
    with torch.no_grad():
        sr = by_pixels(lr.contiguous(memory_format=torch.channels_last), 2)
        assert_equal_but_for_rounding(sr, network(lr, 2))


def assert_alone_as_in_a_batch(network, lr):
    """Assert that no image of a batch knows of the others."""
    with torch.no_grad():
        alone = torch.cat([network(image[None], 2) for image in lr])
        assert_equal_but_for_rounding(network(lr, 2), alone)


def assert_its_loss_falls(network):
    """Assert that forty steps on four patches halve what a network gets wrong."""
    network.module.train()
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


def assert_scores_distinct(spec, count=0):
    """Assert that no two reported scores have the same dataset, scale and metric, and that each has its source."""
    reported = spec.reported
    assert len({(r.dataset, r.scale, r.metric) for r in reported}) == len(reported) >= count
    assert all(r.source for r in reported)

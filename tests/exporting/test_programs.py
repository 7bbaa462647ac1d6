"""A program computes what PyTorch computes, on other sizes too, or there is none and a reason."""

import io
import json
import warnings

import pytest
import torch
from torch import nn

from helpers.networks import fill
from srbench.errors import ExportError
from srbench.exporting.facts import NAME, facts_of
from srbench.exporting.programs import BOUND, ONNX, TORCHSCRIPT, make_program
from srbench.networks.conversion import load_torchscript
from srbench.networks.network import Network, build_network
from srbench.networks.spec import ArchitectureSpec
from srbench.planning.cells import Model
from srbench.upscaling.loading import ChosenModel

QUICK = ("espcn", "edsr_small", "swinir_small")


def made(form, network, scale=2):
    spec = network.spec
    chosen = ChosenModel(Model(architecture=spec.name, source="file", scales=(scale,)), scale)
    return make_program(form, network, facts_of(chosen, spec))


def facts_in(content):
    beside = {NAME: ""}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is to end one day
        torch.jit.load(io.BytesIO(content), _extra_files=beside)
    return beside[NAME]


def network_of(build, **spec):
    return Network(ArchitectureSpec(name="mine", build=build, scales=frozenset({2}), **spec), build(2).eval())


@pytest.mark.parametrize("name", QUICK)
def test_torchscript_computes_what_pytorch_computes(catalog, name):
    spec = catalog.architectures[name]
    network = build_network(spec, 2)
    network.module.eval()
    fill(network.module, {key for key in network.module.state_dict() if "mask" in key or "index" in key})
    program = made(TORCHSCRIPT, network)
    assert program.any_batch
    assert len(program.sizes) == 3
    assert any(side % 2 for _, _, *sides in program.sizes for side in sides)
    assert json.loads(facts_in(program.content))["architecture"] == name
    run = load_torchscript(program.content)
    lr = torch.rand(2, spec.colours, 19, 21, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        assert (run(lr) - network(lr, 2)).abs().max() <= BOUND


@pytest.mark.slow  # importing the exporter alone takes ten seconds
def test_onnx_computes_what_pytorch_computes_and_names_no_path_of_this_machine(catalog):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    network = build_network(catalog.architectures["espcn"], 3)
    network.module.eval()
    program = made(ONNX, network, 3)
    assert program.any_batch
    assert program.difference <= BOUND
    assert b".py" not in program.content
    model = onnx.load_from_string(program.content)
    (facts,) = (entry.value for entry in model.metadata_props if entry.key == NAME)
    assert json.loads(facts)["scale"] == 3
    dims = [dim.dim_param or dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    assert dims == ["batch", 1, "height", "width"]


class Kernels(nn.Module):
    """Uses the number of images in Python, which a trace makes a constant."""

    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def forward(self, lr):
        groups = len(lr)
        weight = torch.ones(groups * 3, 1, 1, 1)
        joined = nn.functional.conv2d(lr.flatten(0, 1)[None], weight, groups=groups * 3)
        return nn.functional.interpolate(joined.view(groups, 3, *joined.shape[2:]), scale_factor=self.scale)


def test_a_network_that_counts_its_images_is_exported_for_one_at_a_time():
    assert not made(TORCHSCRIPT, network_of(Kernels)).any_batch


class Brightening(nn.Upsample):
    """Computes something else for large images, which no trace of a small one knows."""

    def forward(self, lr):
        return super().forward(lr) * (2 if lr.shape[-1] > 30 else 1)


def test_a_program_that_computes_something_else_is_refused():
    with pytest.raises(ExportError, match=r"was not exported as TorchScript: .* differs .* of white, more than"):
        made(TORCHSCRIPT, network_of(lambda scale: Brightening(scale_factor=scale)))


class Sorting(nn.Upsample):
    """Needs values while it is traced."""

    def forward(self, lr):
        sides = [[0] * side for side in lr.numpy().shape]
        return super().forward(lr)[:, :, : 2 * len(sides[2]), : 2 * len(sides[3])]


def test_a_network_that_cannot_be_converted_is_refused_with_the_reason():
    class Failing(nn.Upsample):
        def forward(self, lr):
            if torch.jit.is_tracing():
                raise RuntimeError("advice") from RuntimeError("no traces\nof this")
            return super().forward(lr)

    with pytest.raises(ExportError, match=r"cannot be converted \(no traces\); choose another form"):
        made(TORCHSCRIPT, network_of(lambda scale: Failing(scale_factor=scale)))
    with pytest.raises(ExportError):
        made(TORCHSCRIPT, network_of(lambda scale: Sorting(scale_factor=scale)))

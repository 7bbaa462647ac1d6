"""NCNet x3 in 8 bits on Set5: the claim of its paper, with the released TFLite file as an outside oracle.

Measured when these bounds were set (PSNR of luma, 3 pixels shaved): floating point 33.612, per channel 33.57 to 33.59,
per tensor 33.05, by NNCF per tensor 33.33 and with a largest drop of 0.1 dB 33.56, the released file 33.55.
"""

import numpy as np
import pytest
import torch

from helpers.published import bundled
from srbench.datasets.library import Library
from srbench.deploying.calibration import calibration_patches
from srbench.deploying.qdq import session_of
from srbench.deploying.quantisation import quantise
from srbench.deploying.settings import Quantisation
from srbench.imaging.colour import rgb_to_y
from srbench.imaging.files import read_image
from srbench.imaging.pixels import to_tensor, to_uint8
from srbench.measuring.metrics.psnr_ssim import psnr
from srbench.networks.conversion import AtScale, to_onnx
from srbench.upscaling.loading import choose_model, load_chosen

pytestmark = [pytest.mark.reproduce, pytest.mark.usefixtures("empty_cache")]
SCALE = 3


@pytest.fixture(scope="module")
def pairs(shared):
    """LR and HR of Set5's five images, in [0, 1]."""
    folder = shared("data/Set5")
    lr, hr = (sorted((folder / part).glob("*.png")) for part in (f"LR_bicubic/X{SCALE}", "HR"))
    assert len(lr) == len(hr) == 5
    return [tuple(to_tensor(read_image(path))[None] for path in pair) for pair in zip(lr, hr, strict=True)]


@pytest.fixture(scope="module")
def network(shared):
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    catalog = bundled()
    chosen = choose_model("ncnet.tflite", catalog, SCALE)
    return load_chosen(chosen, catalog, [shared("weights")]).network


@pytest.fixture(scope="module")
def exported(network):
    """The network as an ONNX model, in floating point."""
    return to_onnx(AtScale(network, SCALE).eval(), torch.rand(2, 3, 21, 28), any_size=True)


@pytest.fixture(scope="module")
def trained_on(shared):
    """Patches of lr and of hr."""
    catalog = bundled()
    library = Library(shared("data"), catalog.datasets)
    return calibration_patches(
        library, [catalog.datasets["t91"]], catalog.degradations["bicubic"], SCALE, Quantisation()
    )


@pytest.fixture(scope="module")
def patches(trained_on):
    return trained_on[0]


def score(run, pairs):
    """Mean PSNR of luma of what ``run`` makes, on 8 bits, with a border of 3 pixels left out."""
    found = []
    for lr, hr in pairs:
        sr = to_uint8(run(lr)).double() / 255
        cropped = hr[..., : sr.shape[2], : sr.shape[3]].double()
        inner = [rgb_to_y(image)[..., SCALE:-SCALE, SCALE:-SCALE] for image in (sr, cropped)]
        found.append(float(psnr(*inner, data_range=1.0)))
    return float(np.mean(found))


def by_onnxruntime(content):
    session = session_of(content)
    return lambda lr: torch.from_numpy(session.run(None, {"lr": lr.numpy()})[0])


def test_floating_point_is_the_same_in_pytorch_and_onnxruntime(network, exported, pairs):
    with torch.no_grad():
        assert score(lambda lr: network(lr, SCALE), pairs) == pytest.approx(33.61, abs=0.01)
    assert score(by_onnxruntime(exported), pairs) == pytest.approx(33.61, abs=0.01)


@pytest.mark.parametrize("calibration", ["minmax", "entropy", "percentile"])
def test_a_step_for_each_channel_loses_less_than_a_twentieth_of_a_decibel(calibration, exported, patches, pairs):
    quantised = quantise(exported, patches, Quantisation(calibration=calibration))
    assert score(by_onnxruntime(quantised), pairs) > score(by_onnxruntime(exported), pairs) - 0.05


def test_one_step_for_all_channels_loses_half_a_decibel(exported, patches, pairs):
    quantised = quantise(exported, patches, Quantisation(per_channel=False))
    assert score(by_onnxruntime(quantised), pairs) == pytest.approx(33.03, abs=0.1)


@pytest.mark.filterwarnings("ignore")
def test_nncf_gives_layers_back_until_the_loss_is_small(exported, trained_on, pairs):
    pytest.importorskip("nncf")
    lr, hr = trained_on
    exact = score(by_onnxruntime(exported), pairs)
    settings = Quantisation(quantiser="nncf", per_channel=False)
    plain = score(by_onnxruntime(quantise(exported, lr, settings)), pairs)
    limited = settings.model_copy(update={"max_drop": 0.1})
    kept = score(by_onnxruntime(quantise(exported, lr, limited, targets=hr)), pairs)
    assert plain < exact - 0.2
    assert kept > exact - 0.1


def test_openvino_runs_the_same_file(exported, patches, pairs):
    openvino = pytest.importorskip("openvino")
    core = openvino.Core()
    program = core.read_model(quantise(exported, patches, Quantisation()))
    model = core.compile_model(program, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = score(lambda lr: torch.from_numpy(np.array(model(lr.numpy())[0])), pairs)
    assert found > score(by_onnxruntime(exported), pairs) - 0.05


def test_the_released_file_scores_as_it_did(pairs, shared):
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    interpreter = litert.Interpreter(str(shared("weights/ncnet/model_none_float.tflite")), num_threads=1)

    def run(lr):
        given = np.ascontiguousarray(lr.numpy().transpose(0, 2, 3, 1) * 255)
        interpreter.resize_tensor_input(0, given.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], given)
        interpreter.invoke()
        made = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        return torch.from_numpy(made.transpose(0, 3, 1, 2).copy()) / 255

    assert score(run, pairs) == pytest.approx(33.55, abs=0.02)

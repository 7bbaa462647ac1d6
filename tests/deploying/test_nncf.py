"""NNCF gives one ONNX file like the other quantiser; skipped, naming the package, where it is not installed."""

import sys

import numpy as np
import pytest

from helpers.onnx_models import patches, tiny_model
from srbench.deploying.qdq import check_images, run, session_of
from srbench.deploying.quantisation import quantise
from srbench.deploying.settings import Quantisation
from srbench.errors import DataError, UnavailableError

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

PATCHES = patches()
NNCF = Quantisation(quantiser="nncf")


def outputs(content):
    return np.concatenate(list(run(session_of(content), check_images(PATCHES)))).astype(np.float64).clip(0, 1)


def numbers(content):
    graph = onnx.load_from_string(content).graph
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}


def test_without_the_package_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "nncf", None)
    with pytest.raises(UnavailableError, match=r"install srbench\[nncf\]"):
        quantise(tiny_model(), PATCHES, NNCF)


@pytest.mark.slow  # importing NNCF takes seconds, and patches torch
@pytest.mark.filterwarnings("ignore")
def test_it_corrects_the_biases_of_layers_and_repeats_itself(capsys):
    pytest.importorskip("nncf")
    content = tiny_model(spread=1.5)
    exact, plain = outputs(content), outputs(quantise(content, PATCHES, Quantisation()))
    quantised = quantise(content, PATCHES, NNCF)
    assert quantised == quantise(content, PATCHES, NNCF)
    found = outputs(quantised)
    assert np.square(found - exact).mean() <= 1.5 * np.square(plain - exact).mean()
    per_tensor = quantise(content, PATCHES, Quantisation(quantiser="nncf", per_channel=False))
    assert np.square(found - exact).mean() < np.square(outputs(per_tensor) - exact).mean()
    kept = numbers(quantise(content, PATCHES, Quantisation(quantiser="nncf", float_layers=1)))
    assert [name for name in ("body.0.weight", "body.2.weight") if name in kept]
    assert not capsys.readouterr().out


def test_a_largest_drop_needs_hr():
    with pytest.raises(UnavailableError, match=r"nncf-pt-drop0\.1 limits the loss of PSNR, which needs hr"):
        quantise(tiny_model(), PATCHES, Quantisation(quantiser="nncf", per_channel=False, max_drop=0.1))


@pytest.mark.slow  # importing NNCF takes seconds, and patches torch
@pytest.mark.filterwarnings("ignore")
def test_layers_go_back_to_floating_point_until_the_drop_is_small_enough(capsys):
    pytest.importorskip("nncf")
    content = tiny_model(spread=1.5)
    exact = list(run(session_of(content), check_images(PATCHES)))
    random = np.random.default_rng(0)
    hr = [(sr.clip(0, 1) + random.normal(0, 0.02, sr.shape)).clip(0, 1) for sr in exact]

    def psnr(content):
        made = run(session_of(content), check_images(PATCHES))
        errors = [np.square(sr.clip(0, 1) - target).mean() for sr, target in zip(made, hr, strict=True)]
        return float(np.mean(-10 * np.log10(errors)))

    def layers(content):
        return sum(name.endswith(".weight") for name in numbers(content))

    settings = Quantisation(quantiser="nncf", per_channel=False)
    limited = settings.model_copy(update={"max_drop": 0.1})
    plain = quantise(content, PATCHES, settings)
    assert psnr(content) - psnr(plain) > 0.1
    found = quantise(content, PATCHES, limited, targets=hr)
    assert psnr(content) - psnr(found) <= 0.1
    assert layers(plain) < layers(found)
    assert found == quantise(content, PATCHES, limited, targets=hr)
    loose = settings.model_copy(update={"max_drop": 50.0})
    assert quantise(content, PATCHES, loose, targets=hr) == plain
    with pytest.raises(DataError, match=r"8 calibration images and 7 targets"):
        quantise(content, PATCHES, limited, targets=hr[1:])
    assert not capsys.readouterr().out

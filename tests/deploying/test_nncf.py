"""NNCF gives one ONNX file like the other quantiser; skipped, naming the package, where it is not installed."""

import sys

import numpy as np
import pytest

from helpers.onnx_models import patches, tiny_model
from srbench.deploying.qdq import check_images, run, session_of
from srbench.deploying.quantisation import quantise
from srbench.deploying.settings import Quantisation
from srbench.errors import UnavailableError

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

"""Post-training quantisation: against its formulas, against floating point, and what it refuses."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.onnx_models import patches, tiny_model
from srbench.deploying.learnt import LearntLayer, LearntRanges
from srbench.deploying.onnx_sessions import exact_session
from srbench.deploying.qdq import calibrate, check_images, layers, prepare, run, session_of, write
from srbench.deploying.quantisation import quantise
from srbench.deploying.settings import Quantisation, read_quantisation
from srbench.errors import DataError, ExportError, UsageError

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")

PATCHES = patches()
TENSORS = Quantisation(per_channel=False)


def numbers(content):
    """The constants of a model, by name."""
    graph = onnx.load_from_string(content).graph
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}


def outputs(content, *, optimised=True):
    options = ort.SessionOptions()
    if not optimised:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = exact_session(content, options=options)
    return np.concatenate(list(run(session, check_images(PATCHES))))


def psnr(one, other):
    return -10 * np.log10(np.square(one.astype(np.float64).clip(0, 1) - other.clip(0, 1)).mean())


def steps_of_weights(weight, *, per_channel):
    """The formula: the largest absolute value, of each output channel or of all, on 127."""
    largest = np.abs(weight).max(axis=(1, 2, 3) if per_channel else None)
    return np.asarray(largest / 127, np.float32)


@pytest.mark.parametrize("per_channel", [True, False])
def test_weights_are_rounded_to_the_grid_of_their_largest_value(per_channel):
    exact = numbers(tiny_model(spread=1))
    found = numbers(quantise(tiny_model(spread=1), PATCHES, Quantisation(per_channel=per_channel)))
    for name in ("body.0.weight", "body.2.weight"):
        step = steps_of_weights(exact[name], per_channel=per_channel)
        wide = step[:, None, None, None] if per_channel else step
        assert found[f"{name}_quantized"].dtype == np.int8
        np.testing.assert_allclose(found[f"{name}_scale"], step, rtol=1e-6)
        assert np.abs(found[f"{name}_quantized"] - exact[name] / wide).max() < 0.5 + 1e-4


def test_activations_have_the_range_of_the_images_and_known_ranges_need_none():
    content = tiny_model()
    found = numbers(quantise(content, PATCHES, Quantisation()))
    exact = numbers(content)
    white, grey = 255.0, [0.5 * np.ones((3, 16, 16), np.float32)]
    images = torch.from_numpy(np.stack(PATCHES)) * white
    hidden = torch.nn.functional.conv2d(
        images, torch.tensor(exact["body.0.weight"]), torch.tensor(exact["body.0.bias"]), padding=1
    )
    assert found["active_scale"] == pytest.approx(float(hidden.max()) / 255, rel=1e-5)
    for constants in (found, numbers(quantise(content, grey, Quantisation()))):
        assert constants["lr_scale"] == pytest.approx(1 / 255)
        assert constants["scaled_scale"] == pytest.approx(1)
        assert constants["sum_scale"] == pytest.approx(1), "the output is clipped before its shuffle"
        assert {int(constants[f"{name}_zero_point"]) for name in ("lr", "scaled", "sum")} == {0}


def test_an_8_bit_network_is_near_floating_point_and_nearer_with_a_step_for_each_channel():
    content = tiny_model(spread=1.5)
    exact = outputs(content)
    by_channel, by_tensor = (psnr(outputs(quantise(content, PATCHES, s)), exact) for s in (Quantisation(), TENSORS))
    assert by_channel > 40
    assert by_channel > by_tensor + 6


@pytest.mark.parametrize("calibration", ["entropy", "percentile"])
def test_other_ranges_are_narrower_and_work(calibration):
    content = tiny_model()
    settings = Quantisation(calibration=calibration)
    quantised = quantise(content, PATCHES, settings)
    assert numbers(quantised)["active_scale"] <= numbers(quantise(content, PATCHES, Quantisation()))["active_scale"]
    assert psnr(outputs(quantised), outputs(content)) > 30


def test_layers_kept_in_float_are_not_quantised_by_the_runtime_either():
    content = tiny_model(spread=1.5)
    model = prepare(content)
    images = check_images(PATCHES)
    ranges = calibrate(model, images, TENSORS)
    kept = write(model, ranges, TENSORS, kept=["second"])
    assert "body.2.weight" in numbers(kept)
    assert "body.2.weight_quantized" not in numbers(kept)
    # onnxruntime quantises the weights of a lone layer in floating point between QDQ pairs, with one step for all.
    np.testing.assert_allclose(outputs(kept), outputs(kept, optimised=False), atol=1 / 255 + 1e-6)
    assert psnr(outputs(kept), outputs(content)) > psnr(outputs(write(model, ranges, TENSORS)), outputs(content))
    everything = write(model, ranges, TENSORS, kept=layers(model))
    assert set(layers(model)) == {"first", "second", "skip"}
    assert not [name for name in numbers(everything) if "weight_quantized" in name]


def test_layers_alone_lose_less_than_all_operators():
    content = tiny_model(spread=1.5)
    settings = Quantisation(layers_only=True)
    alone = quantise(content, PATCHES, settings)
    assert {name for name in numbers(alone) if name.endswith("_zero_point")} >= {
        "scaled_zero_point",
        "active_zero_point",
    }
    assert not {"sum_scale", "residual_scale", "skip_scale"} & numbers(alone).keys()
    exact = outputs(content)
    assert psnr(outputs(alone), exact) > psnr(outputs(quantise(content, PATCHES, Quantisation())), exact)
    one_less = quantise(content, PATCHES, Quantisation(layers_only=True, float_layers=1))
    np.testing.assert_allclose(outputs(one_less), outputs(one_less, optimised=False), atol=1e-4)
    assert psnr(outputs(one_less), exact) > psnr(outputs(alone), exact)


def test_the_most_sensitive_layers_stay_in_float():
    content = tiny_model(spread=1.5)
    found = numbers(quantise(content, PATCHES, Quantisation(per_channel=False, float_layers=1)))
    assert ("body.0.weight_quantized" in found) != ("body.2.weight_quantized" in found)
    assert "nearest_quantized" in found, "its weights are exact in 8 bits"


def test_equal_inputs_give_equal_bytes():
    again = [quantise(tiny_model(), patches(), Quantisation(calibration="percentile")) for _ in range(2)]
    assert again[0] == again[1]
    assert quantise(tiny_model(), patches(seed=1), Quantisation()) != quantise(tiny_model(), PATCHES, Quantisation())


@pytest.mark.slow
def test_another_process_with_another_order_of_sets_gives_the_same_bytes():
    code = (
        "import hashlib; from helpers.onnx_models import *; from srbench.deploying.quantisation import *;"
        "print(hashlib.sha256(quantise(tiny_model(), patches(), Quantisation(float_layers=1))).hexdigest())"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PYTHONPATH": "tests"},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }  # fmt: skip
    assert len(hashes) == 1


@given(
    st.builds(
        Quantisation,
        quantiser=st.just("qdq"),
        per_channel=st.booleans(),
        calibration=st.sampled_from(["minmax", "entropy", "percentile"]),
        layers_only=st.booleans(),
        float_layers=st.integers(0, 99),
        patches=st.integers(1, 999),
        patch=st.integers(8, 256),
    )
    | st.builds(
        Quantisation,
        quantiser=st.just("nncf"),
        float_layers=st.integers(0, 99),
        max_drop=st.none() | st.floats(0, 99.999),
        patches=st.integers(1, 999),
    )
)
def test_settings_are_one_word(settings):
    assert read_quantisation(settings.id) == settings
    assert hash(read_quantisation(settings.id)) == hash(settings)


def test_words_of_the_settings_stay_as_they_are():
    assert Quantisation().id == "qdq-pc"
    assert Quantisation(per_channel=False, calibration="entropy", float_layers=2).id == "qdq-pt-entropy-float2"
    assert Quantisation(layers_only=True, patches=16, patch=32).id == "qdq-pc-layers-n16-p32"
    assert Quantisation(quantiser="nncf", max_drop=0.1, patch=32).id == "nncf-pc-drop0.1-p32"


@pytest.mark.parametrize(
    "word",
    [
        "",
        "int8",
        "qdq",
        "qdq-pc-minmax",
        "qdq-pc-p4",
        "qdq-pc-n0",
        "qdq-pc-float-2",
        "nncf-pc-layers",
        "nncf-pc-entropy",
        "nncf-pc-drop",
        "nncf-pc-drop100",
        "qdq-pc-drop0.1",
        "QDQ-PC",
    ],
)
def test_other_words_are_refused_in_one_sentence(word):
    with pytest.raises(UsageError, match="is not a quantisation; write it as qdq-pc"):
        read_quantisation(word)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        ([], "no calibration image"),
        ([*PATCHES, PATCHES[0][:, :8]], r"\(1, 3, 16, 16\) and \(1, 3, 8, 16\)"),
        ([PATCHES[0] * 255], "outside"),
        ([PATCHES[0] * np.nan], "outside"),
        ([PATCHES[0][0]], "the shape"),
        ([PATCHES[0][:1]], "does not take a calibration image of shape"),
    ],
)
def test_unfit_images_are_refused_in_one_sentence(images, words):
    with pytest.raises(DataError, match=words):
        quantise(tiny_model(), images, Quantisation())


def test_what_is_no_float_model_is_refused_in_one_sentence():
    with pytest.raises(ExportError, match="not a sound ONNX model"):
        quantise(b"GIF89a", PATCHES, Quantisation())
    with pytest.raises(ExportError, match="quantised already"):
        quantise(quantise(tiny_model(), PATCHES, Quantisation()), PATCHES, Quantisation())
    old = onnx.load_from_string(tiny_model())
    old.opset_import[0].version = 11
    with pytest.raises(ExportError, match="opset 11"):
        quantise(old.SerializeToString(), PATCHES, Quantisation())


def test_a_model_runs_as_before_on_other_sizes():
    session = session_of(quantise(tiny_model(), PATCHES, Quantisation()))
    (made,) = run(session, [np.zeros((1, 3, 7, 5), np.float32)])
    assert made.shape == (1, 3, 14, 10)


def test_what_training_has_learnt_goes_before_calibration():
    model = onnx.load_from_string(tiny_model())
    step = np.float32(0.004)
    for tensor in model.graph.initializer:
        if tensor.name == "body.2.weight":
            weight = np.round(onnx.numpy_helper.to_array(tensor) / step).clip(-60, 60) * step
            tensor.CopyFrom(onnx.numpy_helper.from_array(weight.astype(np.float32), tensor.name))
    layer = LearntLayer(weight_steps=(float(step),) * 12, low=0.0, high=510.0)
    folded = LearntLayer(weight_steps=(0.5,) * 8, low=0.0, high=100.0)
    lent = LearntLayer(weight_steps=(1.0,) * 12, low=0.0, high=1.0)
    learnt = LearntRanges(layers={"body.2": layer, "body.0": folded, "nearest": lent})
    found = numbers(quantise(model.SerializeToString(), PATCHES, Quantisation(), learnt))
    assert found["active_scale"] == pytest.approx(2)
    np.testing.assert_allclose(found["body.2.weight_scale"], step)
    assert np.array_equal(found["body.2.weight_quantized"], np.round(weight / step))
    assert found["scaled_scale"] == pytest.approx(1), "the values of images are known"
    assert found["body.0.weight_scale"].max() < 0.1, "its weights are not on the learnt grid"

"""The metric specs: names, columns, directions, and what happens where weights or packages are not there."""

import sys

import pytest
import torch
from srbench_plugins.metrics import fidelity, lpips, pyiqa

from srbench.errors import SrbenchError, UnavailableError
from srbench.measuring.metrics.psnr import psnr
from srbench.measuring.metrics.ssim import ssim
from srbench.testing import photograph, violations_of

CPU = torch.device("cpu")


def test_the_columns_say_their_units():
    specs = [*fidelity.register_metrics(), *lpips.register_metrics()]
    assert [spec.column for spec in specs] == ["psnr_y_db", "ssim_y", "psnr_rgb_db", "ssim_rgb", "lpips", "lpips_vgg"]
    assert [spec.channels for spec in specs] == ["y", "y", "rgb", "rgb", "rgb", "rgb"]
    assert [spec.shaved for spec in specs] == [True] * 4 + [False] * 2
    assert [spec.higher_is_better for spec in specs] == [True] * 4 + [False] * 2


def test_fidelity_takes_images_in_0_to_1():
    hr = photograph(2, 3, 32, 32).double()
    sr = (hr + 0.1).clamp(0, 1)
    metrics = {spec.name: spec.load(CPU) for spec in fidelity.register_metrics()}
    assert torch.equal(metrics["psnr_rgb"](sr, hr), psnr(sr, hr, data_range=1.0))
    assert torch.equal(metrics["ssim_rgb"](sr, hr), ssim(sr, hr, data_range=1.0))
    assert metrics["psnr_y"](hr[:, :1] * 0, hr[:, :1] * 0 + 0.1).tolist() == pytest.approx([20.0, 20.0])


def test_lpips_equals_the_official_values(shared, monkeypatch):
    from srbench.imaging import read_image, to_tensor

    root = shared("oracles/perceptual")
    monkeypatch.setenv("SRBENCH_WEIGHTS", str(shared("weights/lpips")))
    metric = lpips.register_metrics()[0].load(CPU)

    def image(name):
        pixels = to_tensor(read_image(root / f"{name}.png")).double()
        return pixels.reshape(1, *pixels.shape[-3:])

    reference = image("ex_ref")
    for name, value in (("ex_p0", 0.7219), ("ex_p1", 0.1376)):
        assert metric(image(name), reference).item() == pytest.approx(value, abs=1e-4)


def test_lpips_without_its_trunk_is_unavailable_with_a_reason(tmp_path, monkeypatch):
    for variable in ("SRBENCH_WEIGHTS", "SRBENCH_CACHE", "XDG_CACHE_HOME", "TORCH_HOME", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(UnavailableError, match="srbench fetch lpips"):
        lpips.register_metrics()[1].load(CPU)


def test_pyiqa_tells_direction_and_reference_without_loading_a_network():
    assert (pyiqa.make("niqe", {}).higher_is_better, pyiqa.make("niqe", {}).needs_hr) == (False, False)
    assert (pyiqa.make("psnr", {}).higher_is_better, pyiqa.make("psnr", {}).needs_hr) == (True, True)
    assert pyiqa.make("dists", {}).higher_is_better is False
    assert pyiqa.make("niqe", {}).name == "pyiqa:niqe"


def test_a_metric_of_pyiqa_that_needs_no_weights_keeps_the_contract():
    assert violations_of(pyiqa.make("gmsd", {})) == []


def test_an_unknown_pyiqa_metric_is_answered_with_the_nearest():
    with pytest.raises(SrbenchError, match="did you mean pyiqa:clipiqa"):
        pyiqa.make("clipiq", {})


def test_without_the_package_the_column_has_its_reason(monkeypatch):
    for module in [name for name in sys.modules if name == "pyiqa" or name.startswith("pyiqa.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "pyiqa", None)
    spec = pyiqa.make("niqe", {})
    with pytest.raises(UnavailableError, match="needs the package pyiqa"):
        spec.load(CPU)

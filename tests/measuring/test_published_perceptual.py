"""LPIPS gives its authors' figures, and a metric of pyiqa a value or a reason."""

import pytest
import torch

from helpers.published import bundled, rows_of
from srbench.imaging.files import read_image
from srbench.imaging.pixels import to_tensor
from srbench.measuring.protocol import protocol_named
from srbench.measuring.scoring import Scorer

pytestmark = pytest.mark.usefixtures("by_itself")


def picture(path):
    return to_tensor(read_image(path))[None]


def scorer(*names):
    metrics = [bundled().metrics[name] for name in names]
    return Scorer(metrics, protocol_named("classic-y"), 2, torch.device("cpu"))


@pytest.fixture
def perceptual(shared, monkeypatch):
    monkeypatch.setenv("SRBENCH_WEIGHTS", str(shared("weights")))
    return shared("oracles/perceptual")


@pytest.mark.parametrize(("distorted", "lpips"), [("ex_p0.png", 0.7219), ("ex_p1.png", 0.1376)])
def test_lpips_of_the_authors_example(distorted, lpips, perceptual):
    measure = scorer("lpips")
    scores = measure.score(picture(perceptual / distorted), picture(perceptual / "ex_ref.png"))
    assert measure.absent == {}
    assert scores["lpips"] == pytest.approx(lpips, abs=1e-4)


def test_lpips_of_five_pairs_equals_the_official_values(perceptual):
    official = next(row for row in rows_of(perceptual / "results_official.csv") if row["Method"] == "lpips")
    measure, pairs = scorer("lpips"), sorted((perceptual / "ref_dir").iterdir())
    found = {path.name: measure.score(picture(perceptual / "dist_dir" / path.name), picture(path)) for path in pairs}
    assert len(found) == 5
    assert {name: s["lpips"] for name, s in found.items()} == pytest.approx(
        {name: float(official[name]) for name in found}, abs=1e-4
    )


def test_without_its_network_lpips_is_an_empty_cell_with_a_reason(tmp_path, monkeypatch):
    monkeypatch.setenv("SRBENCH_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("SRBENCH_CACHE", str(tmp_path))
    measure = scorer("lpips", "psnr_y")
    scores = measure.score(torch.zeros(1, 3, 64, 64), torch.ones(1, 3, 64, 64))
    assert scores["lpips"] is None
    assert "srbench fetch lpips" in measure.absent["lpips"]
    assert scores["psnr_y"] == pytest.approx(1.3219, abs=1e-4)  # 20 log10(255 / 219)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pyiqa:niqe", "pyiqa:psnr", "pyiqa:musiq"])
def test_a_metric_of_pyiqa_gives_a_value_or_a_reason(name, perceptual):
    reference = min((perceptual / "ref_dir").iterdir())
    measure = scorer(name)
    value = measure.score(picture(perceptual / "dist_dir" / reference.name), picture(reference))[name]
    assert (value is None) == (name in measure.absent)
    assert all(reason.strip().endswith(".") for reason in measure.absent.values())

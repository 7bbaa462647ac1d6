"""FSIM with and without chroma against piq, pyiqa and the authors' MATLAB values."""

import sys

import numpy as np
import pytest
import torch
from srbench_plugins.metrics import fsim

from helpers.published import rows_of
from srbench.errors import ShapeError, UnavailableError
from srbench.imaging import read_image, to_tensor

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def measures():
    pytest.importorskip("pyiqa", reason="the extra `perceptual` is not installed")
    return {spec.name: spec.load(CPU) for spec in fsim.register_metrics()}


@pytest.mark.parametrize(("name", "oracle"), [("fsim", "piq_fsim_luma"), ("fsim_c", "piq_fsim_chromatic")])
def test_both_variants_are_those_of_piq(name, oracle, measures, shared):
    arrays = dict(np.load(shared("oracles/survey/gmsd_fsim_pair.npz")))
    sr, hr = (torch.from_numpy(arrays[k]).movedim(-1, 0)[None].double() / 255 for k in ("dist", "ref"))
    assert measures[name](sr, hr).item() == pytest.approx(float(arrays[oracle]), abs=1e-6)


def test_the_one_with_chroma_is_what_the_authors_print(measures, shared):
    folder = shared("oracles/perceptual")
    official = next(row for row in rows_of(folder / "results_official.csv") if row["Method"] == "fsim")
    name = "I08.bmp"
    hr, sr = (to_tensor(read_image(folder / side / name))[None].double() for side in ("ref_dir", "dist_dir"))
    assert measures["fsim_c"](sr, hr).item() == pytest.approx(float(official[name]), abs=1e-4)


def test_two_shapes_are_refused(measures):
    with pytest.raises(ShapeError, match="make them equal"):
        measures["fsim"](torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 9))


def test_without_the_package_there_is_a_reason(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyiqa.archs.fsim_arch", None)
    with pytest.raises(UnavailableError, match="needs the package pyiqa"):
        fsim.register_metrics()[0].load(CPU)

"""VDSR's table from its authors' weights, as it was made: lr comes from luma that is rounded first."""

import pytest

from helpers.published import bundled, means, measured

pytestmark = [pytest.mark.reproduce, pytest.mark.usefixtures("by_itself"), pytest.mark.timeout(3600)]


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("dataset", ["set5", "set14"])
def test_vdsr_gives_the_figures_of_its_table(dataset, scale, shared):
    weights = shared("weights/vdsr/VDSR_Official.mat").parent.parent
    found = means(measured(shared("data"), "vdsr", dataset, scale, "luma-first", weights=weights, tag="official"))
    reported = {
        r.metric: r.value for r in bundled().architectures["vdsr"].reported if (r.dataset, r.scale) == (dataset, scale)
    }
    assert found["psnr_y"] == pytest.approx(reported["psnr_y"], abs=0.01)
    assert found["ssim_y"] == pytest.approx(reported["ssim_y"], abs=5e-4)

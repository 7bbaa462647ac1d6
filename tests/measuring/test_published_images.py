"""Images that RCAN's authors super-resolved score, through the command line, what their paper's protocol gives."""

import pytest
from typer.testing import CliRunner

from helpers.published import rows_of
from srbench.cli.app import app

pytestmark = pytest.mark.usefixtures("by_itself")


def score(folder, scale, shared, *words):
    words = ["score", str(folder), "--dataset", "set5", "--scale", str(scale), "--data", str(shared("data")), *words]
    return CliRunner().invoke(app, words, env={"COLUMNS": "200"})


@pytest.mark.parametrize(
    ("scale", "psnr", "ssim"), [(2, 38.274168, 0.961445), (3, 34.742155, 0.929886), (4, 32.633562, 0.900241)]
)
def test_the_rcan_authors_images_score_as_published(scale, psnr, ssim, shared, tmp_path):
    table = tmp_path / "scores.csv"
    done = score(shared(f"data/rcan_sr/x{scale}"), scale, shared, "--metric", "psnr_y,ssim_y", "--csv", str(table))
    assert done.exit_code == 0, done.output
    rows = {row["image"]: row for row in rows_of(table)}
    assert list(rows) == ["baby", "bird", "butterfly", "head", "woman", "mean"]
    assert float(rows["mean"]["psnr_y_db"]) == pytest.approx(psnr, abs=1e-4)
    assert float(rows["mean"]["ssim_y"]) == pytest.approx(ssim, abs=1e-4)
    assert f"{psnr:.6f}" in done.output
    assert f"classic-y:sr=u8,y=bt601,shave={scale}" in done.output


def test_images_of_another_scale_are_refused_by_name(shared, tmp_path):
    folder = tmp_path / "sr"
    folder.mkdir()
    for path in shared("data/Set5/LR_bicubic/X2").iterdir():
        (folder / f"{path.stem.removesuffix('x2')}.png").symlink_to(path)
    done = score(folder, 2, shared)
    assert done.exit_code == 2
    assert "256×256" in done.output

"""The picture of representations: principal axes, how well they explain the widths, and a figure from records alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from helpers.records import make_record, write_records
from srbench.report.build import build_report
from srbench.report.degradations.matrix import make_matrices
from srbench.report.degradations.representations import beside_means, explained, points, principal
from srbench.report.leaderboard.sections import make_sections

TESTS = ("bicubic", "gaussian8")


def kept(results, name, widths, slope):
    """A file of representations whose first number follows the widths."""
    noise = np.random.default_rng(len(name)).normal(0, 0.05, (len(widths), 8))
    path = results / "records" / "images" / name / "representation.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    vectors = noise + slope * np.outer(widths, np.eye(8)[0])
    squares = np.square(widths)
    np.savez(
        path, images=np.array([f"i{n}" for n in range(len(widths))]), vectors=vectors.astype(np.float32),
        names=np.array(["blur_xx", "blur_yy"]), conditions=np.column_stack((squares, squares)),
    )  # fmt: skip
    return f"images/{name}/representation.npz"


@pytest.fixture
def study(tmp_path):
    records = []
    for seed in (0, 1):
        for name, widths in (("bicubic", [0.0] * 4), ("gaussian8", [1.0, 2.0, 3.0, 4.0])):
            record = make_record("espcn", degradation=name, seed=seed)
            model = record.model.model_copy(update={"train_degradation": "bicubic", "train_setting": "bicubic"})
            file = kept(tmp_path, f"{name}{seed}", widths, 1.0 if seed == 0 else 0.0)
            records.append(record.model_copy(update={"model": model, "representation_file": file}))
    write_records(tmp_path, records)
    return tmp_path, records


@given(st.integers(0, 99), st.integers(3, 20), st.integers(1, 6))
def test_principal_axes_are_those_of_the_covariance(seed, count, width):
    vectors = np.random.default_rng(seed).normal(size=(count, width)) * np.arange(1, width + 1)
    found = principal(vectors)
    assert found.shape == (count, 2)
    values = np.sort(np.linalg.eigvalsh(np.cov(vectors.T).reshape(width, width)))[::-1]
    wanted = np.pad(values, (0, 2))[:2]
    np.testing.assert_allclose(np.var(found, axis=0, ddof=1), wanted, rtol=1e-6, atol=1e-9)


def test_what_is_a_plane_over_the_axes_is_explained_and_noise_is_not():
    by = np.random.default_rng(0).normal(size=(200, 2))
    assert explained(3 - 2 * by[:, 0] + by[:, 1], by) == pytest.approx(1.0)
    assert explained(np.random.default_rng(1).normal(size=200), by) < 0.1
    assert explained(np.ones(200), by) == 0.0


def test_the_content_of_images_is_removed_so_that_their_kernels_show():
    images = np.array(["a", "b", "c"] * 4)
    widths = np.repeat([0.0, 1.0, 2.0, 3.0], 3)
    content = np.random.default_rng(0).normal(0, 100, (3, 8))
    vectors = np.tile(content, (4, 1)) + np.outer(widths, np.eye(8)[0])
    assert explained(widths, principal(vectors)) < 0.1
    left = beside_means(vectors, images)
    assert explained(widths, principal(left)) == pytest.approx(1.0)
    np.testing.assert_allclose(left[images == "b"].mean(axis=0), 0, atol=1e-9)
    assert np.array_equal(beside_means(vectors[:3], images[:3]), vectors[:3])


def test_points_are_the_first_seeds_and_know_their_kernels(study):
    folder, records = study
    (matrix,) = make_matrices(make_sections(records))
    (row,) = matrix.trained
    found = points(row, matrix, folder / "records")
    assert found.widths.tolist() == [0, 0, 0, 0, 1, 2, 3, 4]
    assert found.tests.tolist() == [0] * 4 + [1] * 4
    assert found.explained > 0.95  # of the other seed it would be nothing


def test_files_that_are_gone_leave_no_panel(study):
    folder, records = study
    (matrix,) = make_matrices(make_sections(records))
    for file in folder.glob("records/images/*/*.npz"):
        file.unlink()
    assert points(matrix.trained[0], matrix, folder / "records") is None


@pytest.mark.parametrize("left", [b"", b"PK\x03\x04 cut off", b"no archive at all"])
def test_damaged_files_leave_no_panel(study, left):
    folder, records = study
    (matrix,) = make_matrices(make_sections(records))
    for file in folder.glob("records/images/*/*.npz"):
        file.write_bytes(left)
    assert points(matrix.trained[0], matrix, folder / "records") is None


def test_the_report_draws_it_from_records_alone(study):
    folder, _ = study
    files = build_report(folder)
    (figure,) = [f for f in files.degradations if f.name.startswith("representation_")]
    assert f"]({figure.name})" in (folder / "degradations.md").read_text()
    with Image.open(figure) as picture:
        assert min(picture.size) > 300
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 50

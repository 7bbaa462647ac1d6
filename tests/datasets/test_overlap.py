import numpy as np
import pytest
from PIL import Image

from srbench.datasets.overlap import assert_disjoint, overlap
from srbench.errors import DataError


def test_disjoint_sets_are_let_through(root):
    hr = root / "Farm/HR"
    assert overlap({"ant": hr / "ant.png"}, {"bee": hr / "bee.png", "cow": hr / "cow.png"}) == []
    assert overlap({}, {"bee": hr / "bee.png"}) == []
    assert_disjoint({"ant": hr / "ant.png"}, {"bee": hr / "bee.png"})


def test_the_same_pixels_under_another_name_are_found(root, save, pictures):
    save(root / "x.png", pictures["bee"])
    hr = root / "Farm/HR"
    assert overlap({"x": root / "x.png", "ant": hr / "ant.png"}, {"bee": hr / "bee.png"}) == [
        "The training image x is the test image bee, pixel by pixel."
    ]
    with pytest.raises(DataError, match="train on another dataset"):
        assert_disjoint({"x": root / "x.png"}, {"bee": hr / "bee.png"})


def test_a_resized_recompressed_copy_is_found(shared, tmp_path):
    hr = shared("data/Set5/HR")
    with Image.open(hr / "bird.png") as image:
        image.resize((image.width * 2 // 3, image.height * 2 // 3), Image.Resampling.LANCZOS).save(
            tmp_path / "copy.jpg", quality=40
        )
    test = {path.stem: path for path in hr.glob("*.png")}
    assert overlap({"copy": tmp_path / "copy.jpg"}, test) == [
        "The training image copy shows the same picture as the test image bird."
    ]


def test_flat_images_are_not_taken_for_copies(tmp_path, save):
    save(tmp_path / "a.png", np.full((20, 20), 10, np.uint8))
    save(tmp_path / "b.png", np.full((20, 20), 200, np.uint8))
    assert overlap({"a": tmp_path / "a.png"}, {"b": tmp_path / "b.png"}) == []


@pytest.mark.slow
def test_the_training_sets_in_use_share_no_picture_with_the_test_sets(shared):
    train = {p.stem: p for folder in ("T91", "General100") for p in shared(f"data/{folder}").glob("*.png")}
    test = {p.stem: p for folder in ("Set5", "Set14", "B100") for p in shared(f"data/{folder}/HR").glob("*.png")}
    assert overlap(train, test) == []


def test_an_unreadable_image_is_named(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"a\.png"):
        overlap({"a": tmp_path / "a.png"}, {})

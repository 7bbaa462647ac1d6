"""Whose LR is this? Names decide, and what they do not decide is said."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from srbench.datasets.adding import describe
from srbench.datasets.layouts import find_images
from srbench.datasets.library import Library
from srbench.datasets.pairing import match_names, natural, pair, read_name
from srbench.datasets.spec import DatasetSpec
from srbench.datasets.verification import verify
from srbench.errors import DataError

COMPOSED, DECOMPOSED = "\u00e9t\u00e9", "e\u0301te\u0301"


@pytest.fixture
def folder(tmp_path, pictures, save, shrink):
    """Write images and their LR at x2: ``folder({"HR/a.png": ("ant", 1), "LR/a.png": ("ant", 2)})``."""

    def write(files):
        for name, (picture, scale) in files.items():
            save(tmp_path / "set" / name, shrink(pictures[picture], scale) if scale > 1 else pictures[picture])
        return tmp_path / "set"

    return write


def verified(path, **facts):
    return verify(describe("mine", [path], **facts).spec, None)


def lr_names(found, scale=2):
    return {name: path.name for name, path in found.lr[scale].items()}


@pytest.mark.parametrize("ending", ["", "x2", "_x2", "-x2", ".x2", "_x2m", "_lq", "_LR", "_LR2", "_LRBI_x2", "_bicLRx2",
                                    "_SRF_2_LR", "_bicubic", "_2x"])  # fmt: skip
def test_endings_of_common_scripts_are_known(folder, ending):
    path = folder({
        f"{where}/{name}{end}.png": (picture, scale)
        for name, picture in (("a", "ant"), ("b", "bee"))
        for where, end, scale in (("HR", "", 1), ("LR_bicubic/X2", ending, 2))
    })  # fmt: skip
    found = verified(path)
    assert lr_names(found) == {"a": f"a{ending}.png", "b": f"b{ending}.png"}
    assert found.all_problems == ()
    assert found.lr_summary() == ["2 LR images at x2, paired by name."]


def test_an_ending_that_is_not_known_may_be_stated(folder):
    files = {"HR/a.png": ("ant", 1), "HR/b.png": ("bee", 1), "LR/a_small.png": ("ant", 2), "LR/c_small.png": ("cow", 2)}
    path = folder(files)
    assert lr_names(verified(path, lr_suffix="_small")) == {"a": "a_small.png"}


@pytest.mark.parametrize(
    ("hr", "lr", "pairs"),
    [
        (["1", "2", "10"], ["01", "02", "10"], {"1": "01", "2": "02", "10": "10"}),
        (["f1", "f2", "f3"], ["f2", "f3", "f4"], {"f2": "f2", "f3": "f3"}),
        (["fox", "fox2"], ["foxx2", "fox2x2"], {"fox": "foxx2", "fox2": "fox2x2"}),
        (["a", "ax2"], ["a", "ax2"], {"a": "a", "ax2": "ax2"}),
        (["1", "01"], ["1x2", "01x2"], {"1": "1x2", "01": "01x2"}),
        (["a_HR_x2"], ["a_LRBI_x2"], {"a_HR_x2": "a_LRBI_x2"}),
        ([COMPOSED], [DECOMPOSED + "x2"], {COMPOSED: DECOMPOSED + "x2"}),
        (["Baby"], ["babyx2"], {"Baby": "babyx2"}),
        (["a"], ["ax2", "a_x2"], {"a": "ax2"}),
        (["img_1", "img_10"], ["img_001x4", "img_010x4"], {"img_1": "img_001x4", "img_10": "img_010x4"}),
    ],
)
def test_the_nearest_name_wins_and_nothing_is_given_twice(hr, lr, pairs):
    assert match_names(hr, lr) == pairs


@given(st.sets(st.from_regex(r"[a-z]{1,3}(_[0-9]{1,3})?(x2)?", fullmatch=True), min_size=1, max_size=8), st.randoms())
def test_equal_names_are_always_paired_whatever_else_is_there(names, random):
    given_names = sorted(names)
    random.shuffle(given_names)
    assert match_names(sorted(names), given_names) == {name: name for name in sorted(names)}


def test_an_ending_says_role_and_factor():
    names = map(read_name, ["a_HR_x2", "img_1_SRF_3_LR", "b_gt", "c_lq", "d"])
    assert [(name.image, name.role, name.factor) for name in names] == [
        ("a", "hr", 2), ("img_1", "lr", 3), ("b", "hr", None), ("c", "lr", None), ("d", "", None),
    ]  # fmt: skip
    real = map(read_name, ["a_x2.3", "ax3.7x1.5", "a_x2x1.5", "a_x0.5"])
    assert [(name.image, name.factor and str(name.factor)) for name in real] == [
        ("a", "2.3"), ("a", "3.7x1.5"), ("a", "2x1.5"), ("a", None),
    ]  # fmt: skip
    assert sorted(["f10", "f2", "F1"], key=natural) == ["F1", "f2", "f10"]


def test_order_counts_only_where_no_name_agrees_and_it_is_said(folder):
    path = folder({
        "HR/f2.png": ("ant", 1), "HR/f10.png": ("bee", 1), "LR_bicubic/X2/g7.png": ("ant", 2),
        "LR_bicubic/X2/g12.png": ("bee", 2),
    })  # fmt: skip
    found = verified(path)
    assert lr_names(found) == {"f10": "g12.png", "f2": "g7.png"}
    (said,) = found.lr_summary()
    assert said.startswith("2 LR images of mine at x2, paired by order, since no name agrees: ")
    library = Library(None, {})
    library.lr_images(found.spec, 2)
    assert list(library.warnings.values()) == [said]


def test_names_that_overlap_are_never_shifted(folder):
    path = folder({f"HR/f{i}.png": (p, 1) for i, p in enumerate(("ant", "bee", "cow"), 1)}
                  | {f"LR/f{i}.png": (p, 2) for i, p in enumerate(("bee", "cow", "ant"), 2)})  # fmt: skip
    found = verified(path)
    assert lr_names(found) == {"f2": "f2.png", "f3": "f3.png"}
    assert found.lr_problems[2] == ("The x2 LR image f4.png has no HR image.", "The x2 LR image of f1 is missing.")
    with pytest.raises(DataError, match=r"f1 is missing\. Fix its x2 LR; if you remove it, srbench makes bicubic LR"):
        Library(None, {}).lr_images(found.spec, 2)


def test_one_lr_image_too_many_without_a_name_in_common_is_a_fault_and_not_dropped(folder):
    path = folder({"HR/a.png": ("ant", 1), "LR_bicubic/X2/p.png": ("ant", 2), "LR_bicubic/X2/q.png": ("bee", 2)})
    (fault,) = verified(path).all_problems
    assert fault.startswith(
        "The x2 LR cannot be paired: no name agrees, and there are 2 LR images (p.png, q.png) for 1 HR"
    )


@pytest.mark.parametrize(
    ("hr", "lr"),
    [("a_HR", "a_LR"), ("a_gt", "a_lq"), ("a", "ax2"), ("a", "a_LR"), ("a_HR", "a_LR2"), ("a_HR_x2", "a_LRBI_x2")],
)
def test_lr_beside_hr_in_one_folder_is_never_counted_as_hr(folder, hr, lr):
    found = verified(folder({f"{hr}.png": ("ant", 1), f"{lr}.png": ("ant", 2)}))
    assert list(found.images) == ["a"]
    assert lr_names(found) == {"a": f"{lr}.png"}
    assert found.state == "complete"


def test_a_name_that_only_looks_like_lr_is_hr_where_the_sizes_say_so(folder):
    found = verified(folder({"a.png": ("ant", 1), "ax2.png": ("ant", 1)}))
    assert (list(found.images), found.lr) == (["a", "ax2"], {})


def test_images_that_are_all_lr_are_refused_unless_nobody_has_their_hr(folder):
    path = folder({"a_LR.png": ("ant", 1), "b_LR.png": ("bee", 1)})
    with pytest.raises(DataError, match="is LR by its name; add the HR, or give --unpaired"):
        describe("mine", [path])
    assert list(verified(path, truth=False).images) == ["a_LR", "b_LR"]


def test_rcans_layout_is_known(folder):
    path = folder({"HR/Mine/x2/a_HR_x2.png": ("ant", 1), "LR/LRBI/Mine/x2/a_LRBI_x2.png": ("ant", 2)})
    for given_path in (path, path / "HR" / "Mine"):
        found = verified(given_path)
        assert (list(found.images), lr_names(found)) == (["a"], {"a": "a_LRBI_x2.png"})


def test_lr_in_a_plain_folder_has_the_scale_of_its_size(folder):
    found = verified(folder({"HR/a.png": ("ant", 1), "LR/a.png": ("ant", 4), "LR_unknown/X2/ax2.png": ("ant", 2)}))
    assert lr_names(found, 4) == {"a": "a.png"}
    assert found.notes == ("Left out: LR_unknown: 1 image; srbench does not know this name of a folder.",)


def test_lr_of_the_size_of_uncropped_hr_is_refused_by_verify_and_by_run(tmp_path, save):
    save(tmp_path / "set/HR/baby.png", np.zeros((50, 50, 3), np.uint8))
    save(tmp_path / "set/LR_bicubic/X4/babyx4.png", np.zeros((13, 13, 3), np.uint8))
    found = verified(tmp_path / "set")
    (fault,) = found.all_problems
    assert fault.startswith(
        "babyx4.png is 13×13 pixels, made of HR that was not cropped to multiples of 4; baby is 50×50"
    )
    with pytest.raises(DataError, match="made of HR that was not cropped to multiples of 4"):
        Library(None, {}).lr_images(found.spec, 4)


def test_an_image_too_small_for_the_scale_of_its_lr_is_named(folder, save):
    path = folder({"HR/a.png": ("ant", 1), "LR_bicubic/X2/ax2.png": ("ant", 2), "LR_bicubic/X2/dotx2.png": ("ant", 4)})
    save(path / "HR/dot.png", np.zeros((1, 9, 3), np.uint8))
    spec = replace(describe("mine", [path]).spec, entries=(), images=None, left_out=())
    assert verify(spec, None).all_problems == ("dot is 1×9 pixels, too small to have a x2 LR; remove it from the set.",)


def test_what_is_there_and_not_taken_is_named(folder):
    path = folder({"HR/a.png": ("ant", 1), "HR/a.jpg": ("ant", 1), "GTmod12/a.png": ("ant", 1), "b.png": ("bee", 1)})
    (path / "HR/photo.heic").write_bytes(b"x")
    (path / "HR/._a.png").write_bytes(b"x")
    (path / "__MACOSX").mkdir()
    assert verified(path).notes == (
        "Left out: HR/photo.heic: not a kind of image that srbench reads.",
        "Left out: HR/a.jpg: a.png is the same image by its name.",
        "Left out: b.png: beside the HR folder, not in it.",
        "Left out: GTmod12: 1 image; another HR folder is used.",
    )


def test_an_image_of_two_folders_that_are_taken_together_is_named(folder, tmp_path):
    folder({"one/a.png": ("ant", 1), "two/a.png": ("bee", 1), "two/b.png": ("cow", 1)})
    spec = DatasetSpec(name="both", label="b", split="test", images=None, license="", citation="", folders=("set/*",))
    found = find_images(spec, tmp_path)
    assert list(found.hr) == ["a", "b"]
    assert found.hr["a"].parent.name == "one"
    assert found.left_out == (
        f"{tmp_path / 'set/two/a.png'}: {tmp_path / 'set/one/a.png'} is the same image by its name.",
    )


def test_a_manifest_finds_its_names_in_any_form_and_case(tmp_path, save, pictures):
    for name, picture in ((DECOMPOSED, "ant"), ("Bee", "bee"), ("03", "cow")):
        save(tmp_path / "Zoo" / f"{name}.png", pictures[picture])
    spec = DatasetSpec(
        name="zoo", label="Zoo", split="test", images=3, license="", citation="", names=(COMPOSED, "bee", "0003")
    )
    assert sorted(verify(spec, tmp_path).images) == ["0003", "bee", COMPOSED]


def test_nothing_is_paired_where_there_is_nothing():
    assert dict(pair({}, []).pairs) == {}

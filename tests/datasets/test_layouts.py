import pytest

from srbench.datasets.layouts import find_images
from srbench.datasets.spec import DatasetSpec


def spec(*folders, label="Farm"):
    return DatasetSpec(
        name="meadow", label=label, split="test", images=None, license="", citation="", folders=tuple(folders)
    )


def touch(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.mark.parametrize(
    "files",
    [
        ["Farm/HR/a.png", "Farm/HR/b.png", "Farm/LR_bicubic/X2/ax2.png", "Farm/LR_bicubic/X2/bx2.png"],
        [
            "benchmark/meadow/hr/a.png",
            "benchmark/meadow/hr/b.png",
            "benchmark/meadow/lr/x2/a.png",
            "benchmark/meadow/lr/x2/b.png",
        ],
        ["FARM/original/a.bmp", "FARM/original/b.bmp", "FARM/LRbicx2/a.png", "FARM/LRbicx2/b.png"],
        ["meadow/GTmod12/a.png", "meadow/GTmod12/b.png", "meadow/LRbicx2/a.png", "meadow/LRbicx2/b.png"],
        [f"Farm/image_SRF_2/{n}_SRF_2_{k}.png" for n in "ab" for k in ("HR", "LR", "bicubic", "SRCNN")],
        [f"Farm/{n}_{k}.png" for n in "ab" for k in ("HR", "LR2")],
        ["Farm_HR/a.png", "Farm_HR/b.png", "Farm_LR_bicubic/X2/ax2.png", "Farm_LR_bicubic/X2/bx2.png"],
        [
            "Farm/Farm_HR/a.png",
            "Farm/Farm_HR/b.png",
            "Farm/Farm_LR_bicubic/X2/ax2.png",
            "Farm/Farm_LR_bicubic/X2/bx2.png",
        ],
    ],
    ids=["HR", "nested", "original", "mod12", "SRF", "one folder", "DIV2K", "DIV2K in a folder"],
)
def test_each_layout_gives_the_same_names(tmp_path, files):
    touch(tmp_path, *files)
    found = find_images(spec("Farm_HR"), tmp_path)
    assert list(found.hr) == ["a", "b"]
    assert {scale: list(names) for scale, names in found.lr.items()} == {2: ["a", "b"]}


def test_a_flat_folder_is_hr_alone_even_beside_lr_folders_of_others(tmp_path):
    touch(tmp_path, "Farm/a.png", "Farm/notes.txt", "Farm/._a.png", "LRbicx2/a.png")
    found = find_images(spec(), tmp_path)
    assert list(found.hr) == ["a"]
    assert found.lr == {}


def test_each_srf_folder_gives_the_lr_of_its_own_scale(tmp_path):
    touch(tmp_path, *[f"Farm/image_SRF_{s}/a_SRF_{s}_{k}.png" for s in (2, 4) for k in ("HR", "LR")])
    found = find_images(spec(), tmp_path)
    assert found.hr["a"].parent.name == "image_SRF_2"
    assert {s: found.lr[s]["a"].name for s in found.lr} == {2: "a_SRF_2_LR.png", 4: "a_SRF_4_LR.png"}


def test_folders_and_names_may_have_real_scales(tmp_path):
    touch(tmp_path, "Farm/HR/a.png", "Farm/LR_bicubic/X2.3/a.png", "Farm/LRbicx3.7x1.5/ax3.7x1.5.png", "Farm/2.3/a.png")
    found = find_images(spec(), tmp_path)
    assert {str(scale): files["a"].parent.name for scale, files in found.lr.items()} == {
        "2.3": "X2.3",
        "3.7x1.5": "LRbicx3.7x1.5",
    }


def test_uncropped_images_are_preferred_to_cropped_ones_and_lossless_to_lossy(tmp_path):
    touch(tmp_path, "Farm/GTmod12/a.png", "Farm/HR/a.jpg", "Farm/HR/a.png")
    assert find_images(spec(), tmp_path).hr["a"] == tmp_path / "Farm/HR/a.png"


def test_folders_of_a_pattern_are_taken_together_and_scales_are_not_mixed(tmp_path):
    for camera in ("Canon", "Nikon"):
        for scale in (2, 4):
            touch(tmp_path, *[f"RealSR(V3)/{camera}/Test/{scale}/{camera}_001_{k}.png" for k in ("HR", f"LR{scale}")])
    found = find_images(spec("RealSR(V3)/*/Test/2", label="RealSR v3 (test, x2)"), tmp_path)
    assert list(found.hr) == ["Canon_001", "Nikon_001"]
    assert {path.parent.name for path in found.hr.values()} == {"2"}
    assert list(found.lr) == [2]


def test_an_absolute_folder_needs_no_data_root(tmp_path):
    touch(tmp_path, "somewhere/a.png")
    assert list(find_images(spec(str(tmp_path / "somewhere")), None).hr) == ["a"]


def test_nothing_is_found_where_there_is_nothing(tmp_path):
    assert find_images(spec(), tmp_path).folders == ()
    assert find_images(spec(), None).hr == {}
    assert find_images(spec(), tmp_path / "absent").hr == {}

import numpy as np
import pytest
from PIL import Image

from srbench.datasets.image_facts import image_facts
from srbench.datasets.library import Library
from srbench.datasets.manifest import read_manifest
from srbench.datasets.spec import DatasetSpec
from srbench.datasets.verification import verify
from srbench.errors import DataError
from srbench.imaging.pixels import pixel_hash


def test_a_sound_copy_is_complete(farm, root):
    found = verify(farm, root)
    assert found.state == "complete"
    assert list(found.images) == ["ant", "bee", "cow"]
    assert list(found.lr[2]) == ["ant", "bee", "cow"]
    assert found.notes == ()


@pytest.mark.parametrize(
    "name", ["set5", "set14", *(pytest.param(n, marks=pytest.mark.slow) for n in ("b100", "t91", "general100"))]
)
def test_the_shipped_manifest_accepts_the_copies_in_use(shared, name):
    [spec] = [spec for spec in read_manifest() if spec.name == name]
    found = verify(spec, shared("data/Set5").parent)
    assert found.all_problems == ()
    assert found.state == "complete"
    assert len(found.images) == spec.images


def test_a_missing_image_is_named(farm, root):
    (root / "Farm/HR/bee.png").unlink()
    found = verify(farm, root)
    assert "bee is missing." in found.problems
    with pytest.raises(DataError, match="bee is missing"):
        Library(root, {"farm": farm}).images(farm)


def test_an_extra_image_is_named(farm, root, save, pictures):
    save(root / "Farm/HR/dog.png", pictures["ant"][::-1])
    assert verify(farm, root).problems == ("dog.png does not belong to Farm.",)


def test_a_wrong_size_is_reported_with_both_sizes(farm, root, save, pictures):
    save(root / "Farm/HR/bee.png", pictures["bee"][:-1])
    assert verify(farm, root).problems == ("bee is 47×48 pixels (height × width) instead of 48×48.",)


def test_a_cropped_copy_is_recognised_as_one(farm, root, save, pictures):
    save(root / "Farm/HR/ant.png", pictures["ant"][:48, :56])
    [problem] = verify(farm, root).problems
    assert "48×56" in problem
    assert "cropped to multiples of 8" in problem


def test_one_changed_pixel_is_noticed(farm, root, save, pictures):
    changed = pictures["cow"].copy()
    changed[5, 5, 0] ^= 1
    save(root / "Farm/HR/cow.png", changed)
    [problem] = verify(farm, root).problems
    assert problem.startswith("cow has the right size but other pixels")


def test_a_copy_saved_in_another_format_is_the_same_image(farm, root, pictures):
    (root / "Farm/HR/cow.png").unlink()
    Image.fromarray(pictures["cow"]).save(root / "Farm/HR/COW.bmp")
    assert verify(farm, root).state == "complete"


def test_a_lossy_copy_is_noticed(farm, root, pictures):
    (root / "Farm/HR/cow.png").unlink()
    Image.fromarray(pictures["cow"]).save(root / "Farm/HR/cow.jpg", quality=80)
    assert "altered or compressed with loss" in verify(farm, root).problems[0]


@pytest.mark.parametrize("kept", [0, 20, 200])
def test_a_file_cut_short_is_named_and_nothing_else_is_blamed(farm, root, kept):
    path = root / "Farm/HR/ant.png"
    path.write_bytes(path.read_bytes()[:kept])
    [problem] = verify(farm, root).problems
    assert str(path) in problem


def test_an_empty_folder_and_an_absent_one_have_different_messages(farm, tmp_path):
    assert verify(farm, tmp_path).state == "absent"
    (tmp_path / "Farm").mkdir()
    found = verify(farm, tmp_path)
    assert found.state == "faulty"
    assert "holds no images of Farm" in found.problems[0]


def test_an_absent_dataset_is_answered_with_what_to_do(farm, tmp_path):
    with pytest.raises(DataError, match=r"put it as .*Farm"):
        Library(tmp_path, {"farm": farm}).images(farm)
    with pytest.raises(DataError, match="SRBENCH_DATA"):
        Library(None, {"farm": farm}).images(farm)


def test_many_faults_are_summed_up_in_the_error(farm, root):
    many = DatasetSpec(
        name="herd",
        label="Farm",
        split="test",
        images=40,
        license="",
        citation="",
        names=tuple(f"n{i}" for i in range(40)),
    )
    with pytest.raises(DataError) as caught:
        Library(root, {"herd": many, "farm": farm}).images(many)
    assert "40 of 40 images are missing" in str(caught.value)
    assert len(str(caught.value)) < 600


def test_an_lr_image_of_another_size_is_reported_with_the_right_one(farm, root, save, shrink, pictures):
    save(root / "Farm/LR_bicubic/X2/beex2.png", shrink(pictures["bee"], 3))
    found = verify(farm, root)
    assert found.problems == ()
    assert found.lr_problems[2] == ("beex2.png is 16×16 pixels; bee is 48×48, so that its x2 LR has 24×24.",)


def test_swapped_lr_images_of_equal_size_are_noticed(farm, root, save, shrink, pictures):
    save(root / "Farm/LR_bicubic/X2/beex2.png", shrink(pictures["ant"][:48, :48], 2))
    library = Library(root, {"farm": farm})
    assert len(library.images(farm)) == 3
    with pytest.raises(DataError, match=r"beex2\.png shows another picture than bee"):
        library.lr_images(farm, 2)


def test_missing_and_surplus_lr_images_are_named(farm, root):
    (root / "Farm/LR_bicubic/X2/beex2.png").rename(root / "Farm/LR_bicubic/X2/dogx2.png")
    assert verify(farm, root).lr_problems[2] == (
        "The x2 LR image dogx2.png has no HR image.",
        "The x2 LR image of bee is missing.",
    )


def test_lr_at_a_scale_that_is_not_there_is_none(farm, root):
    library = Library(root, {"farm": farm})
    assert library.lr_images(farm, 3) is None
    assert library.lr_hash(farm, 3) is None
    assert len(library.lr_hash(farm, 2)) == 64


def test_images_under_other_names_are_recognised_by_their_pixels(farm, tmp_path, save, shrink, pictures):
    for number, picture in enumerate(pictures.values(), 1):
        save(tmp_path / f"farm/image_SRF_2/img_00{number}_SRF_2_HR.png", picture)
        save(tmp_path / f"farm/image_SRF_2/img_00{number}_SRF_2_LR.png", shrink(picture, 2))
    found = verify(farm, tmp_path)
    assert found.state == "complete"
    assert found.images["bee"].name == "img_002_SRF_2_HR.png"
    assert found.lr[2]["bee"].name == "img_002_SRF_2_LR.png"
    assert "img_002 is bee" in found.notes[0]


def test_validation_images_among_the_training_images_are_called_so(tmp_path, save, pictures):
    def numbered(name, split, first, last):
        names = tuple(f"{n:04}" for n in range(first, last + 1))
        return DatasetSpec(
            name=name,
            label=name,
            split=split,
            images=len(names),
            license="",
            citation="",
            names=names,
            folders=("D2K",),
        )

    train, valid = numbered("d_train", "train", 1, 8), numbered("d_valid", "test", 9, 10)
    for number in range(1, 11):
        save(tmp_path / f"D2K/{number:04}.png", pictures["bee"])
    [problem] = verify(train, tmp_path, [valid, train]).problems
    assert problem.startswith("10 images instead of 8: 2 of them (0009 … 0010) are those of d_valid")
    assert "leak" in problem


def test_what_cannot_be_checked_is_said(root):
    bare = DatasetSpec(name="farm", label="Farm", split="test", images=None, license="", citation="")
    found = verify(bare, root)
    assert found.state == "unchecked"
    assert found.notes == ("The manifest has no facts about the images of Farm to check them against.",)
    counted = DatasetSpec(name="farm", label="Farm", split="test", images=4, license="", citation="")
    assert verify(counted, root).problems == ("There are 3 images; Farm has 4.",)


def test_a_second_look_decodes_nothing_and_a_changed_file_is_seen(farm, root, save, pictures, monkeypatch):
    first = verify(farm, root).content_hash
    with monkeypatch.context() as patch:
        patch.setattr("srbench.datasets.image_facts.read_facts", lambda path: pytest.fail(f"{path} was decoded again"))
        assert verify(farm, root).content_hash == first
    save(root / "Farm/HR/bee.png", pictures["bee"][::-1])
    again = verify(farm, root)
    assert again.problems
    assert again.content_hash != first


def test_a_damaged_memory_is_made_again(farm, root, tmp_path_factory, monkeypatch):
    cache = tmp_path_factory.mktemp("own")
    monkeypatch.setenv("SRBENCH_CACHE", str(cache))
    first = verify(farm, root).content_hash
    for content in ('{"version": 1, "files": [', "[]", '{"version": 1, "files": {"bee.png": [1]}}', "[" * 100_000):
        for file in cache.rglob("*.json"):
            file.write_text(content)
        assert verify(farm, root).content_hash == first


def test_the_hash_is_of_pixels_and_shape(tmp_path, save):
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    colour = np.repeat(grey[..., None], 3, axis=2)
    assert pixel_hash(grey) == pixel_hash(colour)
    assert pixel_hash(grey) != pixel_hash(grey.reshape(4, 3))
    save(tmp_path / "grey.png", grey)
    save(tmp_path / "colour.png", colour)
    facts, broken = image_facts([tmp_path / "grey.png", tmp_path / "colour.png"])
    assert not broken
    assert [mark.channels for mark in facts.values()] == [1, 3]

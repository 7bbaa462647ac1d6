"""A folder for each class, split by the position of an image in its class."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.labelled import draw, library_of, read
from srbench.datasets.labelled.layout import natural
from srbench.errors import DataError

CLASSES = 'layout = "class-folders"\nquestion = "classification"\n'


@pytest.fixture
def farm(tmp_path):
    """Two animals with eleven images each, and one with two, numbered without leading zeros."""
    for animal, count in {"ant": 11, "bee": 11, "cow/brown": 2}.items():
        draw(*(tmp_path / "farm" / animal / f"{number}.png" for number in range(1, count + 1)))
    return tmp_path


def test_folders_are_classes_in_natural_order(farm):
    found = read(farm, CLASSES)
    assert found.classes == ("ant", "bee", "cow/brown")
    assert list(found.images)[:3] == ["ant/1", "ant/2", "ant/3"]
    assert found.labels["bee/11"] == (1,)
    assert found.labels.keys() == found.images.keys()
    assert found.images["cow/brown/2"] == farm / "farm/cow/brown/2.png"
    assert found.summary() == "Labels for classification: 3 classes."


def test_classes_keep_the_order_in_which_they_are_listed(farm):
    assert read(farm, CLASSES + 'classes = ["cow/*", "bee"]').classes == ("cow/brown", "bee")


def test_positions_split_each_class(farm):
    train = read(farm, CLASSES + 'take = [1, 9]\nclasses = ["ant", "bee"]')
    test = read(farm, CLASSES + 'take = [10, 11]\nclasses = ["ant", "bee"]')
    assert sorted(test.images) == ["ant/10", "ant/11", "bee/10", "bee/11"]
    assert len(train.images) == 18
    assert not train.images.keys() & test.images.keys()


def test_images_can_be_left_out_without_moving_the_split(farm):
    found = read(farm, CLASSES + 'take = [1, 2]\nclasses = ["ant"]\nwithout = ["ant/2"]')
    assert list(found.images) == ["ant/1"]
    with pytest.raises(DataError, match="no image ant/99, which the set is described to be without"):
        read(farm, CLASSES + 'without = ["ant/99"]')


def test_the_gallery_is_chosen_by_position_and_the_rest_are_probes(farm):
    found = read(farm, 'layout = "class-folders"\nquestion = "identification"\ngallery = [1, 1]')
    assert found.gallery == ("ant/1", "bee/1", "cow/brown/1")
    assert len(found.probes) == 10 + 10 + 1
    assert "3 images in the gallery and 21 probes" in found.summary()


def test_pairs_are_drawn_from_the_classes(farm):
    labels = 'layout = "class-folders"\nquestion = "verification"\nclasses = ["ant", "bee"]\ntake = [1, 5]\n'
    found = read(farm, labels + "pairs = { impostors = 10, seed = 1, folds = 5 }")
    assert "20 genuine and 10 impostor pairs in 5 folds" in found.summary()
    with pytest.raises(DataError, match="20 genuine and 10 impostor pairs cannot be cut into 4 equal folds"):
        read(farm, labels + "pairs = { impostors = 10, seed = 1, folds = 4 }")
    with pytest.raises(DataError, match="26 impostor pairs are to be drawn, and the images make 25"):
        read(farm, labels + "pairs = { impostors = 26, seed = 1, folds = 2 }")


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ('classes = ["ant", "dog"]', r"no class dog in .*farm; its folders are ant, bee, cow/brown"),
        ('path = "train"', r"no folder .*farm/train; the classes of the set are expected in it"),
        ("take = [12, 20]", "folder .*farm holds no image that belongs to the set"),
        ('classes = ["ant", "cow/*"]\ntake = [12, 20]', "folder .*farm holds no image that belongs to the set"),
        ("take = [3, 20]", "no image of the class cow/brown; every class needs one"),
    ],
)
def test_labels_that_do_not_match_the_folders_are_refused(farm, labels, said):
    with pytest.raises(DataError, match=f"The dataset farm cannot be used.*{said}"):
        read(farm, CLASSES + labels)


def test_stray_images_are_refused(farm):
    draw(farm / "farm/cow/9.png")
    with pytest.raises(DataError, match=r"cow holds images and, in brown, more of them; give each class a folder"):
        read(farm, CLASSES)
    (farm / "farm/cow/9.png").rename(farm / "farm/9.png")
    with pytest.raises(DataError, match="farm holds images and, in ant, more of them"):
        read(farm, CLASSES)


def test_images_without_any_class_are_refused(tmp_path):
    draw(tmp_path / "farm/1.png")
    with pytest.raises(DataError, match=r"farm holds images outside any class \(1\); give each class a folder"):
        read(tmp_path, CLASSES)


def test_two_files_of_one_name_are_refused(farm):
    draw(farm / "farm/ant/7.bmp")
    with pytest.raises(DataError, match=r"7\.bmp and .*7\.png are the same image by name; remove one"):
        read(farm, CLASSES)


def test_a_broken_image_is_named(farm):
    (farm / "farm/ant/3.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"3\.png is empty"):
        read(farm, CLASSES)


def test_an_empty_folder_and_an_absent_one_are_two_things(tmp_path):
    with pytest.raises(
        DataError, match=r"The dataset farm is not below .*; get it from its authors, or put it as .*farm"
    ):
        read(tmp_path, CLASSES)
    (tmp_path / "farm").mkdir()
    with pytest.raises(DataError, match=r"folder .*farm holds no image that belongs to the set"):
        read(tmp_path, CLASSES)


def test_the_folder_that_has_the_classes_is_taken_among_those_of_the_name(farm):
    draw(farm / "other/FARM/train/ant/1.png")
    assert list(read(farm, CLASSES + 'path = "train"').images) == ["ant/1"]


def test_a_set_without_labels_is_not_labelled(farm):
    library, specs = library_of(farm, farm=CLASSES)
    plain = replace(specs["farm"], labels=None, name="plain", folders=("farm/ant",))
    with pytest.raises(DataError, match="The dataset plain has no labels"):
        library.labelled(plain)
    assert library.content_hash(plain) != library.content_hash(specs["farm"])


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 10**6)), min_size=1))
def test_natural_order_sorts_numbers_by_value(items):
    names = [f"{letter}{number}" for letter, number in items]
    assert sorted(names, key=natural) == [f"{letter}{number}" for letter, number in sorted(items)]


@given(st.lists(st.text()))
def test_any_names_can_be_sorted(names):
    assert sorted(sorted(names, key=natural)) == sorted(names)

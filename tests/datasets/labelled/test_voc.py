"""VOC2007, made up at its smallest: several classes an image, difficult ones ignored."""

import pytest

from helpers.labelled import draw, read, write
from srbench.errors import DataError

VOC = 'layout = "voc"\nquestion = "multilabel"\npart = "test"\n'


@pytest.fixture
def voc(tmp_path):
    lists = tmp_path / "farm/ImageSets/Main"
    draw(*(tmp_path / "farm/JPEGImages" / f"{number:06d}.jpg" for number in (1, 2, 4)))
    write(lists / "test.txt", "000001", "000002", "000004")
    write(lists / "trainval.txt", "000009")
    write(lists / "dog_test.txt", "000001  1", "000002 -1", "000004  1")
    write(lists / "cat_test.txt", "000001  0", "000002 -1", "000004  1")
    write(lists / "dog_trainval.txt", "000009 1")
    return tmp_path


def test_an_image_shows_any_number_of_classes_and_difficult_ones_are_ignored(voc):
    found = read(voc, VOC)
    assert found.classes == ("cat", "dog")
    assert found.labels == {"000001": (1,), "000002": (), "000004": (0, 1)}
    assert found.ignored == {"000001": (0,)}
    assert {path.name for path in found.sources} == {"test.txt", "cat_test.txt", "dog_test.txt"}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["000001 2"], r"cat_test\.txt, line 1: '000001 2' cannot be understood; write ID and 1 \(shown\)"),
        (["000001"], r"cat_test\.txt, line 1: '000001' cannot be understood"),
        (["000001 1", "000002 1"], r"cat_test\.txt and test\.txt do not list the same images: 000004"),
        (["000001 -1", "000002 -1", "000004 -1"], "no image of the class cat"),
    ],
)
def test_faults_of_a_list_are_named(voc, lines, said):
    write(voc / "farm/ImageSets/Main/cat_test.txt", *lines)
    with pytest.raises(DataError, match=said):
        read(voc, VOC)


def test_a_part_without_lists_is_refused(voc):
    lists = voc / "farm/ImageSets/Main"
    for path in lists.glob("*_test.txt"):
        path.unlink()
    with pytest.raises(DataError, match=r"Main has no list such as aeroplane_test\.txt for any class"):
        read(voc, VOC)
    (lists / "test.txt").unlink()
    with pytest.raises(DataError, match=r"test\.txt is missing"):
        read(voc, VOC)


def test_an_image_that_is_listed_and_missing_is_named(voc):
    (voc / "farm/JPEGImages/000002.jpg").unlink()
    with pytest.raises(DataError, match=r"no image at .*000002\.jpg"):
        read(voc, VOC)

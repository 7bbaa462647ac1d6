"""CUB-200-2011 and FGVC-Aircraft, made up at their smallest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.labelled import draw, read, write
from srbench.errors import DataError

BIRDS = (
    "001.Black_footed_Albatross/a_1.jpg",
    "001.Black_footed_Albatross/a_2.jpg",
    "002.Crow/c_1.jpg",
    "002.Crow/c_2.jpg",
)
CUB = 'layout = "cub"\nquestion = "classification"\npart = "{}"\n'
AIRCRAFT = 'layout = "aircraft"\nquestion = "classification"\npart = "{}"\nlevel = "{}"\n'


@pytest.fixture
def birds(tmp_path):
    farm = tmp_path / "farm"
    draw(*(farm / "images" / bird for bird in BIRDS))
    write(farm / "images.txt", *(f"{number} {bird}" for number, bird in enumerate(BIRDS, 1)))
    write(farm / "classes.txt", "1 001.Black_footed_Albatross", "2 002.Crow")
    write(farm / "image_class_labels.txt", "1 1", "2 1", "3 2", "4 2")
    write(farm / "train_test_split.txt", "1 1", "2 0", "3 0", "4 1")
    return tmp_path


def test_cub_is_split_by_its_flags_and_labelled_from_zero(birds):
    train, test = read(birds, CUB.format("train")), read(birds, CUB.format("test"))
    assert train.classes == test.classes == ("001.Black_footed_Albatross", "002.Crow")
    assert train.labels == {"001.Black_footed_Albatross/a_1": (0,), "002.Crow/c_2": (1,)}
    assert test.labels == {"001.Black_footed_Albatross/a_2": (0,), "002.Crow/c_1": (1,)}
    assert {path.name for path in test.sources} == {
        "images.txt", "classes.txt", "image_class_labels.txt", "train_test_split.txt",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("file", "lines", "said"),
    [
        ("images.txt", ["1"], r"images\.txt, line 1: '1' cannot be understood; write NUMBER PATH"),
        ("images.txt", ["x a.jpg"], r"images\.txt, line 1: 'x a\.jpg' cannot be understood"),
        ("images.txt", ["1 a/b.jpg", "1 a/c.jpg"], r"images\.txt, line 2: the number 1 is there twice"),
        (
            "images.txt",
            ["1 002.Crow/../../../x.jpg"],
            "labelled 001.Black_footed_Albatross in .*; its folder disagrees",
        ),
        (
            "image_class_labels.txt",
            ["1 1", "2 1", "3 2", "4 9"],
            "says class 9 for image 4, which classes.txt does not",
        ),
        ("image_class_labels.txt", ["1 1", "2 1", "3 2"], "says class None for image 4"),
        ("image_class_labels.txt", ["1 1", "2 1", "3 1", "4 2"], "002.Crow/c_1.jpg is labelled 001.*folder disagrees"),
        (
            "train_test_split.txt",
            ["1 1", "2 0", "3 0"],
            r"train_test_split\.txt says None for image 4; write NUMBER and",
        ),
        ("train_test_split.txt", ["1 1", "2 1", "3 0", "4 1"], "no image of the class 001.Black_footed_Albatross"),
    ],
)
def test_faults_of_cub_are_named(birds, file, lines, said):
    write(birds / "farm" / file, *lines)
    with pytest.raises(DataError, match=said):
        read(birds, CUB.format("test"))


def test_a_missing_list_or_image_of_cub_is_named(birds):
    (birds / "farm/images" / BIRDS[1]).unlink()
    with pytest.raises(DataError, match=r"no image at .*a_2\.jpg"):
        read(birds, CUB.format("test"))
    (birds / "farm/classes.txt").unlink()
    with pytest.raises(DataError, match=r"classes\.txt is missing; it lists what belongs to the set"):
        read(birds, CUB.format("test"))


def test_odd_encodings_are_refused_and_a_byte_order_mark_is_not(birds):
    path = birds / "farm/classes.txt"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read(birds, CUB.format("test")).classes[1] == "002.Crow"
    path.write_bytes("1 Möwe".encode("utf-16"))
    with pytest.raises(DataError, match=r"classes\.txt is not text in UTF-8 \(byte 0\); save it as UTF-8"):
        read(birds, CUB.format("test"))


@pytest.fixture
def aircraft(tmp_path):
    data = tmp_path / "farm/data"
    draw(*(data / "images" / f"{number}.jpg" for number in ("0034309", "0034958", "1025794")))
    write(data / "variants.txt", "707-320", "Boeing 717")
    write(data / "families.txt", "Boeing 707", "Boeing 717")
    write(data / "images_variant_trainval.txt", "1025794 707-320", "0034309 Boeing 717")
    write(data / "images_family_test.txt", "0034958 Boeing 717", "1025794 Boeing 707")
    return tmp_path


def test_aircraft_have_classes_with_blanks_at_each_level(aircraft):
    variants = read(aircraft, AIRCRAFT.format("trainval", "variant"))
    assert variants.classes == ("707-320", "Boeing 717")
    assert variants.labels == {"1025794": (0,), "0034309": (1,)}
    assert read(aircraft, AIRCRAFT.format("test", "family")).labels == {"0034958": (1,), "1025794": (0,)}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            ["1025794 707-320", "0034309 Boeing 7"],
            r"line 2: '0034309 Boeing 7' cannot be understood; write ID CLASS, the",
        ),
        (["1025794"], r"line 1: '1025794' cannot be understood"),
        (["1025794 707-320", "1025794 Boeing 717"], "line 2: .* the image is listed twice"),
        (["../x 707-320", "1 Boeing 717"], r"The name '\.\./x\.jpg' leads out of .*images"),
    ],
)
def test_faults_of_aircraft_are_named(aircraft, lines, said):
    write(aircraft / "farm/data/images_variant_trainval.txt", *lines)
    with pytest.raises(DataError, match=said):
        read(aircraft, AIRCRAFT.format("trainval", "variant"))


def test_a_missing_level_of_aircraft_is_named(aircraft):
    with pytest.raises(DataError, match=r"manufacturers\.txt is missing"):
        read(aircraft, AIRCRAFT.format("test", "manufacturer"))


@given(text=st.text())
def test_any_list_is_read_or_refused(tmp_path_factory, text):
    root = tmp_path_factory.mktemp("birds")
    for name in ("images", "classes", "image_class_labels", "train_test_split"):
        write(root / "farm" / f"{name}.txt", text)
    with pytest.raises(DataError):
        read(root, CUB.format("test"))

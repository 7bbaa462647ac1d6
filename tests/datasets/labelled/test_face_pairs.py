"""Lists of pairs: exported images with LEFT RIGHT FLAG, and LFW's own pairs.txt."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.labelled import draw, read, write
from srbench.datasets.labelled.images import Pair
from srbench.errors import DataError

EXPORTED = """layout = "face-pairs"
question = "verification"
path = "ages"
list = "ages.txt"
pickle = "ages.bin"
folds = 2
"""
LFW = 'layout = "lfw"\nquestion = "verification"\n'


@pytest.fixture
def exported(tmp_path):
    """Two folds of one genuine and one impostor pair, and an image that no pair names."""
    draw(*(tmp_path / "farm/ages" / f"{number:05d}.jpg" for number in range(1, 10)))
    write(
        tmp_path / "farm/ages.txt", "00001.jpg 00002.jpg 1", "00003.jpg 00004.jpg -1", "00005 00006 1", "00007 00008 0"
    )
    return tmp_path


def test_exported_pairs_are_cut_into_folds_by_their_lines(exported):
    found = read(exported, EXPORTED)
    assert found.pairs == (
        Pair("00001", "00002", same=True, fold=0),
        Pair("00003", "00004", same=False, fold=0),
        Pair("00005", "00006", same=True, fold=1),
        Pair("00007", "00008", same=False, fold=1),
    )
    assert list(found.images) == [f"{number:05d}" for number in range(1, 9)]
    assert (found.labels, found.classes) == ({}, ())
    assert found.sources == (exported / "farm/ages.txt",)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["1 2 1", "00003 00004 -1"], r"The pairs of .*ages\.txt name images that are not there: 1, 2\."),
        (["00001 00002", "00003 00004 -1"], r"ages\.txt, line 1: '00001 00002' cannot be understood; write LEFT RIGHT"),
        (["00001 00002 1", "00003 00004 yes"], r"ages\.txt, line 2: '00003 00004 yes' cannot be understood"),
        (["00001 00002 1", "00003 00004 -1", "00005 00006 1"], r"has 3 pairs, which cannot be cut into 2 equal folds"),
        ([], r"has 0 pairs, which cannot be cut into 2 equal folds"),
        (["00001 00002 1", "00003 00004 1"], "Fold 0 of the pairs needs genuine and impostor pairs and has one kind"),
        (["00001 00001 1", "00003 00004 -1", "00005 00006 1", "00007 00008 -1"], "an image with itself: 00001"),
        (["x" * 200, "00003 00004 -1"], r"line 1: 'x+'… cannot be understood"),
    ],
)
def test_faults_of_a_list_are_named(exported, lines, said):
    write(exported / "farm/ages.txt", *lines)
    with pytest.raises(DataError, match=said):
        read(exported, EXPORTED)


def test_missing_images_and_lists_are_named(exported):
    (exported / "farm/ages/00003.jpg").unlink()
    with pytest.raises(DataError, match=r"name images that are not there: 00003\."):
        read(exported, EXPORTED)
    (exported / "farm/ages.txt").unlink()
    with pytest.raises(DataError, match=r"ages\.txt is missing"):
        read(exported, EXPORTED)


def test_the_pickle_holds_the_same_pairs(exported):
    listed = read(exported, EXPORTED)
    encoded = [(exported / f"farm/ages/{number:05d}.jpg").read_bytes() for number in range(1, 9)]
    with (exported / "farm/ages.bin").open("wb") as file:
        pickle.dump((encoded, [True, False, True, False]), file, protocol=4)
    (exported / "farm/ages.txt").unlink()
    found = read(exported, EXPORTED)
    assert found.pairs == listed.pairs
    assert [path.read_bytes() for path in found.images.values()] == encoded
    assert list(found.images) == list(listed.images)
    assert read(exported, EXPORTED).images == found.images


@given(text=st.text(alphabet=st.characters(codec="utf-8")))
def test_any_list_is_read_or_refused(tmp_path_factory, text):
    root = tmp_path_factory.mktemp("pairs")
    write(root / "farm/ages.txt", text)
    write(root / "farm/pairs.txt", text)
    for labels in (EXPORTED, LFW):
        with pytest.raises(DataError):
            read(root, labels)


@pytest.fixture
def lfw(tmp_path):
    for person in ("Ann_Bee", "Cy", "Di_E"):
        draw(*(tmp_path / "farm" / person / f"{person}_{number:04d}.jpg" for number in (1, 2, 3)))
    write(
        tmp_path / "farm/pairs.txt", "2\t1", "Ann_Bee\t1\t3", "Ann_Bee\t2\tCy\t1", "Di_E\t1\t2", "Di_E\t3\tCy\t2",
    )  # fmt: skip
    return tmp_path


def test_lfw_names_people_and_numbers(lfw):
    found = read(lfw, LFW)
    assert found.pairs == (
        Pair("Ann_Bee/Ann_Bee_0001", "Ann_Bee/Ann_Bee_0003", same=True, fold=0),
        Pair("Ann_Bee/Ann_Bee_0002", "Cy/Cy_0001", same=False, fold=0),
        Pair("Di_E/Di_E_0001", "Di_E/Di_E_0002", same=True, fold=1),
        Pair("Di_E/Di_E_0003", "Cy/Cy_0002", same=False, fold=1),
    )
    assert found.classes == ("Ann_Bee", "Cy", "Di_E")
    assert found.labels["Cy/Cy_0002"] == (1,)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["2 1", "Ann_Bee 1 3"], r"pairs\.txt has 1 pairs; its first line says 2 folds of 1 genuine and 1 impostor"),
        (["Ann_Bee 1"], r"line 1: 'Ann_Bee 1' cannot be understood; write the number of folds"),
        (["0 1"], "line 1: '0 1' cannot be understood"),
        ([], r"pairs\.txt is empty"),
        (["1 1", "Ann_Bee 1 3", "Ann_Bee 1"], r"line 3: 'Ann_Bee 1' cannot be understood; write NAME NUMBER NUMBER"),
        (["1 1", "Ann_Bee 1 x", "Ann_Bee 1 Cy 1"], "line 2: 'Ann_Bee 1 x' cannot be understood"),
        (["1 1", "Ann_Bee 1 9", "Ann_Bee 1 Cy 1"], r"images that are not there: Ann_Bee/Ann_Bee_0009\."),
        (["1 1", "../x 1 2", "Ann_Bee 1 Cy 1"], "leads out of"),
        (["1 1", "Ann_Bee 1 3", "Cy 2 Cy 1"], "The pair Cy/Cy_0002 and Cy/Cy_0001 is called impostor, which"),
    ],
)
def test_faults_of_lfw_are_named(lfw, lines, said):
    write(lfw / "farm/pairs.txt", *lines)
    with pytest.raises(DataError, match=said):
        read(lfw, LFW)

"""TinyFace, made up at its smallest."""

import pytest

from helpers.labelled import draw, read
from srbench.errors import DataError

TINY = 'layout = "tinyface"\nquestion = "{}"\n'


@pytest.fixture
def faces(tmp_path):
    farm = tmp_path / "farm"
    probes, matches, distractors, train = "Probe", "Gallery_Match", "Gallery_Disctractor", "Train"
    draw(*(farm / probes / name for name in ("12_a.jpg", "7_b.jpg")))
    draw(*(farm / matches / name for name in ("12_c.jpg", "7_d.jpg")))
    draw(*(farm / distractors / name for name in ("x1.jpg", "x2.jpg")))
    draw(*(farm / train / name for name in ("3_a.jpg", "44_a.jpg", "44_b.jpg")))
    return tmp_path


@pytest.mark.parametrize("spelling", ["Gallery_Disctractor", "Gallery_Distractor"])
def test_probes_are_looked_for_among_matches_and_distractors(faces, spelling):
    (faces / "farm/Gallery_Disctractor").rename(faces / "farm" / spelling)
    found = read(faces, TINY.format("identification"))
    assert found.classes == ("7", "12")
    assert found.probes == ("Probe/7_b", "Probe/12_a")
    assert found.gallery == (
        "Gallery_Match/7_d", "Gallery_Match/12_c", f"{spelling}/x1", f"{spelling}/x2",
    )  # fmt: skip
    assert found.labels["Gallery_Match/12_c"] == found.labels["Probe/12_a"] == (1,)
    assert found.labels[f"{spelling}/x1"] == ()


def test_the_training_images_have_the_identity_of_their_names(faces):
    found = read(faces, TINY.format("classification"))
    assert found.classes == ("3", "44")
    assert found.labels == {"Train/3_a": (0,), "Train/44_a": (1,), "Train/44_b": (1,)}
    assert (found.gallery, found.probes) == ((), ())


def test_faults_are_named(faces):
    draw(faces / "farm/Probe/nobody_1.jpg")
    with pytest.raises(DataError, match=r"The name of .*nobody_1\.jpg does not begin with the number of an identity"):
        read(faces, TINY.format("identification"))
    (faces / "farm/Probe").rename(faces / "farm/Probes")
    with pytest.raises(DataError, match=r"no folder .*Probe; TinyFace has Probe, Gallery_Match and Gallery_Distractor"):
        read(faces, TINY.format("identification"))

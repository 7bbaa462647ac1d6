"""Recognition refuses sets that do not fit together before anything is trained."""

from dataclasses import replace

import pytest

from helpers.labelled import draw, library_of
from srbench.errors import DataError
from srbench.tasks.recognition.task import Recognition
from srbench.tasks.super_resolution.task import SuperResolution

pytestmark = pytest.mark.usefixtures("empty_cache")
FOLDERS = 'layout = "class-folders"\n'


@pytest.fixture
def check(tmp_path):
    """Check a model that was trained on one set and is measured on another."""
    draw(*(tmp_path / "farm" / f"{animal}/{number}.png" for animal in ("ant", "bee", "cow") for number in range(1, 5)))
    library, specs = library_of(
        tmp_path,
        train=FOLDERS + 'question = "classification"\nclasses = ["ant", "bee"]\ntake = [1, 2]',
        test=FOLDERS + 'question = "classification"\nclasses = ["ant", "bee"]\ntake = [3, 4]',
        all=FOLDERS + 'question = "classification"\ntake = [3, 4]',
        same=FOLDERS + 'question = "classification"\nclasses = ["ant", "bee"]\ntake = [2, 3]',
        open=FOLDERS + 'question = "identification"\nclasses = ["cow"]\ngallery = [1, 1]',
        closed=FOLDERS + 'question = "identification"\nclasses = ["bee", "cow"]\ntake = [3, 4]\ngallery = [3, 3]',
    )
    specs["plain"] = replace(specs["train"], name="plain", labels=None, folders=("farm/ant",))

    def run(train, test, scale=4, task=Recognition):
        task().check_data(library, [specs[name] for name in train], specs[test], scale)

    return run


def test_sets_that_fit_are_measured(check):
    check(["train"], "test")
    check(["train"], "open")
    check([], "closed")
    check(["plain"], "open")  # a network in front of a recogniser


@pytest.mark.parametrize(
    ("train", "test", "scale", "said"),
    [
        ("train", "same", 4, "The training image ant/2 is the test image ant/2, pixel by pixel"),
        ("train", "all", 4, r"train lacks 1 class of all \(cow\)"),
        ("train", "closed", 4, r"1 identity of closed \(bee\) is also in train, and identification is tested on"),
        ("train", "test", 16, r"4 images of test cannot be reduced by 16 .*: ant/3 \(8×8\)"),
    ],
)
def test_sets_that_do_not_fit_are_refused(check, train, test, scale, said):
    with pytest.raises(DataError, match=said):
        check([train], test, scale)


def test_labels_do_not_matter_to_super_resolution(check):
    check(["train"], "all", task=SuperResolution)
    with pytest.raises(DataError, match="Scores would be worthless"):
        check(["train"], "same", task=SuperResolution)

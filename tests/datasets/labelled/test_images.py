"""What must fit together in a labelled set, and what its hash covers."""

from dataclasses import replace
from pathlib import Path

import pytest

from srbench.datasets.labelled.images import LabelledImages, Pair, joint_hash, label_faults

IMAGES = {name: Path(f"{name}.png") for name in ("a1", "a2", "b1", "b2")}
LABELS = {"a1": (0,), "a2": (0,), "b1": (1,), "b2": (1,)}
SOUND = {
    "classification": LabelledImages(question="classification", images=IMAGES, classes=("a", "b"), labels=LABELS),
    "multilabel": LabelledImages(
        question="multilabel", images=IMAGES, classes=("a", "b"), labels=LABELS | {"a2": (), "b2": (0, 1)},
        ignored={"a1": (1,)},
    ),
    "verification": LabelledImages(
        question="verification", images=IMAGES, classes=("a", "b"), labels=LABELS,
        pairs=(Pair("a1", "a2", True, 0), Pair("a1", "b1", False, 0), Pair("b1", "b2", True, 1),
               Pair("b2", "a2", False, 1)),
    ),
    "identification": LabelledImages(
        question="identification", images=IMAGES | {"x": Path("x.png")}, classes=("a", "b"), labels=LABELS | {"x": ()},
        gallery=("a1", "b1", "x"), probes=("a2", "b2"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("question", SOUND)
def test_sound_sets_have_no_faults(question):
    assert label_faults(SOUND[question]) == []


def test_pairs_alone_are_enough_for_verification():
    assert label_faults(replace(SOUND["verification"], labels={}, classes=())) == []


@pytest.mark.parametrize(
    ("question", "change", "said"),
    [
        ("classification", {"classes": ("a", "a", "b")}, "The class 'a' is listed twice; remove one."),
        ("classification", {"labels": LABELS | {"c1": (0,)}}, "The labels name images that are not there: c1."),
        ("multilabel", {"ignored": {"c1": (0,)}}, "The ignored classes name images that are not there: c1."),
        ("classification", {"labels": LABELS | {"b2": (2,)}}, "The labels of b2 are outside the 2 classes."),
        ("classification", {"labels": LABELS | {"b2": (-1,)}}, "The labels of b2 are outside the 2 classes."),
        ("multilabel", {"ignored": {"a1": (5,)}}, "The ignored classes of a1 are outside the 2 classes."),
        ("classification", {"labels": {"a1": (0,), "b1": (1,)}}, "There is no label for a2, b2."),
        ("multilabel", {"labels": {"a1": (0,), "b1": (1,)}}, "There is no label for a2, b2."),
        ("classification", {"labels": LABELS | {"a1": (0, 1)}},
         "Every image needs one label; these have several or none: a1."),
        ("classification", {"labels": LABELS | {"a1": ()}},
         "Every image needs one label; these have several or none: a1."),
        ("identification", {"labels": LABELS | {"x": (), "a2": ()}},
         "Every image needs one label; these have several or none: a2."),
        ("classification", {"classes": ("a", "b", "c")}, "There is no image of the class c; every class needs one."),
        ("multilabel", {"classes": ("a", "b", "c", "d")},
         "There is no image of the classes c, d; every class needs one."),
        ("classification", {"pairs": SOUND["verification"].pairs},
         "Pairs are for verification, and the question is classification; remove one of them."),
        ("classification", {"gallery": ("a1",)},
         "A gallery is for identification, and the question is classification; remove one of them."),
        ("verification", {"pairs": ()}, "There are no pairs, and verification needs them."),
        ("verification", {"pairs": (*SOUND["verification"].pairs, Pair("z", "a1", False, 0))},
         "Pairs name images that are not there: z."),
        ("verification", {"pairs": (*SOUND["verification"].pairs, Pair("a1", "a1", True, 0))},
         "Pairs compare an image with itself: a1."),
        ("verification", {"pairs": tuple(pair._replace(fold=pair.fold + 1) for pair in SOUND["verification"].pairs)},
         "The folds of the pairs are numbered 1, 2; count from 0."),
        ("verification", {"pairs": SOUND["verification"].pairs[:3]},
         "Fold 1 of the pairs needs genuine and impostor pairs and has one kind only."),
        ("verification", {"pairs": (*SOUND["verification"].pairs, Pair("a1", "b2", True, 0))},
         "The pair a1 and b2 is called genuine, which their labels contradict."),
        ("identification", {"gallery": ()}, "Identification needs a gallery and probes, and one of them is empty."),
        ("identification", {"probes": ("a2", "z")}, "Gallery or probes name images that are not there: z."),
        ("identification", {"probes": ("a2", "a1")},
         "Images are in gallery and probes, or twice in one of them: a1."),
    ],
)  # fmt: skip
def test_each_fault_is_a_sentence(question, change, said):
    assert said in label_faults(replace(SOUND[question], **change))


@pytest.mark.parametrize(
    ("question", "change"),
    [
        ("classification", {"classes": ("b", "a")}),
        ("classification", {"labels": LABELS | {"a1": (1,)}}),
        ("classification", {"question": "multilabel"}),
        ("multilabel", {"ignored": {}}),
        ("verification", {"pairs": SOUND["verification"].pairs[::-1]}),
        ("verification", {"pairs": tuple(pair._replace(fold=0) for pair in SOUND["verification"].pairs)}),
        ("identification", {"gallery": ("a1", "b1")}),
        ("identification", {"probes": ("b2", "a2")}),
    ],
)
def test_the_hash_covers_labels_pairs_and_splits(question, change):
    sound = SOUND[question]
    assert joint_hash("pixels", replace(sound, **change)) != joint_hash("pixels", sound)


def test_the_hash_covers_pixels_and_not_the_place_or_the_order_of_reading():
    sound = SOUND["classification"]
    moved = replace(sound, labels=dict(reversed(LABELS.items())), origin=Path("/elsewhere"), sources=(Path("list"),))
    assert joint_hash("pixels", moved) == joint_hash("pixels", sound)
    assert joint_hash("others", sound) != joint_hash("pixels", sound)

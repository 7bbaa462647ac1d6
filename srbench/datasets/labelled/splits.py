"""Whether a training set and a test set fit together: classes, identities, and the sizes of their images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from srbench.datasets.image_facts import image_facts
from srbench.datasets.labelled.images import LabelledImages
from srbench.errors import DataError
from srbench.imaging.folders import name_some
from srbench.scales import Scale, lr_size


def assert_splits_fit(train: tuple[str, LabelledImages], test: tuple[str, LabelledImages]) -> None:
    """Refuse a test of what was not trained for, or of identities that training has seen.

    In classification and multilabel both sets have the same classes in the same order. Verification and identification
    are open-set: no identity of the test set is in the training set. Identities are compared if both sets come from the
    same folder, since elsewhere the same name may be another person. Whether both sets share an image is for
    `srbench.datasets.overlap`.

    Args:
        train: Name and labels of the training set.
        test: Name and labels of the test set.

    Raises:
        DataError: They do not fit together; names what is missing or shared.
    """
    (train_name, trained), (test_name, tested) = train, test
    if tested.question in {"verification", "identification"}:
        shared = [name for name in tested.classes if name in set(trained.classes)]
        if shared and trained.origin is not None and trained.origin == tested.origin:
            raise DataError(
                f"{_count(shared, 'identity', 'identities')} of {test_name} ({name_some(shared)}) {_are(shared)} also "
                f"in {train_name}, and {tested.question} is tested on identities that training has not seen; train on "
                "other ones."
            )
        return
    if trained.question != tested.question:
        raise DataError(f"{train_name} trains {trained.question}, and {test_name} tests {tested.question}.")
    if trained.classes == tested.classes:
        return
    for name, own, other_name, other in (
        (train_name, trained, test_name, tested),
        (test_name, tested, train_name, trained),
    ):
        if missing := [one for one in other.classes if one not in set(own.classes)]:
            raise DataError(
                f"{name} lacks {_count(missing, 'class', 'classes')} of {other_name} ({name_some(missing)}); "
                "train and test on sets of the same classes."
            )
    raise DataError(f"{train_name} and {test_name} list their classes in another order; list them in the same order.")


def assert_large_enough(name: str, images: Mapping[str, Path], ratio: Scale, least: int = 1) -> None:
    """Refuse a dataset with images that are too small to be reduced.

    Args:
        name: Name of the dataset.
        images: Its images.
        ratio: Ratio of the HR side to the LR side.
        least: Pixels that both sides need after the reduction.

    Raises:
        DataError: An image is smaller than ``ratio`` times ``least``; names the first ones.
    """
    facts, broken = image_facts(images.values())
    for text in broken.values():
        raise DataError(text)
    small = [
        f"{image} ({facts[path].size})"
        for image, path in images.items()
        if min(lr_size((facts[path].height, facts[path].width), ratio)) < least
    ]
    if small:
        raise DataError(
            f"{_count(small, 'image', 'images')} of {name} cannot be reduced by {ratio} to {least} pixels or more: "
            f"{name_some(small)}; choose a smaller ratio."
        )


def _count(names: Sequence[str], one: str, several: str) -> str:
    return f"{len(names)} {one if len(names) == 1 else several}"


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"

"""Made-up answers of a recogniser, from right to random, for tests of metrics."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from srbench.datasets.labelled.images import LabelledImages, Pair, Question
from srbench.measuring.recognition.answers import Answers

CLASSES, IMAGES_OF_A_CLASS = 24, 10
LENGTH = 4.0
"""The length of the embedding of a class."""
FOLDS, PAIRS_OF_A_KIND = 10, 1000


def made_up_answers(question: Question, *, noise: float = 0.0, seed: int = 0) -> Answers:
    """Make a labelled set and a model's answers about it: 240 images of 24 classes.

    Args:
        question: What the set asks.
        noise: Standard deviation of what is added to the embedding of a class; its length is 4. All answers are
            right at 0, and hardly any at 100.
        seed: Another set and other answers for another number.
    """
    generator = np.random.default_rng(seed)
    names = tuple(f"{number % CLASSES:02d}/{number // CLASSES}" for number in range(CLASSES * IMAGES_OF_A_CLASS))
    classes = np.arange(len(names)) % CLASSES
    shown = np.eye(CLASSES, dtype=bool)[classes]
    if question == "multilabel":
        shown |= np.roll(shown, 1, axis=1) & (generator.random(len(names)) < 0.5)[:, None]
    directions = np.linalg.qr(generator.normal(size=(CLASSES, CLASSES)))[0] * LENGTH
    exact = shown @ directions
    embeddings, mirrored = (exact + noise * generator.normal(size=exact.shape) for _ in range(2))
    labelled = LabelledImages(
        question=question,
        images={name: Path(f"{name}.png") for name in names},
        classes=tuple(f"class {number}" for number in range(CLASSES)),
        labels={name: tuple(np.flatnonzero(row).tolist()) for name, row in zip(names, shown, strict=True)},
        pairs=_pairs(names, classes.tolist(), generator) if question == "verification" else (),
        gallery=names[:CLASSES] if question == "identification" else (),
        probes=names[CLASSES:] if question == "identification" else (),
    )
    return Answers(
        labelled=labelled, names=names, embeddings=embeddings, mirrored=mirrored, logits=embeddings @ directions.T
    )


def _pairs(names: tuple[str, ...], classes: list[int], generator: np.random.Generator) -> tuple[Pair, ...]:
    every = [(left, right) for right in range(len(names)) for left in range(right)]
    kinds = {same: [pair for pair in every if (classes[pair[0]] == classes[pair[1]]) is same] for same in (True, False)}
    found = []
    for same in (True, False):
        drawn = generator.choice(len(kinds[same]), PAIRS_OF_A_KIND, replace=False)
        chosen = [kinds[same][number] for number in drawn]
        found += [Pair(names[left], names[right], same, place % FOLDS) for place, (left, right) in enumerate(chosen)]
    return tuple(found)

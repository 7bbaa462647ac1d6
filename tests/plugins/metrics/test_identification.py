"""Identification against outside values, and what must hold for any gallery."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from srbench_plugins.metrics.identification import NOBODY, places, register_metrics

import srbench
from helpers import ORACLES
from srbench.catalog.catalog import load_catalog
from srbench.datasets.labelled.images import LabelledImages
from srbench.datasets.library import Library
from srbench.errors import UnavailableError
from srbench.testing import made_up_answers

METRICS = {spec.name: spec for spec in register_metrics()}


def answers_of(probes, gallery, probe_labels, gallery_labels, mirrored=None):
    """Make answers; a negative label is that of nobody."""
    names = [f"probe {number}" for number in range(len(probes))], [f"known {number}" for number in range(len(gallery))]
    labels = dict(zip(names[0] + names[1], [*probe_labels, *gallery_labels], strict=True))
    labelled = LabelledImages(
        question="identification", images={name: Path(name) for name in labels},
        classes=tuple(map(str, range(max(labels.values()) + 1))),
        labels={name: (int(own),) if own >= 0 else () for name, own in labels.items()},
        probes=tuple(names[0]), gallery=tuple(names[1]),
    )  # fmt: skip
    vectors = np.concatenate([probes, gallery])
    return srbench.Answers(
        labelled=labelled, names=tuple(labels), embeddings=vectors, mirrored=vectors if mirrored is None else mirrored
    )


def test_ranks_equal_outside_values():
    oracle = np.load(ORACLES / "recognition/identification_rank.npz")
    arrays = [oracle[name] for name in ("probe", "gallery", "probe_label", "gallery_label")]
    found = places(arrays[0], arrays[1], arrays[2], np.where(arrays[3] < 0, NOBODY, arrays[3]))
    for k in (1, 5, 10, 20):
        assert 100 * (found < k).mean() == pytest.approx(float(oracle[f"rank{k}"]), abs=1e-12)
    answers = answers_of(*arrays)
    for k in (1, 5, 10):
        assert METRICS[f"rank{k}"].score(answers).value == pytest.approx(float(oracle[f"rank{k}"]), abs=1e-12)
    assert METRICS["one_shot"].score(answers).value == pytest.approx(float(oracle["rank1"]), abs=1e-12)
    with pytest.raises(UnavailableError, match="among the 20 best of a gallery of 20"):
        METRICS["rank20"].score(answers)


def test_eigenfaces_identify_as_many_faces_as_outside(shared):
    """60 whitened components of the training faces; 72.2 % were measured by other code on the same split."""
    catalog = load_catalog()
    library = Library(shared("data/recognition"), catalog.datasets)
    train, test = (library.labelled(catalog.datasets[name]) for name in ("orl_train", "orl_identify"))
    faces = [
        np.stack([np.asarray(Image.open(f)) for f in own.images.values()]).reshape(-1, 112 * 92) / 255
        for own in (train, test)
    ]
    mean = faces[0].mean(axis=0)
    _, deviations, components = np.linalg.svd(faces[0] - mean, full_matrices=False)
    vectors = (faces[1] - mean) @ (components[:60] / deviations[:60, None]).T
    answers = srbench.Answers(labelled=test, names=tuple(test.images), embeddings=vectors, mirrored=vectors)
    assert METRICS["rank1"].score(answers).value == pytest.approx(72.2, abs=0.05)
    assert METRICS["one_shot"].score(answers) == METRICS["rank1"].score(answers)
    with pytest.raises(UnavailableError, match="a gallery of 16"):
        METRICS["rank20"].score(answers)


@given(st.integers(0, 2**32 - 1), st.integers(1, 100))
def test_no_rank_is_below_a_smaller_one(seed, probes):
    generator = np.random.default_rng(seed)
    answers = answers_of(
        generator.integers(-2, 3, (probes, 3)), generator.integers(-2, 3, (30, 3)),
        generator.integers(0, 9, probes), generator.integers(-1, 9, 30),
    )  # fmt: skip
    results = [METRICS[f"rank{k}"].score(answers) for k in (1, 5, 10, 20)]
    for one, next_one in pairwise(results):
        assert all(next_one.items[name] >= value for name, value in one.items.items())
    assert list(results[0].items) == list(answers.labelled.probes)
    assert all(set(result.items.values()) <= {0.0, 100.0} for result in results)


def test_a_probe_without_a_mate_is_a_miss_and_nobody_is_no_mate_of_nobody():
    vectors = np.eye(2)
    answers = answers_of(vectors, vectors, [0, -1], [0, -1])
    assert METRICS["rank1"].score(answers).items == {"probe 0": 100, "probe 1": 0}
    assert places(vectors, vectors, np.array([1, NOBODY]), np.array([0, NOBODY])).tolist() == [np.inf, np.inf]


def test_the_best_of_several_mates_counts():
    gallery = np.array([[0.0, 1], [1, 1], [1, 0]])
    assert places(np.array([[1.0, 0.1]]), gallery, np.array([4]), np.array([4, 5, 4])).tolist() == [0]


def test_of_equal_images_the_first_in_the_gallery_comes_first():
    assert places(np.ones((3, 2)), np.ones((3, 2)), np.arange(3), np.arange(3)).tolist() == [0, 1, 2]
    assert places(np.zeros((1, 2)), np.ones((3, 2)), np.array([2]), np.arange(3)).tolist() == [2]


def test_ranks_average_an_image_with_its_mirror_image_and_one_shot_does_not():
    gallery, probe = np.eye(2), np.array([[1.0, 0]])
    mirrored = np.array([[0.0, 5], *gallery])
    answers = answers_of(probe, gallery, [0], [0, 1], mirrored)
    assert (METRICS["rank1"].score(answers).value, METRICS["one_shot"].score(answers).value) == (0, 100)


def test_the_order_of_images_and_of_probes_changes_nothing():
    answers = made_up_answers("identification", noise=1.5)
    order = np.random.default_rng(1).permutation(len(answers.names))
    labelled = LabelledImages(
        question="identification", images=answers.labelled.images, classes=answers.labelled.classes,
        labels=answers.labelled.labels, probes=answers.labelled.probes[::-1], gallery=answers.labelled.gallery,
    )  # fmt: skip
    other = srbench.Answers(
        labelled=labelled, names=tuple(answers.names[row] for row in order),
        embeddings=answers.embeddings[order], mirrored=answers.mirrored[order],
    )  # fmt: skip
    for spec in METRICS.values():
        assert spec.score(other).items == spec.score(answers).items

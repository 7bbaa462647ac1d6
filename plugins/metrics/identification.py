"""Scores of identification, who of a gallery a probe shows: rank 1, 5, 10 and 20, and one-shot accuracy.

A gallery may have several images of an identity, and images of nobody whom a probe shows. A probe without an image of
its identity in the gallery is a miss at every rank, as in the released code of Shin et al., Teaching Where to Look,
ECCV 2022, for TinyFace.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

import srbench

IDENTIFICATION = frozenset({"identification"})
NOBODY = -1
PROBES_AT_ONCE = 64
"""Probes that are compared with the gallery at once: their cosines with a gallery of 160,000 take 80 MiB."""


def places(
    probes: NDArray[np.float64], gallery: NDArray[np.float64],
    probe_identities: NDArray[np.intp], gallery_identities: NDArray[np.intp],
) -> NDArray[np.float64]:  # fmt: skip
    """Return the place of the best image of a probe's identity, 0 for the best of the gallery; infinite without one.

    Images are compared by cosine. Of equal ones the first in the gallery comes first.

    Args:
        probes: (P, D).
        gallery: (G, D).
        probe_identities: (P,).
        gallery_identities: (G,); `NOBODY` is nobody's identity.
    """
    probes, gallery = _normalised(probes), _normalised(gallery)
    found = np.full(len(probes), np.inf)
    for start in range(0, len(probes), PROBES_AT_ONCE):
        block = slice(start, start + PROBES_AT_ONCE)
        for row, likeness in enumerate(probes[block] @ gallery.T, start=start):
            mates = (gallery_identities == probe_identities[row]) & (gallery_identities != NOBODY)
            if mates.any():
                best = np.where(mates, likeness, -np.inf).argmax()
                found[row] = (likeness > likeness[best]).sum() + (likeness[:best] == likeness[best]).sum()
    return found


def _normalised(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1.0)


def rank(answers: srbench.Answers, k: int) -> srbench.Result:
    """Score the probes whose identity is among the k best of the gallery; an image is averaged with its mirror image.

    Raises:
        UnavailableError: The gallery has so few images that every probe with a mate is a hit.
    """
    if k > 1 and len(answers.labelled.gallery) <= k:
        raise srbench.UnavailableError(
            f"every image is among the {k} best of a gallery of {len(answers.labelled.gallery)}; needs a larger one"
        )
    return _within(answers, (answers.embeddings + answers.mirrored) / 2, k)


def one_shot(answers: srbench.Answers) -> srbench.Result:
    """Score the probes whose nearest image of the gallery shows their class; a mirrored character is another one."""
    return _within(answers, answers.embeddings, 1)


def _within(answers: srbench.Answers, vectors: NDArray[np.float64], k: int) -> srbench.Result:
    labelled = answers.labelled
    found = places(
        vectors[answers.rows(labelled.probes)], vectors[answers.rows(labelled.gallery)],
        _identities(answers, labelled.probes), _identities(answers, labelled.gallery),
    )  # fmt: skip
    return srbench.Result.of_hits(labelled.probes, found < k)


def _identities(answers: srbench.Answers, names: tuple[str, ...]) -> NDArray[np.intp]:
    labels = (answers.labelled.labels.get(name, ()) for name in names)
    return np.array([own[0] if own else NOBODY for own in labels], dtype=np.intp)


@srbench.hookimpl
def register_metrics() -> list[srbench.RecognitionMetricSpec]:
    """Provide four ranks, and one-shot accuracy."""
    ranks = [
        srbench.RecognitionMetricSpec(
            name=f"rank{k}", label=f"Rank-{k}", questions=IDENTIFICATION, score=partial(rank, k=k)
        )
        for k in (1, 5, 10, 20)
    ]
    one = srbench.RecognitionMetricSpec(name="one_shot", label="One-shot", questions=IDENTIFICATION, score=one_shot)
    return [*ranks, one]

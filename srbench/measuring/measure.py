"""Measure one model on the images of one cell."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

import torch

from srbench.errors import DataError, ShapeError
from srbench.measuring.applying import Applier, Effort
from srbench.measuring.inference import Enlarged
from srbench.measuring.kept_images import keep_images
from srbench.measuring.metrics.spec import SetMetricSpec, SrScoreSpec
from srbench.measuring.pairs import Pairs
from srbench.measuring.plausibility import doubt_about_weights
from srbench.measuring.protocol import Inference, score_id
from srbench.measuring.representations import Representations
from srbench.measuring.scoring import NO_MAPS, Beside, Maps, Scorer
from srbench.measuring.uncertainty import mean_interval
from srbench.networks.network import Network
from srbench.networks.spec import ArchitectureSpec
from srbench.records.costs import ImageCosts
from srbench.records.scores import ImageScores, Score


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """The scores of a model on the images of a cell."""

    scores: dict[str, Score]
    """By metric."""
    images: tuple[ImageScores, ...]
    lr_source: str
    representation_file: str | None = None
    """Not None if the network has a representation and gets whole images."""
    attention_file: str | None = None
    """Not None if the network has attention to places and images are kept."""
    effort: Effort | None = None
    """What an image took; None if one evaluation of the network makes sr."""
    image_costs: ImageCosts | None = None
    """The costs of an image, which the task adds where there is an effort."""
    doubts: tuple[str, ...] = ()
    """A sentence for each reason why the weights may be meant for something else."""


def measure(
    network: Network, pairs: Pairs, metrics: Sequence[SrScoreSpec], inference: Inference, device: torch.device, *,
    keep: int, folder: Path, advance: Callable[[], None], published: bool = False, without_maps: str = "",
) -> Measurement:  # fmt: skip
    """Super-resolve and score every image.

    Args:
        network: The network in eval mode on ``device``.
        pairs: The images.
        metrics: The metrics to compute.
        inference: How the network is applied.
        device: The device to compute on.
        keep: Number of super-resolved images to keep as files.
        folder: The folder for them.
        advance: Called after every image.
        published: Whether to look for signs that the weights are meant for something else.
        without_maps: Why the network's maps of its uncertainty mean nothing; empty if they do.

    Raises:
        DataError: The dataset has no image.
    """
    maps = _kind_of_maps(network.spec, without_maps)
    scorer = Scorer(
        metrics, pairs.protocol, pairs.scale, device, maps, (network.spec.uncertainty and without_maps) or NO_MAPS
    )
    images: list[ImageScores] = []
    applier = Applier(network, pairs.scale, inference, device)
    whole = not (inference.tile or inference.chop or inference.self_ensemble)
    representations = Representations(network) if network.spec.representation and whole else None
    for pair in replace(pairs, colours=network.colours):
        lr = pair.lr.to(device)
        with representations.watch(pair) if representations else nullcontext():
            made = applier.apply(pair, lr)
        hr = None if pair.hr is None else pair.hr.to(device)  # which may be read now, not before
        try:
            scores = _scores_of_samples(scorer, made, hr, pair.name, lr)
        except ShapeError as error:
            raise ShapeError(f"{pairs.dataset.label}, image {pair.name}: {error}") from error
        files = keep_images(pair, made, folder, maps=bool(scorer.maps)) if len(images) < keep else {}
        samples = [{name: one[name] for name in scores[-1]} for one in scores] if len(scores) > 1 else []
        images.append(
            ImageScores.model_validate(
                {"name": pair.name, "scores": _mean_of_samples(scores), "samples": samples, **files}
            )
        )
        advance()
    if not images:
        raise DataError(f"{pairs.dataset.label} has no image to measure; add its images, or leave it out.")
    source = pairs.lr_source()
    of_set = scorer.set_scores_of_samples()
    table = {}
    for metric in metrics:
        weights = scorer.weights.get(metric.name, "")
        protocol = score_id(metric, pairs.protocol, pairs.scale, source, inference, pairs.limit, weights)
        table[metric.name] = _score(
            metric, images, scorer.absent.get(metric.name), protocol, of_set.get(metric.name, ())
        )
    # Afterwards, since a network may draw from the generator that it is measured with.
    doubt = doubt_about_weights(network, inference.resize or pairs.scale, device) if published else ""
    return Measurement(
        scores=table,
        images=tuple(images),
        lr_source=source,
        representation_file=representations.write(folder) if representations else None,
        effort=applier.effort,
        doubts=(doubt,) if doubt else (),
    )


def _kind_of_maps(spec: ArchitectureSpec, without_maps: str) -> Maps:
    if without_maps or not spec.uncertainty:
        return ""
    return "order" if spec.uncertainty == "order" else "deviation"


def _scores_of_samples(
    scorer: Scorer, made: Sequence[Enlarged], hr: torch.Tensor | None, image: str, lr: torch.Tensor
) -> list[dict[str, float | None]]:
    """Return the scores of each sample; infinite ones are None."""
    table = []
    for number, one in enumerate(made):
        others = [other.sr for other in made[1:]] if number == 0 else ()
        beside = Beside(uncertainty=one.uncertainty, lr=lr, samples=others, number=number)
        scores = scorer.score(one.sr, hr, image, beside)
        table.append({k: None if value is None or math.isinf(value) else value for k, value in scores.items()})
    return table


def _mean_of_samples(samples: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    """Return the mean of each score over the samples that have it; None if one of them is missing."""
    means = {}
    for metric in samples[0]:
        values = [scores[metric] for scores in samples if metric in scores]
        known = [value for value in values if value is not None]
        means[metric] = fmean(known) if len(known) == len(values) else None
    return means


def _score(
    metric: SrScoreSpec, images: Sequence[ImageScores], absent: str | None, protocol: str, of_set: Sequence[float]
) -> Score:
    """Return the mean of a metric over images with its interval, or the score of the set, which has none."""
    if isinstance(metric, SetMetricSpec):
        return Score(
            metric=metric.name, label=metric.label, column=metric.column, protocol=protocol,
            higher_is_better=metric.higher_is_better, decimals=metric.decimals,
            value=fmean(of_set) if of_set else None, reason=absent, samples=tuple(of_set) if len(of_set) > 1 else (),
        )  # fmt: skip
    values = [v for image in images if (v := image.scores[metric.name]) is not None]
    reason = absent
    if reason is None and len(values) < len(images):
        missing = next(image.name for image in images if image.scores[metric.name] is None)
        reason = f"infinite on {missing}: sr equals hr there"
    low, high = (not reason and mean_interval(values)) or (None, None)
    return Score(
        metric=metric.name, label=metric.label, column=metric.column, protocol=protocol,
        higher_is_better=metric.higher_is_better, decimals=metric.decimals,
        value=None if reason else fmean(values), reason=reason, low=low, high=high,
        samples=() if reason else _means_over_images(metric.name, images),
    )  # fmt: skip


def _means_over_images(metric: str, images: Sequence[ImageScores]) -> tuple[float, ...]:
    """Return the score of each sample over the images, which all have it; none for scores of samples together."""
    each = [[sample[metric] for sample in image.samples if metric in sample] for image in images]
    return tuple(fmean(value for value in values if value is not None) for values in zip(*each, strict=True))

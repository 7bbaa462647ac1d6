"""Measure one model on the images of one cell."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

import torch

from srbench.errors import DataError, ShapeError
from srbench.files import short_stem
from srbench.imaging.files import write_png
from srbench.imaging.pixels import to_uint8
from srbench.measuring.inference import enlarge
from srbench.measuring.kept_maps import write_map
from srbench.measuring.metrics.spec import SetMetricSpec, SrScoreSpec
from srbench.measuring.pairs import Pair, Pairs
from srbench.measuring.plausibility import doubt_about_weights
from srbench.measuring.protocol import Inference, score_id
from srbench.measuring.representations import Representations
from srbench.measuring.scoring import NO_MAPS, Beside, Maps, Scorer
from srbench.measuring.uncertainty import mean_interval
from srbench.networks.network import Network
from srbench.networks.spec import ArchitectureSpec
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
    whole = not (inference.tile or inference.chop or inference.self_ensemble)
    representations = Representations(network) if network.spec.representation and whole else None
    for pair in replace(pairs, colours=network.colours):
        hr = None if pair.hr is None else pair.hr.to(device)
        lr = pair.lr.to(device)
        conditions = network.conditions_of([pair.conditions or {}], lr)
        with representations.watch(pair) if representations else nullcontext():
            sr, uncertainty = enlarge(network, lr, pairs.scale, inference, conditions)
        try:
            scores = scorer.score(sr, hr, pair.name, Beside(uncertainty=uncertainty, lr=lr))
        except ShapeError as error:
            raise ShapeError(f"{pairs.dataset.label}, image {pair.name}: {error}") from error
        files = _keep(pair, sr, uncertainty if scorer.maps else None, folder) if len(images) < keep else {}
        kept = {name: None if value is None or math.isinf(value) else value for name, value in scores.items()}
        images.append(ImageScores.model_validate({"name": pair.name, "scores": kept, **files}))
        advance()
    if not images:
        raise DataError(f"{pairs.dataset.label} has no image to measure; add its images, or leave it out.")
    source = pairs.lr_source()
    of_set = scorer.set_scores()
    table = {}
    for metric in metrics:
        weights = scorer.weights.get(metric.name, "")
        protocol = score_id(metric, pairs.protocol, pairs.scale, source, inference, pairs.limit, weights)
        table[metric.name] = _score(metric, images, scorer.absent.get(metric.name), protocol, of_set.get(metric.name))
    # Afterwards, since a network may draw from the generator that it is measured with.
    doubt = doubt_about_weights(network, inference.resize or pairs.scale, device) if published else ""
    return Measurement(
        scores=table,
        images=tuple(images),
        lr_source=source,
        representation_file=representations.write(folder) if representations else None,
        doubts=(doubt,) if doubt else (),
    )


def _kind_of_maps(spec: ArchitectureSpec, without_maps: str) -> Maps:
    if without_maps or not spec.uncertainty:
        return ""
    return "order" if spec.uncertainty == "order" else "deviation"


def _score(
    metric: SrScoreSpec, images: Sequence[ImageScores], absent: str | None, protocol: str, of_set: float | None
) -> Score:
    """Return the mean of a metric over images with its interval, or the score of the set, which has none."""
    if isinstance(metric, SetMetricSpec):
        return Score(
            metric=metric.name, label=metric.label, column=metric.column, protocol=protocol,
            higher_is_better=metric.higher_is_better, decimals=metric.decimals, value=of_set, reason=absent,
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
    )  # fmt: skip


def _keep(pair: Pair, sr: torch.Tensor, uncertainty: torch.Tensor | None, folder: Path) -> dict[str, str]:
    files = {}
    if uncertainty is not None and pair.hr is not None:
        path = folder / f"{short_stem(pair.name)}_map.npz"
        write_map(path, uncertainty)
        files["map_file"] = path.name
    for kind, image in (("sr", sr), ("hr", pair.hr), ("lr", pair.lr)):
        if image is None:
            continue
        path = folder / f"{short_stem(pair.name)}_{kind}.png"
        write_png(path, to_uint8(image[0].float().cpu().permute(1, 2, 0).squeeze(2)).numpy())
        files[f"{kind}_file"] = path.name
    return files

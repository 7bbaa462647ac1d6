"""Measure as a cell does, for comparing with what others published."""

import csv
from functools import lru_cache

import torch

from srbench.catalog.catalog import load_catalog
from srbench.datasets.library import Library
from srbench.measuring.measure import measure
from srbench.measuring.pairs import Pairs
from srbench.measuring.protocol import Inference, protocol_named
from srbench.networks.fitting import fit
from srbench.networks.network import build_network
from srbench.networks.weights import load_state_dict
from srbench.running.models import find_checkpoint

LUMA = ("psnr_y", "ssim_y")
FIDELITY = ("psnr_rgb", "ssim_rgb", *LUMA)


@lru_cache(maxsize=1)
def bundled():
    return load_catalog(strict=True)


def measured(
    data, architecture, dataset, scale, protocol="classic-y", *, degradation="bicubic", metrics=LUMA, weights=None,
    tag="", limit=None,
):  # fmt: skip
    """What `measure` gives for the images below ``data``; ``weights`` is a folder with published checkpoints."""
    catalog = bundled()
    spec = catalog.architectures[architecture]
    network = build_network(spec, scale)
    if weights is not None:
        checkpoint = next(c for c in spec.checkpoints if c.tag == tag and c.scale in {scale, None})
        path = find_checkpoint(checkpoint, [weights], architecture)
        state = checkpoint.read(path) if checkpoint.read else load_state_dict(path).state
        fit(network, scale, state, path, catalog.architectures)
    network.module.eval()
    pairs = Pairs(
        library=Library(data, catalog.datasets), dataset=catalog.datasets[dataset],
        degradation=catalog.degradations[degradation], code_hash=catalog.degradations.code_hash(degradation),
        scale=scale, protocol=protocol_named(protocol), limit=limit,
    )  # fmt: skip
    return measure(
        network, pairs, [catalog.metrics[name] for name in metrics], Inference(), torch.device("cpu"),
        keep=0, folder=data, advance=lambda: None,
    )  # fmt: skip


def per_image(result):
    """Image to metric to value."""
    return {image.name: image.scores for image in result.images}


def means(result):
    """Metric to mean."""
    return {name: score.value for name, score in result.scores.items()}


def rows_of(path):
    """The rows of a CSV file, by column."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))

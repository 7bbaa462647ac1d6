"""The cost of measuring a dataset, beyond running the network on it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch

from benchmarks.rows import Row, compare
from srbench.catalog.catalog import load_catalog
from srbench.datasets.library import Library
from srbench.degrading.lr_images import draw_seed, lr_image
from srbench.imaging.files import read_image, write_png
from srbench.imaging.pixels import to_tensor
from srbench.measuring.measure import measure
from srbench.measuring.pairs import Pairs
from srbench.measuring.protocol import Inference, protocol_named
from srbench.networks.network import build_network

_SCALE = 2
_METRICS = ("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb")


def rows() -> list[Row]:
    """Every comparison of this file."""
    with tempfile.TemporaryDirectory() as folder:
        return [measuring_against_forward_passes(Path(folder))]


def measuring_against_forward_passes(folder: Path) -> Row:
    """Measure EDSR-baseline x2 with four metrics on two photographs of the quick suite, as large as Set5's images."""
    catalog = load_catalog()
    network = build_network(catalog.architectures["edsr_baseline"], _SCALE)
    network.module.eval()
    degradation = catalog.degradations["bicubic"]
    pairs = Pairs(
        library=Library(None, catalog.datasets),
        dataset=catalog.datasets["photographs"],
        degradation=degradation,
        code_hash=catalog.degradations.code_hash("bicubic"),
        scale=_SCALE,
        protocol=protocol_named("classic-y"),
        limit=2,  # short turns, so that other work on the machine affects both equally
    )
    metrics = [catalog.metrics[name] for name in _METRICS]
    files = []
    for name, hr in list(pairs.library.images(pairs.dataset).items())[: len(pairs)]:
        lr = folder / f"{name}.png"
        seed = draw_seed("bicubic", "photographs", name, _SCALE)
        write_png(lr, lr_image(read_image(hr, keep_grey=True), degradation, _SCALE, seed=seed)[0])
        files.append((lr, hr))

    def whole() -> None:
        measure(network, pairs, metrics, Inference(), torch.device("cpu"), keep=0, folder=folder, advance=lambda: None)

    @torch.inference_mode()
    def bare() -> None:
        for lr, hr in files:
            read_image(hr)
            network(to_tensor(read_image(lr))[None], _SCALE)

    ratio = compare(bare, whole, repeats=5)
    what = "measuring EDSR-baseline x2, 4 metrics"
    return Row(what, "its forward passes and reading the images", ratio, "≤ 1.1 times the time", ratio <= 1.1)

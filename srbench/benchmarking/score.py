"""Score images that were super-resolved elsewhere: a pair in memory, or a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from srbench.catalog.catalog import load_catalog
from srbench.datasets.library import Library
from srbench.errors import ShapeError, UnavailableError
from srbench.files import cache_root
from srbench.imaging.files import read_image
from srbench.imaging.pixels import to_tensor
from srbench.measuring.external import FolderScores, score_folder, score_image
from srbench.measuring.metrics.spec import MetricSpec, SrScoreSpec, all_of
from srbench.measuring.protocol import Protocol, protocol_named
from srbench.measuring.scoring import Scorer
from srbench.planning.overrides import scale_above_1
from srbench.running.places import data_root, resolve_device
from srbench.running.session import Session

if TYPE_CHECKING:
    from srbench.scales import Scale

AnyImage: TypeAlias = Image.Image | NDArray[Any] | Tensor | Path | str
USUAL_METRICS = ("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb")


def score(
    sr: AnyImage,
    hr: AnyImage,
    protocol: str = "classic-y",
    *,
    scale: Scale | float | str,
    metrics: str | Sequence[str] | None = None,
    device: str = "cpu",
    plugin_files: Sequence[Path | str] = (),
) -> dict[str, float]:
    """Score a super-resolved image under a protocol, as ``srbench score`` scores files.

    ``srbench.score(sr, hr, scale=4)["psnr_y"]`` is the PSNR that papers print.

    Args:
        sr: The super-resolved image: a Pillow image of mode L or RGB, an array (H, W) or (H, W, 3) of uint8 or of
            floats in [0, 1], a tensor (C, H, W) or (1, C, H, W) of such, C 1 or 3, or the path of a file.
        hr: The truth, likewise; it is cropped at the bottom and right to what the scale allows.
        protocol: Preset of the protocol.
        scale: The factor by which sr was enlarged, which decides what is cropped and shaved.
        metrics: Metrics to compute; default: PSNR and SSIM on luma and on RGB, as far as the protocol measures them.
        device: Where to compute.
        plugin_files: Single-file plugins to load beside those that are installed.

    Returns:
        Value by metric: dB for PSNR, infinite if nothing differs.

    Raises:
        ShapeError: Something is not an image, or the sizes do not belong together.
        UnavailableError: A metric that was asked for cannot be computed.
        UnknownNameError: There is no such metric or protocol.
    """
    preset, factor = protocol_named(protocol), scale_above_1(str(scale))
    wanted = (metrics,) if isinstance(metrics, str) else tuple(metrics or USUAL_METRICS)
    catalog = Session(plugin_files=tuple(Path(p).resolve() for p in plugin_files), cache=cache_root()).catalog
    specs = all_of(MetricSpec, (catalog.metrics[name] for name in wanted))
    scorer = Scorer(specs, preset, factor, torch.device(resolve_device(device)))
    scores = score_image(scorer, _as_tensor(sr, preset), _as_tensor(hr, preset))
    for name, reason in scorer.absent.items() if metrics else ():
        raise UnavailableError(f"{name} cannot be computed: {reason}.")
    return {name: value for name, value in scores.items() if value is not None}


def score_files(
    folder: Path, dataset: str, scale: Scale, *, data: Path | None = None, protocol: str = "classic-y",
    metrics: Sequence[str] = (), device: str = "cpu", plugin_files: Sequence[Path] = (),
) -> FolderScores:  # fmt: skip
    """Score a folder of images against a dataset; see `srbench.measuring.external.score_folder`."""
    catalog = load_catalog([path.resolve() for path in plugin_files])
    specs = all_of(SrScoreSpec, (catalog.metrics[name] for name in metrics or USUAL_METRICS))
    return score_folder(
        folder, catalog.datasets[dataset], Library(data_root(data), catalog.datasets), scale, protocol_named(protocol),
        specs, resolve_device(device),
    )  # fmt: skip


def _as_tensor(image: AnyImage, protocol: Protocol) -> Tensor:
    """Return an image as (1, C, H, W) in [0, 1], by the same arithmetic as a file of its pixels."""
    if isinstance(image, str | Path):
        return to_tensor(protocol.levels(read_image(image, keep_grey=True)))[None]
    if isinstance(image, Image.Image):
        if image.mode not in ("L", "RGB"):
            raise ShapeError(f"An image of mode {image.mode} is not scored; convert it to RGB or L.")
        return _as_tensor(np.array(image), protocol)
    planes = image if isinstance(image, Tensor) else _planes(image)
    planes = planes[0] if planes.ndim == 4 and planes.shape[0] == 1 else planes
    if planes.ndim != 3 or planes.shape[0] not in (1, 3) or not planes.numel():
        raise ShapeError(
            f"An image of shape {tuple(image.shape)} cannot be scored; give (H, W), (H, W, 3), or a tensor (3, H, W)."
        )
    if planes.dtype == torch.uint8:
        pixels = planes.movedim(0, -1).cpu().numpy()
        return to_tensor(protocol.levels(pixels[..., 0] if pixels.shape[2] == 1 else pixels))[None]
    if not planes.is_floating_point():
        raise ShapeError(f"An image of {planes.dtype} cannot be scored; give uint8, or floats in [0, 1].")
    if protocol.luma_first and planes.shape[0] == 3:
        raise ShapeError(f"The protocol {protocol.name} begins with 8-bit pixels; give uint8 instead of floats.")
    return planes.detach()[None]


def _planes(pixels: NDArray[Any]) -> Tensor:
    """Return an array (H, W) or (H, W, C) as a tensor (C, H, W)."""
    array = np.ascontiguousarray(pixels)
    if array.dtype not in (np.uint8, np.float16, np.float32, np.float64):
        raise ShapeError(f"An array of {array.dtype} cannot be scored; give uint8, or floats in [0, 1].")
    tensor = torch.from_numpy(array)
    return tensor[None] if array.ndim == 2 else tensor.movedim(-1, 0)

"""Certify that a copy of a dataset is the one of the papers: bicubic interpolation must give its published row."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch

from srbench.datasets.spec import DatasetSpec
from srbench.imaging.borders import mod_crop
from srbench.imaging.files import read_image, to_tensor
from srbench.imaging.resize import imresize
from srbench.measuring.metrics.psnr import psnr
from srbench.measuring.metrics.spec import MetricSpec
from srbench.measuring.metrics.ssim import ssim
from srbench.measuring.protocol import protocol_named
from srbench.measuring.provided_lr import compare_lr
from srbench.measuring.scoring import Scorer
from srbench.naming import Scale
from srbench.records import Certification

PSNR_TOLERANCE = 0.01
SSIM_TOLERANCE = 0.001


def certify(
    spec: DatasetSpec, images: Mapping[str, Path], scale: Scale, lr: Mapping[str, Path] | None = None
) -> Certification:
    """Measure bicubic interpolation as the papers did, and compare; then check how the LR that came along was made.

    For the row, LR and sr stay in double precision, luma is rounded, greyscale images stay grey (protocol
    ``published-bicubic``): so the printed rows were made. The result depends on the images alone and may be stored
    with their hash.

    Args:
        spec: The dataset with its published row.
        images: Name to HR file.
        scale: The factor.
        lr: Name to the LR file that comes with the dataset, if any does: networks are measured on it, so it must be
            MATLAB's bicubic, with either border.
    """
    if scale not in spec.bicubic:
        return Certification(status="no reference", detail=f"no published bicubic row for {spec.label} at x{scale}")
    measured = bicubic_row(images, scale)
    published = spec.bicubic[scale]
    apart = (measured[0] - published[0], measured[1] - published[1])
    fits = abs(apart[0]) <= PSNR_TOLERANCE and abs(apart[1]) <= SSIM_TOLERANCE
    detail = (
        f"bicubic x{scale}: {measured[0]:.3f} dB / {measured[1]:.4f} here, {published[0]:.2f} / {published[1]:.4f} "
        f"published ({apart[0]:+.3f} dB, {apart[1]:+.4f}); source: {spec.bicubic_source or 'datasets.toml'}"
    )
    foreign = _foreign_lr(images, lr or {}, scale)
    if foreign:
        levels = max(foreign.values())
        detail += (
            f"; but the LR that came with it is not bicubic as MATLAB makes it: {len(foreign)} of {len(lr or {})} "
            f"images differ, by up to {levels:.0f} grey level{'s' * (levels != 1)} ({next(iter(foreign))})"
        )
    status: Literal["certified", "uncertified"] = "certified" if fits and not foreign else "uncertified"
    return Certification(status=status, detail=detail)


def _foreign_lr(images: Mapping[str, Path], lr: Mapping[str, Path], scale: Scale) -> dict[str, float]:
    """The images whose LR differs from MATLAB's beyond the border, and by how many grey levels; largest first.

    Which of MATLAB's two borders LR was made with moves an image by up to 0.004 dB, and both are in common use.
    """
    apart: dict[str, float] = {}
    for name, path in lr.items():
        theirs = read_image(path)
        hr = mod_crop(torch.from_numpy(read_image(images[name])).permute(2, 0, 1), scale)
        ours = imresize(hr, scale=1 / scale, rounding="uint8").permute(1, 2, 0).numpy()
        if compare_lr(theirs, ours) == "differs":
            apart[name] = float(abs(theirs.astype(int) - ours).max()) if theirs.shape == ours.shape else 255.0
    return dict(sorted(apart.items(), key=lambda item: -item[1]))


def bicubic_row(images: Mapping[str, Path], scale: Scale) -> tuple[float, float]:
    """Mean PSNR-Y (dB) and SSIM-Y of bicubic interpolation under ``published-bicubic``."""
    luma = (
        MetricSpec(name="psnr_y", label="", channels="y", load=lambda _: lambda sr, hr: psnr(sr, hr, data_range=1.0)),
        MetricSpec(name="ssim_y", label="", channels="y", load=lambda _: lambda sr, hr: ssim(sr, hr, data_range=1.0)),
    )
    scorer = Scorer(luma, protocol_named("published-bicubic"), scale, torch.device("cpu"))
    rows = []
    for path in images.values():
        hr = mod_crop(to_tensor(read_image(path, keep_grey=True)).double()[None], scale)
        sr = imresize(imresize(hr, scale=1 / scale), scale=scale)
        scores = scorer.score(sr, hr)
        rows.append((float(scores["psnr_y"] or 0), float(scores["ssim_y"] or 0)))
    return sum(p for p, _ in rows) / len(rows), sum(s for _, s in rows) / len(rows)

"""Certify that a copy of a dataset is that of the papers: bicubic interpolation must give its published row."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch

from srbench.datasets.spec import DatasetSpec
from srbench.errors import ShapeError
from srbench.imaging.borders import mod_crop
from srbench.imaging.files import read_image
from srbench.imaging.pixels import to_tensor
from srbench.imaging.resize import imresize
from srbench.measuring.metrics.psnr_ssim import psnr, ssim
from srbench.measuring.metrics.spec import MetricSpec
from srbench.measuring.protocol import Protocol, protocol_named
from srbench.measuring.provided_lr import compare_lr
from srbench.measuring.scoring import Scorer
from srbench.records.scores import Certification
from srbench.scales import Scale, lr_size

PSNR_TOLERANCE = 0.01
SSIM_TOLERANCE = 0.001


def certify(
    spec: DatasetSpec, images: Mapping[str, Path], scale: Scale, lr: Mapping[str, Path] | None = None
) -> Certification:
    """Measure bicubic interpolation and compare it with the published row; then check how the LR of the set was made.

    The row is measured by the protocol that it was made by. The result depends on the images and the row alone and may
    be stored with their hash.

    Args:
        spec: The dataset with its published row.
        images: Name to HR file.
        scale: The factor.
        lr: Name to the LR file that comes with the dataset. Networks are measured on it, so it must be MATLAB's
            bicubic, with either border.
    """
    if scale not in spec.bicubic:
        return Certification(status="no reference", detail=f"no published bicubic row for {spec.label} at x{scale}")
    protocol = protocol_named(spec.bicubic_protocol)
    measured = bicubic_row(images, scale, protocol)
    published = spec.bicubic[scale]
    apart = (measured[0] - published[0], measured[1] - published[1])
    fits = abs(apart[0]) <= PSNR_TOLERANCE and abs(apart[1]) <= SSIM_TOLERANCE
    detail = (
        f"bicubic x{scale}: {measured[0]:.3f} dB / {measured[1]:.4f} here, {published[0]:.2f} / {published[1]:.4f} "
        f"published ({apart[0]:+.3f} dB, {apart[1]:+.4f}) under {protocol.name}; "
        f"source: {spec.bicubic_source or 'datasets.toml'}"
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
        provided = read_image(path)
        hr = mod_crop(torch.from_numpy(read_image(images[name])).permute(2, 0, 1), scale)
        size = lr_size((hr.shape[-2], hr.shape[-1]), scale)
        made = imresize(hr, size=size, rounding="uint8").permute(1, 2, 0).numpy()
        if compare_lr(provided, made) == "differs":
            apart[name] = float(abs(provided.astype(int) - made).max())
    return dict(sorted(apart.items(), key=lambda item: -item[1]))


def bicubic_row(images: Mapping[str, Path], scale: Scale, protocol: Protocol) -> tuple[float, float]:
    """Return the mean PSNR-Y (dB) and SSIM-Y of bicubic interpolation under a protocol.

    Where lr is rounded to 8 bits, sr is rounded after each pass, too: both come from MATLAB's ``imresize`` on uint8.

    Args:
        images: Name to HR file.
        scale: The factor.
        protocol: How the row was made.

    Raises:
        ShapeError: An image is too small.
    """
    luma = (
        MetricSpec(name="psnr_y", label="", channels="y", load=lambda _: lambda sr, hr: psnr(sr, hr, data_range=1.0)),
        MetricSpec(name="ssim_y", label="", channels="y", load=lambda _: lambda sr, hr: ssim(sr, hr, data_range=1.0)),
    )
    scorer = Scorer(luma, protocol, scale, torch.device("cpu"))
    rounding: Literal["uint8", "none"] = "uint8" if protocol.lr_rounding == "u8" else "none"
    rows = []
    for name, path in images.items():
        try:
            hr = mod_crop(to_tensor(protocol.levels(read_image(path, keep_grey=True))).double()[None], scale)
            size = hr.shape[-2], hr.shape[-1]
            lr = imresize(hr, size=lr_size(size, scale), rounding=rounding)
            scores = scorer.score(imresize(lr, size=size, rounding=rounding), hr)
        except ShapeError as error:
            raise ShapeError(f"{name} ({path}): {error}") from error
        rows.append((float(scores["psnr_y"] or 0), float(scores["ssim_y"] or 0)))
    return sum(p for p, _ in rows) / len(rows), sum(s for _, s in rows) / len(rows)

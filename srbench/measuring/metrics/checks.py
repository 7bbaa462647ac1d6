"""The checks of the two images that a metric compares."""

from __future__ import annotations

import math

import torch

from srbench.errors import ShapeError, UsageError


def check_pair(sr: torch.Tensor, hr: torch.Tensor, metric: str) -> None:
    """Raise `ShapeError` unless sr and hr have one shape ``(N, C, H, W)``, are not empty, and are on one device."""
    if sr.shape != hr.shape:
        raise ShapeError(
            f"{metric} was given sr of shape {tuple(sr.shape)} and hr of shape {tuple(hr.shape)}; make them equal."
        )
    if sr.ndim != 4 or 0 in sr.shape:
        raise ShapeError(f"{metric} was given images of shape {tuple(sr.shape)}; it needs (N, C, H, W), not empty.")
    if sr.device != hr.device:
        raise ShapeError(f"{metric} was given sr on {sr.device} and hr on {hr.device}; put both on one device.")


def check_range(data_range: float, metric: str) -> None:
    """Raise `UsageError` unless white minus black is a positive number."""
    if not (math.isfinite(data_range) and data_range > 0):
        raise UsageError(f"{metric} was given data_range {data_range}; give white minus black: 1, or 255 for 8 bits.")


def in_double(image: torch.Tensor) -> torch.Tensor:
    """Convert to float64, on the image's device, or on the CPU if the device has no float64 (Apple's)."""
    return image.to("cpu", torch.float64) if image.device.type == "mps" else image.to(torch.float64)

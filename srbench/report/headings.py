"""Describe the headings of score columns."""

from __future__ import annotations

from dataclasses import dataclass

LABELS = {
    "psnr_y": "PSNR-Y", "ssim_y": "SSIM-Y", "psnr_rgb": "PSNR-RGB", "ssim_rgb": "SSIM-RGB", "lpips": "LPIPS",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Heading:
    """A score column: one metric under one protocol id."""

    metric: str
    protocol: str
    column: str
    higher_is_better: bool
    decimals: int

    @property
    def label(self) -> str:
        """The name of the metric for people."""
        return LABELS.get(self.metric, self.metric)

    @property
    def sign(self) -> float:
        """1 where a larger score is better, else -1."""
        return 1.0 if self.higher_is_better else -1.0

    @property
    def unit(self) -> str:
        """The unit, from the column's name; "" without one."""
        return "dB" if self.column.endswith("_db") else ""

    @property
    def bracketed_unit(self) -> str:
        """The unit as it follows a name: " [dB]"; "" without one."""
        return f" [{self.unit}]" if self.unit else ""

"""The layouts of labelled datasets by the names that manifests use."""

from __future__ import annotations

from collections.abc import Mapping

from srbench.datasets.labelled.class_folders import ClassFolders
from srbench.datasets.labelled.layout import Layout
from srbench.datasets.labelled.pixel_rows import PixelRows

LAYOUTS: Mapping[str, type[Layout]] = {
    "class-folders": ClassFolders,
    "pixel-rows": PixelRows,
}

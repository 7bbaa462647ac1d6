"""The layouts of labelled datasets by the names that manifests use."""

from __future__ import annotations

from collections.abc import Mapping

from srbench.datasets.labelled.class_folders import ClassFolders
from srbench.datasets.labelled.face_pairs import FacePairs, Lfw
from srbench.datasets.labelled.fine_grained import Aircraft, Cub
from srbench.datasets.labelled.layout import Layout
from srbench.datasets.labelled.pixel_rows import PixelRows
from srbench.datasets.labelled.tinyface import TinyFace
from srbench.datasets.labelled.voc import Voc

LAYOUTS: Mapping[str, type[Layout]] = {
    "aircraft": Aircraft,
    "class-folders": ClassFolders,
    "cub": Cub,
    "face-pairs": FacePairs,
    "lfw": Lfw,
    "pixel-rows": PixelRows,
    "tinyface": TinyFace,
    "voc": Voc,
}

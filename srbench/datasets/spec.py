"""What a plugin declares about a dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from srbench.datasets.labelled.images import LabelledImages, Question
from srbench.naming import check_name
from srbench.scales import Scale


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageEntry:
    """One image a dataset must have."""

    name: str
    """File name without folder and suffix."""
    height: int
    width: int
    sha256: str | None = None
    """Hash of its pixels, which a re-saved copy keeps; see `srbench.imaging.pixels.pixel_hash`. None if unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A public archive."""

    url: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSpec:
    """A set of images."""

    name: str
    label: str
    split: Literal["train", "test"]
    images: int | None
    """Number of images; None if unknown."""
    license: str
    citation: str
    entries: tuple[ImageEntry, ...] = ()
    """Every image where they are known; empty otherwise."""
    names: tuple[str, ...] = ()
    """The images' names, where these are known but sizes and pixels are not."""
    folders: tuple[str, ...] = ()
    """Names of its folder below the data root, besides its name and label. A glob pattern takes all folders that match
    together."""
    archives: tuple[str, ...] = ()
    """Archives that hold it together: zip, tar, LMDB or Parquet, absolute or below the data root; glob patterns take
    all that match. They are looked for before its folders."""
    left_out: tuple[str, ...] = ()
    """Names of images of its folders or archives that are not part of it."""
    home: str = ""
    downloads: tuple[Download, ...] = ()
    locate: Callable[[], Mapping[str, Path]] | None = None
    """Finds images that need no data root: name to file. None for sets below the data root."""
    labels: Callable[[Path | None], LabelledImages] | None = None
    """Reads its images and their labels below a data root; without images if the set is not there, or with
    `UnavailableError` if there is a reason. None for sets without labels."""
    question: Question | None = None
    """What its labels answer; None for sets without labels."""
    content: str | None = None
    """The hash that `srbench data verify` shows for a sound copy; None if unknown."""
    truth: bool = True
    """False for lr from the world, whose hr nobody has: it is super-resolved as it is, and only metrics that need no hr
    have a score."""
    lr_suffix: str = ""
    """A further ending of its LR names, beside those that `srbench.datasets.pairing` knows: ``_mine``."""
    lr_border: Literal["symmetric", "replicate"] = "symmetric"
    """How the LR that comes with it was made; see docs/protocol.md."""
    grey: tuple[str, ...] = ()
    """Images that are greyscale."""
    bicubic: Mapping[Scale, tuple[float, float]] = field(default_factory=dict)
    """Published PSNR-Y (dB) and SSIM-Y of bicubic interpolation by scale: what certifies a copy."""
    bicubic_protocol: str = "published-bicubic"
    """The protocol that the published row was made by; see docs/protocol.md."""
    bicubic_source: str = ""
    notes: str = ""

    def __post_init__(self) -> None:
        check_name("dataset", self.name)

    @property
    def folder(self) -> str:
        """Name of the folder to put it in, below the data root."""
        return self.folders[0] if self.labels is not None and self.folders else self.label

    @property
    def image_names(self) -> tuple[str, ...]:
        """The names of its images; empty if they are unknown."""
        return tuple(entry.name for entry in self.entries) or self.names

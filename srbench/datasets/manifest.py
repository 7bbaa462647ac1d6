"""Dataset manifests: `datasets.toml` read into `DatasetSpec` objects."""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import Field, PlainValidator

from srbench.datasets.labelled.layout import LabelReader
from srbench.datasets.labelled.layouts import LAYOUTS
from srbench.datasets.layouts import dataset_folders
from srbench.datasets.spec import DatasetSpec, Download, ImageEntry
from srbench.errors import PluginError
from srbench.files import shipped
from srbench.naming import expand_names
from srbench.toml import Sha256, Table, TomlFile, read_toml

Unknown = Literal["unknown"]


def _entry(row: Any) -> ImageEntry:  # noqa: ANN401 - any TOML value
    match row:
        case (str(name), int(height), int(width), *rest) if height > 0 and width > 0:
            match rest:
                case [] | ["unknown"]:
                    return ImageEntry(name=name, height=height, width=width)
                case [str(sha256)] if re.fullmatch(r"[0-9a-f]{64}", sha256):
                    return ImageEntry(name=name, height=height, width=width, sha256=sha256)
    raise ValueError('write ["name", height, width, "sha256"], without the hash or with "unknown" if it is not known')


class _Download(Table):
    url: Annotated[str, Field(pattern=r"^https?://")]
    sha256: Sha256 | Unknown = "unknown"


class _Dataset(Table):
    """One table of a manifest; the header of `datasets.toml` explains the keys."""

    like: str = ""
    label: str
    split: Literal["train", "test"]
    images: Annotated[int, Field(gt=0)] | Unknown
    license: str
    citation: str
    home: str = ""
    downloads: tuple[_Download, ...] | Unknown = "unknown"
    folders: tuple[str, ...] = ()
    archives: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    truth: bool = True
    lr_suffix: str = ""
    lr_border: Literal["symmetric", "replicate"] = "symmetric"
    grey: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    content: Sha256 | None = None
    labels: dict[str, Any] | None = None
    bicubic: dict[Annotated[str, Field(pattern=r"^x[1-9]\d*$")], tuple[float, float]] = Field(default={})
    bicubic_protocol: str = "published-bicubic"
    bicubic_source: str = ""
    notes: str = ""
    entries: tuple[Annotated[ImageEntry, PlainValidator(_entry)], ...] = ()


_OWN = frozenset({"label", "entries", "names", "grey", "content", "left_out"})
"""Keys that no set takes from another."""


class _AnyLayout(Table, extra="ignore"):
    """What every description of labels has."""

    layout: str


def read_manifest(path: Path | None = None) -> tuple[DatasetSpec, ...]:
    """Read a manifest.

    Args:
        path: A TOML file with one table a dataset; the manifest that comes with srbench if absent.

    Raises:
        ConfigError: The file cannot be understood; says in which line or table, and what was expected.
    """
    file = read_toml(path or shipped("datasets.toml"))
    file = replace(file, data={name: _completed(file, name) for name in file.data})
    return tuple(_spec(file, name) for name in file.data)


def user_manifest() -> Path:
    """Return the path of a person's own manifest, which need not exist.

    It is ``SRBENCH_DATASETS``, or ``datasets.toml`` in the user's configuration folder.
    """
    given = os.environ.get("SRBENCH_DATASETS")
    return Path(given) if given else platformdirs.user_config_path("srbench") / "datasets.toml"


def _completed(file: TomlFile, name: str) -> Any:  # noqa: ANN401 - any TOML value
    """Return the table of a set, with the keys that it takes from the set that it is ``like``."""
    own = file.data[name]
    if not isinstance(own, dict) or not isinstance(own.get("like", ""), str) or "like" not in own:
        return own
    model = file.data.get(own["like"])
    if not isinstance(model, dict) or "like" in model:
        raise file.fault(
            f"like = {own['like']!r} does not fit: expected a set of this file that is not like another one.",
            (name, "like"),
        )
    whole = {key: value for key, value in model.items() if key not in _OWN} | own
    if isinstance(model.get("labels"), dict) and isinstance(own.get("labels"), dict):
        whole["labels"] = {**model["labels"], **own["labels"]}
    return whole


def _spec(file: TomlFile, name: str) -> DatasetSpec:
    if not isinstance(file.data[name], dict):
        raise file.fault(f"{name!r} is outside any dataset; put it below a header such as [my_set].", (name,))
    table = file.table(_Dataset, (name,))
    downloads = () if table.downloads == "unknown" else table.downloads
    try:
        spec = DatasetSpec(
            name=name,
            images=None if table.images == "unknown" else table.images,
            downloads=tuple(Download(url=d.url, sha256=None if d.sha256 == "unknown" else d.sha256) for d in downloads),
            bicubic={int(scale[1:]): scores for scale, scores in table.bicubic.items()},
            entries=table.entries,
            names=tuple(name for names in table.names for name in expand_names(names)),
            **table.model_dump(exclude={"images", "downloads", "bicubic", "entries", "names", "labels", "like"}),
        )
    except PluginError as error:
        raise file.fault(str(error), (name,)) from error
    _check_entries(file, spec)
    if table.labels is None:
        return spec
    reader = _labels(file, spec)
    return replace(spec, labels=reader, question=reader.layout.question)


def _labels(file: TomlFile, spec: DatasetSpec) -> LabelReader:
    at = (spec.name, "labels")
    if spec.image_names:
        raise file.fault("entries and names do not go with labels; give content, the hash of the whole set.", at)
    layout = file.table(_AnyLayout, at).layout
    if layout not in LAYOUTS:
        raise file.unfit(layout, f"expected one of {', '.join(LAYOUTS)}", (*at, "layout"))
    return LabelReader(layout=file.table(LAYOUTS[layout], at), folders=partial(dataset_folders, spec))


def _check_entries(file: TomlFile, spec: DatasetSpec) -> None:
    names = spec.image_names
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        key = "entries" if spec.entries else "names"
        raise file.fault(f"the image {twice[0]!r} is listed twice; remove one.", (spec.name, key))
    if names and spec.images != len(names):
        given = spec.images or "unknown"
        raise file.fault(f"images = {given} but {len(names)} are listed; make them agree.", (spec.name, "images"))
    for name in spec.grey:
        if names and name not in names:
            raise file.fault(f"grey names {name!r}, which is not among its images.", (spec.name, "grey"))

"""Dataset manifests: `datasets.toml` read into `DatasetSpec` objects."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from srbench.datasets.spec import DatasetSpec, Download, ImageEntry
from srbench.errors import ConfigError, PluginError
from srbench.files import shipped

Unknown = Literal["unknown"]
Side = Annotated[int, Field(gt=0, strict=True)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Row = tuple[str, Side, Side] | tuple[str, Side, Side, Sha256 | Unknown]


class _Download(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, Field(pattern=r"^https?://")]
    sha256: Sha256 | Unknown = "unknown"


class _Table(BaseModel):
    """One table of a manifest; the header of `datasets.toml` explains the keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: str
    split: Literal["train", "test"]
    images: Side | Unknown
    license: str
    citation: str
    home: str = ""
    downloads: tuple[_Download, ...] | Unknown = "unknown"
    folders: tuple[str, ...] = ()
    truth: bool = True
    lr_border: Literal["symmetric", "replicate"] = "symmetric"
    grey: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    bicubic: dict[Annotated[str, Field(pattern=r"^x[1-9]\d*$")], tuple[float, float]] = {}
    bicubic_source: str = ""
    notes: str = ""
    entries: tuple[Row, ...] = ()


def read_manifest(path: Path | None = None) -> tuple[DatasetSpec, ...]:
    """Read a manifest.

    Args:
        path: A TOML file with one table a dataset; the manifest that comes with srbench if absent.

    Raises:
        ConfigError: The file cannot be understood; says in which line or table, and what was expected.
    """
    path = path or shipped("datasets.toml")
    text = manifest_text(path)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}; correct that place.") from error
    return tuple(_spec(path, text, name, table) for name, table in tables.items())


def user_manifest() -> Path:
    """Where a person's own manifest is or would be: ``SRBENCH_DATASETS``, or in the user's configuration folder."""
    given = os.environ.get("SRBENCH_DATASETS")
    return Path(given) if given else platformdirs.user_config_path("srbench") / "datasets.toml"


def manifest_text(path: Path) -> str:
    """The text of a manifest.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"The dataset manifest {path} cannot be read ({error}); give a TOML file in UTF-8."
        ) from error


def _spec(path: Path, text: str, name: str, table: object) -> DatasetSpec:
    if not isinstance(table, dict):
        line = _line(text, "", name)
        raise ConfigError(f"{path}{line}: {name!r} stands outside any dataset; put it below a header such as [my_set].")
    try:
        parsed = _Table.model_validate(table)
        spec = DatasetSpec(
            name=name,
            images=None if parsed.images == "unknown" else parsed.images,
            downloads=tuple(
                Download(url=d.url, sha256=_known(d.sha256)) for d in parsed.downloads if isinstance(d, _Download)
            ),
            bicubic={int(scale[1:]): scores for scale, scores in parsed.bicubic.items()},
            entries=tuple(_entry(row) for row in parsed.entries),
            names=tuple(name for names in parsed.names for name in _expand(names)),
            **parsed.model_dump(exclude={"images", "downloads", "bicubic", "entries", "names"}),
        )
    except ValidationError as error:
        raise ConfigError(_sentence(path, text, name, error)) from error
    except PluginError as error:
        raise ConfigError(f"{path}, table [{name}]: {error}") from error
    _check_entries(path, spec)
    return spec


def _known(value: str) -> str | None:
    return None if value == "unknown" else value


def _entry(row: Row) -> ImageEntry:
    return ImageEntry(name=row[0], height=row[1], width=row[2], sha256=_known(row[3]) if len(row) > 3 else None)


def _expand(names: str) -> list[str]:
    """``"img_001-img_100"`` is a hundred names; anything else is one."""
    match = re.fullmatch(r"(.*?)(\d+)-\1(\d+)", names)
    if not match:
        return [names]
    prefix, first, last = match.groups()
    return [f"{prefix}{number:0{len(first)}}" for number in range(int(first), int(last) + 1)]


def _check_entries(path: Path, spec: DatasetSpec) -> None:
    names = [entry.name for entry in spec.entries] or list(spec.names)
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ConfigError(f"{path}, table [{spec.name}]: the image {twice[0]!r} is listed twice; remove one.")
    if names and spec.images != len(names):
        raise ConfigError(
            f"{path}, table [{spec.name}]: images = {spec.images or 'unknown'} but {len(names)} are listed; "
            "make them agree."
        )
    for name in spec.grey:
        if names and name not in names:
            raise ConfigError(f"{path}, table [{spec.name}]: grey names {name!r}, which is not among its images.")


def _sentence(path: Path, text: str, name: str, error: ValidationError) -> str:
    # A misspelt key is also a missing one; the misspelling is what helps.
    first = min(error.errors(include_url=False), key=lambda fault: fault["type"] != "extra_forbidden")
    key = str(first["loc"][0])
    where = f"{path}{_line(text, name, key)}, table [{name}]"
    if first["type"] == "extra_forbidden":
        model: type[BaseModel] = _Download if key == "downloads" else _Table
        wrong = str(first["loc"][-1])
        near = difflib.get_close_matches(wrong, model.model_fields, n=1, cutoff=0.5)
        meant = f"did you mean {near[0]!r}?" if near else f"the keys are {', '.join(sorted(model.model_fields))}."
        return f"{where}: unknown key {wrong!r}; {meant}"
    if first["type"] == "missing" and len(first["loc"]) == 1:
        return f"{where}: the key {key!r} is missing; add it."
    given = repr(first["input"])
    given = given if len(given) < 80 else given[:77] + "…"
    if key == "entries":
        return f'{where}: the image {given} does not fit; write ["name", height, width, "sha256"].'
    return f"{where}: {key} = {given} does not fit: {first['msg']}."


def _line(text: str, table: str, key: str) -> str:
    """``", line 12"``: where ``key`` of ``table`` stands, or else the table's header; empty if neither is found."""
    inside, found = not table, None
    for number, row in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[+\s*([^\].\s]+)", row) if re.match(r"\s*\[[^\[\"]", row) else None
        if header:
            inside = header[1].strip("\"'") == table
            found = number if inside and found is None else found
        elif inside and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", row):
            return f", line {number}"
    return f", line {found}" if found else ""

"""Add datasets to a manifest, rename them and remove them; the rest of the file stays as a person wrote it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tomlkit

from srbench.datasets.manifest import read_manifest
from srbench.datasets.spec import DatasetSpec
from srbench.errors import UnknownNameError, UsageError
from srbench.files import atomic_write, locked
from srbench.naming import NAME
from srbench.toml import read_toml

_HEADER = re.compile(r"\s*\[\s*(?P<name>\w+)\s*[.\]]")


def record(path: Path, spec: DatasetSpec, taken: Sequence[str] = ()) -> None:
    """Append a dataset to a manifest.

    Args:
        path: The manifest; made if it does not exist.
        spec: The dataset; its entries are written one a line.
        taken: Names that other manifests use.

    Raises:
        UsageError: The name is taken.
        ConfigError: The manifest that is there cannot be understood.
    """
    with _locked(path) as text:
        document = tomlkit.parse(text)
        _check_free(spec.name, path, document, taken)
        document.add(spec.name, _table(spec))
        atomic_write(path, tomlkit.dumps(document))


def remove(path: Path, name: str, others: Sequence[str] = ()) -> None:
    """Remove a dataset from a manifest; its files are not touched.

    Args:
        path: The manifest.
        name: The dataset.
        others: Names of other manifests, which cannot be removed.

    Raises:
        UsageError: It is in another manifest, or a dataset of this one is ``like`` it.
        UnknownNameError: No dataset has this name.
        ConfigError: The manifest cannot be understood.
    """
    with _locked(path) as text:
        tables = tomllib.loads(text)
        _check_here(name, path, tables, others)
        if heirs := [other for other, table in tables.items() if table.get("like") == name]:
            raise UsageError(f"{heirs[0]} is like {name}, and takes its facts from it; remove {heirs[0]} first.")
        del tables[name]
        _write(path, "".join(part for header, part in _parts(text) if header != name), tables)


def rename(path: Path, old: str, new: str, others: Sequence[str] = ()) -> None:
    """Give a dataset of a manifest another name; its files are not touched.

    Args:
        path: The manifest.
        old: The dataset.
        new: Its new name, in lower_snake_case.
        others: Names of other manifests, which are taken and cannot be renamed.

    Raises:
        UsageError: The new name is not valid or taken, or the dataset is in another manifest.
        UnknownNameError: No dataset has the old name.
        ConfigError: The manifest cannot be understood.
    """
    if not NAME.fullmatch(new):
        raise UsageError(f"The dataset name {new!r} is not lower_snake_case ASCII; choose another, such as 'my_set'.")

    def renamed(header: str, part: str) -> str:
        part = re.sub(rf"^(\s*like\s*=\s*)(['\"]){old}\2", rf"\g<1>\g<2>{new}\2", part, flags=re.MULTILINE)
        if header != old:
            return part
        part = re.sub(rf"^(\s*label\s*=\s*)(['\"]){old}\2", rf"\g<1>\g<2>{new}\2", part, flags=re.MULTILINE)
        return re.sub(rf"^(\s*\[\s*){old}\b", rf"\g<1>{new}", part, flags=re.MULTILINE)

    with _locked(path) as text:
        tables = tomllib.loads(text)
        _check_here(old, path, tables, others)
        _check_free(new, path, tables, others)
        expected = {new if name == old else name: dict(table) for name, table in tables.items()}
        if expected[new]["label"] == old:
            expected[new]["label"] = new
        for table in expected.values():
            if table.get("like") == old:
                table["like"] = new
        _write(path, "".join(renamed(header, part) for header, part in _parts(text)), expected)


@contextmanager
def _locked(path: Path) -> Iterator[str]:
    """Yield the text of a manifest while no other process edits it; empty if there is no file."""
    with locked(path.with_name(f".{path.name}.lock")):
        if path.exists():
            read_manifest(path)  # a file with a fault is not edited
        yield read_toml(path).text if path.exists() else ""


def _parts(text: str) -> list[tuple[str, str]]:
    """Split a manifest by datasets, each with the comment lines right above its header; "" is what is before them."""
    parts: list[tuple[str, str]] = [("", "")]
    comments = ""
    for line in text.splitlines(keepends=True):
        if line.lstrip().startswith("#"):
            comments += line
            continue
        header = _HEADER.match(line)
        if header and header["name"] != parts[-1][0]:
            parts.append((header["name"], ""))
        parts[-1] = (parts[-1][0], parts[-1][1] + comments + line)
        comments = ""
    parts[-1] = (parts[-1][0], parts[-1][1] + comments)
    return parts


def _write(path: Path, text: str, expected: Mapping[str, Any]) -> None:
    """Write an edited text if it means what was asked for: the edit is one of lines, and TOML has other spellings."""
    try:
        right = tomllib.loads(text) == expected
    except tomllib.TOMLDecodeError:
        right = False
    if not right:
        raise UsageError(f"{path} is written in a way that srbench does not edit; change it by hand.")
    atomic_write(path, text)


def _check_free(name: str, path: Path, tables: Mapping[str, Any], taken: Sequence[str]) -> None:
    if name in tables or name in taken:
        where = path if name in tables else "another manifest"
        raise UsageError(f"A dataset named {name!r} is already in {where}; choose another name.")


def _check_here(name: str, path: Path, tables: Mapping[str, Any], others: Sequence[str]) -> None:
    if name in tables:
        return
    if name in others:
        raise UsageError(f"{name} is not in {path}: it comes with srbench or a plugin, and stays as it is.")
    raise UnknownNameError.among("dataset", name, tables, f"Only those of {path} can be changed.")


def _table(spec: DatasetSpec) -> tomlkit.items.Table:
    table = tomlkit.table()
    table.update(
        {
            "label": spec.label,
            "split": spec.split,
            "images": spec.images if spec.images is not None else "unknown",
            "license": spec.license,
            "citation": spec.citation,
        }
    )
    if not spec.truth:
        table.add("truth", value=False)
    for key in ("home", "folders", "archives", "left_out", "lr_suffix", "grey", "notes"):
        value: Any = getattr(spec, key)
        if value:
            table.add(key, list(value) if isinstance(value, tuple) else value)
    rows = tomlkit.array()
    for entry in spec.entries:
        rows.add_line([entry.name, entry.height, entry.width, entry.sha256 or "unknown"])
    rows.add_line(indent="")
    table.add("entries", rows)
    return table

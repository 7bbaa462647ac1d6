"""The datasets of srbench's own manifest, ``datasets.toml``."""

from __future__ import annotations

import srbench


@srbench.hookimpl
def register_datasets() -> list[srbench.DatasetSpec]:
    """Provide all datasets that are found below the data root."""
    return [spec for spec in srbench.read_manifest() if not spec.name.startswith("photographs")]

"""The user's own datasets, which `srbench data add` records.

They are in ``datasets.toml`` in the user's configuration folder, or in the file that ``SRBENCH_DATASETS`` names.
"""

from __future__ import annotations

import srbench


@srbench.hookimpl
def register_datasets() -> list[srbench.DatasetSpec]:
    """Provide the datasets of the file; none if the file does not exist."""
    path = srbench.user_manifest()
    return list(srbench.read_manifest(path)) if path.exists() else []

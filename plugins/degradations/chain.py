"""Chains of steps in TOML files, ``chain:FILE.toml``."""

from __future__ import annotations

from pathlib import Path

import srbench


@srbench.hookimpl
def register_degradations() -> list[srbench.Family]:
    """Provide the family, which reads a file again only if it has changed."""
    read: dict[tuple[str, bytes], srbench.DegradationSpec] = {}

    def make(
        argument: str, degradations: srbench.SpecMap[srbench.DegradationSpec], steps: srbench.SpecMap[srbench.StepSpec]
    ) -> srbench.DegradationSpec:
        path = Path(argument)
        key = argument, path.read_bytes() if path.is_file() else b""
        if key not in read:
            read[key] = srbench.read_chain(argument, degradations, steps)
        return read[key]

    return [
        srbench.Family(
            name="chain",
            make=make,
            needs=("step",),
            example="chain:my_chain.toml",
            label="a chain of steps in a TOML file",
        )
    ]

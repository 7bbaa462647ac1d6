"""The figures of profiles, draws and fits that tables show, those that a table's records have."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from srbench.records.record import Record


@dataclass(frozen=True, slots=True)
class Cost:
    """One figure of `srbench.records.costs.Profile`, or of its `ImageCosts`."""

    name: str
    head: str
    """Head of the column, with its unit."""
    text: Callable[[float], str]
    axis: str = ""
    """Label of the axis of plots against it; empty if there are none."""
    size: str = ""
    """What it is counted for, if that is the same for all records; the size of a latency is in its record."""
    about: str = ""
    """A sentence for the top of the page, where its head does not say enough."""


COSTS = (
    Cost("parameters", "Params [K]", lambda v: f"{v / 1e3:,.1f}" if v < 1e6 else f"{v / 1e3:,.0f}"),
    Cost("macs_720p_g", "MACs [G]", lambda v: f"{v:,.2f}", "MACs for a 1280×720 output [G]",
         "1280×720 output",
         "MACs are multiply-accumulates for a 1280×720 output (others call the same number FLOPs)."),
    Cost("macs_input_m", "MACs [M]", lambda v: f"{v:,.2f}", "MACs for an image [M]",
         "own input",
         "MACs are multiply-accumulates for an image of the size that the network sees (others call the same number "
         "FLOPs)."),
    Cost("input_bytes", "Input [bytes]", lambda v: f"{v:,.0f}"),
    Cost("table_bytes", "Table [KiB]", lambda v: f"{v / 1024:,.1f}"),
    Cost("lookups_per_pixel", "Look-ups/pixel", lambda v: f"{v:,.0f}",
         about="Look-ups are the entries of tables that a model reads for each pixel of lr, all channels together."),
    Cost("latency_ms_p50", "Latency p50 [ms]", lambda v: f"{v:,.1f}" if v >= 10 else f"{v:.2f}", "Latency p50 [ms]"),
    Cost("peak_memory_mib", "Memory [MiB]", lambda v: f"{v:,.0f}"),
    Cost("evaluations", "Evaluations", lambda v: f"{v:,.0f}", "Evaluations of the network for an image",
         about="Evaluations are those of the network for one sr of an image (NFE), with all steps of its sampler or "
         "fit."),
    Cost("image_seconds", "Time/image [s]", lambda v: f"{v:,.1f}" if v >= 10 else f"{v:.2f}",
         about="Time and memory of an image are those of one sr: the median over images, and the most of any."),
    Cost("image_memory_mib", "Memory/image [MiB]", lambda v: f"{v:,.0f}"),
)  # fmt: skip
_SIZED = ("macs_input_m", "input_bytes")
"""What is known only where all inputs have one size."""
_OF_ANY_SIZE = ("macs_720p_g", "macs_256_g")
"""What is known only where images have sizes of their own."""


_OF_TABLES = ("table_bytes", "lookups_per_pixel")
"""What only models have that look values up."""
OF_IMAGES = ("evaluations", "image_seconds", "image_memory_mib")
"""What only networks have that are evaluated several times for an image."""
_OF_DRAWS = ("samples", *OF_IMAGES, "fits_shortened")


def absent_costs(records: Iterable[Record]) -> frozenset[str]:
    """Return the figures that none of these records can have: usually those of inputs of one size, tables and draws."""
    records = list(records)
    profiles = [record.profile for record in records if record.profile]
    sized = {profile.input_bytes is not None for profile in profiles} or {False}
    tables = any(profile.table_bytes is not None for profile in profiles)
    return frozenset(
        (() if True in sized else _SIZED)
        + (() if False in sized else _OF_ANY_SIZE)
        + (() if tables else _OF_TABLES)
        + (() if any(record.drawn for record in records) else _OF_DRAWS)
    )


def costs_of(records: Iterable[Record]) -> list[Cost]:
    """Return the figures that tables of these records show, in order."""
    absent = absent_costs(records)
    return [cost for cost in COSTS if cost.name not in absent]

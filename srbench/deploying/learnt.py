"""What quantisation-aware training has learnt of a network's layers, kept in the file of its weights.

``read_learnt(path)`` reads it for `srbench.deploying.quantisation.quantise`, which then calibrates only what training
did not learn. The weights in such a file are on their grids already.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from srbench.errors import CheckpointError, text_of

_METADATA = "srbench"
"""The name in the header of a file of weights under which srbench writes, and under it a line of JSON after others."""


class LearntLayer(BaseModel):
    """A layer with weights."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    weight_steps: tuple[float, ...] = Field(min_length=1)
    """The step of each output channel: weights are whole multiples of it, from -127 to 127."""
    low: float | None = None
    """The least value of its input that 8 bits hold; None if its input was not quantised."""
    high: float | None = None
    """The largest one."""


class LearntRanges(BaseModel):
    """The layers of a network."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    layers: dict[str, LearntLayer]
    """By path in the network's module: "body.0"."""

    @property
    def text(self) -> str:
        """One line of JSON."""
        return self.model_dump_json(exclude_none=True)


def read_learnt(path: Path) -> LearntRanges | None:
    """Return what the file of a network's weights says of its quantisation; None if it was trained without.

    Raises:
        CheckpointError: The file's note cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    if path.suffix != ".safetensors":
        return None
    try:
        with safe_open(path, "numpy") as file:
            note = (file.metadata() or {}).get(_METADATA, "")
        _, line_break, text = note.partition("\n")
        return LearntRanges.model_validate_json(text) if line_break else None
    except (OSError, SafetensorError, ValidationError) as error:
        raise CheckpointError(
            f"{path} does not say what its quantisation-aware training learnt ({text_of(error)[:200]}); train it again."
        ) from error

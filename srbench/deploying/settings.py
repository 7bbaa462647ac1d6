"""How a network is quantised, as one frozen object and as one word: ``Quantisation()`` is "qdq-pc"."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from srbench.errors import UsageError

PATCHES, PATCH = 64, 48
"""Defaults of `Quantisation.patches` and `Quantisation.patch`."""


class Quantisation(BaseModel):
    """How a network is quantised; hashable, and written as one word, its `id`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    quantiser: Literal["qdq", "nncf"] = "qdq"
    """"qdq": the static quantisation of onnxruntime; "nncf": that of the package NNCF, with bias correction."""
    per_channel: bool = True
    """Whether every output channel of a weight has its own step; otherwise a weight has one."""
    calibration: Literal["minmax", "entropy", "percentile"] = "minmax"
    """How the range of an activation follows from its values: all of them; the range whose quantised histogram has the
    least KL divergence; or all but 0.001 % of them."""
    layers_only: bool = False
    """Whether only the inputs and weights of layers are quantised, and not what other operators compute. OpenVINO then
    loses less and runs as fast; onnxruntime multiplies in integers only where a layer's output is quantised too."""
    float_layers: Annotated[int, Field(ge=0)] = 0
    """How many of the most sensitive layers stay in floating point; see `srbench.deploying.sensitivity`."""
    max_drop: Annotated[float, Field(ge=0, lt=100), AfterValidator(lambda drop: round(drop, 3))] | None = None
    """Of the quantiser nncf: layers go back to floating point, those that cost most first, until the PSNR of the
    calibration patches falls by at most so many dB; None leaves all in 8 bits."""
    patches: Annotated[int, Field(ge=1)] = PATCHES
    """Number of calibration patches."""
    patch: Annotated[int, Field(ge=8)] = PATCH
    """Side of a calibration patch, in pixels of lr."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.quantiser == "nncf" and (self.calibration != "minmax" or self.layers_only):
            raise ValueError("the quantiser nncf has the calibration minmax alone, and quantises all operators")
        if self.quantiser != "nncf" and self.max_drop is not None:
            raise ValueError("a largest drop is for the quantiser nncf")
        return self

    @property
    def id(self) -> str:
        """The settings as a word: "qdq-pc", "qdq-pt-entropy", "qdq-pc-float2", "nncf-pc-drop0.1-p32"."""
        words = [self.quantiser, "pc" if self.per_channel else "pt"]
        words += [] if self.calibration == "minmax" else [self.calibration]
        words += ["layers"] if self.layers_only else []
        counts = (
            ("float", self.float_layers, 0), ("drop", self.max_drop, None), ("n", self.patches, PATCHES),
            ("p", self.patch, PATCH),
        )  # fmt: skip
        words += [f"{word}{count:g}" for word, count, default in counts if count != default]
        return "-".join(words)


_ID = re.compile(
    r"(?P<quantiser>qdq|nncf)-(?P<channels>pc|pt)(?:-(?P<calibration>entropy|percentile))?(?P<layers_only>-layers)?"
    r"(?:-float(?P<float_layers>\d{1,4}))?(?:-drop(?P<max_drop>\d{1,2}(?:\.\d{1,3})?))?"
    r"(?:-n(?P<patches>\d{1,6}))?(?:-p(?P<patch>\d{1,4}))?",
    re.ASCII,
)


def read_quantisation(word: str) -> Quantisation:
    """Return the settings that a word means: the inverse of `Quantisation.id`.

    Raises:
        UsageError: It is not such a word.
    """
    found = _ID.fullmatch(word)
    given = {} if found is None else {name: text for name, text in found.groupdict().items() if text is not None}
    try:
        channels, layers_only = given.pop("channels"), given.pop("layers_only", "")
        return Quantisation.model_validate({"per_channel": channels == "pc", "layers_only": bool(layers_only), **given})
    except (KeyError, ValueError) as error:
        raise UsageError(
            f"{word!r} is not a quantisation; write it as qdq-pc or qdq-pt (per channel or per tensor), followed by "
            "-entropy or -percentile and -layers (nothing but layers), or as nncf-pc or nncf-pt; then -float2 (layers "
            "kept in float), -drop0.1 (of nncf: the largest loss in dB), -n64 (patches) and -p48 (their side, at "
            "least 8)."
        ) from error

"""Typed parameters are read from names as they are written, and what does not fit is answered with what would."""

from dataclasses import dataclass
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from srbench.errors import SrbenchError
from srbench.parameters import pairs_text, parameters_text, read_parameters


@dataclass(frozen=True)
class Sizes:
    width: Annotated[int, Field(ge=1, le=64)]
    gate: Literal["none", "pixel"] = "none"
    slope: float = 0.1
    kernel: Literal[1, 3, 5] = 3
    bias: bool = True

    def __post_init__(self):
        if self.gate == "pixel" and self.width < 4:
            raise ValueError(f"a gate needs 4 channels, not {self.width}")


SIZES = st.builds(
    Sizes,
    width=st.integers(4, 64),
    gate=st.sampled_from(["none", "pixel"]),
    slope=st.floats(0, 1),
    kernel=st.sampled_from([1, 3, 5]),
    bias=st.booleans(),
)


@given(SIZES)
def test_what_is_written_is_read_as_the_same(sizes):
    assert read_parameters(Sizes, parameters_text(sizes), "net") == sizes


def test_order_and_absent_defaults_do_not_matter():
    assert read_parameters(Sizes, "bias=false, width=8", "net") == Sizes(8, bias=False)
    assert parameters_text(Sizes(8, bias=False)) == "width=8,gate=none,slope=0.1,kernel=3,bias=false"
    assert pairs_text({"width": 8, "bias": False}) == "width=8,bias=false"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("width", "net:width: 'width' is not a parameter with its value; write, for example, bias=…"),
        ("widths=3", "No parameter of net named 'widths'. Did you mean width?"),
        ("width=3,width=4", "net:width=3,width=4 gives width twice; remove one of the two."),
        ("width=0", "net:width=0: width = '0' does not fit: expected greater than or equal to 1."),
        ("width=4,gate=x", "net:width=4,gate=x: gate = 'x' does not fit: expected 'none' or 'pixel'."),
        ("width=4,kernel=2", "net:width=4,kernel=2: kernel = '2' does not fit: expected 1, 3 or 5."),
        ("", "net:: the parameter width is missing; add it."),
        ("width=2,gate=pixel", "net:width=2,gate=pixel: a gate needs 4 channels, not 2."),
    ],
)
def test_what_does_not_fit_is_one_sentence(text, sentence):
    with pytest.raises(SrbenchError) as caught:
        read_parameters(Sizes, text, "net")
    assert str(caught.value) == sentence

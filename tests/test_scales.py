"""A scale is a whole number or a real one for each axis, and sizes follow from it exactly."""

import json
import math
import tomllib
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from srbench.scales import (
    RealScale,
    Scale,
    area,
    covering_lr_size,
    crop_size,
    hr_size,
    is_isotropic,
    lr_size,
    next_whole,
    parse_scale,
    plain_scale,
    read_scale,
)

factors = st.integers(10_000, 640_000).map(lambda n: Fraction(n, 10_000))
whole = st.integers(1, 64)
sides = st.tuples(st.integers(1, 5000), st.integers(1, 5000))


@st.composite
def scales(draw) -> Scale:
    height = draw(st.one_of(whole.map(Fraction), factors))
    width = draw(st.one_of(st.just(height), factors))
    return int(height) if height == width and height.denominator == 1 else RealScale(height, width)


@given(scales())
def test_a_scale_is_the_same_after_it_was_written_and_read(scale):
    assert parse_scale(str(scale)) == scale
    assert read_scale(json.loads(json.dumps(plain_scale(scale)))) == scale
    assert read_scale(tomllib.loads(f"s = {json.dumps(plain_scale(scale))}")["s"]) == scale
    adapter = TypeAdapter(Scale)
    assert adapter.validate_json(adapter.dump_json(scale)) == scale


@pytest.mark.parametrize(
    ("text", "scale", "plain"),
    [
        ("2", 2, 2),
        ("2.0", 2, 2),
        ("3x3", 3, 3),
        ("2.3", RealScale(Fraction(23, 10), Fraction(23, 10)), 2.3),
        ("2.30", RealScale(Fraction(23, 10), Fraction(23, 10)), 2.3),
        ("3.7x1.5", RealScale(Fraction(37, 10), Fraction(3, 2)), "3.7x1.5"),
        ("1x2", RealScale(Fraction(1), Fraction(2)), "1x2"),
    ],
)
def test_whole_isotropic_scales_are_plain_ints(text, scale, plain):
    assert parse_scale(text) == scale
    assert plain_scale(parse_scale(text)) == plain
    assert type(plain_scale(parse_scale(text))) is type(plain)


@pytest.mark.parametrize(
    "text", ["2,3", "0.5", "nan", "inf", "2x", "x2", "1e9", "-2", "0", "65", "2.00001", "", " 2", "2x3x4", "2.", "٢"]
)
def test_anything_else_is_refused_with_what_was_expected(text):
    with pytest.raises(ValueError, match="expected a number from 1 to 64"):
        parse_scale(text)


@pytest.mark.parametrize("value", ["2", "2.3", True, None, [2], float("nan"), float("inf"), 1e9, 0.5, 0, -1, 65])
def test_a_file_has_numbers_or_two_factors(value):
    with pytest.raises(ValueError, match="expected a number from 1 to 64"):
        read_scale(value)


def test_a_real_scale_cannot_be_a_whole_one():
    with pytest.raises(ValueError, match="write 2"):
        RealScale(Fraction(2), Fraction(2))


@given(sides, whole)
def test_whole_scales_divide_and_multiply_as_integers_do(size, scale):
    height, width = size
    assert hr_size(size, scale) == (height * scale, width * scale)
    assert lr_size(size, scale) == (height // scale, width // scale)
    assert crop_size(size, scale) == (height // scale * scale, width // scale * scale)
    assert covering_lr_size(size, scale) == (-(-height // scale), -(-width // scale))


@given(sides, scales())
def test_an_image_is_cropped_to_the_hr_of_its_lr(size, scale):
    cropped = crop_size(size, scale)
    height, width = (scale, scale) if isinstance(scale, int) else (scale.height, scale.width)
    low = lr_size(cropped, scale)
    assert low == (math.floor(size[0] / height), math.floor(size[1] / width))
    assert hr_size(low, scale) == cropped
    assert all(kept <= side for kept, side in zip(cropped, size, strict=True))


@given(sides, scales())
def test_lr_of_an_hr_is_the_lr_it_was_made_of(size, scale):
    assert lr_size(hr_size(size, scale), scale) == size


@given(sides, scales())
def test_the_lr_of_any_hr_is_the_largest_that_fits(size, scale):
    low = lr_size(size, scale)
    assert all(a <= b for a, b in zip(hr_size(low, scale), size, strict=True))
    larger = hr_size((low[0] + 1, low[1] + 1), scale)
    assert all(a > b for a, b in zip(larger, size, strict=True))


@given(scales(), scales())
def test_scales_have_one_order_with_whole_ones(one, other):
    assert (one < other) + (one == other) + (one > other) == 1
    if is_isotropic(one) and is_isotropic(other):
        assert (one < other) == (area(one) < area(other))


def test_the_next_whole_scale_is_not_exceeded():
    assert [next_whole(parse_scale(text)) for text in ("2", "2.3", "3.7x1.5", "1.5x4")] == [2, 3, 4, 4]

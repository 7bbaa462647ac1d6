"""TOML files: every fault is one sentence with file, line, table and key."""

from typing import Literal

import pytest
from pydantic import Field, model_validator

from srbench.errors import ConfigError
from srbench.toml import Table, read_table, read_toml


class Inner(Table):
    size: int = 1
    ends: tuple[float, float] = (0, 1)
    kind: int | Literal["any"] = "any"


class Outer(Table):
    inner: tuple[Inner, ...] = ()
    named: dict[str, Inner] = Field(default={})
    rows: tuple[tuple[str, ...], ...] = ()

    @model_validator(mode="after")
    def _one_of_two(self):
        if self.named and self.inner:
            raise ValueError("inner and named exclude each other; drop one")
        return self


@pytest.fixture
def file(tmp_path):
    """Write a file, which is named without its folder in what is refused."""

    def write(text):
        path = tmp_path / "x.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.fixture
def refused(file):
    def sentence(text, kind=Outer):
        path = file(text)
        with pytest.raises(ConfigError) as error:
            read_table(path, kind)
        return str(error.value).replace(f"{path.parent}/", "")

    return sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[[inner]]\n[[inner]]\nsize = 1.5\n", "line 3, [[inner]] 2: size = 1.5 does not fit: expected a"),
        ("inner = [{}, { size = 1.5 }]\n", "line 1, inner 2: size = 1.5 does not fit: expected a valid integer"),
        ("[named.a]\nsize = 2\n[named.b]\nsiz = 2\n", "line 4, [named.b]: unknown key 'siz'; did you mean 'size'?"),
        ("[named.a]\nkind = 'x'\n", "line 2, [named.a]: kind = 'x' does not fit: expected a valid integer or 'any'."),
        ("[named.a]\nends = [0]\n", "line 2, [named.a]: ends = [0] does not fit: more values are needed."),
        ("[named.a]\nends = [0, 1, 2]\n", "ends = [0, 1, 2] does not fit: array should have at most 2 items, not 3."),
        ("named.a.size = 'x'\n", "line 1, named, a: size = 'x' does not fit: expected a valid integer"),
        ("[nmaed.a]\nsize = 1\n", "x.toml, line 1: unknown key 'nmaed'; did you mean 'named'?"),
        ("[[inner]]\n[named.a]\n", "x.toml: inner and named exclude each other; drop one."),
        ("rows = [\n  ['a'],\n  [3]\n]\n", "x.toml, line 1: rows = 3 does not fit: expected a valid string."),
        ("rows = [\n  ['a']\n]\n[[inner]]\nsize = ''\n", "x.toml, line 5, [[inner]] 1: size = '' does not fit"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_line_and_table(refused, text, sentence):
    assert sentence in refused(text)


def test_a_byte_order_mark_is_accepted(file):
    assert read_table(file("\ufeff[[inner]]\nsize = 3\n"), Outer).inner[0].size == 3


def test_a_file_that_is_not_toml_not_text_or_not_there_is_refused(refused, tmp_path):
    assert refused("a = [1").startswith("x.toml is not valid TOML: ")
    assert refused(b"a = \xff") == "x.toml is not text in UTF-8 (byte 4); save it as UTF-8."
    assert refused("a = 1".encode("utf-16")) == "x.toml is text in UTF-16; save it as UTF-8."
    with pytest.raises(ConfigError, match=r"y\.toml cannot be read \(No such file or directory\); give a TOML file"):
        read_toml(tmp_path / "y.toml")


@pytest.mark.parametrize("value", [r'"C:\Users\me\x2.pth"', r'["C:\Users\me"]'])
def test_a_windows_path_in_double_quotes_is_answered_with_how_to_write_it(refused, value):
    text = refused(f"a = {value}")
    assert text.endswith("in double quotes a backslash starts an escape: write paths with / or in single quotes.")

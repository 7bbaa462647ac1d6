"""Names, paths and messages as plain text in every output: all that is in them is shown, and nothing in them acts."""

from __future__ import annotations

import functools
import re

_MOST_KEPT = 2**14
"""Texts whose form in a table is kept: the rows of a large one have most of theirs in common."""


def visible(text: str) -> str:
    r"""Return text whose control characters and other invisible ones are spelled out, such as ``\x1b``; lines stay."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else " " if c.isspace() else _spelled(c) for c in text)


def one_line(text: str) -> str:
    """Return text as one visible line: line breaks, with the spaces around them, become a space each."""
    return text if text.isprintable() else visible(_BREAKS.sub(" ", text))


@functools.lru_cache(_MOST_KEPT)
def markdown(text: str) -> str:
    """Return text that Markdown shows as it is, in a paragraph, a heading, a list or a cell of a table.

    It mentions nobody: a space without width follows an ``@`` that begins a name, and a ``#`` that begins a number.
    """
    return _inactive(one_line(text).strip())


def markdown_sentence(text: str) -> str:
    """Return the same, with what is between two single backticks as code; not for cells of tables."""
    parts = _CODE.split(one_line(text).strip())  # every second one is code
    return "".join(part if number % 2 else _inactive(part) for number, part in enumerate(parts))


def markdown_code(text: str) -> str:
    """Return text as code in Markdown; not for cells of tables."""
    line = one_line(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    return f"{fence} {line} {fence}" if line.startswith("`") or line.endswith("`") else f"{fence}{line}{fence}"


@functools.lru_cache(_MOST_KEPT)
def csv_text(text: str) -> str:
    """Return text that a spreadsheet does not compute: an apostrophe comes before what would begin a formula."""
    line = one_line(text)
    return f"'{line}" if line.lstrip()[:1] in _FORMULA else line


_BREAKS = re.compile(r"\s*[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]\s*")
_ACTIVE = re.compile(
    r"[\\`\[\]~$|#]"
    r"|(?<!\w)\*|\*(?![,\s]|$)"  # a star that ends a word, as in the titles of reimplementations, cannot act alone
    r"|<(?=[a-zA-Z/!?])|&(?=#?\w+;)"  # a tag, a link, an entity
    r"|(?<![^\W_])_|_(?![^\W_])"  # emphasis begins and ends at the edges of words
    r"|^>|^[+-](?=\s|$)|^[-=](?=[-=\s]*$)|^\d{1,9}[.)](?=\s|$)"  # a list, a quotation or a rule begins a line
)
_REFERENCE = re.compile(r"(?<!\w)@(?=\w)|#(?=\d)")
"""What hosts turn into a mention of a person or a link to an issue in rendered text, where no escape counts."""
_CODE = re.compile(r"(?<!`)(`[^`]+`)(?!`)")
_FORMULA = {*"=+-@\uff1d\uff0b\uff0d\uff20"}


def _inactive(line: str) -> str:
    shown = _ACTIVE.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", line)
    return _REFERENCE.sub(r"\g<0>&#8203;", shown)  # a space without width


def _spelled(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")

"""Text files that list images, classes or pairs, a line for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from srbench.errors import DataError


class Line(str):
    """A line of a text file that knows its place."""

    __slots__ = ("number", "path")
    number: int
    path: Path

    def fault(self, expected: str) -> DataError:
        """Return the error for a line that is not what was expected: "write LEFT RIGHT FLAG"."""
        shown = repr(str(self)) if len(self) < 80 else f"{str(self)[:77]!r}…"
        return DataError(f"{self.path}, line {self.number}: {shown} cannot be understood; {expected}.")

    def fields(self, count: int, expected: str) -> list[str]:
        """Split it at blanks into ``count`` fields, of which the last may have blanks in it.

        Raises:
            DataError: It has fewer.
        """
        fields = self.split(None, count - 1)
        if len(fields) != count:
            raise self.fault(expected)
        return [field.strip() for field in fields]

    def whole_number(self, field: str, expected: str) -> int:
        """Read a field as a whole number.

        Raises:
            DataError: It is not one.
        """
        digits = field.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal() and len(digits) < 19):
            raise self.fault(expected)
        return int(field)


def read_lines(path: Path) -> list[Line]:
    """Return the lines of a text file that are not blank.

    Raises:
        DataError: It is missing, or not text in UTF-8.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(f"{path} is missing; it lists what belongs to the set.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}); check its permissions.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not text in UTF-8 (byte {error.start}); save it as UTF-8.") from error
    return list(_lines(path, text))


def _lines(path: Path, text: str) -> Iterator[Line]:
    for number, content in enumerate(text.splitlines(), 1):
        if content.strip():
            line = Line(content.strip())
            line.number, line.path = number, path
            yield line


def by_number(path: Path, expected: str) -> dict[int, str]:
    """Read lines of a number and what it is the number of: "17 001.Black_footed_Albatross/x.jpg".

    Args:
        path: The file.
        expected: How a line is written, for errors.

    Raises:
        DataError: A line is of another form, a number is there twice, or the file cannot be read.
    """
    named: dict[int, str] = {}
    for line in read_lines(path):
        first, rest = line.fields(2, expected)
        number = line.whole_number(first, expected)
        if number in named:
            raise DataError(f"{path}, line {line.number}: the number {number} is there twice; remove one.")
        named[number] = rest
    return named

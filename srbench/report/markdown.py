"""Write the parts of Markdown that all pages share."""

from __future__ import annotations

from collections.abc import Sequence


def signed(value: float, decimals: int) -> str:
    """Return a difference with its sign, which a rounded zero does not have."""
    text = f"{abs(value):.{decimals}f}"
    return text if float(text) == 0 else ("+" if value > 0 else "−") + text


def escape(text: str) -> str:
    """Return text that is safe in a cell of a table."""
    return text.replace("|", "\\|")


def grid(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: int) -> list[str]:
    """Return a Markdown table, padded so that its source is readable; the first ``left`` columns are left-aligned."""
    widths = [max(3, *(len(r[i]) for r in [header, *rows])) for i in range(len(header))]
    rule = ["-" * w if i < left else "-" * (w - 1) + ":" for i, w in enumerate(widths)]

    def join(cells: Sequence[str]) -> str:
        padded = (c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True)))
        return f"| {' | '.join(padded)} |"

    return [join(header), join(rule), *(join(row) for row in rows)]

"""Read results as data frames."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from srbench.report.comparing.reading import read_leaderboard
from srbench.report.leaderboard.columns import dtype_of

if TYPE_CHECKING:
    import pandas as pd


def read_results(path: Path | str) -> pd.DataFrame:
    """Read results as a data frame with the rows and columns of ``leaderboard.csv``.

    The dtype of texts is "string", of counts "Int64", and of other numbers "float64". Empty cells are missing values;
    the column ``reasons`` says why they are empty.

    Args:
        path: A results folder, a folder of records, or a CSV file.

    Returns:
        A row for each cell of the suite, in the order of the leaderboard.

    Raises:
        DataError: There is no such file or folder, it is not a leaderboard, or it has a row twice.
    """
    import pandas as pd

    frame = pd.DataFrame(read_leaderboard(Path(path)), dtype="string").replace("", pd.NA)
    return frame.astype({column: dtype_of(column) for column in frame.columns})

"""The leaderboard in the terminal."""

import io
import re

import pytest

from helpers.records import make_record, write_records
from srbench.plain import PlainConsole
from srbench.report.build import build_report
from srbench.report.terminal import print_report


def printed(results, width=120):
    text = io.StringIO()
    print_report(PlainConsole(file=text, width=width), build_report(results))
    return text.getvalue()


def test_the_terminal_shows_tables_and_the_paths_of_all_files(results, no_figures):
    text = printed(results)
    assert "Photographs x2 · bicubic ↓ · classic-y · certified" in text
    assert re.search(r"EDSR \(wide\) +151\.2 +34\.60 +33\.98 +\+1\.58", text)
    assert "failed" in text
    for path in build_report(results).paths:
        assert str(path) in text


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_terminal_shows_the_score_at_any_width(results, no_figures, width):
    assert "33.98" in printed(results, width)


def test_a_run_that_finds_nothing_to_do_needs_neither_torch_pandas_nor_matplotlib(results, no_figures):
    import subprocess
    import sys

    build_report(results)
    code = (
        "import sys; from pathlib import Path; from srbench.plain import PlainConsole; import srbench.benchmarking.run;"
        "from srbench.benchmarking.results import Results; from srbench.report.terminal import print_report;"
        "print_report(PlainConsole(), Results(Path(sys.argv[1])).report());"
        "heavy = {'torch', 'pandas', 'matplotlib', 'scipy.stats'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(results)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_wide_name_is_whole_at_80_columns_and_the_score_beside_it(tmp_path, no_figures):
    name = "a_network_whose_name_has_forty_character"
    wide = make_record("espcn", psnr=33.0)
    wide = wide.model_copy(update={"model": wide.model.model_copy(update={"label": name})})
    results = write_records(tmp_path, [wide, make_record("fsrcnn", psnr=32.0)])
    text = printed(results, 80)
    (line,) = [line for line in text.splitlines() if name in line]
    assert "33.00" in line
    assert "…" not in text

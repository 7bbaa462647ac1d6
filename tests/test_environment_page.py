"""The page on the environment names every variable, every folder of the cache and what is in it."""

import re

from helpers import ROOT
from srbench.running import stages
from srbench.running.cache import PARTS

PAGE = (ROOT / "docs" / "environment.md").read_text(encoding="utf-8")
CODE = "\n".join(
    path.read_text(encoding="utf-8") for room in ("srbench", "plugins") for path in sorted((ROOT / room).rglob("*.py"))
)


def test_every_variable_that_the_code_reads_is_on_the_page_and_no_other():
    named = set(re.findall(r"^\| `(SRBENCH_\w+)` \|", PAGE, re.MULTILINE))
    assert named == set(re.findall(r"\bSRBENCH_[A-Z_]*[A-Z]\b", CODE))
    others = {name.rstrip("_") for name in re.findall(r"\"((?:XDG|OMP|MKL|CUDA)_\w*|MALLOC_|COLUMNS)\"", CODE)}
    assert all(re.search(rf"`{name}(_…)?`", PAGE) for name in others)
    assert {"OMP", "MKL", "CUDA", "MALLOC", "COLUMNS"} <= others


def test_every_folder_that_the_code_makes_in_the_cache_is_a_part_of_it():
    made = set(re.findall(r"cache_root\(\) / \"(\w+)\"", CODE)) | {"patches", "checkpoints"}
    of_jobs = {stage.name for stage in vars(stages).values() if isinstance(stage, stages.Stage)}
    assert {part.name for part in PARTS} == made | of_jobs
    assert {part.name for part in PARTS if part.stage} == of_jobs


def test_every_part_of_the_cache_is_on_the_page_with_what_it_holds():
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE.partition("| part | holds |")[2], re.MULTILINE)
    assert rows == [(part.name, part.about) for part in PARTS]
    assert [part.fetched for part in PARTS].index(True) == len(PARTS) - 3

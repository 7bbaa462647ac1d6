"""The table has every layer, the most sensitive first; the picture names those that lose something."""

import csv

import pytest

from srbench.deploying.sensitivity import LayerError
from srbench.report.sensitivity import write_sensitivity

ROWS = [
    LayerError("conv", "module.body.2.weight", 51.25),
    LayerError("head", "module.head.weight", 60.5),
    LayerError("skip", "module.nearest", float("inf")),
]


def test_the_table_has_every_layer(tmp_path):
    (table, *_), _ = write_sensitivity(ROWS, tmp_path, "NCNet x3 · qdq-pc")
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["layer"] for row in rows] == ["conv", "head", "skip"]
    assert [float(row["psnr_db"]) for row in rows] == [51.25, 60.5, float("inf")]


def test_the_picture_names_layers_and_is_the_same_every_time(tmp_path):
    pytest.importorskip("matplotlib")
    paths, left = write_sensitivity(ROWS, tmp_path / "one", "NCNet x3 · qdq-pc", ("svg",))
    again, _ = write_sensitivity(ROWS, tmp_path / "two", "NCNet x3 · qdq-pc", ("svg",))
    assert [path.name for path in paths] == ["sensitivity.csv", "sensitivity.svg"]
    assert not left
    assert paths[1].read_bytes() == again[1].read_bytes()
    text = paths[1].read_text()
    assert all(words in text for words in ("body.2", "head", "51.2", "1 more without any loss", "NCNet x3"))
    assert "nearest" not in text

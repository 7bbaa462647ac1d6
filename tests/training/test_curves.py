from __future__ import annotations

import csv

import pytest

from helpers.training import RECIPE, make_setup, run
from srbench.errors import TrainingInterrupted
from srbench.training.curves import CurveFile


def points(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def test_a_point_is_in_the_file_as_soon_as_it_is_added(tmp_path):
    file = CurveFile(tmp_path / "curves.csv", 0)
    file.add(1, {"loss/l1": 0.1, "psnr": 1 / 3})
    assert (tmp_path / "curves.csv").read_text() == "step,loss/l1,psnr\n1,0.1,0.3333333333333333\n"


def test_curves_that_a_later_phase_adds_are_empty_before(tmp_path):
    file = CurveFile(tmp_path / "curves.csv", 0)
    file.add(1, {"loss/l1": 0.5})
    file.add(2, {"loss/gan": 2.0})
    assert points(tmp_path / "curves.csv") == [
        {"step": "1", "loss/l1": "0.5", "loss/gan": ""},
        {"step": "2", "loss/l1": "", "loss/gan": "2.0"},
    ]


def test_what_a_killed_process_wrote_after_its_last_checkpoint_is_dropped(tmp_path):
    file = CurveFile(tmp_path / "curves.csv", 0)
    for step in (1, 2, 3, 4):
        file.add(step, {"loss": float(step)})
    with (tmp_path / "curves.csv").open("a") as torn:
        torn.write("5")
    CurveFile(tmp_path / "curves.csv", 3).add(4, {"loss": 9.0})
    assert [(row["step"], row["loss"]) for row in points(tmp_path / "curves.csv")] == [
        ("1", "1.0"), ("2", "2.0"), ("3", "3.0"), ("4", "9.0"),
    ]  # fmt: skip


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"other,step\n1,2\n", b"step,loss\nx,1\n1\n1,2,3\n,\n"])
def test_a_damaged_file_is_written_anew(tmp_path, content):
    (tmp_path / "curves.csv").write_bytes(content)
    CurveFile(tmp_path / "curves.csv", 9).add(10, {"loss": 1.0})
    assert points(tmp_path / "curves.csv") == [{"step": "10", "loss": "1.0"}]


def test_a_training_that_is_stopped_and_resumed_has_every_point_once(tmp_path):
    from srbench.distilling.distiller import Distiller

    recipe = RECIPE.model_copy(update={"checkpoint_every": 1})
    asked = []

    def after_five():
        asked.append(1)
        return len(asked) == 5

    with pytest.raises(TrainingInterrupted):
        run(Distiller(make_setup(recipe=recipe)), tmp_path, curves=tmp_path / "curves.csv", stop=after_five)
    CurveFile(tmp_path / "curves.csv", 99).add(6, {"loss/l1": 1.0})  # a process that was killed after it
    run(Distiller(make_setup(recipe=recipe)), tmp_path, curves=tmp_path / "curves.csv")
    whole = points(tmp_path / "curves.csv")
    assert [int(row["step"]) for row in whole] == list(range(1, recipe.steps + 1))
    seconds = [float(row["seconds"]) for row in whole]
    assert seconds == sorted(seconds)

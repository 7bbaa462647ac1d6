"""Curves, settings and pictures in trackers: TensorBoard and trackio for real, the others by a class that stands in."""

from __future__ import annotations

import inspect
import sys
from typing import ClassVar

import numpy as np
import pytest
from accelerate import tracking as accelerates

from helpers.training import make_setup, run
from srbench.distilling.distiller import Distiller
from srbench.errors import UnavailableError, UnknownNameError
from srbench.training.progress import Progress
from srbench.training.tracking import PROJECT, Tracking, _arguments, settings_of, tracking_by

OTHERS = ("aim", "clearml", "comet_ml", "dvclive", "mlflow", "swanlab", "wandb")


class Noting(Progress):
    def __init__(self):
        self.notes = []

    def note(self, sentence):
        self.notes.append(sentence)


def train(tmp_path, *names, progress=None, folder="tracked"):
    run(
        Distiller(make_setup()), tmp_path, progress=progress or Noting(), run="small-x2", settings={"recipe.steps": 12},
        tracking=Tracking(names=names, folder=tmp_path / folder),
    )  # fmt: skip


def test_tensorboard_gets_scalars_settings_and_a_sheet(tmp_path):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    train(tmp_path, "tensorboard")
    found = events.EventAccumulator(str(tmp_path / "tracked" / "small-x2")).Reload()
    assert [point.step for point in found.Scalars("loss/l1")] == list(range(1, 13))
    assert {"learning_rate/main", "held_out_psnr_db", "seconds"} <= set(found.Tags()["scalars"])
    (sheet,) = found.Images("held_out_crops")
    assert sheet.step == 12
    assert sheet.width == 3 * 16
    assert "recipe.steps: 12" in next((tmp_path / "tracked" / "small-x2").rglob("hparams.yml")).read_text()


@pytest.fixture
def trackio(tmp_path, monkeypatch):
    """Trackio as a new process imports it, with a folder of its own."""
    pytest.importorskip("trackio")
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "before"))
    for name in [name for name in sys.modules if name.partition(".")[0] == "trackio"]:
        monkeypatch.delitem(sys.modules, name)


def test_trackio_gets_scalars_settings_and_a_sheet(tmp_path, trackio, capsys):
    train(tmp_path, "trackio")
    assert capsys.readouterr().out == ""
    from trackio.sqlite_storage import SQLiteStorage

    logs = SQLiteStorage.get_logs(PROJECT, "small-x2")
    points = [log for log in logs if "loss/l1" in log]
    assert [log["step"] for log in points] == list(range(1, 13))
    assert {"learning_rate/main", "held_out_psnr_db", "seconds"} <= set(points[-1])
    (sheet,) = [log["held_out_crops"] for log in logs if "held_out_crops" in log]
    assert (sheet["_type"], sheet["caption"]) == ("trackio.image", "lr in large pixels, sr, hr")
    assert list((tmp_path / "tracked" / "media").rglob("*.png"))
    assert SQLiteStorage.get_run_config(PROJECT, "small-x2")["recipe.steps"] == 12


@pytest.mark.parametrize("name", OTHERS)
def test_the_real_classes_take_what_they_are_given(name, tmp_path):
    tracker = accelerates.LOGGER_TYPE_TO_CLASS[name]
    inspect.signature(tracker).bind(**_arguments(name, tmp_path, "run", 0))
    inspect.signature(tracker).bind(**_arguments(name, None, "run", 0))


class Pretending:
    """Stands in for a class of accelerate."""

    made: ClassVar[dict] = {}

    def __init__(self, **arguments):
        type(self).made["arguments"] = arguments

    def start(self):
        self.made["steps"] = []

    def store_init_configuration(self, values):
        self.made["settings"] = values

    def log(self, values, step=None):
        self.made["steps"].append(step)

    def log_images(self, values, step=None):
        ((title, given),) = values.items()
        self.made[title] = given[0] if isinstance(given, list) else given

    def finish(self):
        self.made["finished"] = True


@pytest.fixture
def pretended(monkeypatch):
    """Every other tracker, as if its package were here."""
    for name in OTHERS:
        monkeypatch.setitem(accelerates.LOGGER_TYPE_TO_CLASS, name, type(name, (Pretending,), {"made": {}}))
        monkeypatch.setitem(sys.modules, name, Pretending)
    return accelerates.LOGGER_TYPE_TO_CLASS


def test_every_other_tracker_gets_the_same(tmp_path, pretended):
    assert set(OTHERS) | {"tensorboard", "trackio"} == set(accelerates.LOGGER_TYPE_TO_CLASS)
    assert tracking_by(OTHERS).names == OTHERS
    train(tmp_path, *OTHERS)
    for name in OTHERS:
        made = pretended[name].made
        assert made["steps"] == list(range(1, 13)), name
        assert made["settings"] == {"recipe.steps": 12}
        assert (made["held_out_crops"].dtype, made["held_out_crops"].shape[1:]) == (np.uint8, (48, 3))
        assert made["finished"]


def test_a_tracker_that_fails_is_reported_once_and_the_training_goes_on(tmp_path, pretended, monkeypatch):
    def fails(self, values, step=None):
        raise ConnectionError("no network")

    monkeypatch.setattr(pretended["wandb"], "log", fails)
    progress = Noting()
    train(tmp_path, "wandb", "mlflow", progress=progress)
    assert [note for note in progress.notes if "tracker" in note] == [
        "The tracker wandb failed and is not used any more: ConnectionError: no network"
    ]
    assert len(pretended["mlflow"].made["steps"]) == 12


def test_unknown_trackers_and_missing_packages_are_one_sentence(monkeypatch):
    with pytest.raises(UnknownNameError, match="Did you mean trackio"):
        tracking_by(["trakio"])
    monkeypatch.setattr("srbench.training.tracking.find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, "wandb", raising=False)
    with pytest.raises(UnavailableError, match="needs the package wandb, which is not installed: pip install wandb"):
        tracking_by(["wandb"])
    assert tracking_by([]) == Tracking()


def test_nested_settings_become_plain():
    table = {"losses": {"l1": 1.0}, "betas": [0.9, 0.99], "ema": None, "steps": 3}
    assert settings_of(table, "recipe.") == {
        "recipe.losses.l1": 1.0, "recipe.betas": "[0.9, 0.99]", "recipe.steps": 3,
    }  # fmt: skip

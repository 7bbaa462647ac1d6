"""Real jobs on tiny data: trained, measured, certified, and put together into records."""

import os
import pickle
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from srbench.deploying.learnt import read_learnt
from srbench.errors import PluginError
from srbench.files import atomic_write, sha256_of
from srbench.records.model import WarmStart
from srbench.records.record import Record
from srbench.running.events import unheard
from srbench.running.jobs import TrainJob, perform
from srbench.running.keys import Keys
from srbench.running.provenance import this_environment
from srbench.running.runner import run_plan
from srbench.running.stages import CURVES, TRAIN, WEIGHTS, JobName, Trained
from srbench.training.tracking import Tracking


@pytest.fixture
def results(schedule, catalog, tmp_path):
    """Run a suite here; give its records by architecture and distiller."""

    def run(grid, executor="here", **options):
        folder = tmp_path / "results"
        outcome = run_plan(schedule(grid, **options), folder, catalog.executors[executor], 2, unheard)
        found = [Record.model_validate_json(f.read_bytes()) for f in (folder / "records").glob("*.json")]
        return outcome, {(r.model.architecture, r.model.distiller, r.scale): r for r in found}

    return run


def flip_a_bit(path):
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def test_a_run_gives_records_that_say_all_there_is_to_say(results, tmp_path, session):
    grid = 'architectures = ["bicubic", "dot"]\ndistillers = ["none", "logits"]\nteacher = "wide"'
    outcome, records = results(grid)
    assert outcome.failed == ()
    fixed, plain, taught = (records[key] for key in (("bicubic", "none", 2), ("dot", "none", 2), ("dot", "logits", 2)))
    assert fixed.scores["psnr_y"].value > 25
    assert fixed.scores["psnr_y"].protocol == "psnr_y@classic-y:sr=u8,y=bt601,shave=2,lr=bicubic-u8,whole"
    assert [image.name for image in fixed.images] == ["ant", "bee"]
    assert fixed.scores["psnr_y"].value == pytest.approx(sum(i.scores["psnr_y"] for i in fixed.images) / 2)
    assert fixed.model.source == "fixed"
    assert fixed.model.seed is None
    assert (taught.model.teacher, taught.model.recipe, taught.model.seed) == ("wide", "tiny", 0)
    assert taught.model.trained_on == ("tiny_train",)
    assert taught.model.train_steps == 3
    assert taught.model.weights_sha256 != plain.model.weights_sha256
    assert sha256_of(session.cache / plain.model.weights_file) == plain.model.weights_sha256
    assert plain.certification.status == "no reference"
    assert plain.environment.torch == torch.__version__
    assert plain.dataset_hash == fixed.dataset_hash
    # What is reported is not beside a training by another recipe than the paper's.
    assert plain.scores["psnr_y"].reported is None
    for name in ("sr_file", "lr_file", "hr_file"):
        assert (tmp_path / "results" / "records" / getattr(plain.images[0], name)).is_file()
        assert getattr(plain.images[1], name) is None
    assert list(session.cache.rglob("work")) == [], "checkpoints of finished trainings"


def test_records_say_what_a_training_started_from(results, tiny):
    tiny.recipe(start_from='"wide"')
    outcome, records = results('architectures = ["dot"]')
    assert outcome.failed == ()
    facts = records["dot", "none", 2].model
    assert facts.initial == "wide · x2 · bicubic · seed 0"
    assert facts.warm_start == WarmStart(taken=("body.0.bias",), fresh=("body.0.weight",), unused=("body.0.weight",))


def test_weights_keep_what_quantisation_aware_training_has_learnt(results, session):
    outcome, records = results('architectures = ["dot"]\ndistillers = ["none", "qat"]')
    assert outcome.failed == ()
    plain, quantised = (session.cache / records["dot", name, 2].model.weights_file for name in ("none", "qat"))
    assert read_learnt(plain) is None
    learnt = read_learnt(quantised)
    assert [*learnt.layers] == ["body.0"]
    assert learnt.layers["body.0"].high > 0


def test_records_keep_what_the_distiller_says_of_the_training(results):
    outcome, records = results('architectures = ["dot"]\ndistillers = ["none", "gan"]')
    assert outcome.failed == ()
    assert records["dot", "gan", 2].model.training_notes == ("No features are compared.",)
    assert "training_notes" not in records["dot", "none", 2].model.model_dump()


def test_a_multi_scale_network_is_trained_once_and_measured_at_every_scale(results):
    outcome, records = results('architectures = ["both"]\nscales = [2, 3]')
    assert outcome.failed == ()
    two, three = records["both", "none", 2], records["both", "none", 3]
    assert two.model.key == three.model.key
    assert two.scores["psnr_y"].value != three.scores["psnr_y"].value


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(session, schedule):
    (cell,) = schedule('architectures = ["dot"]').plan.cells
    keys, hashes = Keys(session), []
    for model in (*[cell.model] * 4, replace(cell.model, seed=1)):
        session.store.forget(keys.model(model))
        perform(TrainJob(model), keys.model(model), session)
        hashes.append(session.store.read(keys.model(model)).weights_sha256)
    assert len(set(hashes[:-1])) == 1
    assert hashes[-1] not in hashes[:-1]


def test_a_job_that_another_process_did_meanwhile_is_not_done_again(session, schedule):
    (cell,) = schedule('architectures = ["dot"]').plan.cells
    name = Keys(session).model(cell.model)
    environment = this_environment("cpu")
    weights = session.store.folder(name) / WEIGHTS
    atomic_write(weights, b"theirs")
    theirs = Trained(
        weights_sha256=sha256_of(weights), train_seconds=1, train_steps=1, late_names={}, environment=environment
    )
    session.store.write(name, theirs)
    perform(TrainJob(cell.model), name, session)
    assert session.store.read(name) == theirs


@pytest.mark.parametrize("damage", [lambda p: p.write_bytes(b"damaged"), lambda p: p.unlink(), flip_a_bit])
def test_weights_that_were_damaged_are_trained_again(damage, results, session):
    results('architectures = ["dot"]')
    (weights,) = session.cache.glob("train/*/*/weights.safetensors")
    sound = weights.read_bytes()
    damage(weights)
    for file in session.cache.glob("measure/*/*/result.json"):
        file.unlink()
    outcome, _ = results('architectures = ["dot"]')
    assert (outcome.measured, outcome.failed) == (1, ())
    assert weights.read_bytes() == sound


def test_weights_from_a_file_are_measured_and_named(results, tiny, catalog):
    state = catalog.architectures["dot"].build(2).state_dict()
    torch.save({"params": {f"module.{name}": w for name, w in state.items()}}, tiny.folder / "w.pth")
    outcome, records = results(f'architectures = ["dot"]\nweights = "{tiny.folder / "w.pth"}"')
    assert outcome.failed == ()
    record = records["dot", "none", 2]
    assert record.model.source == "file"
    assert record.model.checkpoint.endswith("/w.pth")
    assert record.model.recipe is None


def test_curves_are_beside_the_weights_and_trackers_follow_in_any_process(results, session, tmp_path):
    pytest.importorskip("tensorboard")
    tracking = Tracking(names=("tensorboard",), folder=tmp_path / "runs")
    _, records = results('architectures = ["dot"]', within=replace(session, tracking=tracking))
    key = records["dot", "none", 2].model.key
    curves = session.store.folder(JobName(TRAIN, key)) / CURVES
    assert curves.read_text().splitlines()[0].startswith("step,loss/l1,learning_rate/main,seconds")
    assert list((tmp_path / "runs" / f"dot-x2-none-seed0-{key[:12]}").glob("events.out.tfevents.*"))


def test_a_random_degradation_is_measured_the_same_every_time(results, session):
    grid = 'architectures = ["bicubic"]\ndegradations = ["grainy"]'
    _, records = results(grid)
    for file in session.cache.glob("measure/*/*/result.json"):
        file.unlink()
    _, again = results(grid)
    assert records["bicubic", "none", 2].scores == again["bicubic", "none", 2].scores
    assert "lr=grainy-u8" in records["bicubic", "none", 2].scores["psnr_y"].protocol


def test_a_job_travels_to_another_process(session, schedule):
    (cell,) = schedule('architectures = ["dot"]').plan.cells
    name = Keys(session).model(cell.model)
    perform(*pickle.loads(pickle.dumps((TrainJob(cell.model), name, session))))
    assert session.store.read(name).train_steps == 3


@pytest.mark.slow
def test_a_whole_run_works_in_processes_of_their_own(tiny, tmp_path):
    words = [
        "run", tiny.suite(), "--data", tiny.data, "--plugin", tiny.plugin, "--no-profile", "--executor", "processes",
        "--workers", "2", "--results", tmp_path / "r",
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", "from srbench.cli import main; main()", *map(str, words)],
        text=True, capture_output=True, timeout=200, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 cells measured, 0 from the cache, 0 failed." in done.stdout
    assert len(list((tmp_path / "r" / "records").glob("*.json"))) == 2


def test_a_training_without_a_recipe_is_refused(session, schedule):
    (cell,) = schedule('architectures = ["dot"]').plan.cells
    model = replace(cell.model, recipe=None)
    with pytest.raises(ValueError, match=r"has no recipe"):
        perform(TrainJob(model), Keys(session).model(model), session)


def test_a_job_whose_code_changed_since_it_was_planned_is_not_done_under_its_old_key(session, schedule):
    (cell,) = schedule('architectures = ["dot"]').plan.cells
    with pytest.raises(PluginError, match=r"changed after this run began \(training dot .*\); run it again"):
        perform(TrainJob(cell.model), JobName(TRAIN, "0" * 64), session)

from __future__ import annotations

import csv
from dataclasses import replace

import pytest
import torch

from helpers.training import (
    DROPPING,
    RECIPE,
    SMALL,
    WIDE,
    Small,
    l1,
    make_setup,
    photographs,
    run,
    same,
    weights,
    with_phases,
)
from srbench.distilling.distiller import Distiller, Phase
from srbench.errors import TrainingError, TrainingInterrupted
from srbench.training.progress import Progress


def test_training_is_the_plain_loop_that_one_would_write_by_hand(tmp_path):
    batches = []

    class Recorded(Distiller):
        def after_step(self, batch):
            batches.append((batch.lr.clone(), batch.hr.clone()))

    setup = make_setup(recipe=RECIPE.model_copy(update={"weight_decay": 0.01, "optimiser": "sgd"}))
    hand = Small(2)
    hand.load_state_dict(setup.student.module.state_dict())
    run(Recorded(setup), tmp_path)
    sgd = torch.optim.SGD(hand.parameters(), lr=1e-3, momentum=0.9, weight_decay=0.01)
    for lr, hr in batches:
        sgd.zero_grad()
        l1(hand(lr), hr).backward()
        sgd.step()
    for name, w in hand.state_dict().items():
        torch.testing.assert_close(setup.student.module.state_dict()[name], w, rtol=1e-4, atol=1e-5)


def test_every_phase_runs_through_the_whole_schedule(tmp_path):
    rates = []

    class Recorded(with_phases(Phase("a"), Phase("b", learning_rate=1e-2))):
        def step(self, batch, optimisers, next_batch):
            rates.append(optimisers["main"].raw.param_groups[0]["lr"])
            return super().step(batch, optimisers, next_batch)

    recipe = RECIPE.model_copy(update={"schedule": "multistep", "milestones": (6,), "gamma": 0.1})
    run(Recorded(make_setup(recipe=recipe)), tmp_path)
    assert rates == pytest.approx([1e-3] * 3 + [1e-4] * 3 + [1e-2] * 3 + [1e-3] * 3)


def test_the_moving_average_is_the_textbook_one_and_is_what_is_handed_out(tmp_path):
    history = []

    class Recorded(Distiller):
        def after_step(self, batch):
            history.append(self.setup.student.module.head.weight.clone())

    setup = make_setup(recipe=RECIPE.model_copy(update={"ema": 0.3}))
    average = setup.student.module.head.weight.detach().clone()
    run(Recorded(setup), tmp_path)
    for step, weight in enumerate(history):
        decay = min(0.3, (1 + step) / (10 + step))
        average = decay * average + (1 - decay) * weight
    torch.testing.assert_close(setup.student.module.head.weight.detach(), average)


def test_clipping_bounds_the_step(tmp_path):
    recipe = RECIPE.model_copy(
        update={"optimiser": "sgd", "momentum": 0.0, "learning_rate": 1.0, "clip": 1e-3, "steps": 1}
    )
    setup = make_setup(recipe=recipe)
    before = torch.cat([p.detach().flatten().clone() for p in setup.student.module.parameters()])
    run(Distiller(setup), tmp_path)
    after = torch.cat([p.detach().flatten() for p in setup.student.module.parameters()])
    assert (after - before).norm() == pytest.approx(1e-3, rel=1e-2)


def test_gradients_that_a_distiller_writes_in_another_layout_update_the_right_weights(tmp_path):
    class Writes(Distiller):
        def step(self, batch, optimisers, next_batch):
            for p in self.setup.student.module.parameters():
                p.grad = torch.arange(p.numel(), dtype=torch.float32).reshape(p.shape)
            optimisers["main"].step()
            return {"none": torch.zeros(())}

    recipe = RECIPE.model_copy(update={"optimiser": "sgd", "momentum": 0.0, "learning_rate": 1.0, "steps": 1})
    setup = make_setup(recipe=recipe)
    before = setup.student.module.head.weight.detach().clone()
    run(Writes(setup), tmp_path)
    moved = before - setup.student.module.head.weight.detach()
    torch.testing.assert_close(
        moved, torch.arange(before.numel(), dtype=torch.float32).reshape(before.shape), rtol=0, atol=1e-4
    )


class Viewing(Small):
    """Flattens by `Tensor.view`, which channels-last tensors refuse."""

    def forward(self, lr):
        features = self.head(lr)
        n, c, h, w = features.shape
        return self.shuffle(self.tail(features.view(n, c, h * w).relu().view(n, c, h, w)))


VIEWING = replace(SMALL, name="viewing", build=Viewing, dead_parameters=("norm.weight", "norm.bias"))


def test_networks_that_call_view_are_trained_all_the_same_and_resume_to_the_same_bits(tmp_path):
    whole = make_setup(VIEWING)
    run(Distiller(whole), tmp_path / "whole")
    parts = make_setup(VIEWING)
    count = iter(range(99))
    with pytest.raises(TrainingInterrupted):
        run(Distiller(parts), tmp_path / "parts", stop=lambda: next(count) == 4)
    parts = make_setup(VIEWING)
    run(Distiller(parts), tmp_path / "parts")
    assert same(weights(parts), weights(whole))


def test_a_distiller_that_calls_view_only_later_gets_advice_what_to_call(tmp_path):
    class Late(Distiller):
        def losses(self, batch):
            if batch.step == 4:
                batch.lr.view(len(batch.lr), -1)
            return super().losses(batch)

    with pytest.raises(TrainingError, match="use reshape or flatten"):
        run(Late(make_setup()), tmp_path)


def test_other_runtime_errors_pass_through(tmp_path):
    class Fails(Distiller):
        def losses(self, batch):
            raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        run(Fails(make_setup()), tmp_path)


def test_a_checkpoint_of_another_recipe_or_seed_is_not_gone_on_from(tmp_path):
    run(Distiller(make_setup()), tmp_path)
    report = run(Distiller(make_setup()), tmp_path, seed=2)
    assert report.resumed_at == 0
    assert "another recipe, seed, student or distiller" in report.notes[0]


def test_a_finished_training_is_not_trained_again(tmp_path):
    first, second = make_setup(), make_setup()
    run(Distiller(first), tmp_path)
    report = run(Distiller(second), tmp_path)
    assert (report.resumed_at, report.images_per_second) == (12, 0.0)
    assert same(weights(first), weights(second))


def test_a_damaged_checkpoint_costs_steps_but_not_a_bit(tmp_path):
    whole = make_setup()
    run(Distiller(whole), tmp_path / "whole")
    count = iter(range(99))
    with pytest.raises(TrainingInterrupted):
        run(Distiller(make_setup()), tmp_path / "parts", stop=lambda: next(count) == 7)
    newest = max((tmp_path / "parts" / "checkpoints").iterdir())
    newest.write_bytes(newest.read_bytes()[:1000])
    parts = make_setup()
    report = run(Distiller(parts), tmp_path / "parts")
    assert report.resumed_at == 6
    assert "is damaged" in report.notes[0]
    assert same(weights(parts), weights(whole))


def test_half_precision_that_a_network_cannot_do_is_replaced_with_a_note_and_cpus_refuse_fp16(tmp_path):
    only_single = replace(SMALL, half_precision=frozenset())
    report = run(
        Distiller(make_setup(only_single, recipe=RECIPE.model_copy(update={"precision": "bf16"}))), tmp_path / "1"
    )
    assert report.notes == ("small does not work in bf16 and is trained in fp32.",)
    with pytest.raises(TrainingError, match="choose bf16 or fp32"):
        run(Distiller(make_setup(recipe=RECIPE.model_copy(update={"precision": "fp16"}))), tmp_path / "2")


def test_bf16_really_computes_in_bf16(tmp_path):
    types = set()

    class Recorded(Distiller):
        def losses(self, batch):
            sr = self.setup.student(batch.lr, batch.scale)
            types.add(sr.dtype)
            return self.setup.supervised(sr, batch.hr)

    run(Recorded(make_setup(recipe=RECIPE.model_copy(update={"precision": "bf16"}))), tmp_path)
    assert types == {torch.bfloat16}


def test_progress_hears_of_everything_and_curves_are_written(tmp_path):
    heard = []

    class Listening(Progress):
        def begin(self, title, steps, done):
            heard.append((title, steps, done))

        def advance(self, done, *, loss, held_out, images_per_second):
            heard.append((done, loss > 0, held_out.endswith(" dB"), images_per_second > 0))

        def end(self):
            heard.append("end")

    run(Distiller(make_setup()), tmp_path, progress=Listening(), curves=tmp_path / "curves.csv", title="x")
    assert heard[0] == ("x", 12, 0)
    assert heard[1] == (1, True, False, True)
    assert heard[-2:] == [(12, True, True, True), "end"]

    points = list(csv.DictReader((tmp_path / "curves.csv").read_text().splitlines()))
    assert list(points[0]) == [
        "step", "loss/l1", "learning_rate/main", "seconds", "images_per_second", "held_out_psnr_db",
    ]  # fmt: skip
    assert [int(point["step"]) for point in points] == list(range(1, 13))
    seconds = [float(point["seconds"]) for point in points]
    assert seconds == sorted(seconds)
    assert seconds[0] > 0
    assert points[0]["held_out_psnr_db"] == ""
    assert float(points[-1]["held_out_psnr_db"]) > 5


def test_watching_the_psnr_changes_nothing(tmp_path):
    often, never = (make_setup(DROPPING, recipe=RECIPE.model_copy(update={"validate_every": n})) for n in (1, 99))
    run(Distiller(often), tmp_path / "1")
    run(Distiller(never), tmp_path / "2")
    assert same(weights(often), weights(never))


def test_training_without_held_out_patches_reports_none(tmp_path):
    assert run(Distiller(make_setup()), tmp_path, images=photographs(2)).held_out is None


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_a_gpu_trains_in_every_precision_and_names_the_step_of_a_nan(tmp_path, precision):
    class Diverges(Distiller):
        def losses(self, batch):
            terms = dict(super().losses(batch))
            return {"l1": terms["l1"] * (float("nan") if batch.step == 10 else 1)}

    recipe = RECIPE.model_copy(update={"precision": precision, "clip": 1.0, "ema": 0.9})
    setup = replace(make_setup(teachers=(WIDE,), recipe=recipe), device=torch.device("cuda"))
    before = weights(setup)
    report = run(Distiller(setup), tmp_path / "1")
    assert report.held_out is not None
    assert setup.student.module.head.weight.is_cuda
    assert not same(before, {name: w.cpu() for name, w in weights(setup).items()})
    setup = replace(make_setup(recipe=recipe), device=torch.device("cuda"))
    with pytest.raises(TrainingError, match="at step 11 of 12"):
        run(Diverges(setup), tmp_path / "2")

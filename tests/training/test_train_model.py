from __future__ import annotations

import os
import signal

import pytest
import torch

from helpers.training import (
    ANY_SCALE,
    BICUBIC,
    LUMA,
    NOISY,
    RECIPE,
    SMALL,
    WIDE,
    TeachingAssistant,
    l1,
    photographs,
    same,
)
from srbench.distilling.distiller import Distiller
from srbench.distilling.spec import DistillerSpec, LossSpec
from srbench.errors import DataError, TrainingError, TrainingInterrupted, UnknownNameError
from srbench.imaging import write_png
from srbench.networks.network import build_network
from srbench.records.model import WarmStart
from srbench.tasks.super_resolution.training import PatchTraining
from srbench.training.progress import Progress
from srbench.training.train_model import TrainedModel, train_model

NONE = DistillerSpec(name="none", build=Distiller, needs_teacher=False)
ASSISTANT = DistillerSpec(name="assistant", build=TeachingAssistant)


@pytest.fixture
def images(tmp_path):
    paths = {}
    for n, pixels in enumerate(photographs()):
        paths[str(n)] = tmp_path / "photographs" / f"{n}.png"
        write_png(paths[str(n)], pixels)
    return {"toy": paths}


@pytest.fixture
def engine(tmp_path, images):
    def model(**options: object) -> TrainedModel:
        given = {
            "spec": SMALL,
            "scales": (2,),
            "distiller": NONE,
            "teachers": (),
            "recipe": RECIPE,
            "degradation": BICUBIC,
            "losses": {"l1": LossSpec(name="l1", build=lambda: l1)},
            "images": images,
            "build": lambda name: build_network({"small": SMALL}[name], 2),
            "find_degradation": lambda name: {"noisy": NOISY}[name],
            "seed": 5,
        }
        where = {"device": torch.device("cpu"), "work": tmp_path / "work", "cache": tmp_path / "cache"}
        how = {name: options.pop(name) for name in ("work", "progress") if name in options}
        return train_model(PatchTraining(**(given | options)), **(where | how))

    return model


def test_one_call_gives_weights_that_depend_on_the_seed_alone(engine, tmp_path):
    first = engine()
    torch.manual_seed(77)
    assert same(first.state_dict, engine(work=tmp_path / "again").state_dict)
    assert not same(first.state_dict, engine(seed=6, work=tmp_path / "other").state_dict)
    assert first.report.seconds > 0
    assert all(w.device.type == "cpu" and w.is_contiguous() for w in first.state_dict.values())


def test_a_distiller_with_phases_a_teacher_and_a_degradation_of_its_own(engine):
    trained = engine(distiller=ASSISTANT, teachers=(build_network(WIDE, 2),))
    assert set(trained.report.terms) == {"l1", "logits"}


@pytest.mark.parametrize(("spec", "scales"), [(LUMA, (2,)), (ANY_SCALE, (2, 3))])
def test_luma_and_several_scales(engine, spec, scales):
    assert engine(spec=spec, scales=scales).report.held_out is not None


def test_patches_grow_as_the_recipe_says_in_every_phase(engine):
    seen = []

    class Watching(TeachingAssistant):
        def losses(self, batch):
            seen.append((*batch.lr.shape[:3:2], batch.hr.shape[2]))
            return super().losses(batch)

    growing = RECIPE.model_copy(
        update={"patch_of": "hr", "patch": 12, "batch": 4, "progressive": ((RECIPE.steps // 2, 17, 2),)}
    )
    spec = DistillerSpec(name="watching", build=Watching)
    report = engine(distiller=spec, teachers=(build_network(WIDE, 2),), recipe=growing).report
    assert report.held_out is not None
    changes = [size for n, size in enumerate(seen) if n == 0 or size != seen[n - 1]]
    assert changes == [(2, 6, 12), (2, 8, 16), (4, 6, 12), (2, 8, 16)]  # its first phase has batches of 2


def test_a_warm_start_takes_what_fits_and_says_what_did_not(engine, tmp_path):
    notes = []

    class Listening(Progress):
        def note(self, sentence: str) -> None:
            notes.append(sentence)

    start = engine().state_dict
    recipe = RECIPE.model_copy(update={"learning_rate": 1e-12, "steps": 1})
    warm = engine(
        scales=(3,),
        initial={**start, "strange": torch.ones(1)},
        recipe=recipe,
        work=tmp_path / "3",
        progress=Listening(),
    )
    torch.testing.assert_close(warm.state_dict["head.weight"], start["head.weight"])
    assert warm.warm_start == WarmStart(taken=("head", "norm"), fresh=("tail",), unused=("strange", "tail"))
    assert notes == ["small takes head, norm from other weights, initialises tail and leaves unused strange, tail."]


@pytest.mark.parametrize(("number", "last"), [(signal.SIGINT, 5), (signal.SIGTERM, 5), (signal.SIGTERM, 12)])
def test_a_signal_stops_after_any_step_saves_and_says_how_to_go_on(engine, tmp_path, number, last):
    whole = engine(work=tmp_path / "whole")

    class Interrupting(Progress):
        def advance(self, done: int, *, loss: float, held_out: str, images_per_second: float) -> None:
            if done == last:
                os.kill(os.getpid(), number)

    sentence = f"small stopped after step {last} of 12 and was saved; the same command"
    with pytest.raises(TrainingInterrupted, match=sentence) as stopped:
        engine(progress=Interrupting())
    assert stopped.value.signal_number == number
    resumed = engine()
    assert resumed.report.resumed_at == last
    assert same(resumed.state_dict, whole.state_dict)


def test_losses_that_are_modules_are_frozen(engine):
    class Learned(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.features = torch.nn.Conv2d(3, 2, 3)

        def forward(self, sr, hr):
            assert not self.training
            assert not self.features.weight.requires_grad
            return l1(self.features(sr), self.features(hr))

    engine(losses={"l1": LossSpec(name="l1", build=Learned)})


def test_a_loss_or_a_set_that_is_not_there_is_named(engine, tmp_path):
    with pytest.raises(UnknownNameError, match=r"No loss named 'l1'\. Did you mean l2"):
        engine(losses={"l2": LossSpec(name="l2", build=lambda: l1)})
    with pytest.raises(DataError, match="The training set 'toy' of phase 'train' is not here"):
        engine(images={})


def test_a_loss_that_depends_on_where_pixels_are_is_refused_for_points(engine):
    def slope(sr, hr):
        return (sr.diff(dim=2) - hr.diff(dim=2)).abs().mean()

    recipe = RECIPE.model_copy(update={"scale_range": (1.0, 4.0), "points": 9, "losses": {"slope": 1.0}})
    with pytest.raises(TrainingError, match=r"The loss slope depends on where pixels are, .*such as l1"):
        engine(recipe=recipe, losses={"slope": LossSpec(name="slope", build=lambda: slope)})

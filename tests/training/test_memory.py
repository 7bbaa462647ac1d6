"""A pool of batches comes again as it was, and a teacher that remembers what it made of them changes nothing."""

import pytest
import torch
from pydantic import ValidationError

from helpers import training as toys
from helpers.patches import patches_of
from srbench.distilling.distiller import Distiller
from srbench.distilling.spec import DistillerSpec
from srbench.networks.capture import capture
from srbench.recipe import Recipe
from srbench.tasks.super_resolution.training import PatchTraining
from srbench.training.memory import RememberingTeacher, TeacherMemory
from srbench.training.patches.build import Pool
from srbench.training.patches.images import TrainingImages
from srbench.training.train_model import train_model

POOLED = toys.RECIPE.model_copy(update={"pool": 3})


class Follow(Distiller):
    """Imitates the output on the batch, on a view of it and on the batch of an outer loop."""

    def step(self, batch, optimisers, next_batch):
        sr = self.setup.student(batch.lr, batch.scale)
        other = next_batch()
        with torch.no_grad():
            target = self.setup.teacher(batch.lr, batch.scale)
            target.mul_(0.9)
            view = self.setup.teacher(batch.lr.flip(-1), batch.scale).flip(-1)
            outer = self.setup.teacher(other.lr, other.scale).mean()
        terms = {"follow": toys.l1(sr, target), "view": toys.l1(sr, view), "outer": outer * sr.mean()}
        optimisers["main"].minimise(sum(terms.values()))
        return terms


class Taps(Distiller):
    """Imitates what the teacher's head gives."""

    def losses(self, batch):
        with torch.no_grad(), capture(self.setup.teacher.module, ("head",)) as features:
            target = self.setup.teacher(batch.lr, batch.scale)
        sr = self.setup.student(batch.lr, batch.scale)
        return {"follow": toys.l1(sr, target), "features": features["head"].abs().mean() * sr.mean()}


def trained(method, folder, recipe=POOLED):
    images = {f"{n}": path for n, path in enumerate(sorted(folder.parent.glob("*.png")))}
    torch.manual_seed(3)
    training = PatchTraining(
        spec=toys.SMALL, scales=(2,), distiller=DistillerSpec(name="method", build=method), recipe=recipe,
        teachers=(toys.make_setup(teachers=(toys.WIDE,)).teacher,), degradation=toys.NOISY,
        losses={"l1": type("L1", (), {"build": staticmethod(lambda: toys.l1)})}, images={"toy": images},
        build=lambda name: None, find_degradation=lambda name: toys.NOISY, seed=1,
    )  # fmt: skip
    return train_model(training, device=torch.device("cpu"), work=folder, cache=folder.parent / "cache")


@pytest.fixture
def folder(tmp_path):
    from srbench.imaging import write_png

    for number, image in enumerate(toys.photographs()):
        write_png(tmp_path / f"{number}.png", image)
    return tmp_path


@pytest.mark.parametrize("method", [Follow, Taps])
def test_what_is_remembered_ends_with_the_same_bits(method, folder, monkeypatch):
    remembered = trained(method, folder / "remembered")
    monkeypatch.setattr(
        "srbench.training.train_model.RememberingTeacher", lambda spec, module, *_: toys.Network(spec, module)
    )
    computed = trained(method, folder / "computed")
    assert toys.same(remembered.state_dict, computed.state_dict)
    counts = [model.report.costs.teacher_forwards for model in (remembered, computed)]
    # of three passes a step, two come from a batch as it was drawn: computed in the first 3 of 12 steps only
    assert counts == ([1.5, 3.0] if method is Follow else [1.0, 1.0])


def test_a_pool_repeats_batches_noise_and_all(folder):
    images = TrainingImages(folder / "cache", toys.photographs())
    source = patches_of(images, scales=(2, 3), degradation=toys.NOISY, patch=8, batch=4)
    pool = Pool(source, 3)
    for step in range(3):
        for draw in (0, 1):
            first, again = pool.sample(step, draw), pool.sample(step + 6, draw)
            assert torch.equal(first[0], again[0])
            assert torch.equal(first[1], again[1])
            assert first[2] == again[2]
    assert not torch.equal(pool.sample(0)[0], pool.sample(1)[0])
    assert pool.batch == 4
    assert pool.held_out().keys() == source.held_out().keys()


def test_only_a_batch_itself_is_remembered_and_copies_are_handed_out():
    memory, setup = TeacherMemory(2), toys.make_setup(teachers=(toys.WIDE,))
    teacher = RememberingTeacher(setup.teacher.spec, setup.teacher.module, memory, 0)
    lr = torch.rand(2, 3, 8, 8)
    memory.show(lr, 0, 0, 0)
    with torch.no_grad():
        first = teacher(lr, 2)
        setup.teacher.module.head.weight.mul_(2)
        assert torch.equal(teacher(lr, 2), first)
        teacher(lr, 2).zero_()
        assert torch.equal(teacher(lr, 2), first)
        assert not torch.equal(teacher(lr.clone(), 2), first)
    assert not torch.equal(teacher(lr, 2), first), "what may be differentiated is computed"


def test_what_was_made_at_one_scale_is_not_handed_out_at_another():
    memory = TeacherMemory(2)
    teacher = RememberingTeacher(toys.ANY_SCALE, toys.ANY_SCALE.network(2), memory, 0)
    lr = torch.rand(2, 3, 8, 8)
    memory.show(lr, 0, 0, 0)
    with torch.no_grad():
        assert [teacher(lr, scale).shape[-1] for scale in (2, 3, 2)] == [16, 24, 16]


def test_without_room_it_computes():
    memory, setup = TeacherMemory(2, limit=10), toys.make_setup(teachers=(toys.WIDE,))
    teacher, lr = RememberingTeacher(setup.teacher.spec, setup.teacher.module, memory, 0), torch.rand(2, 3, 8, 8)
    memory.show(lr, 0, 0, 0)
    with torch.no_grad():
        first = teacher(lr, 2)
        setup.teacher.module.head.weight.mul_(2)
        assert not torch.equal(teacher(lr, 2), first)


def test_a_pool_and_progressive_training_exclude_each_other():
    with pytest.raises(ValidationError, match="drop one of the two"):
        Recipe(name="r", datasets=("toy",), steps=10, pool=3, progressive=((2, 16, 4),))

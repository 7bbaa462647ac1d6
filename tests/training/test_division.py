"""Trainings in several processes: the same weights as in one, or one sentence that says why not."""

import re
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from helpers import TESTS
from helpers.divided_training import KINDS
from helpers.training import RECIPE, SMALL, make_setup
from srbench.distilling.distiller import Batch, Distiller
from srbench.errors import TrainingError
from srbench.networks.wanted import Points
from srbench.recipe import Recipe
from srbench.training.devices import tuned
from srbench.training.division import PARTS, Divider, part_of, parts_of
from srbench.training.group import ALONE, Group


def trained(folder, steps, *trainings):
    """Train in processes of a process; see `helpers.divided_training`."""
    command = [sys.executable, "-W", "error", "-m", "helpers.divided_training", folder, str(steps), *trainings]
    done = subprocess.run(command, capture_output=True, text=True, cwd=TESTS)
    assert done.returncode == 0, done.stderr[-2000:]
    files = [folder / f"{training.replace(':', '-')}.safetensors" for training in trainings]
    refused = [file.with_suffix(".refused") for file in files]
    return [
        load_file(file) if file.exists() else sentence.read_text()
        for file, sentence in zip(files, refused, strict=True)
    ]


def difference(one, other):
    """Return the largest relative difference of a tensor."""
    return max(float((one[name] - other[name]).norm() / one[name].norm()) for name in one)


def same_bits(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def test_two_processes_train_as_one_does(tmp_path):
    plain, of_two, parts, parts_of_two = trained(
        tmp_path, 4, "plain:1", "plain:2", "dropout:1:parts", "dropout:2:parts"
    )
    assert difference(plain, of_two) < 1e-6
    assert same_bits(parts, parts_of_two)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("csd", "CSD does not say that its steps can be divided"),
        ("bank", "Bank does not say"),
        ("relativistic", "AdversarialTraining does not say"),
        ("mcad", "MCAD has a loss term that is not a mean over patches, 'images'"),
        ("spread", "Spread has a loss term that is not a mean over patches, 'spread'"),
        ("norm", "Distiller with small trains BatchNorm2d, a mean over the batch"),
    ],
)
def test_what_depends_on_the_whole_batch_is_refused_by_name(kind, said):
    distiller = KINDS[kind]()
    with pytest.raises(TrainingError, match=f"^{re.escape(said)}.*; train it with --devices 1"):
        Divider(distiller, Group(0, 2)).check(batch())


@pytest.mark.parametrize("kind", ["plain", "fitnet", "pool", "adversarial", "gan", "dropout"])
def test_what_is_a_mean_over_patches_is_divided(kind):
    distiller = KINDS[kind]()
    Divider(distiller, Group(1, 2)).check(batch())
    assert all(module.training for module in distiller.setup.student.module.modules())


def test_dropout_is_refused_where_it_would_depend_on_the_number_of_processes():
    divider, before = Divider(KINDS["dropout"](), Group(0, 2)), Divider.random_state(torch.device("cpu"))
    divider.require_same_stream(before, torch.device("cpu"))
    torch.rand(1)
    with pytest.raises(TrainingError, match="deterministic = true"):
        divider.require_same_stream(before, torch.device("cpu"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plain", "fitnet", "pool", "adversarial"])
def test_the_weights_of_200_steps_do_not_depend_on_the_number_of_processes(kind, tmp_path):
    one, *others = trained(tmp_path, 200, *(f"{kind}:{size}" for size in (1, 2, 3, 4)))
    assert max(difference(one, other) for other in others) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plain", "fitnet", "dropout"])
def test_deterministic_weights_of_200_steps_have_the_same_bits_in_every_number_of_processes(kind, tmp_path):
    one, *others = trained(tmp_path, 200, *(f"{kind}:{size}:parts" for size in (1, 2, 3, 4)))
    assert all(same_bits(one, other) for other in others)


def test_the_parts_of_a_batch_are_all_of_it_once_and_as_equal_as_they_can_be():
    for count in (1, 5, 8, 16, 19):
        parts = parts_of(count)
        assert [n for part in parts for n in range(count)[part]] == list(range(count))
        sizes = [part.stop - part.start for part in parts]
        assert len(sizes) == min(count, PARTS)
        assert max(sizes) - min(sizes) <= 1


def test_processes_share_a_batch_and_refuse_one_that_is_too_small():
    shares = [Group(rank, 3).share(8) for rank in range(3)]
    assert [n for share in shares for n in range(8)[share]] == list(range(8))
    with pytest.raises(TrainingError, match=r"2 parts of a batch .* 3 processes; lower --devices to 2"):
        Group(0, 3).share(2)


def batch(count=6, wanted=2):
    lr, hr = torch.rand(count, 3, 8, 8), torch.rand(count, 3, 16, 16)
    return Batch(lr, hr, wanted, 0, 10, torch.Generator())


def test_a_part_has_everything_that_belongs_to_its_patches():
    whole = batch(wanted=Points(torch.arange(12).view(6, 2), torch.arange(24).view(6, 2, 2)))
    whole = replace(whole, conditions=torch.rand(6, 2), labels=torch.arange(6))
    part = part_of(whole, slice(2, 4))
    for name in ("lr", "hr", "conditions", "labels"):
        assert torch.equal(getattr(part, name), getattr(whole, name)[2:4])
    assert torch.equal(part.wanted.sizes, whole.wanted.sizes[2:4])
    assert torch.equal(part.wanted.pixels, whole.wanted.pixels[2:4])


class Stepping(Distiller):
    data_parallel = True

    def step(self, batch, optimisers, next_batch):
        return super().step(batch, optimisers, next_batch)


class Afterwards(Distiller):
    def after_step(self, batch):
        pass


def test_a_method_with_steps_of_its_own_is_divided_only_if_it_says_so():
    assert Distiller.data_parallel is None
    assert Afterwards.data_parallel is False
    with pytest.raises(TrainingError, match=r"Afterwards .*data_parallel"):
        Divider(Afterwards(make_setup()), Group(0, 2))
    Divider(Stepping(make_setup()), Group(0, 2))
    Divider(Afterwards(make_setup()), ALONE)
    ordered = make_setup(recipe=RECIPE.model_copy(update={"deterministic": True}))
    with pytest.raises(TrainingError, match=r"Stepping .* no fixed order of addition"):
        Divider(Stepping(ordered), ALONE)


class Drawing(Distiller):
    """Draws from every stream and writes to a buffer."""

    def __init__(self, setup):
        super().__init__(setup)
        self.register_buffer("count", torch.zeros(()))

    def losses(self, batch):
        self.count += 1
        torch.rand(1), torch.rand(1, generator=batch.generator)
        return self.setup.supervised(self.setup.student(batch.lr, batch.scale), batch.hr)


def test_the_check_of_a_method_leaves_no_trace():
    setup = make_setup()
    setup.student.module.eval()  # batch norm would be refused
    distiller, whole = Drawing(setup), batch()
    drawn, state = torch.get_rng_state(), whole.generator.get_state()
    Divider(distiller, Group(0, 2)).check(whole)
    assert distiller.count == 0
    assert torch.equal(drawn, torch.get_rng_state())
    assert torch.equal(state, whole.generator.get_state())
    assert SMALL.name == setup.student.spec.name


def test_recipes_without_deterministic_are_written_as_before():
    plain = Recipe(name="r", datasets=("d",), steps=1)
    assert "deterministic" not in plain.model_dump()
    assert plain.model_copy(update={"deterministic": True}).model_dump()["deterministic"] is True


def test_deterministic_kernels_are_asked_for_only_inside():
    threads = torch.get_num_threads()
    with tuned(torch.device("cpu"), deterministic=True):
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.backends.cudnn.deterministic
        assert not torch.backends.cudnn.benchmark
        assert torch.get_num_threads() == 1
    assert not torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.deterministic
    assert torch.get_num_threads() == threads

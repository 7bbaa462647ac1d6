"""The contract of a distiller: a few steps of each of its phases, with a small student and a wider teacher."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import count

import torch
from torch import Tensor, nn

from srbench.catalog.catalog import Catalog
from srbench.distilling.distiller import Batch, Distiller, Optimiser, Phase, Setup
from srbench.distilling.spec import DistillerSpec
from srbench.errors import SrbenchError, TrainingError
from srbench.testing.contract import Violations, photograph, seeded
from srbench.testing.tiny_tasks import PATCH, SCALE, STEPS, TINY_TASKS, TinyTask
from srbench.training.learners import FrozenTeachers
from srbench.training.optimisers import Owned, owned_parameters

CHECKED = (
    "a few steps of every phase with a small student and teacher, named finite terms, gradients for every "
    "parameter it optimises, each in one optimiser, untouched teachers, a student without extra weights, and a state "
    "dict from which it goes on; for every task that it serves"
)


def violations(spec: DistillerSpec, catalog: Catalog | None = None) -> list[str]:
    """List the rules that a distiller breaks, one sentence each, tried on every task that it serves."""
    found = Violations()
    unknown = spec.tasks - TINY_TASKS.keys()
    found.expect(
        spec.tasks and not unknown,
        f"{spec.name} serves the tasks {sorted(spec.tasks)}; name at least one of {', '.join(sorted(TINY_TASKS))}.",
    )
    for name in sorted(spec.tasks - unknown):
        found += [sentence for sentence in _violations(spec, TINY_TASKS[name], catalog) if sentence not in found]
    return found


def _violations(spec: DistillerSpec, task: TinyTask, catalog: Catalog | None) -> list[str]:
    found = Violations()
    with seeded(0):
        setup = task.setup(spec, catalog, 1 + spec.several_teachers if spec.needs_teacher else 0)
        distiller: Distiller | None = None
        with found.during(f"building {spec.name}"):
            distiller = spec.build(setup)
        if distiller is None or not _check_made(spec, distiller, setup, found):
            return found
        guard = FrozenTeachers(setup.teachers)
        before = copy.deepcopy(setup.student.module.state_dict())
        with found.during(f"training with {spec.name}"):
            for phase in distiller.phases():
                _train(spec, distiller, task, phase, found)
            distiller.finish()
            _check_after(spec, setup, guard, before, found)
        with found.during(f"resuming {spec.name} from its state dict"):
            _check_resume(spec, distiller, task, catalog, found)
        if spec.needs_teacher:
            _check_missing_teacher(spec, task, catalog, found)
    return found


def _check_made(spec: DistillerSpec, distiller: Distiller, setup: Setup, found: Violations) -> bool:
    if not found.expect(
        isinstance(distiller, Distiller),
        f"build of {spec.name} gave {type(distiller).__name__}; it must give an srbench.Distiller.",
    ):
        return False
    held = {id(p) for p in distiller.parameters()}
    networks = {"student": (setup.student,), "teacher": setup.teachers}
    for role, members in networks.items():
        found.expect(
            not any(id(p) in held for network in members for p in network.module.parameters()),
            f"{spec.name} holds the {role} as a module of its own, which would checkpoint it twice; reach it through "
            f"self.setup.{role} instead.",
        )
    phases = distiller.phases()
    names = [phase.name for phase in phases]
    found.expect(phases, f"{spec.name} has no phase; return at least one.")
    found.expect(len(set(names)) == len(names), f"{spec.name} gives two phases one name: {names}.")
    return not found


def _batches(task: TinyTask, phase: Phase) -> Iterator[Batch]:
    return (task.batch(phase, step) for step in count())


def _optimisers(owned: Owned) -> dict[str, Optimiser]:
    def take(optimiser: torch.optim.Optimizer) -> None:
        optimiser.step()

    return {
        name: Optimiser(torch.optim.Adam(parameters.values(), 1e-3), torch.autograd.backward, take)
        for name, parameters in owned.items()
    }


def _train(spec: DistillerSpec, distiller: Distiller, task: TinyTask, phase: Phase, found: Violations) -> None:
    where = f"{spec.name}, phase {phase.name}"
    if phase.begin:
        phase.begin()
    try:
        owned = owned_parameters(distiller, phase)
    except TrainingError as error:
        found.append(f"{spec.name}: {error}")
        return
    silent = {parameter: name for parameters in owned.values() for name, parameter in parameters.items()}
    hooks = [p.register_hook(partial(_heard, silent, p)) for p in silent]  # type: ignore[no-untyped-call]
    batches, optimisers = _batches(task, phase), _optimisers(owned)
    distiller.setup.student.module.train()
    for step in range(max(STEPS, phase.gradient_within)):
        if step >= STEPS and not silent:
            break
        terms = _step(distiller, batches, optimisers)
        if not _check_terms(where, step, terms, found):
            break
    for hook in hooks:
        hook.remove()
    if silent:
        lost = sorted(silent.values())
        found.append(
            f"{where}: no gradient reaches {len(lost)} parameters within {phase.gradient_within} steps (first: "
            f"{lost[0]}); use them, or leave them out of what the phase optimises."
        )


def _heard(silent: dict[nn.Parameter, str], parameter: nn.Parameter, gradient: Tensor) -> None:
    if gradient.any():
        silent.pop(parameter, None)


def _step(distiller: Distiller, batches: Iterator[Batch], optimisers: Mapping[str, Optimiser]) -> Mapping[str, Tensor]:
    batch = next(batches)
    draw: Callable[[], Batch] = partial(next, batches)
    terms = distiller.step(batch, optimisers, draw)
    distiller.after_step(batch)
    return terms


def _check_terms(where: str, step: int, terms: Mapping[str, Tensor], found: Violations) -> bool:
    if not found.expect(
        isinstance(terms, Mapping) and terms and all(isinstance(t, Tensor) for t in terms.values()),
        f"{where}: a step must return named tensors, at least one.",
    ):
        return False
    wrong = [name for name, term in terms.items() if term.numel() != 1 or not term.isfinite().all()]
    return found.expect(not wrong, f"{where}, step {step}: the terms {wrong} are not finite numbers.")


def _check_after(
    spec: DistillerSpec, setup: Setup, guard: FrozenTeachers, before: Mapping[str, Tensor], found: Violations
) -> None:
    try:
        guard.check()
    except TrainingError as error:
        found.append(f"{spec.name} touches its teacher: {error}")
    after = setup.student.module.state_dict()
    if not found.expect(
        after.keys() == before.keys(),
        f"{spec.name} adds or removes weights of the student (first: {sorted(after.keys() ^ before.keys())[:1]}); what "
        "only the training needs belongs to the distiller.",
    ):
        return
    found.expect(
        any(not torch.equal(after[key], value) for key, value in before.items()),
        f"{spec.name} leaves the student as it was; something must train it.",
    )
    setup.student.module.eval()
    with torch.no_grad():
        output = setup.student(photograph(1, 3, PATCH, PATCH), SCALE)
    found.expect(output.isfinite().all(), f"{spec.name} leaves a student that gives NaN or infinity.")


def _check_resume(
    spec: DistillerSpec, distiller: Distiller, task: TinyTask, catalog: Catalog | None, found: Violations
) -> None:
    """Check that a twin restored from the state dicts gets the same terms in one more step of the last phase."""
    setup = distiller.setup
    twin_setup = task.setup(spec, catalog, len(setup.teachers))
    for twin_teacher, teacher in zip(twin_setup.teachers, setup.teachers, strict=True):
        twin_teacher.module.load_state_dict(teacher.module.state_dict())
    FrozenTeachers(twin_setup.teachers)
    twin = spec.build(twin_setup)
    twin.load_state_dict(copy.deepcopy(distiller.state_dict()), strict=True)
    twin_setup.student.module.load_state_dict(setup.student.module.state_dict())
    results = []
    for each in (distiller, twin):
        phase = each.phases()[-1]
        each.setup.student.module.train()
        with seeded(7):
            results.append(_step(each, _batches(task, phase), _optimisers(owned_parameters(each, phase))))
    original, restored = ({name: term.item() for name, term in result.items()} for result in results)
    found.expect(
        original == restored,
        f"{spec.name} does not continue in the same way from its state dict ({original} against {restored}); keep in "
        "buffers or parameters what it remembers from step to step.",
    )


def _check_missing_teacher(spec: DistillerSpec, task: TinyTask, catalog: Catalog | None, found: Violations) -> None:
    setup = task.setup(spec, catalog, 0)
    try:
        distiller = spec.build(setup)
        _step(
            distiller, _batches(task, Phase("train")), _optimisers(owned_parameters(distiller, distiller.phases()[0]))
        )
    except SrbenchError:
        return
    except Exception as error:  # noqa: BLE001 - anything but a sentence for the user is the violation
        found.append(f"{spec.name} without a teacher raised {type(error).__name__}; take it from self.setup.teacher.")
        return
    found.append(f"{spec.name} says it needs a teacher, and trains without one.")

"""The state of a search in a journal, which several processes share and which a kill at any moment does not harm."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from filelock import Timeout

from srbench.errors import ConfigError, SrbenchError
from srbench.files import locked
from srbench.planning.search import Value
from srbench.running.session import Session
from srbench.searching.costs import Costs
from srbench.searching.journal import open_study
from srbench.searching.space import Space

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial, Trial

JOURNAL = "search.journal"
KNOWN = "it was proposed before"
STATE = ".search"
"""The folder of the locks."""

ImageValues: TypeAlias = dict[str, float]
"""The score of each image by its name."""
Status: TypeAlias = Literal["measured", "given up", "failed", "rejected", "known", "running"]
STATUSES: Mapping[Status, str] = {
    "measured": "trained and measured",
    "given up": "given up after a shorter recipe",
    "failed": "failed",
    "rejected": "rejected before training",
    "known": "proposed again",
    "running": "not finished",
}
"""What each status means, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A network that was proposed."""

    number: int
    name: str
    status: Status
    """"given up": a shorter recipe showed that another is better; "rejected": not trained, by its costs or since its
    values do not fit together; "known": proposed before."""
    reason: str = ""
    """Why it was given up or rejected, or failed."""
    costs: Costs | None = None
    scores: Mapping[str, ImageValues]
    """Scores by recipe and image."""
    score: float | None = None
    """The mean after the last recipe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A network to try."""

    trial: Trial
    name: str
    """Its name; empty if the values do not fit together."""
    refusal: str = ""
    """Why it is not to be tried; empty if it is."""


class Study:
    """A search that goes on in a results folder.

    Args:
        space: What it chooses among.
        session: Where things are.
        results: The folder.

    Raises:
        UnavailableError: The package optuna is not installed.
        ConfigError: The folder holds another search.
        StoreError: The folder cannot be written.
    """

    def __init__(self, space: Space, session: Session, results: Path) -> None:
        self._space, self._state, self._worker = space, results / STATE, uuid.uuid4().hex
        with self._alone():
            self._study = open_study(results / JOURNAL, self._state, space)
            self._check_identity(space.identity(session), results)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Be one of the processes of the search; what one that was killed had begun is done by another."""
        own = self._lock_of(self._worker)
        with ExitStack() as stack:
            with self._alone():  # so that nobody looks between making the file and locking it
                stack.enter_context(locked(own))
            try:
                yield
            finally:
                own.unlink(missing_ok=True)

    def propose(self) -> Proposal | None:
        """Take over a network of a process that was killed, or propose one; None once enough, or all, are tried."""
        from optuna.trial import Trial, TrialState

        with self._alone():
            self._reload()
            trials = self._study.get_trials(deepcopy=False)
            left = next((t for t in trials if t.state == TrialState.RUNNING and not self._alive(t)), None)
            if left is None and (
                sum(map(_counts, trials)) >= self._space.search.trials
                or len({self._space.combination(t.params) for t in trials}) >= self._space.size
            ):
                return None
            self._study.sampler = self._sampler(len(trials) if left is None else left.number)
            trial = self._study.ask() if left is None else Trial(self._study, left._trial_id)
            trial.set_user_attr("worker", self._worker)
            chosen: dict[str, Value] = {
                name: trial.suggest_categorical(name, list(values))  # type: ignore[misc]
                for name, values in self._space.parameters.items()
            }
            try:
                name = self._space.name(chosen)
            except SrbenchError as error:
                return Proposal(trial=trial, name="", refusal=str(error))
            if any(t.user_attrs.get("name") == name and t.number != trial.number for t in trials):
                self._end(trial, "known", "")
                return Proposal(trial=trial, name=name, refusal=KNOWN)
            trial.set_user_attr("name", name)
            return Proposal(trial=trial, name=name)

    def note_costs(self, trial: Trial, costs: Costs) -> None:
        """Note what a network costs."""
        trial.set_user_attr("costs", costs.model_dump(mode="json"))
        for limit, over in costs.over(self._space.search.limits).items():
            trial.set_constraint(limit, over)

    def note_scores(self, trial: Trial, recipe: str, scores: ImageValues) -> None:
        """Note the score of each image after a recipe."""
        trial.set_user_attr(f"scores {recipe}", scores)

    def finish(self, trial: Trial, score: float, costs: Costs) -> None:
        """End the trial of a network with its score."""
        trial.set_user_attr("status", "measured")
        self._study.tell(trial, [score, costs.of(self._space.search.cost)])

    def reject(self, trial: Trial, reason: str) -> None:
        """End the trial of a network that is not trained."""
        if not trial.constraints:
            trial.set_constraint("fits together", 1.0)
        self._end(trial, "rejected", reason)

    def give_up(self, trial: Trial, reason: str) -> None:
        """End the trial of a network after one of its shorter recipes."""
        self._end(trial, "given up", reason)

    def fail(self, trial: Trial, reason: str) -> None:
        """End the trial of a network whose training failed."""
        self._end(trial, "failed", reason)

    def tried(self) -> list[Tried]:
        """Return all that was proposed, in order."""
        self._reload()
        return [self._tried(trial) for trial in self._study.get_trials(deepcopy=False)]

    def leave(self) -> bool:
        """Leave the search if other processes are still at work, and return whether; the last one has to finish it."""
        own = self._lock_of(self._worker)
        with self._alone():
            others = any(self._held(path) for path in self._state.glob("worker-*.lock") if path != own)
            if others:
                own.unlink(missing_ok=True)  # before anyone else asks: two that wait for each other finish nothing
            return others

    def _end(self, trial: Trial, status: Status, reason: str) -> None:
        from optuna.trial import TrialState

        trial.set_user_attr("status", status)
        trial.set_user_attr("reason", reason)
        pruned = status in ("rejected", "given up")  # which the samplers learn from
        self._study.tell(trial, state=TrialState.PRUNED if pruned else TrialState.FAIL)

    def _tried(self, trial: FrozenTrial) -> Tried:
        facts, recipes = trial.user_attrs, self._space.search.recipes
        scores = {recipe: facts[f"scores {recipe}"] for recipe in recipes if f"scores {recipe}" in facts}
        return Tried(
            number=trial.number,
            name=facts.get("name", ""),
            status=facts.get("status", "running") if trial.state.is_finished() else "running",
            reason=facts.get("reason", ""),
            costs=Costs.model_validate(facts["costs"]) if "costs" in facts else None,
            scores=scores,
            score=trial.values[0] if trial.values else None,
        )

    def _check_identity(self, identity: Mapping[str, str], results: Path) -> None:
        known = self._study.user_attrs
        for name, value in identity.items():
            if name not in known:
                self._study.set_user_attr(name, value)
            elif known[name] != value:
                raise ConfigError(
                    f"{results} holds another search (what differs: {name}), so its scores do not compare with new "
                    "ones; choose another folder with --results, or restore what has changed."
                )

    def _alone(self) -> Any:  # noqa: ANN401 - a context manager
        return locked(self._state / "asking.lock")

    def _lock_of(self, worker: str) -> Path:
        return self._state / f"worker-{worker}.lock"

    def _alive(self, trial: FrozenTrial) -> bool:
        worker = trial.user_attrs.get("worker")
        return worker is not None and (worker == self._worker or self._held(self._lock_of(worker)))

    @staticmethod
    def _held(lock: Path) -> bool:
        """Whether a process holds a lock; the system releases those of processes that were killed."""
        if not lock.exists():
            return False
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(lock, timeout=0))
            except Timeout:
                return True
        lock.unlink(missing_ok=True)
        return False

    def _reload(self) -> None:
        self._study._thread_local.cached_all_trials = None  # else they are those of this process's last change

    def _sampler(self, number: int) -> BaseSampler:
        """Return a sampler that depends on the trials so far alone: a search that was stopped goes on as it would."""
        from optuna.samplers import NSGAIISampler, RandomSampler, TPESampler

        search = self._space.search
        seed = (search.seed * 1_000_003 + number) % 2**32
        if search.sampler == "random":
            return RandomSampler(seed=seed)
        if search.sampler == "tpe":
            return TPESampler(seed=seed, multivariate=True, constant_liar=True)
        return NSGAIISampler(seed=seed, population_size=search.population)


def _counts(trial: FrozenTrial) -> bool:
    """Whether a trial is one of those that were asked for: not rejected or known before."""
    return trial.user_attrs.get("status") not in ("rejected", "known")

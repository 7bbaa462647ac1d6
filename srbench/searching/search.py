"""Search a space: propose networks, refuse those that cost too much, try the others as cells, and give up losers."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from srbench.catalog.executors import ExecutorSpec
from srbench.errors import ConfigError, SrbenchError, UsageError
from srbench.measuring.uncertainty import SIGNIFICANCE, paired_p_values
from srbench.planning.search import Cost
from srbench.running.events import Listener, Note
from srbench.running.runner import run_plan
from srbench.running.schedule import Schedule
from srbench.running.session import Session
from srbench.searching.costs import LABELS, Costs, costs_of
from srbench.searching.space import Space
from srbench.searching.study import KNOWN, ImageValues, Proposal, Study

TRIALS = "trials"
"""The results folder, below that of the search, of the networks that were tried."""
_REFUSED = 200
"""So many proposals in turn that are refused or known end a search."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A network that is tried now."""

    proposal: Proposal
    costs: Costs


@dataclass(frozen=True)
class Searching:
    """One process of a search."""

    space: Space
    study: Study
    session: Session
    results: Path
    executor: ExecutorSpec
    workers: int
    listener: Listener

    def run(self) -> None:
        """Try networks until there are as many as the suite asks for, or no more are found.

        Raises:
            ConfigError: No network that was proposed is within the limits, or can be built.
            UsageError: Nothing can be trained or measured, such as where a dataset is missing.
        """
        while candidates := self._candidates():
            self._try(candidates)

    def _candidates(self) -> list[Candidate]:
        """Return the next networks to try, as many as there are workers; none at the end."""
        found: list[Candidate] = []
        refusals: list[str] = []
        while len(found) < self.workers and len(refusals) < _REFUSED:
            proposal = self.study.propose()
            if proposal is None:
                break
            candidate = self._allowed(proposal)
            if isinstance(candidate, str):
                refusals.append(candidate)
            else:
                found.append(candidate)
                refusals.clear()
        if not found and refusals and not any(one.status == "measured" for one in self.study.tried()):
            reasons = [reason for reason in refusals if reason != KNOWN] or [KNOWN]
            raise ConfigError(
                f"{self.space.suite.origin}: none of {len(reasons)} networks that were proposed can be tried; the "
                f"first: {reasons[0].rstrip('.')}. Widen [search.limits] or the choices."
            )
        if len(refusals) == _REFUSED and not found:
            self.listener(Note(text=f"The search ends: {_REFUSED} proposals in turn were refused or known."))
        return found

    def _allowed(self, proposal: Proposal) -> Candidate | str:
        """Return what is to be tried, or why it is not."""
        space = self.space
        if proposal.refusal == KNOWN:
            return KNOWN
        reason = proposal.refusal
        if not reason:
            try:
                costs = costs_of(proposal.name, space.scale, self.session, space.suite.profile, timed=space.timed)
                self.study.note_costs(proposal.trial, costs)
                if not (reason := self._above(costs)):
                    return Candidate(proposal=proposal, costs=costs)
                reason = f"{proposal.name} has {reason}"
            except SrbenchError as error:
                reason = str(error)
        self.study.reject(proposal.trial, reason)
        return reason

    def _above(self, costs: Costs) -> str:
        """Return which limit costs are above; empty if none."""
        limits = self.space.search.limits
        above: list[Cost] = [name for name, over in costs.over(limits).items() if over > 0]
        return " and ".join(f"{name} = {costs.of(name):,.6g}, above {getattr(limits, name):,}" for name in above)

    def _try(self, candidates: Sequence[Candidate]) -> None:
        """Train and measure networks by every recipe in turn, without those that are given up on the way."""
        *_, last = recipes = self.space.search.recipes
        for recipe in recipes:
            scores = self._scores(candidates, recipe)
            for candidate, found in zip(candidates, scores, strict=True):
                if isinstance(found, str):
                    self.study.fail(candidate.proposal.trial, found)
                else:
                    self.study.note_scores(candidate.proposal.trial, recipe, found)
            candidates = [c for c, found in zip(candidates, scores, strict=True) if not isinstance(found, str)]
            if recipe != last:
                candidates = [candidate for candidate in candidates if self._is_in_the_running(candidate, recipe)]
            if not candidates:
                return
        by_name = {one.name: one.scores for one in self.study.tried() if one.status == "running"}
        for candidate in candidates:
            score = statistics.fmean(by_name[candidate.proposal.name][last].values())
            self.study.finish(candidate.proposal.trial, score, candidate.costs)
            self._report(candidate, f"{score:.4f}")

    def _scores(self, candidates: Sequence[Candidate], recipe: str) -> list[ImageValues | str]:
        """Return the scores by image of every network after a recipe, or why there are none."""
        plan = self.space.trial_plan(tuple(c.proposal.name for c in candidates), recipe)
        schedule = Schedule(plan, replace(self.session, images_kept=0))
        impossible = next((jobs.measure.reason for jobs in schedule.cells.values() if jobs.measure.reason), None)
        if impossible:
            raise UsageError(impossible)
        run_plan(schedule, self.results / TRIALS, self.executor, self.workers, self.listener)
        found: dict[str, ImageValues | str] = {}
        for cell, jobs in schedule.cells.items():
            measured, metric = schedule.result(jobs.measure), self.space.metric
            name = cell.model.architecture
            if measured is None:
                found[name] = jobs.measure.reason or "it was not measured"
            elif (score := measured.scores[metric]).value is None or not math.isfinite(score.value):
                found[name] = f"its {metric} is missing: {score.reason}"
            else:
                values = {image.name: image.scores.get(metric) for image in measured.images}
                known = {image: value for image, value in values.items() if value is not None}
                found[name] = known if known and len(known) == len(values) else f"an image has no {metric} of its own"
        return [found[candidate.proposal.name] for candidate in candidates]

    def _is_in_the_running(self, candidate: Candidate, recipe: str) -> bool:
        """Give up a network if the best one of no higher cost is better beyond chance, by its scores of each image."""
        tried, own, sign = self.study.tried(), candidate.proposal, 1.0 if self.space.higher_is_better else -1.0
        scores = next(one.scores[recipe] for one in tried if one.number == own.trial.number)
        cost = candidate.costs.of(self.space.search.cost)
        rivals = [
            one
            for one in tried
            if one.number != own.trial.number
            and one.costs
            and one.costs.of(self.space.search.cost) <= cost
            and one.scores.get(recipe, {}).keys() == scores.keys()
        ]
        if not rivals:
            return True
        best = max(rivals, key=lambda one: sign * statistics.fmean(one.scores[recipe].values()))
        ahead = [sign * (best.scores[recipe][image] - scores[image]) for image in scores]
        p_value = float(paired_p_values(ahead, [0.0] * len(ahead)))
        if statistics.fmean(ahead) <= 0 or p_value >= SIGNIFICANCE:
            return True
        self.study.give_up(own.trial, f"after {recipe}, {best.name} was better by {statistics.fmean(ahead):.3f}")
        self._report(candidate, f"given up after {recipe}")
        return False

    def _report(self, candidate: Candidate, result: str) -> None:
        search, name = self.space.search, candidate.proposal.name
        ended = sum(one.status in ("measured", "given up", "failed") for one in self.study.tried())
        price = f"{LABELS[search.cost]}: {candidate.costs.text(search.cost)}"
        self.listener(Note(text=f"{ended} of {search.trials}: {name}: {result}; {price}"))

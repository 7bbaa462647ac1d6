"""Compare the record of a row with that of a run that made it again.

On the same kind of machine, with the same versions, threads and key, scores are to be equal bit by bit. Elsewhere sums
are rounded in another order, and they are to be within bounds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

from srbench.records.record import Record
from srbench.report.comparing.rows import decimals_of
from srbench.report.formats import UNITS

TRAINED_BOUNDS = {"dB": 0.2, "%": 7.0, "": 0.0035}
"""By unit, how much the score of a training may differ elsewhere: 99 of 100 pairs of trainings with different seeds of
the committed results differ less; see docs/reproduce.md."""
_MADE = ("trained", "composed")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorePair:
    """The score of a metric, recorded and made again."""

    column: str
    before: float | None
    """None if it was not measured."""
    after: float | None
    bound: float
    """How much they may differ; 0 for not at all."""

    @property
    def difference(self) -> float | None:
        """The new one minus the recorded one; None if one of them was not measured."""
        return None if self.before is None or self.after is None else self.after - self.before

    @property
    def reproduced(self) -> bool:
        """Whether the new one is what was to be expected."""
        if self.before is None:
            return True
        return self.difference is not None and abs(self.difference) <= self.bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """How a row that was made again compares with its record."""

    scores: tuple[ScorePair, ...]
    differing: tuple[str, ...]
    """A sentence for each thing that was not the same: code, versions, machine, data, plugins."""
    exact: bool
    """Whether scores are to be equal bit by bit."""
    same_images: bool
    """Whether both were measured on the same images."""
    same_weights: bool | None
    """Whether the weights are equal bit by bit; None without any, and for trainings with another key, which is in their
    files."""

    @property
    def reproduced(self) -> bool:
        """Whether every score is what was to be expected, on the same images."""
        return self.same_images and all(score.reproduced for score in self.scores)


def compare_rows(before: Record, after: Record, others: Iterable[Record] = ()) -> Reproduction:
    """Compare a row with its reproduction.

    Args:
        before: The record of the row.
        after: The record of the run that made it again.
        others: Records of the folder. Trainings of the row's method with other seeds widen the bounds, if these differ
            by more.
    """
    differing = tuple(_differing(before, after))
    exact = not any(_decides(before, after)) and before.key == after.key
    same_row = before.row_id._replace(seed=None)
    seeds = [before, *(o for o in others if o.key != before.key and o.row_id._replace(seed=None) == same_row)]
    scores = [
        ScorePair(
            column=score.column,
            before=score.value,
            after=after.scores[metric].value if metric in after.scores else None,
            bound=0.0 if exact else _bound(before, metric, seeds),
        )
        for metric, score in before.scores.items()
    ]
    old, new = before.model.weights_sha256, after.model.weights_sha256
    comparable = old and new and (old == new or before.model.key == after.model.key)
    return Reproduction(
        scores=tuple(scores),
        differing=differing,
        exact=exact,
        same_images=before.dataset_hash in (after.dataset_hash, None),
        same_weights=old == new if comparable else None,
    )


def _bound(record: Record, metric: str, seeds: list[Record]) -> float:
    """Return how much a score may differ on another kind of machine."""
    column = record.scores[metric].column
    if record.model.source not in _MADE:
        return 10.0 ** -decimals_of(column)
    unit = next((unit for ending, unit in UNITS.items() if column.endswith(ending)), "")
    values = [r.scores[metric].value for r in seeds if metric in r.scores]
    spread = (abs(a - b) for a, b in combinations([v for v in values if v is not None], 2))
    return max((TRAINED_BOUNDS[unit], *spread))


def _decides(before: Record, after: Record) -> Iterator[bool]:
    """Yield whether machine, versions, device or threads differ, on which the order of sums depends."""
    old, new = before.environment, after.environment
    if old is None or new is None:
        yield True
        return
    for name in ("torch", "machine", "device", "threads", "packages"):
        yield getattr(old, name) != getattr(new, name)


def _differing(before: Record, after: Record) -> Iterator[str]:
    old, new = before.environment, after.environment
    if old and new:
        yield from _changed("code", f"{old.srbench} {old.git_commit or ''}", f"{new.srbench} {new.git_commit or ''}")
        yield from _changed("torch", old.torch, new.torch)
        for name in sorted(old.packages.keys() | new.packages.keys() - {"torch"}):
            yield from _changed(name, old.packages.get(name, "absent"), new.packages.get(name, "absent"))
        if old.threads == new.threads:  # the id of a machine has its threads in it
            yield from _changed("machine", f"{old.machine_name} ({old.machine})", f"{new.machine_name} ({new.machine})")
        yield from _changed("device", old.device, new.device)
        yield from _changed("threads", str(old.threads), str(new.threads))
    yield from _changed("data", str(before.dataset_hash)[:12], str(after.dataset_hash)[:12])
    if before.made_by and after.made_by:
        mine, theirs = before.made_by.plugins, after.made_by.plugins
        for name in sorted(mine.keys() | theirs.keys()):
            yield from _changed(f"plugin, {name}", mine.get(name, "absent"), theirs.get(name, "absent"))
    if before.model.key != after.model.key:
        yield "model: another key, so its recipe, its training data, the code behind it or a stage of srbench changed"
    elif before.key != after.key:
        yield "measurement: another key, so the code behind it, its settings or a stage of srbench changed"


def _changed(what: str, before: str, after: str) -> Iterator[str]:
    if before != after:
        yield f"{what}: {before.strip()}, now {after.strip()}"

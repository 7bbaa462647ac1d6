"""A space: all networks that the table ``[search]`` of a suite describes, by their names."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from srbench.catalog.catalog import Catalog
from srbench.errors import ConfigError, SrbenchError, UsageError
from srbench.parameters import check_parameter, pairs_text
from srbench.planning.cells import Plan
from srbench.planning.plan import make_plan
from srbench.planning.search import Search, Value
from srbench.planning.suite import Grid, Suite
from srbench.running.keys import REPORTING
from srbench.running.session import Session
from srbench.scales import Scale

TABLE = "network"
"""The choice of a table ``[[search.network]]``, by its number from 1."""
_COMBINATIONS = 10_000
"""How many combinations of a table are tried to find one that fits together."""


@dataclass(frozen=True)
class Space:
    """The space of a suite."""

    suite: Suite
    catalog: Catalog

    @property
    def search(self) -> Search:
        """The suite's table."""
        if self.suite.search is None:
            raise UsageError(
                f"Suite {self.suite.name} has no table [search], so there is nothing to choose among; add one, or use "
                "`srbench run`."
            )
        return self.suite.search

    @property
    def grid(self) -> Grid:
        """The only grid of the suite: what networks are searched for, and what they are compared with."""
        return self.suite.grid[0]

    @property
    def scale(self) -> Scale:
        """The factor."""
        return self.grid.scales[0]

    @property
    def metric(self) -> str:
        """The metric that is searched for."""
        return (self.grid.metrics or self.suite.metrics)[0]

    @property
    def higher_is_better(self) -> bool:
        """Whether a higher score is better."""
        return self.catalog.metrics[self.metric].higher_is_better

    @property
    def timed(self) -> bool:
        """Whether latency is measured."""
        return self.search.cost == "latency_ms" or self.search.limits.latency_ms is not None

    def check(self) -> None:
        """Refuse a space that cannot be searched.

        Raises:
            UsageError: The suite has no search.
            ConfigError: The suite has several grids, scales or degradations, or a choice does not fit its family.
            UnknownNameError: A family, a parameter, a dataset or a recipe is unknown.
        """
        where, search, grid = self.suite.origin, self.search, self.grid
        for what, count in (
            ("grids", len(self.suite.grid)), ("scales", len(grid.scales)), ("degradations", len(grid.degradations))
        ):  # fmt: skip
            if count > 1:
                raise ConfigError(f"{where}: a search is for one setting, and the suite has {count} {what}; keep one.")
        if search.dataset in grid.datasets:
            raise ConfigError(
                f"{where}, [search]: {search.dataset} would choose networks and test them too, and their scores would "
                "be too high; choose by another dataset."
            )
        for number, table in enumerate(search.network, 1):
            place = f"{where}, [[search.network]] {number}"
            family = self.catalog.architectures.family(table.family)
            if family.takes is None:
                raise ConfigError(
                    f"{place}: the family {table.family} has no typed parameters to choose; take one that has, such as "
                    "stack."
                )
            for name, values in table.choices.items():
                for value in values:
                    try:
                        check_parameter(family.takes, name, value, table.family)
                    except SrbenchError as error:
                        raise ConfigError(f"{place}: {error}") from error

    @cached_property
    def parameters(self) -> Mapping[str, tuple[Value, ...]]:
        """The values of every choice by its name; those of all tables, so that every proposal has the same choices."""
        found: dict[str, tuple[Value, ...]] = {TABLE: tuple(range(1, len(self.search.network) + 1))}
        for number, table in enumerate(self.search.network, 1):
            found |= {f"{number}.{name}": values for name, values in table.choices.items()}
        return found

    @property
    def size(self) -> int:
        """The number of combinations."""
        return sum(math.prod(map(len, table.choices.values())) for table in self.search.network)

    def combination(self, chosen: Mapping[str, Value]) -> tuple[tuple[str, Value], ...]:
        """Return the values that decide a network: those of the chosen table."""
        own = (TABLE, f"{chosen.get(TABLE)}.")
        return tuple((name, value) for name, value in chosen.items() if name.startswith(own))

    def name(self, chosen: Mapping[str, Value]) -> str:
        """Return the name of the network of some values; the choices of the other tables do not matter.

        Raises:
            SrbenchError: The values do not fit together; says why.
        """
        number = int(chosen[TABLE])
        table = self.search.network[number - 1]
        values = {name: chosen[f"{number}.{name}"] for name in table.choices}
        return self.catalog.architectures[f"{table.family}:{pairs_text(values)}"].name

    def trial_plan(self, names: tuple[str, ...], recipe: str) -> Plan:
        """Plan to train networks by a recipe, and to measure them where the search compares."""
        grid = self.grid.model_copy(
            update={
                "architectures": names,
                "datasets": (self.search.dataset,),
                "distillers": ("none",),
                "recipe": recipe,
                "seeds": (self.suite.seeds[0],),
                "metrics": (self.metric,),
            }
        )
        profile = self.suite.profile.model_copy(update={"enabled": False})
        return make_plan(self.suite.model_copy(update={"grid": (grid,), "profile": profile}), self.catalog)

    def identity(self, session: Session) -> dict[str, str]:
        """Return what decides the scores and proposals of a search, so that one is never continued as another."""
        (probe,) = self.trial_plan((self.any_name,), self.search.recipes[-1]).cells
        recipes = [self.trial_plan((self.any_name,), name).cells[0].model.recipe for name in self.search.recipes]
        library, datasets = session.library, self.catalog.datasets
        read = {self.search.dataset, *(name for recipe in recipes if recipe for name in recipe.read_sets)}
        facts: dict[str, object] = {
            "table [search]": self.search.model_dump(mode="json", exclude={"trials", "others"}),
            "grid": [str(self.scale), probe.degradation, probe.protocol.name, probe.inference.id(), self.metric],
            "seed": self.suite.seeds[0],
            "recipes": [recipe.model_dump(mode="json", exclude=REPORTING - {"name"}) for recipe in recipes if recipe],
            "images": {name: library.content_hash(datasets[name]) for name in sorted(read)},
            "code of the families": {
                table.family: self.catalog.architectures.code_hash(f"{table.family}:") for table in self.search.network
            },
        }
        return {name: json.dumps(value, sort_keys=True) for name, value in facts.items()}

    @cached_property
    def any_name(self) -> str:
        """The name of one network of the space, the first whose values fit together.

        Raises:
            ConfigError: Those of none do.
        """
        reason = ""
        for number, table in enumerate(self.search.network, 1):
            for values in itertools.islice(itertools.product(*table.choices.values()), _COMBINATIONS):
                chosen = {f"{number}.{name}": value for name, value in zip(table.choices, values, strict=True)}
                try:
                    return self.name({TABLE: number, **chosen})
                except SrbenchError as error:
                    reason = reason or str(error)
        raise ConfigError(f"{self.suite.origin}: no values of [[search.network]] fit together; the first: {reason}")

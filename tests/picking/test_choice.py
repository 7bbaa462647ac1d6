"""The best that fits is chosen, and no more is measured than that takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srbench.errors import UnknownNameError, UsageError
from srbench.picking.budgets import Budget, parse_budget
from srbench.picking.candidates import Candidate
from srbench.picking.choice import choose
from srbench.records.stored import Measured


def priced(costs, asked):
    def price(candidate):
        asked.append(candidate.name)
        return {cost: Measured(value=value) for cost, value in costs[candidate.name].items()}

    return price


def models(costs):
    return [Candidate(name, name, 40.0 - place) for place, name in enumerate(costs)]


@given(st.lists(st.tuples(st.floats(1, 200), st.floats(1, 200)), min_size=1, max_size=8), st.integers(1, 3))
def test_it_finds_what_trying_all_of_them_finds(pairs, wanted):
    costs = {str(i): {"params_k": params, "latency_ms_p50": ms} for i, (params, ms) in enumerate(pairs)}
    counted = {name: {"params_k": own["params_k"]} for name, own in costs.items()}
    timed: list[str] = []
    budgets = [Budget("params_k", 100), Budget("latency_ms_p50", 50)]
    choice = choose(models(costs), budgets, priced(counted, []), priced(costs, timed), wanted)

    fits = [name for name, own in costs.items() if own["params_k"] <= 100 and own["latency_ms_p50"] <= 50]
    assert [m.candidate.name for m in choice.fitting] == fits[:wanted]
    better = [name for name in costs if not fits or int(name) < int(fits[0])]
    assert {m.candidate.name for m in choice.over} == set(better)
    assert [m.excess for m in choice.over] == sorted(m.excess for m in choice.over)
    assert all(costs[name]["params_k"] <= 100 for name in timed), "what is too large by its count is not timed"
    assert choice.untried == (len(costs) - 1 - int(fits[wanted - 1]) if len(fits) >= wanted else 0)


def test_what_cannot_be_measured_does_not_fit():
    def unknown(_):
        return {"latency_ms_p50": Measured(reason="it failed")}

    choice = choose(models({"a": {}}), [Budget("latency_ms_p50", 50)], lambda _: {}, unknown, 1)
    assert not choice.fitting
    assert [m.excess for m in choice.over] == [float("inf")]
    assert not Budget("latency_ms_p50", 50).exceeded(choice.over[0].costs)


@pytest.mark.parametrize("text", ["latency_ms_p50 <= 100", " latency_ms_p50<1e2 "])
def test_budgets_are_read(text):
    assert parse_budget(text) == Budget("latency_ms_p50", 100)


@pytest.mark.parametrize("text", ["latency_ms_p50 >= 100", "fast", "params_k <= -3", "params_k <= 0", "params_k <= 1e"])
def test_what_is_no_budget_is_one_sentence(text):
    with pytest.raises(UsageError, match="latency_ms_p50 <= 100"):
        parse_budget(text)


def test_a_cost_that_is_misspelt_is_named():
    with pytest.raises(UnknownNameError, match="latency_ms_p50"):
        parse_budget("latency_ms_p5 <= 3")

"""A search tries every network once, trains none that costs too much, and gives up those that cannot win."""

import json
import re

import pytest

from srbench.errors import ConfigError, DataError

from .conftest import NETWORK, SEARCH, SUITE


def by_status(tried):
    found = {}
    for one in tried:
        found.setdefault(one.status, []).append(one.name)
    return found


def test_as_many_networks_as_asked_for_are_trained_each_once(little):
    tried = little.search(little.space())
    measured = by_status(tried)["measured"]
    assert len(measured) == len(set(measured)) == 4
    assert [line.partition(":")[0] for line in little.said] == ["1 of 4", "2 of 4", "3 of 4", "4 of 4"]
    records = little.folder / "found" / "trials" / "records"
    assert {json.loads(p.read_bytes())["model"]["architecture"] for p in records.glob("*.json")} == set(measured)
    for one in tried:
        if one.status == "measured":
            assert one.score == pytest.approx(sum(one.scores["short.toml"].values()) / 4)


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_other_samplers_exhaust_a_small_space(little, sampler):
    network = NETWORK.replace("[1, 2, 3, 4]", "[1, 2]")
    tried = little.search(little.space(f'sampler = "{sampler}"', search=SEARCH.replace("4", "9", 1), network=network))
    assert len(by_status(tried)["measured"]) == 4


def test_a_second_generation_of_nsga2_crosses_the_first(little):
    space = little.space("population = 2", search=SEARCH.replace("trials = 4", "trials = 6"))
    assert len(by_status(little.search(space))["measured"]) == 6


def test_what_is_above_a_limit_is_not_trained_and_says_by_how_much(little):
    space = little.space(network="[search.limits]\nparameters = 60\n" + NETWORK)
    found = by_status(little.search(space))
    assert found["rejected"]
    assert all(space.catalog.architectures[name] for name in found["rejected"])
    costs = {one.name: one.costs.parameters for one in little.study(space).tried() if one.costs}
    assert all(costs[name] <= 60 for name in found["measured"])
    assert all(costs[name] > 60 for name in found["rejected"])
    assert len(list((little.folder / "cache" / "train").rglob("result.json"))) == len(found["measured"])


def test_latency_can_be_a_limit_and_the_cost(little):
    grid = SUITE.replace("enabled = false", "enabled = false\nlatency_seconds = 0.01\nlatency_repeats = 1")
    space = little.space(
        'cost = "latency_ms"',
        grid=grid,
        search=SEARCH.replace("trials = 4", "trials = 1"),
        network="[search.limits]\nlatency_ms = 1e6\n" + NETWORK,
    )
    (one,) = [one for one in little.search(space) if one.status == "measured"]
    assert one.costs.latency_ms > 0


def test_limits_that_nothing_meets_end_in_one_sentence(little):
    with pytest.raises(
        ConfigError, match=r"none of 8 networks that .*; the first: sized:.* parameters = \d+, above 1\."
    ):
        little.search(little.space(network="[search.limits]\nparameters = 1\n" + NETWORK))


def test_a_network_is_given_up_if_a_cheaper_one_is_better_beyond_chance(little):
    """Four steps at a high rate leave wide networks where they started, and they cost more."""
    space = little.space(search=SEARCH.replace('["short.toml"]', '["short.toml", "longer.toml"]').replace("4", "8", 1))
    tried = little.search(space)
    given_up = [one for one in tried if one.status == "given up"]
    assert given_up
    costs = {one.name: one.costs.macs_g for one in tried if one.costs}
    for one in given_up:
        assert list(one.scores) == ["short.toml"]
        rival = re.search(r"sized:\S+", one.reason)[0]
        assert costs[rival] <= costs[one.name]
    assert {one.name for one in tried if list(one.scores) == ["short.toml", "longer.toml"]} == {
        one.name for one in tried if one.status == "measured"
    }


def test_a_network_that_fails_says_why_and_the_others_go_on(little):
    tried = little.search(little.space(network=NETWORK.replace("[1, 2, 3, 4]", "[2, 7]").replace("[1, 3]", "[1]")))
    ended = {one.name: (one.status, one.reason) for one in tried if one.status != "known"}
    assert ended["sized:width=2,kernel=1"] == ("measured", "")
    status, reason = ended["sized:width=7,kernel=1"]
    assert status == "failed"
    assert "seven channels are too many" in reason


def test_several_networks_are_tried_at_once(little):
    tried = little.search(little.space(), workers=2)
    assert len(by_status(tried)["measured"]) == 4


def test_a_search_that_goes_on_proposes_what_it_would_have_proposed(little):
    whole = little.search(little.space(), name="whole")
    little.search(little.space(search=SEARCH.replace("trials = 4", "trials = 2")), name="parts")
    parts = little.search(little.space(), name="parts")
    assert [(one.name, one.score) for one in parts] == [(one.name, one.score) for one in whole]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"network": NETWORK.replace("[1, 3]", "[1]")}, r"table \[search\]"),
        ({"grid": SUITE.replace("scales", 'degradations = ["grainy"]\nscales')}, "grid"),
    ],
)
def test_another_search_in_the_same_folder_is_refused(little, changes, what):
    space = little.space(search=SEARCH.replace("trials = 4", "trials = 1"))
    little.search(space)
    with pytest.raises(ConfigError, match=rf"holds another search \(what differs: {what}\)"):
        little.study(little.space(search=SEARCH.replace("trials = 4", "trials = 1"), **changes))


def test_a_recipe_that_was_edited_is_another_search(little):
    little.search(little.space(search=SEARCH.replace("trials = 4", "trials = 1")))
    recipe = little.folder / "short.toml"
    recipe.write_text(recipe.read_text().replace("steps = 4", "steps = 5"))
    with pytest.raises(ConfigError, match=r"holds another search \(what differs: recipes\)"):
        little.study(little.space())


def test_a_journal_whose_last_line_was_cut_loses_no_more_than_it(little):
    before = little.search(little.space())
    journal = little.folder / "found" / "search.journal"
    journal.write_bytes(journal.read_bytes() + b'{"op_code":4,"worker')
    assert little.search(little.space()) == before


def test_a_journal_that_is_something_else_is_named(little):
    little.search(little.space(search=SEARCH.replace("trials = 4", "trials = 1")))
    (little.folder / "found" / "search.journal").write_text("<<<<<<< HEAD\n<<<\n")
    with pytest.raises(ConfigError, match=r"search\.journal is damaged .* restore it, or delete it"):
        little.study(little.space())


def test_what_can_never_be_measured_ends_the_search_at_once(little):
    next((little.data / "TinyValidate").iterdir()).unlink()
    with pytest.raises(DataError, match="The dataset tiny_validate cannot be used"):
        little.search(little.space())


def test_the_state_that_processes_share_is_small_text(little):
    little.search(little.space())
    lines = (little.folder / "found" / "search.journal").read_text().splitlines()
    assert all(json.loads(line) for line in lines)

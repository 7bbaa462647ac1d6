"""A space is the combinations of the values of its families' parameters, and each has the name of its network."""

import pytest

from srbench.errors import SrbenchError

from .conftest import NETWORK, SEARCH, SUITE

SECOND = NETWORK + '[[search.network]]\nfamily = "stack"\nchoices = { n_blocks = [1, 2, 3] }\n'


def test_every_combination_of_every_table_counts(little):
    assert little.space().size == 8
    assert little.space(network=SECOND).size == 11


def test_a_combination_is_the_name_of_a_network_that_every_run_knows(little):
    space = little.space(network=SECOND)
    chosen = {"network": 1, "1.width": 3, "1.kernel": 1, "2.n_blocks": 2}
    assert space.name(chosen) == "sized:width=3,kernel=1"
    assert space.name(chosen | {"network": 2}) == space.catalog.architectures["stack:n_blocks=2"].name
    assert space.combination(chosen) == space.combination(chosen | {"2.n_blocks": 3})
    assert space.combination(chosen) != space.combination(chosen | {"network": 2})


def test_a_trial_is_a_cell_of_the_shorter_recipe_on_the_images_to_choose_by(little):
    (cell,) = little.space().trial_plan(("sized:width=3,kernel=1",), "short.toml").cells
    assert (cell.dataset, cell.model.recipe.name, cell.metrics) == ("tiny_validate", "short", ("psnr_y",))


def test_values_that_do_not_fit_together_are_passed_over_for_the_first_name(little):
    network = NETWORK.replace("[1, 2, 3, 4]", "[2, 3]").replace("[1, 3]", "[5]")
    assert little.space(network=network).any_name == "sized:width=3,kernel=5"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"search": "", "network": ""}, "Suite little has no table [search]"),
        (
            {"network": NETWORK.replace("sized", "sizes")},
            "No family of architectures named 'sizes'. Did you mean sized?",
        ),
        ({"network": NETWORK.replace("sized", "plain")}, "[[search.network]] 1: the family plain has no typed"),
        ({"network": NETWORK.replace("width", "widths")}, "No parameter of sized named 'widths'. Did you mean width?"),
        ({"network": NETWORK.replace("[1, 2", "[1.5, 2")}, "width = 1.5 does not fit sized: expected a valid integer"),
        (
            {"network": NETWORK.replace("[1, 2", "[0, 2")},
            "width = 0 does not fit sized: expected greater than or equal",
        ),
        ({"search": SEARCH.replace("_validate", "_test")}, "tiny_test would choose networks and test them too"),
        (
            {"grid": SUITE.replace("[2]", "[2, 3]")},
            "a search is for one setting, and the suite has 2 scales; keep one.",
        ),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused(little, changes, sentence):
    with pytest.raises(SrbenchError) as caught:
        little.space(**changes).check()
    assert sentence in str(caught.value)


def test_a_space_without_any_network_says_why(little):
    network = NETWORK.replace("[1, 2, 3, 4]", "[1, 2]").replace("[1, 3]", "[5]")
    with pytest.raises(SrbenchError, match=r"no values of .* fit together; the first: .* needs 3 channels, not 1"):
        little.space(network=network).any_name  # noqa: B018

"""What a network takes from weights of another one, and what it does not."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from srbench.errors import TrainingError
from srbench.training.warm_start import in_short, sentence, start_from


def network(out, *more):
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sequential(nn.Conv2d(4, out, 1), *more))


def test_what_fits_is_taken_and_the_rest_named_on_both_sides():
    ours, theirs = network(5), network(6, nn.Linear(2, 2))
    before, given = ours[1][0].weight.clone(), theirs.state_dict()
    started = start_from(ours, given, "Ours")
    assert (started.taken, started.fresh, started.unused) == (("0",), ("1",), ("1",))
    assert torch.equal(ours[0].weight, given["0.weight"])
    assert torch.equal(ours[1][0].weight, before)
    assert sentence(started, "Ours") == "Ours takes 0 from other weights, initialises 1 and leaves unused 1."


def test_nothing_is_said_where_everything_is_taken():
    started = start_from(network(5), network(5).state_dict(), "Ours")
    assert (started.taken, started.fresh, started.unused) == (("0", "1"), (), ())
    assert sentence(started, "Ours") == ""


def test_weights_of_which_none_fits_are_refused():
    with pytest.raises(
        TrainingError, match="No weight of Ours has the name and shape of one that it should start from"
    ):
        start_from(network(5), nn.Linear(2, 2).state_dict(), "Ours")


paths = st.lists(
    st.lists(st.sampled_from("abc"), min_size=2, max_size=4).map(lambda p: ".".join([*p, "weight"])), min_size=1
)


@given(paths, st.data())
def test_short_names_cover_these_weights_and_no_others(among, data):
    names = set(data.draw(st.lists(st.sampled_from(among))))
    short = in_short(names, among)
    assert {n for n in among if any(n == path or n.startswith(path + ".") for path in short)} == names
    assert len(short) <= len(names)

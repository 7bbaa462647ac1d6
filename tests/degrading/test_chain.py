"""Chains do what was drawn, in the order it was drawn, to whole batches as to single images."""

import json
from collections import Counter
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import srbench
from helpers.degrading import Brighter, Cut, Grain, Subsample, Times
from srbench.degrading import Chain, InTurn, OneOf, Random, Shuffled, Size, Sometimes
from srbench.errors import PluginError, ShapeError, UsageError

SIZE = Size(12, 16, 2)
CHAINS = {
    "in order": Chain([Brighter(), Times(), Grain()]),
    "sometimes": Chain([Sometimes([Brighter(), Grain()], probability=0.5), Times()]),
    "one of several": Chain([OneOf([Times(0.2), Times(0.7), Grain()], weights=(1, 2, 1)), Brighter()]),
    "shuffled": Shuffled([Brighter(), Times(), Grain()]),
    "nested": Chain([Shuffled([Chain([Brighter(), Times()]), Sometimes([Grain()], probability=0.5)]), Times(0.9)]),
    "of several sizes": Chain([Brighter(), Cut(), Grain(), Subsample()]),
    "sizes now and then": Chain([Sometimes([Cut()], probability=0.5), Brighter(), Subsample()]),
}


def images(count=6, seed=0):
    return torch.rand(count, 3, 12, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def draws(chain, count=6, shared=99, size=SIZE):
    return [chain.draw(Random(own, Random(shared)), size) for own in range(count)]


@pytest.mark.parametrize("name", CHAINS)
def test_a_batch_is_degraded_as_its_images_are_one_by_one(name):
    chain, hr = CHAINS[name], images()
    drawn = draws(chain)
    alone = [chain.apply(hr[i : i + 1], [one], SIZE) for i, one in enumerate(drawn)]
    assert torch.equal(chain.apply(hr, drawn, SIZE), torch.cat(alone))


@pytest.mark.parametrize("name", CHAINS)
def test_how_many_threads_share_a_batch_changes_no_byte(name, torch_threads):
    chain, hr = CHAINS[name], images(7)
    drawn = draws(chain, 7)
    results = []
    for threads in (1, 2, 3, 16):
        torch_threads(threads)
        results.append(chain.apply(hr, drawn, SIZE))
    assert all(torch.equal(result, results[0]) for result in results)


@pytest.mark.parametrize("name", CHAINS)
def test_what_json_keeps_is_enough_to_do_it_again(name):
    chain, hr = CHAINS[name], images()
    drawn = draws(chain)
    read = json.loads(json.dumps(drawn))
    assert read == drawn
    assert torch.equal(chain.apply(hr, read, SIZE), chain.apply(hr, drawn, SIZE))


def test_the_steps_are_listed_as_they_were_done():
    drawn = draws(CHAINS["shuffled"], 40)
    assert len({tuple(entry["at"] for entry in one["steps"]) for one in drawn}) == 6
    (first,) = draws(Chain([Times(), Brighter(0.25)]), 1)
    assert first == {
        "steps": [
            {"at": 0, "step": "Times", "drawn": {}},
            {"at": 1, "step": "Brighter", "drawn": {"by": 0.25}},
        ]
    }


def test_an_order_that_was_drawn_is_the_order_that_is_done():
    chain, hr = Shuffled([Brighter(0.25), Times(0.5)]), images(20)
    for one, image in zip(draws(chain, 20), hr, strict=True):
        first_brighter = one["steps"][0]["at"] == 0
        expected = (image + 0.25) * 0.5 if first_brighter else image * 0.5 + 0.25
        assert torch.equal(chain.apply(image[None], [one], SIZE)[0], expected)


def test_pairs_keep_their_order_and_fixed_steps_their_places():
    chain = Shuffled([Times(0.1 * n) for n in range(5)], in_order=[(2, 3)], movable=(1, 2, 3))
    orders = Counter(tuple(chain.choose(Random(seed), SIZE)) for seed in range(600))
    assert set(orders) == {(0, 1, 2, 3, 4), (0, 2, 1, 3, 4), (0, 2, 3, 1, 4)}
    assert min(orders.values()) > 150


def test_one_of_several_by_weight_and_sometimes_by_probability():
    chosen = Counter(one["steps"][0]["at"] for one in draws(OneOf([Times(), Grain()], weights=(3, 1)), 800))
    assert 540 < chosen[0] < 660
    assert 160 < sum(bool(one["steps"]) for one in draws(Sometimes([Grain()], probability=0.25), 800)) < 240


@pytest.mark.parametrize("kind", [Sometimes, OneOf, Shuffled])
def test_a_batch_can_share_its_coin(kind):
    options = {"probability": 0.5} if kind is Sometimes else {}
    chain = kind([Times(), Brighter(0.1), Grain()], per="batch", **options)
    outcomes = set()
    for shared in range(30):
        ways = {tuple(entry["at"] for entry in one["steps"]) for one in draws(chain, shared=shared)}
        assert len(ways) == 1
        outcomes |= ways
    assert len(outcomes) > 1


def test_what_one_image_skips_does_not_move_what_a_batch_shares():
    class Mode:
        per = "batch"

        def draw(self, random, size):
            return {"mode": random.integer(0, 10**6)}

        def apply(self, images, drawn, size):
            return images

    chain = Chain([Sometimes([Mode()], probability=0.5), Mode()])
    drawn = draws(chain, 30)
    assert len({len(one["steps"][0]["drawn"]["steps"]) for one in drawn}) == 2
    assert len({one["steps"][1]["drawn"]["mode"] for one in drawn}) == 1


def test_kernels_of_a_list_take_turns_over_realisations():
    chain = InTurn([Times(0.1), Times(0.2), Times(0.3)])
    frozen = [chain.draw(Random(5), Size(12, 16, 2, k))["steps"][0]["at"] for k in range(5)]
    assert frozen == [0, 1, 2, 0, 1]
    assert {one["steps"][0]["at"] for one in draws(chain, 40)} == {0, 1, 2}


@settings(deadline=None)
@given(st.integers(1, 5), st.integers(0, 2**40))
def test_a_chain_is_a_degradation_that_its_generator_decides(count, seed):
    chain = Chain([CHAINS["nested"], Subsample()])
    hr = images(count)
    lr = chain(hr, 2, torch.Generator().manual_seed(seed))
    assert lr.shape == (count, 3, 6, 8)
    assert lr.min() >= 0
    assert lr.max() <= 1
    assert torch.equal(chain(hr, 2, torch.Generator().manual_seed(seed)), lr)
    assert not torch.equal(chain(hr, 2, torch.Generator().manual_seed(seed + 1)), lr)


def test_a_chain_that_leads_to_another_size_than_lr_is_refused():
    with pytest.raises(ShapeError, match=r"let its last resize give 6 x 8 pixels"):
        Chain([Brighter()])(images(), 2, torch.Generator())
    with pytest.raises(ShapeError, match="gave the images of a batch the sizes"):
        Chain([Cut()])(images(), 2, torch.Generator())


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Chain([]), "has no step"),
        (lambda: Chain([torch.nn.Identity()]), "give objects with draw and apply"),
        (lambda: Sometimes([Times()], probability=1.5), "number from 0 to 1"),
        (lambda: OneOf([Times()], weights=(1, 2)), "give each a number from 0"),
        (lambda: OneOf([Times(), Grain()], weights=(0, 0)), "not all of them 0"),
        (lambda: Shuffled([Times()], in_order=[(0, 1)]), "has no step 1"),
    ],
)
def test_a_wrong_chain_is_refused_in_a_sentence(make, text):
    with pytest.raises(UsageError, match=text):
        make()


def test_a_degradation_is_a_chain_or_a_function_and_not_both():
    chain = Chain([Grain(), Subsample()])
    spec = srbench.DegradationSpec(name="mine", chain=chain, stochastic=True)
    assert spec.apply is chain
    assert replace(spec, label="Mine").apply is chain
    for facts in ({}, {"chain": chain, "apply": Chain([Subsample()])}):
        with pytest.raises(PluginError, match="must have exactly one of apply, chain and provided"):
            srbench.DegradationSpec(name="mine", stochastic=True, **facts)
    with pytest.raises(PluginError, match="exactly 1 if it is deterministic"):
        srbench.DegradationSpec(name="mine", chain=Chain([Subsample()]), stochastic=False, realisations=2)


class Seen:
    """Keeps how many images came in each call."""

    def __init__(self):
        self.calls = []

    def draw(self, random, size):
        return {}

    def apply(self, images, drawn, size):
        self.calls.append(len(images))
        return images


class SeenWhole(Seen):
    parallel = True


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_batch_is_divided_among_threads_but_for_steps_that_do_so_themselves(threads, torch_threads):
    torch_threads(threads)
    divided, whole = Seen(), SeenWhole()
    chain = Chain([divided, whole])
    assert torch.equal(chain.apply(images(7), draws(chain, 7), SIZE), images(7))
    assert sorted(divided.calls) == {1: [7], 2: [3, 4], 3: [2, 2, 3]}[threads]
    assert whole.calls == [7]
    chain = OneOf([divided, whole], weights=(1, 0))
    divided.calls.clear()
    chain.apply(images(1), draws(chain, 1), SIZE)
    assert divided.calls == [1]


def test_small_parts_go_side_by_side_and_large_ones_by_all_threads(torch_threads):
    torch_threads(2)
    few, most = Seen(), Seen()
    chain = OneOf([few, most])
    one_way, other_way = ([{"steps": [{"at": at, "drawn": {}}]}] for at in (0, 1))
    chain.apply(images(8), one_way * 2 + other_way * 6, SIZE)
    assert few.calls == [1, 1]
    assert most.calls == [3, 3]
    few.calls.clear()
    most.calls.clear()
    chain.apply(images(8), one_way * 4 + other_way * 4, SIZE)
    assert (few.calls, most.calls) == ([4], [4])


@pytest.mark.parametrize("name", CHAINS)
def test_gradients_go_through_the_parts_of_a_batch(name):
    chain, hr = CHAINS[name], images().requires_grad_()
    drawn = draws(chain)
    assert torch.autograd.gradcheck(lambda hr: chain.apply(hr, drawn, SIZE), (hr,), fast_mode=True)

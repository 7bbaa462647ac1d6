"""Compiled loops serve those who want nothing but values, and do every piece of work once, whatever the threads."""

import pytest
import torch
from torch.func import vmap

from srbench.loops import for_each, values_alone


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")  # by torch's own forward derivatives
def test_who_wants_more_than_values_is_told_apart():
    plain = torch.rand(2, 3)
    assert values_alone(plain, plain.double())
    asked = plain.clone().requires_grad_()
    assert not values_alone(plain, asked)
    with torch.no_grad():
        assert values_alone(plain, asked)
    assert not values_alone(plain.to("meta"))
    assert not values_alone(torch.nn.Parameter(plain))
    seen = []
    vmap(lambda one: seen.append(values_alone(one)) or one)(plain)
    with torch.autograd.forward_ad.dual_level():
        seen.append(values_alone(torch.autograd.forward_ad.make_dual(plain, plain)))
    assert seen == [False, False]


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 2, 20])
def test_everything_is_done_once(threads, count, torch_threads):
    torch_threads(threads)
    done = []
    for_each(count, done.append)
    assert sorted(done) == list(range(count))


@pytest.mark.parametrize("threads", [1, 2])
def test_what_fails_in_any_thread_is_told(threads, torch_threads):
    torch_threads(threads)

    def work(number):
        if number == 3:
            raise ValueError("the third")

    with pytest.raises(ValueError, match="the third"):
        for_each(8, work)


def test_what_works_side_by_side_has_one_thread_and_the_callers_gradient_mode(torch_threads):
    torch_threads(2)
    seen = []

    def work(number):
        for_each(2, lambda inner: seen.append((torch.get_num_threads(), torch.is_grad_enabled(), number, inner)))

    with torch.no_grad():
        for_each(3, work)
    assert sorted(seen) == [(1, False, number, inner) for number in range(3) for inner in range(2)]
    assert torch.get_num_threads() == 2

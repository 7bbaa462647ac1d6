"""Compiled loops serve callers that need only values, and do every piece of work once with any number of threads."""

import os
from threading import Barrier, current_thread

import pytest
import torch
from torch.func import vmap

from srbench.imaging.parallel import for_each, threads, threads_kept, values_alone


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")  # by torch's own forward derivatives
def test_callers_that_need_more_than_values_are_recognised():
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
def test_a_failure_in_any_thread_is_raised(threads, torch_threads):
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


def test_torch_has_one_thread_while_the_others_are_kept_for_loops(torch_threads):
    torch_threads(2)
    seen = []
    with threads_kept():
        assert (torch.get_num_threads(), threads()) == (1, 2)
        with threads_kept():
            for_each(2, lambda _: seen.append((torch.get_num_threads(), threads())))
        assert (torch.get_num_threads(), threads()) == (1, 2)
    assert seen == [(1, 1), (1, 1)]
    assert (torch.get_num_threads(), threads()) == (2, 2)


def test_threads_are_given_back_when_something_fails(torch_threads):
    torch_threads(2)
    with pytest.raises(ValueError, match="no"), threads_kept():
        raise ValueError("no")
    assert (torch.get_num_threads(), threads()) == (2, 2)


def test_several_threads_are_at_work_and_wait_for_the_next_time(torch_threads):
    torch_threads(2)
    meeting = Barrier(2, timeout=20)
    names = []

    def work(_):
        meeting.wait()  # which one thread alone would never leave
        names.append(current_thread().name)

    for _ in range(3):
        for_each(2, work)
    assert len(set(names)) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork processes")
@pytest.mark.filterwarnings("ignore:.*use of fork")
def test_a_forked_process_has_threads_of_its_own(torch_threads):
    torch_threads(2)
    meeting = Barrier(2, timeout=20)
    for_each(2, lambda _: meeting.wait())
    child = os.fork()
    if child == 0:
        try:
            there = Barrier(2, timeout=20)
            for_each(2, lambda _: there.wait())
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

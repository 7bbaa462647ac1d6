"""Compiled loops and the threads that run them, image by image, on a CPU.

They are used if only values are needed. For gradients, other devices and precisions, tracing and compiling, there is an
implementation by tensors beside each loop.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import local
from typing import Any, TypeVar

import torch
from torch.autograd.forward_ad import unpack_dual

_Loop = TypeVar("_Loop", bound=Callable[..., Any])
_here = local()
"""State of a thread: ``one_of_several`` if `for_each` runs it, and the number of threads ``kept`` for `for_each`."""


def values_alone(*tensors: torch.Tensor) -> bool:
    """Return True if only the values of tensors on a CPU are needed, so that other code than torch may compute them."""
    return not torch.compiler.is_compiling() and all(
        tensor.device.type == "cpu"
        and type(tensor) is torch.Tensor  # not a fake tensor or another one that records operations
        and not torch._C._functorch.is_functorch_wrapped_tensor(tensor)  # by vmap, jvp, …
        and unpack_dual(tensor).tangent is None  # type: ignore[no-untyped-call]
        and not (tensor.requires_grad and torch.is_grad_enabled())
        for tensor in tensors
    )


def compiled_serves(images: torch.Tensor, *others: torch.Tensor) -> bool:
    """Return True if a compiled loop may replace tensors: if only values are needed, in float32."""
    return images.dtype == torch.float32 and images.numel() > 0 and values_alone(images, *others)


def compiled(loop: _Loop) -> _Loop:
    """Compile a function when it is first called, and cache it on disk; it does not block other threads.

    Import modules that use this decorator only where their loops are called, since importing the compiler is slow.
    """
    import numba

    # Fused multiply-adds round once instead of twice; otherwise the arithmetic is exactly that of the code.
    options: dict[str, Any] = {"nogil": True, "fastmath": {"contract"}}
    try:
        return numba.njit(cache=True, **options)(loop)  # type: ignore[no-any-return]
    except RuntimeError:  # no folder can be written: compile again in every process
        return numba.njit(**options)(loop)  # type: ignore[no-any-return]


def threads() -> int:
    """Return the number of threads that `for_each` would use."""
    if getattr(_here, "one_of_several", False):
        return 1
    return getattr(_here, "kept", None) or torch.get_num_threads()


@contextmanager
def threads_kept() -> Iterator[None]:
    """Keep torch's threads for `for_each`, while torch itself has one.

    It is for many small operations on tensors with loops between them: after an operation torch's own threads wait
    busily for the next one, and slow down the threads of the loops.
    """
    several = threads()
    if several < 2 or getattr(_here, "kept", None):
        yield
        return
    _here.kept = several
    torch.set_num_threads(1)
    try:
        yield
    finally:
        _here.kept = None
        torch.set_num_threads(several)


def for_each(count: int, work: Callable[[int], None]) -> None:
    """Call ``work(0)`` … ``work(count − 1)`` with as many threads as torch may use; each takes the next number.

    Within ``work``, torch and `for_each` have one thread; parallel workers would otherwise compete for threads.

    Args:
        count: Number of calls.
        work: Compiled or in torch for the most part, so that threads run at the same time. Its result must not depend
            on the order of calls.

    Raises:
        Exception: The first one that ``work`` raised; the remaining calls are not made.
    """
    workers = min(threads(), count)
    if workers < 2:
        for number in range(count):
            work(number)
        return
    left = iter(range(count))
    failures: list[Exception] = []
    gradients, inference = torch.is_grad_enabled(), torch.is_inference_mode_enabled()

    def take() -> None:
        _here.one_of_several = True
        try:
            torch.set_num_threads(1)  # threads do not inherit this, or the modes below
            with torch.inference_mode(inference), torch.set_grad_enabled(gradients):
                for number in left:
                    if failures:
                        return
                    work(number)
        except Exception as error:  # noqa: BLE001 - raised below, in the thread that asked
            failures.append(error)
        finally:
            _here.one_of_several = False

    with threads_kept():
        others = [_others(workers - 1).submit(take) for _ in range(workers - 1)]
        take()
        for other in others:
            if not other.cancel():  # one that has not begun has nothing left to do
                other.result()
    if failures:
        raise failures[0]


def in_shares(count: int, work: Callable[[slice], None]) -> None:
    """Divide the numbers from 0 to ``count − 1`` evenly among the threads of `for_each`, a slice for each.

    It is for work in which every number takes about the same time.
    """
    shares = min(threads(), count)
    for_each(shares, lambda share: work(slice(count * share // shares, count * (share + 1) // shares)))


_pools: dict[int, ThreadPoolExecutor] = {}
"""Pools of waiting threads, by their size; starting new threads each time would take as long as some of the work."""


def _others(count: int) -> ThreadPoolExecutor:
    return _pools.setdefault(count, ThreadPoolExecutor(count, "srbench-loops"))


if hasattr(os, "register_at_fork"):  # a forked process does not have its parent's threads
    os.register_at_fork(after_in_child=_pools.clear)

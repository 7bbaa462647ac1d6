"""Compiled loops: what a CPU does fastest image by image, by several threads, where nothing but the values is wanted.

Gradients, other devices and precisions, tracing and compiling are why tensors have another way beside each of them.
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
"""Of a thread: whether it is one of several that `for_each` has at work, and how many it keeps for them."""


def values_alone(*tensors: torch.Tensor) -> bool:
    """Whether nothing is asked for but the values of tensors on a CPU, so that any program may compute them."""
    return not torch.compiler.is_compiling() and all(
        tensor.device.type == "cpu"
        and type(tensor) is torch.Tensor  # no fake tensor, nor any other that watches what is done to it
        and not torch._C._functorch.is_functorch_wrapped_tensor(tensor)  # by vmap, jvp, …
        and unpack_dual(tensor).tangent is None  # type: ignore[no-untyped-call]
        and not (tensor.requires_grad and torch.is_grad_enabled())
        for tensor in tensors
    )


def compiled_serves(images: torch.Tensor, *others: torch.Tensor) -> bool:
    """Whether a compiled loop may take the place of tensors: only for values, and only in float32."""
    return images.dtype == torch.float32 and images.numel() > 0 and values_alone(images, *others)


def compiled(loop: _Loop) -> _Loop:
    """Compile a function when it is first called on a machine, remembered on disk; it runs beside other threads.

    For the top of modules that are imported where their loops are used, since the compiler imports slowly.
    """
    import numba

    # Fused multiply-adds round once instead of twice; no other liberty is taken with the arithmetic.
    options: dict[str, Any] = {"nogil": True, "fastmath": {"contract"}}
    try:
        return numba.njit(cache=True, **options)(loop)  # type: ignore[no-any-return]
    except RuntimeError:  # there is no folder that could be written: compiled anew in every process
        return numba.njit(**options)(loop)  # type: ignore[no-any-return]


def threads() -> int:
    """How many `for_each` would have at work."""
    if getattr(_here, "one_of_several", False):
        return 1
    return getattr(_here, "kept", None) or torch.get_num_threads()


@contextmanager
def threads_kept() -> Iterator[None]:
    """Keep torch's threads for `for_each`, while torch itself has one.

    For many small operations on tensors with loops between them: torch's own threads, once woken by an operation, wait
    busily for the next one, and hold up those of the loops.
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
    """Do ``work(0)`` … ``work(count − 1)``, by as many threads as torch may use; each takes the next that is left.

    Within ``work``, torch and `for_each` have one thread: what works side by side should not wait for one another.

    Args:
        count: How often.
        work: Mostly compiled, or in torch, so that threads run at the same time; what it does must not depend on the
            order.

    Raises:
        Exception: What ``work`` raised first; the rest is then left undone.
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
            torch.set_num_threads(1)  # no thread inherits this, nor what follows
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
            if not other.cancel():  # one that has not begun would find nothing left
                other.result()
    if failures:
        raise failures[0]


def in_shares(count: int, work: Callable[[slice], None]) -> None:
    """Divide what is numbered from 0 to ``count − 1`` among as many threads as `for_each` has, which this is otherwise.

    For work of which each piece takes about as long as any other.
    """
    shares = min(threads(), count)
    for_each(shares, lambda share: work(slice(count * share // shares, count * (share + 1) // shares)))


_standing: dict[int, ThreadPoolExecutor] = {}
"""Threads that wait for work, by their number: starting new ones each time takes as long as some of the work."""


def _others(count: int) -> ThreadPoolExecutor:
    return _standing.setdefault(count, ThreadPoolExecutor(count, "srbench-loops"))


if hasattr(os, "register_at_fork"):  # a forked process has none of its parent's threads
    os.register_at_fork(after_in_child=_standing.clear)

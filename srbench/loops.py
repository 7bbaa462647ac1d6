"""Compiled loops: what a CPU does fastest image by image, by several threads, where nothing but the values is wanted.

Gradients, other devices and precisions, tracing and compiling are why tensors have another way beside each of them.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any, TypeVar

import torch
from torch.autograd.forward_ad import unpack_dual

_Loop = TypeVar("_Loop", bound=Callable[..., Any])


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


def for_each(count: int, work: Callable[[int], None]) -> None:
    """Do ``work(0)`` … ``work(count − 1)``, by as many threads as torch may use; each takes the next that is left.

    Args:
        count: How often.
        work: Compiled, so that threads run at the same time; what it does must not depend on the order.

    Raises:
        Exception: What ``work`` raised first; the rest is then left undone.
    """
    left = iter(range(count))
    failures: list[Exception] = []

    def take() -> None:
        try:
            for number in left:
                if failures:
                    return
                work(number)
        except Exception as error:  # noqa: BLE001 - raised below, in the thread that asked
            failures.append(error)

    others = [Thread(target=take) for _ in range(min(torch.get_num_threads(), count) - 1)]
    for thread in others:
        thread.start()
    take()
    for thread in others:
        thread.join()
    if failures:
        raise failures[0]

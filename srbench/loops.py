"""Compiled loops: what a CPU does fastest image by image, by several threads, where nothing but the values is wanted.

Gradients, other devices and precisions, tracing and compiling are why tensors have another way beside each of them.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread, local
from typing import Any, TypeVar

import torch
from torch.autograd.forward_ad import unpack_dual

_Loop = TypeVar("_Loop", bound=Callable[..., Any])
_here = local()
"""Of a thread: whether it is one of several that `for_each` has at work."""


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

    Within ``work``, torch and `for_each` have one thread: what works side by side should not wait for one another.

    Args:
        count: How often.
        work: Mostly compiled, or in torch, so that threads run at the same time; what it does must not depend on the
            order.

    Raises:
        Exception: What ``work`` raised first; the rest is then left undone.
    """
    several = torch.get_num_threads()
    workers = 1 if getattr(_here, "one_of_several", False) else min(several, count)
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
            with torch.inference_mode(inference), torch.set_grad_enabled(gradients):  # which no thread inherits
                for number in left:
                    if failures:
                        return
                    work(number)
        except Exception as error:  # noqa: BLE001 - raised below, in the thread that asked
            failures.append(error)
        finally:
            _here.one_of_several = False

    others = [Thread(target=take) for _ in range(workers - 1)]
    torch.set_num_threads(1)  # inherited by threads; those of torch's own pool would wait busily for more
    try:
        for thread in others:
            thread.start()
        take()
        for thread in others:
            thread.join()
    finally:
        torch.set_num_threads(several)
    if failures:
        raise failures[0]

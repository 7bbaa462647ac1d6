"""Record features of a network during its forward passes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from srbench.errors import TrainingError


@contextmanager
def capture(
    module: nn.Module, paths: Sequence[str], kind: Literal["output", "input"] = "output"
) -> Iterator[dict[str, Tensor]]:
    """Record features during forward passes.

    Every feature is cloned when it is recorded, since later in-place operations (a skip-add, a ReLU) would change it.
    To record what precedes an activation, take its ``input``, which is recorded before the activation runs.

    Args:
        module: The network to watch.
        paths: Module paths in it: "body.2"; "body.2:input" records that module's input, regardless of ``kind``.
        kind: What to record of the other modules.

    Yields:
        Features by path as given, filled as the network runs; a later forward pass overwrites an earlier one.

    Raises:
        TrainingError: A path names no module, or its output is not a tensor.
    """
    known = dict(module.named_modules())
    features: dict[str, Tensor] = {}
    split = {path: path.removesuffix(":input") for path in paths}
    if unknown := [name for name in split.values() if name not in known]:
        near = ", ".join(sorted(k for k in known if k)[:8])
        raise TrainingError(
            f"{type(module).__name__} has no module at {unknown[0]!r} to tap; its modules start with: {near}."
        )

    def record(path: str, feature: object) -> None:
        if not isinstance(feature, Tensor):
            raise TrainingError(
                f"Tap {path!r} of {type(module).__name__} returns a {type(feature).__name__}, not a tensor; tap a "
                "module within it or after it."
            )
        features[path] = feature.clone()

    def tap(path: str, name: str) -> RemovableHandle:
        def before(_: nn.Module, args: tuple[object, ...]) -> None:
            record(path, args[0] if args else None)

        def after(_: nn.Module, _args: tuple[object, ...], output: object) -> None:
            record(path, output)

        if kind == "input" or path != name:
            handle: RemovableHandle = known[name].register_forward_pre_hook(before)
        else:
            handle = known[name].register_forward_hook(after)
        return handle

    handles = [tap(path, name) for path, name in split.items()]
    try:
        yield features
    finally:
        for handle in handles:
            handle.remove()

"""The contract of a runtime."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from srbench.deploying.backend import Backend, Precision
from srbench.deploying.onnx_files import write_onnx
from srbench.deploying.opening import Session, open_session
from srbench.deploying.spec import RuntimeSpec
from srbench.errors import UnavailableError
from srbench.testing.contract import Violations, photograph, seeded

CHECKED = (
    "images of three sizes and batches equal to PyTorch's within the bound of each precision, repeatability, the "
    "threads that it is given, and a module, inputs and settings of torch that stay as they were"
)

BOUNDS: dict[Precision, float] = {"fp32": 1e-5, "bf16": 3e-2, "fp16": 4e-3, "int8": 6e-2}
"""The largest difference of a value from PyTorch's in fp32, where white is 1. The half precisions keep 8 and 11 bits of
every intermediate value; int8 has 255 steps for all values of a layer."""
DOUBTED = 4.0
"""How many times the bound a runtime may be off that says its sr is worse on this machine: `Opened.doubt`."""
SIZES = ((24, 32), (17, 40), (33, 19))


def violations(spec: RuntimeSpec) -> list[str]:
    """List the rules that a runtime breaks, one sentence each.

    Raises:
        UnavailableError: No precision is available on this machine.
    """
    found, missing = Violations(), dict[str, str]()
    if not found.expect(spec.precisions, f"{spec.name} has no precision; give it one."):
        return found
    if spec.onnx:
        found.expect(
            set(spec.onnx) == set(spec.precisions),
            f"{spec.name} says in onnx which file it opens for {', '.join(spec.onnx)}, but its precisions are "
            f"{', '.join(spec.precisions)}; give both the same.",
        )
    if found:
        return found
    for precision in spec.precisions:
        with found.during(f"running a network on {spec.name} in {precision}"):
            try:
                _check(spec, precision, found)
            except UnavailableError as error:
                missing[precision] = str(error)
    if len(missing) == len(spec.precisions):
        raise UnavailableError(next(iter(missing.values())))
    return found


def probe() -> nn.Module:
    """Return the network that runtimes are tried with: convolutions, an activation, a skip and a pixel shuffle, x2."""
    with seeded(0):
        return _Probe().eval()


class _Probe(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Conv2d(3, 12, 3, padding=1)
        self.body = nn.Sequential(nn.ReLU(), nn.Conv2d(12, 12, 3, padding=1))
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, lr: Tensor) -> Tensor:
        sr: Tensor = self.shuffle(self.head(lr) + self.body(self.head(lr)))
        return sr.clamp(0, 1)


def _check(spec: RuntimeSpec, precision: Precision, found: Violations) -> None:
    module, name = probe(), f"{spec.name} in {precision}"
    images = [photograph(1, 3, *size, seed=place) for place, size in enumerate(SIZES)]
    images.append(photograph(2, 3, *SIZES[0], seed=9))
    with tempfile.TemporaryDirectory() as folder:
        onnx = _file(spec, precision, module, Path(folder), images[0])
        state = {key: value.clone() for key, value in module.state_dict().items()}
        with _one_thread():
            session = open_session(module, Backend(spec.name, precision), spec, images[0], Path(folder), onnx)
            settings = torch.get_num_threads(), torch.is_grad_enabled()
            for lr in images:
                bound = BOUNDS[precision] * (DOUBTED if session.opened.doubt else 1)
                _compare(session, module, lr, name, bound, found)
            _check_threads(session, name, found)
        found.expect(session.opened.version.strip(), f"{name} does not say its version; name it with its number.")
        file = session.opened.file
        found.expect(file is None or file.is_file(), f"{name} says that its file is {file}, which is not there.")
        found.expect(
            all(torch.equal(value, state[key]) for key, value in module.state_dict().items()),
            f"{name} changed the weights of the module that was opened; change the copy that it gets.",
        )
        found.expect(
            settings == (1, True),
            f"{name} changed the settings of torch (threads, gradients); leave them.",
        )


def _file(spec: RuntimeSpec, precision: Precision, module: nn.Module, folder: Path, lr: Tensor) -> Path | None:
    if not spec.onnx:
        return None
    path = folder / "network.onnx"
    write_onnx(module, lr, spec.onnx[precision], path, _quantised)
    return path


def _quantised(content: bytes) -> bytes:
    from srbench.deploying.quantisation import quantise
    from srbench.deploying.settings import Quantisation

    patches = [photograph(1, 3, 32, 32, seed=seed) for seed in range(8)]
    return quantise(content, patches, Quantisation())


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _check_threads(session: Session, name: str, found: Violations) -> None:
    """Check by processor time that one thread computes; other work on the machine can only lower it."""
    lr = photograph(1, 3, 256, 256)
    processor, wall = time.process_time(), time.perf_counter()
    with torch.inference_mode():
        for _ in range(5):
            session(lr)
    busy = (time.process_time() - processor) / (time.perf_counter() - wall)
    found.expect(busy < 1.5, f"{name} keeps {busy:.1f} threads busy though it was given 1; respect `ToOpen.threads`.")


def _compare(session: Session, module: nn.Module, lr: Tensor, name: str, bound: float, found: Violations) -> None:
    given = lr.clone()
    with torch.inference_mode():
        wanted, sr = module(lr), session(lr)
        again = session(lr)
    size = "x".join(map(str, lr.shape))
    if not found.expect(
        sr.shape == wanted.shape, f"{name} gave {tuple(sr.shape)} for lr {size}; it must give {tuple(wanted.shape)}."
    ):
        return
    away = float((sr - wanted).abs().max())
    found.expect(
        away <= bound, f"{name} is off by {away:.2g} of white for lr {size}, more than the {bound:g} of its precision."
    )
    found.expect(torch.equal(sr, again), f"{name} gave two results for one lr {size}; it must be repeatable.")
    found.expect(torch.equal(lr, given), f"{name} changed lr in place; work on a copy.")

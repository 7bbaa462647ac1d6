"""Any per-image metric of IQA-PyTorch by name; that package is imported only when one is asked for."""

from __future__ import annotations

import contextlib
import difflib
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch

from srbench.errors import ShapeError, UnavailableError

# Scores of whole folders, not of images.
_OF_FOLDERS = ("fid", "inception_score")


@dataclass(frozen=True)
class PyiqaMetric:
    """A metric of pyiqa, with its own conventions (its ``ssim`` and ``psnry`` take full-range luma, for one).

    Call it with ``sr`` and ``hr``, ``(N, 3, H, W)`` in [0, 1]; it gives ``(N,)`` float64 on the CPU. ``hr`` is not
    looked at by metrics without reference, and may be None for them.
    """

    name: str
    full_reference: bool
    lower_is_better: bool
    _run: Callable[..., Any] = field(repr=False)

    def __call__(self, sr: torch.Tensor, hr: torch.Tensor | None = None) -> torch.Tensor:
        """The scores.

        Raises:
            ShapeError: If a reference is needed and missing, or has another shape.
            UnavailableError: If pyiqa fails on these images; the sentence has its reason.
        """
        if self.full_reference and (hr is None or hr.shape != sr.shape):
            shape = None if hr is None else tuple(hr.shape)
            raise ShapeError(f"pyiqa:{self.name} compares with hr, which is {shape} where sr is {tuple(sr.shape)}.")
        scores = []
        for index in range(len(sr)):  # one by one: several of its metrics mix the images of a batch
            pair = [sr[index : index + 1]] + ([hr[index : index + 1]] if hr is not None and self.full_reference else [])
            try:
                with _quiet(), torch.no_grad():
                    score = self._run(*(image.to(torch.float32).clamp(0, 1) for image in pair))
            except Exception as error:  # dozens of networks by dozens of authors: anything can come
                raise UnavailableError(f"pyiqa:{self.name} failed on an image: {_reason(error)}.") from error
            score = score[0] if isinstance(score, tuple) else score
            scores.append(torch.as_tensor(score).detach().to("cpu", torch.float64).mean())
        return torch.stack(scores) if scores else torch.empty(0, dtype=torch.float64)


def load_pyiqa(name: str, device: torch.device | str = "cpu") -> PyiqaMetric:
    """A metric of pyiqa, with its network.

    Args:
        name: As ``pyiqa.list_models()`` has it: "niqe", "dists", "musiq".
        device: Where it runs.

    Raises:
        UnavailableError: In one sentence: pyiqa is not installed, has no such metric, the metric scores folders, or its
            weights cannot be had.
    """
    with _quiet():
        try:
            import pyiqa
        except Exception as error:  # its many dependencies break in many ways
            raise UnavailableError(
                f"pyiqa:{name} needs the package pyiqa, which cannot be imported ({_reason(error)}); "
                "install srbench[perceptual]."
            ) from error
        known = pyiqa.list_models()
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            meant = f" Did you mean {near[0]}?" if near else " `pyiqa.list_models()` names them."
            raise UnavailableError(f"pyiqa has no metric named {name!r}.{meant}")
        if name.startswith(_OF_FOLDERS):
            raise UnavailableError(f"pyiqa:{name} scores folders of images, not an image; it cannot be a column here.")
        try:
            with torch.random.fork_rng(devices=[]):
                network = pyiqa.create_metric(name, device=torch.device(device))
        except Exception as error:  # as above, or its download failed
            raise UnavailableError(f"pyiqa:{name} cannot load its weights: {_reason(error)}.") from error
    return PyiqaMetric(name, network.metric_mode == "FR", bool(network.lower_better), network)


def _reason(error: BaseException) -> str:
    """The first line of an error's text, or its type's name."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without pyiqa's prints, progress bars, log lines and warnings."""
    logger = logging.getLogger("pyiqa")
    level = logger.level
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(level)

"""Any metric of IQA-PyTorch by its name, ``pyiqa:niqe``: on RGB and on the whole image, as that package does.

Its metrics keep their own conventions; for example, its ``ssim`` and ``psnry`` use full-range luma. The package is
imported only if one of them is used.
"""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import io
import logging
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

import srbench

FOLDER_METRICS = ("fid", "inception_score")
"""Prefixes of metrics that score folders instead of images."""


@dataclass(frozen=True)
class PyiqaMetric:
    """A loaded metric of pyiqa.

    Call it with ``sr`` and ``hr``, ``(N, 3, H, W)`` in [0, 1]; it returns ``(N,)`` float64 on the CPU. No-reference
    metrics ignore ``hr``, which may be None for them.
    """

    name: str
    full_reference: bool
    run: Callable[..., Any] = field(repr=False)
    weights_sha256: str = ""
    """The hash of all its trained tensors, which the protocol id names; empty for a metric without any."""

    def __call__(self, sr: Tensor, hr: Tensor | None = None) -> Tensor:
        """Score each image.

        Raises:
            ShapeError: A reference is needed and missing, or has another shape.
            UnavailableError: pyiqa fails on these images; the error has the reason.
        """
        if self.full_reference and (hr is None or hr.shape != sr.shape):
            shape = "None" if hr is None else tuple(hr.shape)
            raise srbench.ShapeError(
                f"pyiqa:{self.name} compares sr {tuple(sr.shape)} with hr, which is {shape}; pass hr of the same shape."
            )
        scores = []
        for index in range(len(sr)):  # one by one: several of its metrics mix the images of a batch
            pair = [sr[index : index + 1]] + ([hr[index : index + 1]] if hr is not None and self.full_reference else [])
            try:
                with _quiet(), torch.no_grad():
                    score = self.run(*(image.to(torch.float32).clamp(0, 1) for image in pair))
            except Exception as error:  # dozens of networks by dozens of authors can raise anything
                raise srbench.UnavailableError(f"pyiqa:{self.name} failed on an image: {_reason(error)}.") from error
            score = score[0] if isinstance(score, tuple) else score
            scores.append(torch.as_tensor(score).detach().to("cpu", torch.float64).mean())
        return torch.stack(scores) if scores else torch.empty(0, dtype=torch.float64)


def load(name: str, device: torch.device) -> PyiqaMetric:
    """Load a metric of pyiqa with its network.

    Args:
        name: A name from ``pyiqa.list_models()``, such as "niqe", "dists" or "musiq".
        device: Where it runs.

    Raises:
        UnavailableError: pyiqa is not installed or has no such metric, the metric scores folders, or its weights cannot
            be loaded.
    """
    with _quiet():
        try:
            import pyiqa
        except Exception as error:  # its many dependencies break in many ways
            raise srbench.UnavailableError(
                f"pyiqa:{name} needs the package pyiqa, which cannot be imported ({_reason(error)}); "
                "install srbench[perceptual]."
            ) from error
        if name not in (listed := pyiqa.list_models()):
            raise srbench.UnavailableError(f"The package pyiqa has no metric {name!r}; {_nearest(name, listed)}")
        if name.startswith(FOLDER_METRICS):
            raise srbench.UnavailableError(
                f"pyiqa:{name} scores folders of images, not single images; choose another, or srbench's fid or kid."
            )
        try:
            with torch.random.fork_rng(devices=[]):
                network = pyiqa.create_metric(name, device=torch.device(device))
        except Exception as error:  # as above, or its download failed
            raise srbench.UnavailableError(f"pyiqa:{name} cannot load its weights: {_reason(error)}.") from error
    return PyiqaMetric(name, network.metric_mode == "FR", network, _hash_of(network))


def make(name: str, others: srbench.SpecMap[srbench.MetricSpec]) -> srbench.MetricSpec:  # noqa: ARG001
    """Make the metric that pyiqa calls ``name``, with its direction and whether it needs hr.

    If the package cannot be imported, the metric is made nevertheless, and its column stays empty with that reason.

    Raises:
        SrbenchError: The package has no such metric.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pyiqa.default_model_configs
        listed = pyiqa.default_model_configs.DEFAULT_CONFIGS
    except Exception:  # noqa: BLE001 - its many dependencies break in many ways; loading the metric reports it
        listed = {name: {}}
    if name not in listed:
        raise srbench.SrbenchError(f"The package pyiqa has no metric {name!r}; {_nearest(name, listed)}")
    config = listed[name]
    return srbench.MetricSpec(
        name=f"pyiqa:{name}",
        label=f"{name} (pyiqa)",
        higher_is_better=not config.get("lower_better", False),
        needs_hr=config.get("metric_mode", "FR") == "FR",
        shaved=False,
        load=partial(load, name),
    )


def _nearest(name: str, listed: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, listed, n=1)
    return f"did you mean pyiqa:{near[0]}?" if near else "choose one of `pyiqa.list_models()`."


def _reason(error: BaseException) -> str:
    """The first line of an error's text, or the name of its type."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def _hash_of(network: torch.nn.Module) -> str:
    """Return the sha256 of all tensors of a network, by their names; empty if it has none.

    Some of its networks keep theirs as plain attributes, such as the statistics of NIQE.
    """
    tensors = dict(network.state_dict())
    for path, module in network.named_modules():
        tensors |= {f"{path}.{name}": value for name, value in vars(module).items() if isinstance(value, Tensor)}
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        if tensor.numel():
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest() if any(tensor.numel() for tensor in tensors.values()) else ""


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress pyiqa's prints, progress bars, log lines and warnings."""
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


@srbench.hookimpl
def register_metrics() -> list[srbench.Family]:
    """Provide every metric of the package as a family."""
    return [srbench.Family(name="pyiqa", make=make, example="pyiqa:niqe", label="any metric of IQA-PyTorch")]

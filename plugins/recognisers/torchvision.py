"""Classifiers of the package torchvision, at any size of image: ``torchvision:NAME``.

``torchvision:resnet18:stem1`` has a first convolution of stride 1 and no pooling after it, for small images. All
networks are untrained; nothing is fetched. The embedding is what the package feeds to its last linear layer. Taps are
the last features at each size of map; networks whose channels come last, such as Swin's, have none. The package is
imported when a name is looked up, never when names are listed.
"""

import functools
from typing import Any

from torch import nn

import srbench
from srbench.networks.recognition.library import Wish, library_spec

CLASSES = 1000
"""Classes of ImageNet, for which the package builds its networks."""
WITHOUT_AUXILIARIES: dict[str, Any] = {"aux_logits": False, "init_weights": True}
OPTIONS = dict.fromkeys(("googlenet", "inception_v3"), WITHOUT_AUXILIARIES)
"""What the package needs to be asked so that a network gives one tensor in training too."""


def build(model: str) -> nn.Module:
    """Build a network of the package without its last linear layer, freshly initialised.

    Args:
        model: Its name there.

    Raises:
        UnavailableError: It does not end in a linear layer.
    """
    import torchvision  # type: ignore[import-untyped]

    network: nn.Module = torchvision.models.get_model(model, weights=None, **OPTIONS.get(model, {}))
    linear = {path: part for path, part in network.named_modules() if isinstance(part, nn.Linear)}
    last = next(reversed(linear), "")
    if not last or linear[last].out_features != CLASSES:
        raise srbench.UnavailableError(
            f"torchvision:{model} does not end in a linear layer for the classes; choose another network."
        )
    parent, _, name = last.rpartition(".")
    setattr(network.get_submodule(parent), name, nn.Identity())
    return network


def make(argument: str, others: srbench.SpecMap[srbench.RecogniserSpec]) -> srbench.RecogniserSpec:  # noqa: ARG001
    """Make the spec of a network of the package.

    Args:
        argument: Its name there, and options: "resnet18:stem1".
        others: Not used.

    Raises:
        UnavailableError: The package is not installed, or the network cannot be used.
        SrbenchError: There is no such network or option.
    """
    return _made(argument)


@functools.cache
def _made(argument: str) -> srbench.RecogniserSpec:
    try:
        import torchvision
    except ImportError as error:
        raise srbench.UnavailableError(
            f"torchvision:{argument} needs the package torchvision; install srbench[recognition]."
        ) from error
    known = torchvision.models.list_models(module=torchvision.models)
    wish = Wish.parse("torchvision", argument, known, sized=False)
    return library_spec(
        f"torchvision:{argument}",
        functools.partial(build, wish.model),
        unit_stem=wish.unit_stem,
        license="BSD-3-Clause",
        extra_hash=f"torchvision {torchvision.__version__}",
    )


@srbench.hookimpl
def register_recognisers() -> list[srbench.Family]:
    """Provide the family."""
    label = "any classifier of the package torchvision that ends in a linear layer"
    return [srbench.Family(name="torchvision", make=make, example="torchvision:resnet18", label=label)]

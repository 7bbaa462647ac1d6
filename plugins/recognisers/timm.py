"""Networks of the package timm, at any size of image: ``timm:NAME``.

``timm:resnet18:stem1`` has a first convolution of stride 1 and no pooling after it, for small images.
``timm:vit_tiny_patch16_224:size64`` is built for images of 64 pixels: its position embeddings have a grid of that size,
from which those of other sizes are interpolated. All networks are untrained; nothing is fetched. The embedding is what
the package feeds to its classifier. Taps are what the package calls the features of a network, where they are maps;
networks with a class token, or whose channels come last, have none. The package is imported when a name is looked up,
never when names are listed.
"""

import functools
from typing import Any

import srbench
from srbench.networks.recognition.library import Wish, library_spec
from srbench.networks.recognition.probing import without_memory

FLEXIBLE: tuple[dict[str, Any], ...] = ({"dynamic_img_size": True}, {"strict_img_size": False}, {})
"""How the package is asked for a network that was made for one size, so that it takes others; the first that works."""


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
        import timm
    except ImportError as error:
        raise srbench.UnavailableError(
            f"timm:{argument} needs the package timm; install srbench[recognition]."
        ) from error
    wish = Wish.parse("timm", argument, timm.list_models(), sized=True)
    config: Any = timm.get_pretrained_cfg(wish.model)
    sized: dict[str, Any] = {} if wish.size is None else {"img_size": wish.size}
    ways = FLEXIBLE if config.fixed_input_size else ({},)
    for way in ways:
        build = functools.partial(timm.create_model, wish.model, pretrained=False, num_classes=0, **sized, **way)
        try:
            trial = without_memory(build)
            break
        except TypeError as error:
            reason = error
    else:
        raise srbench.UnavailableError(f"timm:{argument} cannot be built: {reason}; leave out :size.")
    patch = getattr(getattr(trial, "patch_embed", None), "patch_size", 1)
    return library_spec(
        f"timm:{argument}",
        build,
        unit_stem=wish.unit_stem,
        multiples=(patch if isinstance(patch, int) else max(patch), 32, 64),
        taps=tuple(info["module"] for info in getattr(trial, "feature_info", ()) if info.get("module")) or None,
        mean=tuple(config.mean),
        std=tuple(config.std),
        license="Apache-2.0",
        extra_hash=f"timm {timm.__version__}",
    )


@srbench.hookimpl
def register_recognisers() -> list[srbench.Family]:
    """Provide the family."""
    return [srbench.Family(name="timm", make=make, example="timm:resnet18", label="any network of the package timm")]

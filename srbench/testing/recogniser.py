"""The contract of a recogniser."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from srbench.errors import SrbenchError
from srbench.networks.network import Network
from srbench.networks.recognition.recogniser import Recogniser, build_recogniser
from srbench.networks.recognition.spec import RecogniserSpec
from srbench.testing.contract import Violations, photograph, seeded
from srbench.testing.network import (
    Trial,
    check_behaviour,
    check_deployed,
    check_export,
    check_gradients,
    check_half,
    check_state,
    check_taps,
)

CHECKED = (
    "embeddings of one length for images of several sizes, finite and deterministic, a batch equal to its images one "
    "by one, taps, attention and stem that exist and give maps of the right shape, a state dict that holds everything, "
    "gradients for every parameter, the half precisions it claims, a deployed form that gives the same, torch.export, "
    "and no side effects: nothing printed, no input changed, no random numbers drawn"
)

SIZES = ((32, 32), (7, 6), (45, 37))
"""Height and width of the images that every recogniser must take."""
BATCH = 4
"""Images in the step of training that is tried: batch norms need several."""


def violations(spec: RecogniserSpec) -> list[str]:
    """List the rules that a recogniser breaks, one sentence each."""
    found = Violations()
    with seeded(0):
        recogniser = _built(spec, found)
        if recogniser is None:
            return found
        _check_embeddings(recogniser, found)
        if found:
            return found  # what follows would repeat the same fault in other words
        images = photograph(2, spec.colours, *SIZES[-1])
        trial = Trial(recogniser, lambda: build_recogniser(spec, 0), 1, images)
        check_behaviour(trial, found)
        _check_maps(trial, spec, found)
        check_state(trial, found)
        check_half(trial, found)
        check_deployed(trial, found)
        check_export(trial, found)
        if spec.trainable:
            check_gradients(trial, _backward, found)
    return found


def _built(spec: RecogniserSpec, found: Violations) -> Recogniser | None:
    with found.during(f"building {spec.name}"):
        module = spec.build()
        if found.expect(
            isinstance(module, nn.Module),
            f"build() of {spec.name} gave {type(module).__name__}; it must give an nn.Module.",
        ):
            recogniser = build_recogniser(spec, 0)
            recogniser.module.eval()
            return recogniser
    return None


def _check_embeddings(recogniser: Recogniser, found: Violations) -> None:
    name = recogniser.spec.name
    lengths = {}
    for height, width in SIZES:
        with found.during(f"{name} on images of {height}x{width}"), torch.no_grad():
            try:
                embeddings = recogniser(photograph(1, recogniser.colours, height, width))
            except SrbenchError as error:  # a wrong shape, which `Recogniser` describes in a whole sentence
                found.append(str(error))
                return
            lengths[height, width] = embeddings.shape[1]
            found.expect(
                embeddings.isfinite().all(),
                f"{name} gave NaN or infinity on images of {height}x{width} with fresh weights.",
            )
            found.expect(embeddings.dtype == torch.float32, f"{name} gave {embeddings.dtype} for images of float32.")
    found.expect(
        len(set(lengths.values())) <= 1,
        f"{name} gives embeddings of other lengths for other sizes of images ({sorted(set(lengths.values()))}); pool "
        "its features, so that their number stays.",
    )


def _check_maps(trial: Trial, spec: RecogniserSpec, found: Violations) -> None:
    name = spec.name
    stem = (spec.stem,) if spec.stem else ()
    features = check_taps(trial, tuple(dict.fromkeys((*spec.taps, *spec.attention, *stem))), found)

    def shape(path: str) -> tuple[int, ...]:
        return tuple(features[path].shape)

    for path in (path for path in spec.attention if path in features):
        is_map = features[path].dim() == 4 and (features[path].shape[1] == 1 or shape(path)[2:] == (1, 1))
        found.expect(
            is_map,
            f"The attention {path!r} of {name} gives {shape(path)}; a map over channels is (N, C, 1, 1), one over "
            "places (N, 1, h, w).",
        )
    for path in (path for path in stem if path in features):
        found.expect(
            features[path].dim() == 4,
            f"The stem {path!r} of {name} gives {shape(path)}; it must give features (N, C, h, w).",
        )


def _backward(network: Network) -> None:
    """Add the gradients of one step towards embeddings that were drawn."""
    images = photograph(BATCH, network.colours, *SIZES[-1], seed=1)
    embeddings: Tensor = network(images, 1)
    torch.autograd.backward((embeddings - torch.randn_like(embeddings)).abs().mean())

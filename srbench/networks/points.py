"""Networks for every scale that compute each pixel of sr by itself: an encoder, and a decoder of points between pixels.

For authors of architectures: subclass `PointNetwork`, and make its spec with `point_spec`.

Positions are in LR pixels, as (row, column): the image begins at 0 and ends at its height and width, and the centre of
the first pixel is at one half. The centre of pixel i of H is at (i + 1/2) h / H.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from srbench.networks.encoding import count_features, encode, require_encoder
from srbench.networks.spec import ArchitectureSpec

QUERIES = 30_000
"""Pixels of sr that are computed at a time, as in LIIF's release, so that a large sr needs little memory."""


class PointNetwork(nn.Module):
    """A network of an encoder, whose keys are ``encoder.*``, and a decoder.

    Attributes:
        encoder: The encoder of another network.
        features: The number of channels of its features, C.

    Args:
        spec: The spec of the network whose encoder it gets.
    """

    def __init__(self, spec: ArchitectureSpec) -> None:
        super().__init__()
        self.encoder = require_encoder(spec)()
        self.features = count_features(self.encoder, spec)
        self._encoded = spec

    def prepare(self, features: Tensor) -> Tensor:
        """Compute once an image what its points share; here the features as they are.

        Args:
            features: (N, C, h, w).

        Returns:
            (N, D, h, w).
        """
        return features

    @abstractmethod
    def decode(self, prepared: Tensor, centres: Tensor, pixel: Tensor) -> Tensor:
        """Compute the colours of pixels of sr.

        Args:
            prepared: What `prepare` gave, but with channels last: (N, h, w, D).
            centres: (N, P, 2), positions of their centres, in float64 on the CPU.
            pixel: (N, P, 2), their height and width in LR pixels, in float64 on the CPU; one over the scale.

        Returns:
            (N, P, 3).
        """

    def forward(self, lr: Tensor, size: tuple[int, int] | Tensor, pixels: Tensor | None = None) -> Tensor:
        """Compute sr, or some of its pixels.

        Args:
            lr: (N, 3, h, w), normalised.
            size: Height and width of sr; with ``pixels``, (N, 2), those of each image.
            pixels: (N, P, 2), row and column of the pixels to compute; all if absent.

        Returns:
            (N, 3, height, width), or (N, 3, P, 1).
        """
        features = encode(self.encoder, self._encoded, lr).contiguous(memory_format=torch.channels_last)
        prepared = self.prepare(features).permute(0, 2, 3, 1).contiguous()
        sides = torch.tensor(lr.shape[2:], dtype=torch.float64, device="cpu")
        if pixels is not None:
            step = sides / torch.as_tensor(size).to("cpu", torch.float64)[:, None]
            centres = (pixels.to("cpu", torch.float64) + 0.5) * step
            return self.decode(prepared, centres, step.expand_as(centres)).mT.unsqueeze(-1)
        height, width = map(int, size)
        step = sides / torch.tensor([height, width], dtype=torch.float64, device="cpu")
        rows, columns = (torch.arange(side, dtype=torch.float64, device="cpu") + 0.5 for side in (height, width))
        images, points = lr.shape[0], height * width
        sr, chunk = lr, max(QUERIES // images, 1)
        for start in range(0, points, chunk):
            at = torch.arange(start, min(start + chunk, points), device="cpu")
            centres = torch.stack((rows[at // width], columns[at % width]), dim=-1) * step
            centres = centres.expand(images, -1, -1)
            colours = self.decode(prepared, centres, step.expand_as(centres))
            if not start:  # small results kept between large ones would scatter the memory
                sr = colours.new_empty(images, points, colours.shape[2])
            sr[:, start : start + chunk] = colours
        return sr.mT.reshape(images, -1, height, width)


def cells_at(positions: Tensor, prepared: Tensor) -> Tensor:
    """Return row and column of the LR pixel of ``prepared`` (N, h, w, D) at each position, or of the nearest one."""
    limit = positions.new_tensor(prepared.shape[1:3]) - 1
    return positions.floor().clamp_min(0).minimum(limit)


def look_up(prepared: Tensor, cells: Tensor) -> Tensor:
    """Return the features (N, P, D) of ``prepared`` (N, h, w, D) at each of ``cells`` (N, P, 2)."""
    index = (cells[..., 0] * prepared.shape[2] + cells[..., 1]).to(prepared.device, torch.int64)
    image = torch.arange(prepared.shape[0], device=prepared.device)[:, None]
    return prepared.flatten(1, 2)[image, index]


def point_spec(
    family: str,
    encoded: ArchitectureSpec,
    code_hash: str,
    build: Callable[[ArchitectureSpec], nn.Module],
    **facts: Any,  # noqa: ANN401
) -> ArchitectureSpec:
    """Make the spec of a `PointNetwork`, for a family named by the network whose encoder it gets.

    Args:
        family: Name of the family.
        encoded: The network whose encoder it gets.
        code_hash: Hash of the code of that network, as `srbench.SpecMap.code_hash` gives it.
        build: Makes the network from ``encoded``.
        facts: Further fields of the spec.

    Raises:
        UsageError: That network declares no encoder.
    """
    require_encoder(encoded)
    return ArchitectureSpec(
        name=f"{family}:{encoded.name}",
        build=partial(build, encoded),
        scales=frozenset({2, 3, 4}),
        any_scale=True,
        points=True,
        half_precision=encoded.half_precision,
        taps=tuple(f"encoder.{tap}" for tap in encoded.taps),
        dead_parameters=tuple(f"encoder.{key}" for key in encoded.dead_parameters),
        extra_hash=f"{code_hash}{encoded.extra_hash}",
        **facts,
    )

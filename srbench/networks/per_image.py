"""The base class of networks that are fitted to each image by themselves."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from srbench.networks.applied import Fitted


class FittedToEachImage(nn.Module):
    """A network whose ``forward`` fits it to each image of a batch, from seed 0.

    Args:
        steps: Those of ``forward``.
    """

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps

    @abstractmethod
    def fit(
        self, lr: Tensor, *, steps: int, generator: torch.Generator, kernel: Tensor | None, go_on: Callable[[], bool]
    ) -> Fitted:
        """Fit a fresh network to an image; see `Fitting`."""

    @abstractmethod
    def once(self, lr: Tensor) -> Tensor:
        """Evaluate the network that is fitted a single time, without a fit, on what it gets for lr.

        This is what a step costs without its gradients; it works without values, on the meta device.

        Args:
            lr: (1, C, h, w).

        Returns:
            (1, C, scale*h, scale*w).
        """

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, C, h, w) to (N, C, scale*h, scale*w); also where gradients are off, which a fit needs."""
        with torch.inference_mode(False), torch.enable_grad():
            lr = lr.clone()  # one of inference mode has no gradients
            fits = [
                self.fit(
                    image[None],
                    steps=self.steps,
                    generator=torch.Generator().manual_seed(0),
                    kernel=None,
                    go_on=lambda: True,
                )
                for image in lr
            ]
        return torch.cat([fitted.sr for fitted in fits])

"""Call any network the way its spec says: value range, luma, padding, one scale, several or any."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn
from torch.func import functional_call

from srbench.errors import ShapeError
from srbench.imaging.borders import pad_to_multiple
from srbench.imaging.colour import rgb_to_ycbcr, ycbcr_to_rgb
from srbench.imaging.resize import imresize
from srbench.networks.applied import Fitted
from srbench.networks.prediction import Prediction, deviation, maps_of
from srbench.networks.spec import ArchitectureSpec
from srbench.networks.wanted import Points, Wanted
from srbench.scales import Scale, hr_size


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """An ``nn.Module`` with the facts needed to call it. A call maps lr to sr, both in [0, 1]."""

    spec: ArchitectureSpec
    module: nn.Module

    @property
    def colours(self) -> int:
        """Channels that the module itself takes: 3, or 1 for networks on luma."""
        return self.spec.colours

    @property
    def tapped(self) -> nn.Module:
        """The module in which the paths of the spec start."""
        return self.module

    def __call__(
        self,
        lr: Tensor,
        scale: Wanted,
        weights: Mapping[str, Tensor] | None = None,
        conditions: Tensor | None = None,
    ) -> Tensor:
        """Super-resolve, differentiably; nothing is clamped.

        Args:
            lr: (N, C, h, w) in [0, 1], where C is 3 or, for a network on luma, 1 or 3.
            scale: One of the spec's scales, or any scale if it has every one; or points of sr.
            weights: Used instead of the module's parameters of these names, and differentiated like them: the weights
                after a step of training, for methods that learn how to train.
            conditions: (N, len(spec.conditions)), the second input of a non-blind network; see `conditions_of`.

        Returns:
            (N, C, H, W), nominally in [0, 1], where H and W are `srbench.hr_size` of h and w; (N, C, P, 1) at points.

        Raises:
            ShapeError: The network returned another size, or something else than its spec says.
        """
        return self.predict(lr, scale, weights, conditions).sr

    def predict(
        self,
        lr: Tensor,
        scale: Wanted,
        weights: Mapping[str, Tensor] | None = None,
        conditions: Tensor | None = None,
    ) -> Prediction:
        """Super-resolve as a call does, and keep the map of a network that returns its uncertainty.

        Args:
            lr: See a call, as for all others.
            scale: One of the spec's scales, or points of sr, which have no map.
            weights: Used instead of the module's parameters of these names.
            conditions: The second input of a non-blind network.

        Returns:
            What a call returns, and the map as the network gives it; `uncertainty` converts it.

        Raises:
            ShapeError: See a call.
        """
        if isinstance(scale, Points):
            return Prediction(self._at_points(lr, scale, weights))
        if lr.shape[1] == 3 and self.spec.channels == "y":
            return self._with_bicubic_chroma(lr, scale, weights, conditions)
        padded, crop = pad_to_multiple(lr, self.spec.size_multiple, self.spec.min_size)
        normalised = self.normalised(padded)
        given = self.spec.arguments(normalised, scale)
        given += () if conditions is None else (conditions,)
        maps = maps_of(self.spec, self._run(weights, given))
        wanted = (*padded.shape[:2], *hr_size((padded.shape[2], padded.shape[3]), scale))
        for found in maps:
            if tuple(found.shape) != wanted:
                raise ShapeError(
                    f"{self.spec.name} returned {tuple(found.shape)} for lr {tuple(padded.shape)} at x{scale}; "
                    f"it must return {wanted}."
                )
        height, width = hr_size(crop, scale)
        sr, *spread = (one[..., :height, :width] for one in maps)
        return Prediction(self._restored(sr), *spread)

    def uncertainty(self, lr: Tensor, scale: Scale, conditions: Tensor | None = None) -> Tensor:
        """Return the standard deviation that the network expects of each value of its sr, in units of [0, 1].

        A map that only orders is returned as it is.

        Args:
            lr: See a call.
            scale: One of the spec's scales.
            conditions: The second input of a non-blind network.

        Raises:
            ShapeError: The network has no uncertainty.
        """
        return deviation(self.spec, self.predict(lr, scale, conditions=conditions))

    def draw(self, lr: Tensor, scale: Scale, sampler: str, steps: int, generator: Generator) -> Tensor:
        """Draw sr from a network that models its distribution.

        Args:
            lr: See a call.
            scale: The spec's scale for which the network was built.
            sampler: One of the spec's, by name.
            steps: From 1 to the most of the sampler.
            generator: Gives all random numbers, on the CPU; see `srbench.networks.applied.image_generator`.

        Returns:
            (N, C, H, W), nominally in [0, 1], not clamped here.

        Raises:
            ShapeError: The network has no such sampler, or returned something else than sr.
        """
        self._require_sampler(sampler, steps)
        return self._as_whole(lr, scale, lambda given: self.module.sample(given, sampler, steps, generator))  # type: ignore[operator]

    def objective(self, lr: Tensor, hr: Tensor, generator: Generator) -> Tensor:
        """Compute the loss by which a network that models a distribution is trained, differentiably.

        Args:
            lr: (N, C, h, w) in [0, 1], in the network's own channels.
            hr: (N, C, H, W) in [0, 1].
            generator: Gives all random numbers, on the CPU.

        Raises:
            ShapeError: The network has no samplers, or returned something else than one number.
        """
        if not self.spec.samplers:
            raise ShapeError(
                f"{self.spec.name} has no objective of its own, since its spec declares no samplers; train it by the "
                "recipe's losses."
            )
        loss = self.module.objective(self.normalised(lr), self.normalised(hr), generator)  # type: ignore[operator]
        if not isinstance(loss, Tensor) or loss.numel() != 1:
            returned = tuple(loss.shape) if isinstance(loss, Tensor) else f"a {type(loss).__name__}"
            raise ShapeError(f"The objective of {self.spec.name} returned {returned}; it must return one number.")
        return loss.reshape(())

    def fit(
        self, lr: Tensor, scale: Scale, *, steps: int, generator: Generator, kernel: Tensor | None = None,
        go_on: Callable[[], bool] = lambda: True,
    ) -> Fitted:  # fmt: skip
        """Fit a network to one image and return its sr, also where gradients are switched off.

        Args:
            lr: (1, C, h, w), see a call.
            scale: The spec's scale for which the network was built.
            steps: The most steps.
            generator: Gives all random numbers, on the CPU.
            kernel: (k, k), see `srbench.networks.applied.Fitting`.
            go_on: Asked before every step; False ends the fit.

        Raises:
            ShapeError: The network is not fitted to images, or returned something else than sr.
        """
        if self.spec.fitting is None:
            raise ShapeError(f"{self.spec.name} is not fitted to images, since its spec declares no fitting; call it.")
        found: list[Fitted] = []

        def fitted(given: Tensor) -> Tensor:
            with torch.inference_mode(mode=False), torch.enable_grad():
                own = given.detach().clone()  # not one of inference mode
                weights = None if kernel is None else kernel.detach().clone().to(own)
                made = self.module.fit(own, steps=steps, generator=generator, kernel=weights, go_on=go_on)  # type: ignore[operator]
            if not isinstance(made, Fitted):
                raise ShapeError(
                    f"The fit of {self.spec.name} returned a {type(made).__name__}; it must return srbench.Fitted."
                )
            found.append(made)
            return made.sr.detach()

        sr = self._as_whole(lr, scale, fitted)
        return found[0]._replace(sr=sr)

    def _require_sampler(self, sampler: str, steps: int) -> None:
        known = {one.name: one.most for one in self.spec.samplers}
        if not 1 <= steps <= known.get(sampler, 0):
            shown = " or ".join(f"{name} with 1 to {most} steps" for name, most in known.items()) or "none"
            raise ShapeError(
                f"{self.spec.name} cannot draw by {sampler} with {steps} steps; its samplers are: {shown}."
            )

    def _as_whole(self, lr: Tensor, scale: Scale, apply: Callable[[Tensor], Tensor]) -> Tensor:
        """Return sr in [0, 1] where ``apply`` maps lr to it in the module's units, channels and sizes."""
        if lr.shape[1] == 3 and self.spec.channels == "y":
            ycbcr = rgb_to_ycbcr(lr)
            return _with_chroma(self._as_whole(ycbcr[:, :1], scale, apply), ycbcr)
        padded, crop = pad_to_multiple(lr, self.spec.size_multiple, self.spec.min_size)
        sr = apply(self.normalised(padded))
        wanted = (*padded.shape[:2], *hr_size((padded.shape[2], padded.shape[3]), scale))
        if not isinstance(sr, Tensor) or tuple(sr.shape) != wanted:
            returned = tuple(sr.shape) if isinstance(sr, Tensor) else f"a {type(sr).__name__}"
            raise ShapeError(
                f"{self.spec.name} returned {returned} for lr {tuple(padded.shape)} at x{scale}; "
                f"it must return {wanted}."
            )
        height, width = hr_size(crop, scale)
        return self._restored(sr[..., :height, :width])

    def _at_points(self, lr: Tensor, points: Points, weights: Mapping[str, Tensor] | None) -> Tensor:
        name, wanted = self.spec.name, (*lr.shape[:2], points.pixels.shape[1], 1)
        if not self.spec.points:
            raise ShapeError(
                f"{name} computes whole images and no single pixels; choose a network with points, such as "
                "liif:edsr_baseline, or take points out of the recipe."
            )
        colours = self._run(weights, (self.normalised(lr), points.sizes, points.pixels))
        if not isinstance(colours, Tensor) or tuple(colours.shape) != wanted:
            returned = tuple(colours.shape) if isinstance(colours, Tensor) else f"a {type(colours).__name__}"
            raise ShapeError(
                f"{name} returned {returned} for {wanted[2]} points of each image; it must return {wanted}."
            )
        return self._restored(colours)

    def _run(self, weights: Mapping[str, Tensor] | None, given: tuple[object, ...]) -> object:
        """Call the module itself, with ``weights`` in place of its own if they are given."""
        return self.module(*given) if weights is None else _called_with(weights, self.module, given)

    def answer(self, output: Tensor, target: Tensor) -> Tensor:  # noqa: ARG002
        """Return what training losses compare with ``target``: here the output itself.

        Args:
            output: What a call returned.
            target: What it should have been.
        """
        return output

    def normalised(self, lr: Tensor) -> Tensor:
        """Convert images from [0, 1] to what the module expects."""
        spec = self.spec
        if spec.input_mean:
            lr = lr - _colour(spec.input_mean, lr)
        if spec.input_std:
            lr = lr / _colour(spec.input_std, lr)
        return lr if spec.input_range == 1.0 else lr * spec.input_range

    def _restored(self, sr: Tensor) -> Tensor:
        """Convert what the module returns to [0, 1]."""
        spec = self.spec
        if spec.input_range != 1.0:
            sr = sr / spec.input_range
        if spec.input_std:
            sr = sr * _colour(spec.input_std, sr)
        if spec.input_mean:
            sr = sr + _colour(spec.input_mean, sr)
        return sr

    def conditions_of(self, facts: Sequence[Mapping[str, float]], like: Tensor) -> Tensor | None:
        """Return what the network takes beside lr, (images, len(spec.conditions)); None for a blind network.

        Args:
            facts: What `DegradationSpec.describe` gave for each image.
            like: A tensor on the device where the conditions are wanted.

        Raises:
            ShapeError: A fact that the network needs is missing.
        """
        names = self.spec.conditions
        if missing := [name for one in facts for name in names if name not in one]:
            raise ShapeError(
                f"{self.spec.name} needs {missing[0]!r} as a condition, which the degradation does not describe; "
                "choose another degradation."
            )
        rows = [[one[name] for name in names] for one in facts]
        return torch.tensor(rows, dtype=torch.float32, device=like.device) if names else None

    def _with_bicubic_chroma(
        self, lr: Tensor, scale: Scale, weights: Mapping[str, Tensor] | None, conditions: Tensor | None
    ) -> Prediction:
        ycbcr = rgb_to_ycbcr(lr)
        luma, spread = self.predict(ycbcr[:, :1], scale, weights, conditions)
        return Prediction(_with_chroma(luma, ycbcr), spread)


def _with_chroma(luma: Tensor, ycbcr: Tensor) -> Tensor:
    """Return RGB of the luma of sr (N, 1, H, W) and the chroma of lr (N, 3, h, w), enlarged bicubically."""
    chroma = imresize(ycbcr[:, 1:], size=(luma.shape[-2], luma.shape[-1])).to(luma.dtype)
    return ycbcr_to_rgb(torch.cat((luma, chroma), dim=1))


def _colour(values: tuple[float, ...], like: Tensor) -> Tensor:
    return like.new_tensor(values).view(-1, 1, 1)


def _called_with(weights: Mapping[str, Tensor], module: nn.Module, given: tuple[object, ...]) -> object:
    """Call ``module`` with ``weights`` in every place of a parameter of these names.

    If torch ties them itself, it replaces a module with two paths twice, and never restores the module's own weights.
    """
    wanted = {parameter: weights[name] for name, parameter in module.named_parameters() if name in weights}
    everywhere = {
        name: wanted[parameter]
        for path, part in module.named_modules()
        for name, parameter in part.named_parameters(path, recurse=False, remove_duplicate=False)
        if parameter in wanted
    }
    return functional_call(module, everywhere, given, tie_weights=False)


def build_network(spec: ArchitectureSpec, scale: Scale) -> Network:
    """Build an untrained network that can enlarge by ``scale``; its weights come from torch's global generator."""
    return Network(spec, spec.network(scale))

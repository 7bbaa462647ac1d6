"""The recipes of trainings: frozen objects, read from TOML or written in a plugin.

`TrainingRecipe` has what every training needs; the recipe of each task adds what its data needs.
"""

from __future__ import annotations

import math
import operator
from abc import ABC, abstractmethod
from bisect import bisect_right
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from srbench.scales import Scale, lr_size, read_scale

Positive = Annotated[int, Field(gt=0)]
Rate = Annotated[float, Field(gt=0)]
Factor = Annotated[float, Field(ge=1, le=64)]
Share = Annotated[float, Field(ge=0, le=1)]

_CROP_PASSES = 2
"""A crop is read at its original size and resized to HR, one image at a time: as long as making LR of HR twice."""


class TrainingRecipe(BaseModel, ABC):
    """What decides a training of any task, apart from its data, the network, the degradation and the seed."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    """A short id: "quick", "edsr_paper"."""
    datasets: tuple[str, ...]
    """Training sets by their names; `srbench list datasets` shows them."""
    batch: Positive = 16
    """Patches, or images, in a step."""
    steps: Positive
    """Optimiser steps."""
    optimiser: Literal["adam", "adamw", "sgd"] = "adam"
    """Of the student; a distiller may name further ones for what it trains beside it."""
    learning_rate: Rate = 1e-4
    """The rate at the beginning, after `warmup`."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Decays of Adam's moving averages of the gradient and of its square."""
    epsilon: Rate = 1e-8
    """What Adam adds to the root of the second average."""
    momentum: float = 0.9
    """Momentum of SGD."""
    weight_decay: float = 0.0
    """Factor of the weights in a step: times the rate with "adamw", and added to the gradient with the others."""
    schedule: Literal["constant", "halve", "multistep", "cosine"] = "constant"
    """How the rate falls."""
    halve_every: Positive | None = None
    """Steps between halvings, for schedule "halve"."""
    milestones: tuple[int, ...] = ()
    """Steps at which the rate is multiplied by ``gamma``, for schedule "multistep"."""
    gamma: Rate = 0.5
    """Factor of the rate at each of the ``milestones``."""
    final_learning_rate: float = 0.0
    """The rate at the end of schedule "cosine"."""
    warmup: int = Field(default=0, ge=0)
    """Steps over which the rate rises linearly from zero."""
    losses: dict[str, float] = Field(min_length=1)
    """Loss names and their weights."""
    ema: float | None = Field(default=None, gt=0, lt=1)
    """Decay of the moving average of the weights that is measured instead of the weights; none if absent."""
    clip: Rate | None = None
    """Largest norm of the gradient; not clipped if absent."""
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    """Number format of the forward pass; weights and optimiser states stay fp32."""
    deterministic: bool = Field(default=False, exclude_if=operator.not_)
    """Whether the weights are the same to the last bit in every number of processes (``--devices``), and on one GPU
    every time: gradients of parts of a batch are added in a fixed order, CPUs use one thread a process, and GPUs
    deterministic kernels. Slower."""
    start_from_scale: Annotated[Scale, BeforeValidator(read_scale)] | None = None
    """Other scales start from the weights trained at this scale (EDSR's x3 and x4 start from x2)."""
    start_from: str | None = None
    """Another architecture whose weights are taken wherever name and shape fit, at every scale (HAN's are RCAN's), at
    `start_from_scale` if that is given: ``name.tag`` for published weights, or ``name``, which is then trained by the
    recipe that the suite names; with a recipe file, plainly."""
    validate_every: Positive = 1000
    """Steps between scores on what is held out."""
    choose: Literal["last", "best", "official"] = "last"
    """The weights that a training ends with: the last ones, or those that scored best on what is held out. "official"
    is "best" where test images are held out, as in releases that choose their epoch by its test score; records say
    so."""
    checkpoint_every: Positive = 1000
    """Steps between checkpoints that a killed run resumes from."""
    source: str = ""
    """The source of the figures: a paper's section, a release's defaults."""

    @model_validator(mode="after")
    def _schedules_are_complete(self) -> Self:
        needs = {"halve": "halve_every", "multistep": "milestones"}.get(self.schedule)
        if needs and not getattr(self, needs):
            raise ValueError(f"the schedule {self.schedule!r} needs {needs}; add it")
        return self

    def __hash__(self) -> int:
        return hash(self.model_dump_json())  # ``losses`` is a dict, which pydantic would not hash

    @property
    def read_sets(self) -> tuple[str, ...]:
        """Every dataset that a training reads."""
        return self.datasets

    @property
    def deciding_sets(self) -> tuple[str, ...]:
        """The datasets that decide the weights, whose images no test may have."""
        return self.datasets

    def left_out(self) -> set[str]:
        """Return the fields that a key leaves out: absent ones that are newer than keys of trainings without them."""
        return set()

    @property
    def trained_range(self) -> tuple[float, float] | None:
        """The least and the largest scale, if patches have scales of their own; None where all have the network's."""
        return None

    @property
    def on_points(self) -> bool:
        """True if a step sees some pixels of each patch, which only some networks and distillers can train on."""
        return False

    @abstractmethod
    def lr_size(self, scale: Scale) -> tuple[int, int]:
        """Return height and width of the LR images that most steps see at ``scale``."""

    def lr_pixels(self, scale: Scale) -> int:
        """Return how many LR pixels the whole training sees at ``scale``."""
        height, width = self.lr_size(scale)
        return self.steps * self.batch * height * width

    def resized_pixels(self, scale: Scale) -> int:  # noqa: ARG002
        """Return how many pixels the whole training resizes at ``scale`` to make what it sees.

        None where images are prepared once, and patches only cut out of them.
        """
        return 0

    def shortened(self, steps: int) -> Self:  # noqa: ARG002
        """Return the recipe of a trial of ``steps`` steps, which cost what those of the training do on average."""
        return self

    def rate_at(self, step: int, *, steps: int | None = None) -> float:
        """Return the learning rate of step ``step`` (counted from 0).

        A pure function of the step, so that a resumed training needs no scheduler state.

        Args:
            step: The step about to be taken.
            steps: Length of the training; the recipe's own if absent.
        """
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        if self.schedule == "halve" and self.halve_every:
            return self.learning_rate * 0.5 ** (step // self.halve_every)
        if self.schedule == "multistep":
            return float(self.learning_rate * self.gamma ** sum(step >= at for at in self.milestones))
        if self.schedule == "cosine":
            span = max((steps or self.steps) - self.warmup, 1)
            progress = min((step - self.warmup) / span, 1.0)
            low = self.final_learning_rate
            return low + (self.learning_rate - low) * 0.5 * (1 + math.cos(math.pi * progress))
        return self.learning_rate


class Recipe(TrainingRecipe):
    """The recipe of a training for super-resolution, on patches."""

    patch: Positive = 48
    """Side of an LR patch, in pixels; the HR patch is ``scale`` times that, rounded."""
    patch_of: Literal["lr", "hr"] = "lr"
    """"hr": sides are those of HR patches, which then have one size at every scale; LR patches are ``scale`` times
    smaller, rounded down."""
    progressive: tuple[tuple[Positive, Positive, Positive], ...] = ()
    """Progressive training: ``(step, patch, batch)``, what holds from that step on instead of `patch` and `batch`."""
    pool: int = Field(default=0, ge=0)
    """Batches that the training goes through again and again, so that a teacher's output on one is computed once; 0:
    every step has patches of its own."""
    losses: dict[str, float] = Field(default={"l1": 1.0}, min_length=1)
    """Loss names and their weights."""
    scale_range: tuple[Factor, Factor] | None = None
    """Each patch is cut at a scale of its own, drawn uniformly between these two, so that networks for any scale are
    trained for all of them (LIIF). Without it, all patches of a step have one of the network's own scales."""
    points: Positive | None = None
    """With `scale_range`, the number of HR pixels of each patch that are trained on, drawn without replacement."""
    augment: bool = True
    """Flips and quarter turns, each patch its own."""
    permute_colours: Share = 0.0
    """Share of patches whose colours are put in a random order."""
    mixup: Share = 0.0
    """Share of steps whose patches are each mixed with another one."""
    mixup_shape: Rate = 1.2
    """Both parameters of the beta distribution that weighs the two."""

    @model_validator(mode="after")
    def _stages_are_in_order(self) -> Self:
        if self.pool and self.progressive:
            raise ValueError("pool repeats batches of one size, which progressive changes; drop one of the two")
        self._check_points()
        steps = [step for step, _, _ in self.progressive]
        if steps != sorted(set(steps)):
            raise ValueError(f"progressive must name increasing steps, not {steps}; put them in order")
        return self

    def left_out(self) -> set[str]:
        """Return the fields of points, for recipes without them."""
        return set() if self.on_points else {"scale_range", "points"}

    @property
    def trained_range(self) -> tuple[float, float] | None:
        """The `scale_range`."""
        return self.scale_range

    @property
    def on_points(self) -> bool:
        """True with `points`."""
        return self.points is not None

    def _check_points(self) -> None:
        if (self.scale_range is None) != (self.points is None):
            raise ValueError(
                "scale_range and points belong together, as patches of several scales share a step by their "
                "points; give both or neither"
            )
        if self.scale_range is None or self.points is None:
            return
        low, high = self.scale_range
        if low >= high:
            raise ValueError(f"scale_range = {[low, high]} must be two increasing factors; put the smaller one first")
        if self.points > (most := round(low * self.patch) ** 2):
            raise ValueError(
                f"points = {self.points} are more than the {most} pixels of the smallest patch; take fewer, or a "
                "larger patch"
            )
        for name in ("progressive", "pool", "mixup"):
            if getattr(self, name):
                raise ValueError(f"scale_range does not work with {name}; drop one of the two")
        if self.patch_of == "hr":
            raise ValueError('scale_range needs patches that have one size in lr; drop patch_of = "hr"')

    def patches_at(self, step: int) -> tuple[int, int]:
        """Return side (in pixels of `patch_of`) and number of the patches of step ``step``, counted from 0."""
        begun = bisect_right(self.progressive, step, key=lambda stage: stage[0])
        return self.progressive[begun - 1][1:] if begun else (self.patch, self.batch)

    def lr_side(self, patch: int, scale: Scale) -> int:
        """Return the side of the LR patch at ``scale``, where ``patch`` is in pixels of `patch_of`."""
        return patch if self.patch_of == "lr" else max(*lr_size((patch, patch), scale), 1)

    def lr_size(self, scale: Scale) -> tuple[int, int]:
        """Return the sides of the patches of the first steps."""
        side = self.lr_side(self.patch, scale)
        return side, side

    def lr_pixels(self, scale: Scale) -> int:
        """Return how many LR pixels the whole training sees, with patches that grow."""
        pixels = 0
        for start, end in pairwise([0, *(step for step, _, _ in self.progressive if step < self.steps), self.steps]):
            patch, batch = self.patches_at(start)
            pixels += (end - start) * batch * self.lr_side(patch, scale) ** 2
        return pixels

    def shortened(self, steps: int) -> Self:
        """Return a recipe that goes through its pool as many times, to remember the same share."""
        return self.model_copy(update={"pool": max(1, round(self.pool * steps / self.steps))}) if self.pool else self


class RecognitionRecipe(TrainingRecipe):
    """The recipe of a training that recognises images of low resolution."""

    losses: dict[str, float] = Field(default={"cross_entropy": 1.0}, min_length=1)
    """Loss names and their weights."""
    validate_on: str = ""
    """A labelled set of the same classes, on which progress is measured; without one it is not."""
    height: Positive
    """Height of an HR image, in pixels; images of another size are resized."""
    width: Positive
    """Width of an HR image, in pixels."""
    view: Literal["small", "bicubic", "nearest", "askd"] = "small"
    """What the student sees: the LR image as it is (Pixel Distillation), or enlarged to the size of HR: bicubically, by
    nearest neighbours, or as A-SKD does, whose nearest neighbours are blurred afterwards."""
    head: Literal["linear", "arcface", "cosface", "adaface"] = "linear"
    """What follows the embedding: a linear classifier, or one with a margin on the angle of the right class."""
    head_scale: Rate | None = None
    """Factor of the logits of a head with a margin; its paper's if absent."""
    head_margin: float | None = Field(default=None, ge=0)
    """Margin of such a head; its paper's if absent."""
    augment: Literal["none", "flip", "crop"] = "none"
    """What is done to HR before LR is made from it: nothing, a mirror image of half of them, or that and a random crop
    that is resized."""
    crop_area: float = Field(default=0.08, gt=0, le=1)
    """The least share of an image's area that a random crop keeps; both papers' where absent."""
    cover: float = Field(default=1.0, ge=1)
    """For tests, images are resized to this multiple of `height` and `width`, whose centre is cut out."""

    @model_validator(mode="after")
    def _has_what_it_chooses_by(self) -> Self:
        if self.choose != "last" and not self.validate_on:
            raise ValueError(f"choose = {self.choose!r} needs a set to choose by; add validate_on")
        return self

    @property
    def read_sets(self) -> tuple[str, ...]:
        """The training sets, and the one on which progress is measured."""
        return (*self.datasets, *filter(None, [self.validate_on]))

    @property
    def deciding_sets(self) -> tuple[str, ...]:
        """The training sets, and the one that chooses the weights unless the recipe says that it may be a test set."""
        return self.read_sets if self.choose == "best" else self.datasets

    def lr_size(self, scale: Scale) -> tuple[int, int]:
        """Return the size of the LR images."""
        return lr_size((self.height, self.width), scale)

    def resized_pixels(self, scale: Scale) -> int:
        """Return the pixels of the crops, each of which is resized to HR, and of the HR of which LR is made."""
        passes = _CROP_PASSES * (self.augment == "crop") + (scale != 1)
        return self.steps * self.batch * self.height * self.width * passes

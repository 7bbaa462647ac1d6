"""SR-LUT: a network of a few pixels, computed once for all their values and then looked up (Jo and Kim, CVPR 2021).

The network sees two to four pixels of one channel, and gives the scale x scale values that replace the first of them.
It looks at an image in four rotations and adds what it gives, so that it sees the pixels around. After its training its
output is tabulated as 8-bit integers, for every combination of the levels 0, 16, … 240 and 255. Between these levels, a
value is interpolated in the simplex that its pixels are in. A table of S (2x2 pixels) has 17^4 rows, one of F (three in
a row) 17^3, and V has every level of two pixels.

- ``srlut_s_net`` is the network, which is trained as any other.
- ``srlut_s`` is the table that is made of the trained network, and measured as a model of its own.
- ``srlut:FILE`` is a table in a NumPy file, such as those of the release. ``srlut_official:FILE`` interpolates as the
  release does, one of whose 24 branches has two pixels in the wrong order.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import srbench

WHITE = 255
LEVELS = 256
LARGEST_ENTRY = 127
"""What the output 1 of the network becomes in a table; four of them add up to twice white."""
ROTATIONS = 4
CHUNK = 1 << 14
"""Rows of a table that are computed at once."""


@dataclass(frozen=True, slots=True)
class Form:
    """The pixels that a network sees."""

    letter: str
    height: int
    width: int
    step: int
    """Distance of the levels that its table has."""

    @property
    def pixels(self) -> int:
        """Number of pixels."""
        return self.height * self.width

    def lookups(self, step: int) -> int:
        """Return how many rows are read for a pixel of RGB: the corners of a simplex, or one if no level is missing."""
        return 3 * ROTATIONS * (1 if step == 1 else self.pixels + 1)


FORMS = (Form("S", 2, 2, 16), Form("F", 1, 3, 16), Form("V", 1, 2, 1))


def in_four_rotations(enlarge: Callable[[Tensor], Tensor], image: Tensor, form: Form) -> Tensor:
    """Add up what ``enlarge`` gives for four rotations of an image, turned back.

    Args:
        enlarge: Takes (M, 1, h + height - 1, w + width - 1), and gives (M, 1, scale*h, scale*w).
        image: (N, C, h, w); it is reflected beyond its right and lower border.
        form: The pixels that ``enlarge`` sees.

    Returns:
        (N, C, scale*h, scale*w).
    """
    channels = image.reshape(-1, 1, *image.shape[2:])
    border = (0, form.width - 1, 0, form.height - 1)
    turned = [F.pad(channels.rot90(k, (2, 3)), border, mode="reflect") for k in range(ROTATIONS)]
    made = torch.stack([enlarge(one).rot90(-k, (2, 3)) for k, one in enumerate(turned)]).sum(dim=0)
    return made.reshape(*image.shape[:2], *made.shape[2:])


class FewPixels(nn.Module):
    """The network in training; keys ``conv1`` to ``conv6`` as in the release.

    Args:
        scale: Up-sampling factor.
        form: The pixels that it sees.
        width: Channels.
    """

    def __init__(self, scale: int, *, form: Form, width: int = 64) -> None:
        super().__init__()
        self.scale, self.form = scale, form
        self.conv1 = nn.Conv2d(1, width, (form.height, form.width))
        self.conv2 = nn.Conv2d(width, width, 1)
        self.conv3 = nn.Conv2d(width, width, 1)
        self.conv4 = nn.Conv2d(width, width, 1)
        self.conv5 = nn.Conv2d(width, width, 1)
        self.conv6 = nn.Conv2d(width, scale**2, 1)

    def values(self, image: Tensor) -> Tensor:
        """Map (N, 1, h, w) in [0, 1] to (N, 1, scale*(h - height + 1), scale*(w - width + 1)), not clamped."""
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4, self.conv5):
            image = F.relu(layer(image), inplace=True)
        return F.pixel_shuffle(self.conv6(image), self.scale)

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, C, h, w) to (N, C, scale*h, scale*w), in [0, 1]."""

        def entries(image: Tensor) -> Tensor:
            return LARGEST_ENTRY * self.values(image).clamp(-1, 1)

        return in_four_rotations(entries, lr, self.form) / WHITE

    @torch.no_grad()
    def table(self) -> Tensor:
        """Compute the table of the form's levels, (levels ** pixels, scale ** 2) int8, on the CPU."""
        network = copy.deepcopy(self).cpu().float().eval()
        levels = torch.arange(0, LEVELS + 1, self.form.step).clamp(max=WHITE) / WHITE
        blocks = torch.cartesian_prod(*[levels] * self.form.pixels).reshape(-1, 1, self.form.height, self.form.width)
        made = torch.cat([network.values(blocks[at : at + CHUNK]) for at in range(0, len(blocks), CHUNK)])
        return (LARGEST_ENTRY * made.clamp(-1, 1)).round().to(torch.int8).flatten(1)


class LookUp(nn.Module):
    """A table and its interpolation; integer arithmetic, whose result has 8 bits, as lr is taken to have.

    Args:
        table: (levels ** pixels, scale ** 2) int8; the first pixel is the most significant digit of a row.
        form: The pixels that decide the row.
        official: Whether to follow the error of the release.
    """

    def __init__(self, table: Tensor, form: Form, *, official: bool = False) -> None:
        super().__init__()
        self.form, self.official = form, official
        self.table: Tensor
        self.register_buffer("table", table)
        self.levels = round(len(table) ** (1 / form.pixels))
        self.step = LEVELS // (self.levels - 1)
        self.scale = round(table.shape[1] ** 0.5)

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, C, h, w) to (N, C, scale*h, scale*w), in [0, 1]; both are rounded to multiples of 1/255."""
        image = (lr * WHITE).round().clamp(0, WHITE).float()
        entries = in_four_rotations(self._interpolated, image, self.form) / self.step
        sr: Tensor = (entries.clamp(0, WHITE).round() / WHITE).to(lr.dtype)
        return sr

    def _interpolated(self, image: Tensor) -> Tensor:
        """Map levels (M, 1, h + height - 1, w + width - 1) to entries times the step, (M, 1, scale*h, scale*w)."""
        form = self.form
        height, width = image.shape[2] - form.height + 1, image.shape[3] - form.width + 1
        offsets = [(row, column) for row in range(form.height) for column in range(form.width)]
        pixels = torch.stack([image[:, 0, y : y + height, x : x + width] for y, x in offsets], dim=-1).long()
        digits = self.levels ** torch.arange(form.pixels - 1, -1, -1, device=image.device)
        row = (pixels // self.step * digits).sum(dim=-1)
        entries = self.table[row].float() if self.step == 1 else self._in_simplex(row, pixels % self.step, digits)
        return F.pixel_shuffle(entries.permute(0, 3, 1, 2), self.scale)

    def _in_simplex(self, row: Tensor, rest: Tensor, digits: Tensor) -> Tensor:
        """Walk from the corner ``row`` along the axes, those with the largest rest first.

        Args:
            row: (M, h, w), of the corner below.
            rest: (M, h, w, pixels), how far each pixel is above that corner, less than the step.
            digits: What a step along each axis adds to the row.

        Returns:
            (M, h, w, scale ** 2), times the step.
        """
        order = rest.argsort(dim=-1, descending=True)
        if self.official and self.form.letter == "S":
            a, b, c, d = rest.unbind(-1)
            wrong = (c > d) & (d > a) & (a > b)
            order = torch.where(wrong[..., None], order.new_tensor((2, 0, 3, 1)), order)
        along = rest.gather(-1, order)
        weights = torch.cat((along.new_full(along[..., :1].shape, self.step), along), dim=-1)
        weights = weights - F.pad(along, (0, 1))
        entries = weights[..., :1] * self.table[row].float()
        for corner, axis in enumerate(order.unbind(-1), start=1):
            row = row + digits[axis]
            entries = entries + weights[..., corner : corner + 1] * self.table[row].float()
        return entries


def nearest(scale: int, *, form: Form) -> LookUp:
    """Make the table that repeats each pixel, up to the rounding of its quarter: a table before any training."""
    levels = torch.arange(0, LEVELS + 1, form.step).clamp(max=WHITE)
    quarter = (levels / ROTATIONS).round().to(torch.int8)
    first = quarter.repeat_interleave(len(levels) ** (form.pixels - 1))
    return LookUp(first[:, None].repeat(1, scale**2), form)


def transferred(spec: srbench.ArchitectureSpec, parts: Sequence[srbench.Network]) -> srbench.Network:
    """Make the table of a trained network.

    Args:
        spec: The spec of the table.
        parts: The network.

    Raises:
        CheckpointError: It is another network.
    """
    network = parts[0].module
    if not isinstance(network, FewPixels):
        raise srbench.CheckpointError(f"{spec.name} is made of a network of SR-LUT, not of {parts[0].spec.name}.")
    return srbench.Network(spec, LookUp(network.table(), network.form))


def form_of(rows: int) -> Form | None:
    """Return the form whose tables have that many rows, for a distance of levels that is a power of two."""
    counts = [LEVELS // (1 << exponent) + 1 for exponent in range(8)]
    return next((form for form in FORMS if rows in [count**form.pixels for count in counts]), None)


def read_table(path: Path) -> tuple[Tensor, Form]:
    """Read a table of the release: a NumPy file with (rows, 1, scale, scale) int8, or (rows, scale ** 2).

    Raises:
        CheckpointError: It cannot be read, or holds something else.
    """
    try:
        array = np.load(path, allow_pickle=False) if path.is_file() else None
    except (OSError, ValueError, EOFError) as error:
        raise srbench.CheckpointError(f"The table {path} cannot be read ({error}); give a .npy file.") from error
    if array is None:
        raise srbench.CheckpointError(f"There is no file {path}; give the path of a .npy file with a table.")
    form = form_of(len(array)) if isinstance(array, np.ndarray) and array.ndim > 1 and array.dtype == np.int8 else None
    values = array.size // max(len(array), 1) if form else 0
    if form is None or values not in (4, 9, 16, 64):
        what = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else "several arrays"
        raise srbench.CheckpointError(
            f"{path} holds {what}, not a table of SR-LUT; it must be int8 with one row for every combination of levels "
            "and scale x scale values in each, such as (83521, 1, 4, 4)."
        )
    return torch.from_numpy(array.reshape(len(array), values)), form


def make(
    argument: str,
    others: srbench.SpecMap[srbench.ArchitectureSpec],  # noqa: ARG001
    *,
    official: bool,
) -> srbench.ArchitectureSpec:
    """Make the spec of the table in a file.

    Args:
        argument: Path of the file.
        others: Not used.
        official: Whether to follow the error of the release.

    Raises:
        CheckpointError: See `read_table`.
    """
    path = Path(argument).expanduser()
    table, form = read_table(path)

    def build(scale: int) -> LookUp:  # noqa: ARG001 - the file has one scale
        return LookUp(table.clone(), form, official=official)

    sample = build(1)
    return _table_spec(
        form,
        f"srlut{'_official' * official}:{argument}",
        f"SR-LUT{' (official)' * official} {path.stem}",
        build,
        step=sample.step,
        scales=frozenset({sample.scale}),
        weights_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        extra_hash=hashlib.sha256(table.numpy().tobytes()).hexdigest(),
        notes="A table from a file. " + (ERROR if official else ""),
    )


PAPER = srbench.Paper(
    title="Practical Single-Image Super-Resolution Using Look-Up Table",
    venue="CVPR",
    year=2021,
    url="https://github.com/yhjo09/SR-LUT",
)
RECIPE = srbench.Recipe(
    name="srlut_paper",
    datasets=("div2k_train",),
    patch=48,
    batch=32,
    steps=200_000,
    learning_rate=1e-4,
    losses={"mse": 1.0},
    source="the release's training script",
)
ERROR = (
    "Where the rests of the pixels are in the order c > d > a > b, it interpolates as if it were c > a > d > b, as the "
    "release does."
)


def _table_spec(
    form: Form,
    name: str,
    label: str,
    build: Callable[[int], LookUp],
    *,
    step: int,
    scales: frozenset[int],
    **facts: Any,  # noqa: ANN401
) -> srbench.ArchitectureSpec:
    return srbench.ArchitectureSpec(
        name=name,
        label=label,
        build=build,
        scales=scales,
        trainable=False,
        lookups=form.lookups(step),
        half_precision=frozenset(),
        min_size=max(form.height, form.width),
        paper=PAPER,
        license="unknown (no licence file)",
        **facts,
    )


def _specs(form: Form) -> list[srbench.ArchitectureSpec]:
    letter, name = form.letter, f"srlut_{form.letter.lower()}"
    seen = f"{form.height}x{form.width} pixels of a channel, in four rotations"
    scales = frozenset({2, 3, 4})
    network = srbench.ArchitectureSpec(
        name=f"{name}_net",
        label=f"SR-LUT-{letter} (network)",
        build=partial(FewPixels, form=form),
        scales=scales,
        min_size=max(form.height, form.width),
        paper=PAPER,
        license="unknown (no licence file)",
        recipe=RECIPE,
        notes=f"The network of which {name} is made. It sees {seen}.",
    )
    table = _table_spec(
        form,
        name,
        f"SR-LUT-{letter}",
        partial(nearest, form=form),
        step=form.step,
        scales=scales,
        parts=(network.name,),
        compose=transferred,
        recipe=RECIPE,
        notes=f"The table of {network.name}, which is trained for it. It sees {seen}.",
    )
    return [network, table]


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec | srbench.Family]:
    """Provide networks and tables of the paper's three forms, and tables by their paths."""
    families = [
        srbench.Family(
            name="srlut",
            make=partial(make, official=False),
            example="srlut:weights/Model_S_x4_4bit_int8.npy",
            label="a table of SR-LUT in a NumPy file",
        ),
        srbench.Family(
            name="srlut_official",
            make=partial(make, official=True),
            example="srlut_official:weights/Model_S_x4_4bit_int8.npy",
            label="the same with the release's error in its interpolation",
        ),
    ]
    return [*(spec for form in FORMS for spec in _specs(form)), *families]

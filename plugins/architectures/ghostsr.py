"""GhostSR: half of a layer's features are shifted copies of the other half (Nie et al., TMLR 2022).

`GhostEDSR` has the keys of the authors' MindSpore release. The family ``ghost:NAME`` does to any convolutional network
what the paper does to EDSR, CARN and IMDN. The distillers ``ghost`` and ``ghost_clustered`` train either of them as the
paper says: the noise that explores the directions fades, and the layers may start from a trained network's filters.
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import srbench
from srbench.blocks import MeanShift, ResidualBlock, Upsampler, conv

EPOCHS = 6000
"""Of the release's training; the noise is multiplied by 0.97 after each."""
DECAY = 0.97


class Shift(nn.Module):
    """Moves all its channels by the same pixel in one of nine directions, of which one is to stay (Section 3.2).

    The direction is where the weight is largest in size. In training Gumbel noise is added first, and the gradient goes
    to the weight as if the weight itself had been the kernel. The weight is float16 in the release; here it is float32,
    since Adam divides by a second moment and an epsilon that float16 rounds to zero, and checkpoints load into both.
    """

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1, 1, 3, 3))
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        self.noise: Tensor
        self.register_buffer("noise", torch.ones(()), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) to the same shape; zeros come in at the border."""
        if self.training:
            uniform = torch.rand_like(self.weight)
            gumbel = -torch.log(-torch.log(uniform + 1e-20) + 1e-20)
            chosen = self._one_hot(self.weight.detach() + self.noise * gumbel)
            return self._convolved(x, chosen + (self.weight - self.weight.detach()))
        if x.is_meta:  # no values to choose by, and every direction costs the same
            return _moved(x, 1, 1)
        if x.device.type == "cpu" and not torch.compiler.is_compiling():
            row, column = divmod(int(self.weight.abs().argmax()), 3)
            return _moved(x, row, column)
        return self._convolved(x, self._one_hot(self.weight))  # reads nothing back from the device

    @staticmethod
    def _one_hot(weight: Tensor) -> Tensor:
        places = torch.arange(weight.numel(), device=weight.device)
        return (places == weight.abs().argmax()).to(weight.dtype).view_as(weight)

    @staticmethod
    def _convolved(x: Tensor, kernel: Tensor) -> Tensor:
        channels = x.shape[1]
        return F.conv2d(x, kernel.to(x.dtype).expand(channels, 1, 3, 3), padding=1, groups=channels)


def _moved(x: Tensor, row: int, column: int) -> Tensor:
    """Pixel (y, x) reads (y + row - 1, x + column - 1): cut at one side, padded at the other."""
    return F.pad(x, (1 - column, column - 1, 1 - row, row - 1))


class GhostModule(nn.Module):
    """Stands for a convolution: computes ``ceil(ratio * out)`` channels, and shifts them to fill the others.

    Keys ``primary_conv.*`` and ``cheap_conv.weight``.

    Args:
        layer: The convolution it stands for; only its form is taken, not its weights.
        ratio: Share of the channels that are computed. Below a half the shifted ones are taken in turns.
    """

    def __init__(self, layer: nn.Conv2d, ratio: float = 0.5) -> None:
        super().__init__()
        self.channels = layer.out_channels
        self.primary_conv = nn.Conv2d(
            layer.in_channels,
            math.ceil(self.channels * ratio),
            (layer.kernel_size[0], layer.kernel_size[1]),
            padding=layer.padding if isinstance(layer.padding, str) else (layer.padding[0], layer.padding[1]),
            bias=layer.bias is not None,
            padding_mode=layer.padding_mode,
        )
        self.cheap_conv = Shift()

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) to (N, D, h, w)."""
        computed = self.primary_conv(x)
        left = self.channels - computed.shape[1]
        ghosts = self.cheap_conv(computed[:, :left])
        copies = -(-left // computed.shape[1])
        return torch.cat((computed, *[ghosts] * copies), dim=1)[:, : self.channels]


class GhostEDSR(nn.Module):
    """EDSR whose residual blocks have ghost modules; maps lr in [0, 255] to sr in the same range.

    Args:
        scale: 2, 3 or 4.
        n_resblocks: Residual blocks.
        n_feats: Channels.
        ratio: See `GhostModule`.
    """

    def __init__(self, scale: int, *, n_resblocks: int = 32, n_feats: int = 256, ratio: float = 0.5) -> None:
        super().__init__()
        self.sub_mean, self.add_mean = MeanShift(255.0, -1), MeanShift(255.0, +1)
        self.head = nn.Sequential(conv(3, n_feats))
        blocks = [ResidualBlock(n_feats, res_scale=0.1) for _ in range(n_resblocks)]
        for block in blocks:
            for place in (0, 2):
                block.body[place] = GhostModule(conv(n_feats, n_feats), ratio)
        self.body = nn.Sequential(*blocks, conv(n_feats, n_feats))
        self.tail = nn.Sequential(Upsampler(scale, n_feats), conv(n_feats, 3))

    def forward(self, lr: Tensor) -> Tensor:
        """(N, 3, h, w) to (N, 3, scale*h, scale*w)."""
        shallow = self.head(self.sub_mean(lr))
        sr: Tensor = self.add_mean(self.tail(self.body(shallow) + shallow))
        return sr


def body_convolutions(module: nn.Module, spec: srbench.ArchitectureSpec) -> list[nn.Conv2d]:
    """The convolutions that a ghost network replaces.

    Those that keep the size, with a kernel of 3x3 or more, neither strided, dilated nor grouped, at the resolution
    where most of these run. Where the network repeats a block (modules of one class side by side, without a shuffle
    inside), only the ones in such blocks, as in the paper; where it repeats none, all but the first and the last
    convolution of the network and those right before a shuffle. Found by running a small image through it.

    Args:
        module: The network.
        spec: How to call it.

    Raises:
        SrbenchError: There is none, or it is a ghost network already.
    """
    if any(isinstance(m, GhostModule) for m in module.modules()):
        raise srbench.SrbenchError(f"{spec.name} is a ghost network already; name the network it was made from.")
    fits: dict[nn.Conv2d, bool] = {}
    ends: set[nn.Module] = set()
    for run in _runs(module, spec):
        layers = [(layer, sizes) for layer, sizes in run if isinstance(layer, nn.Conv2d)]
        same = [sizes[0] for layer, sizes in layers if _is_plain(layer) and sizes[0] == sizes[1]]
        common = max(same, key=same.count, default=None)
        for layer, sizes in layers:
            fits[layer] = fits.get(layer, _is_plain(layer)) and sizes == (common, common)
        ends |= {layers[0][0], layers[-1][0]} if layers else set()
        shuffled = {layer for (layer, _), (following, _) in pairwise(run) if isinstance(following, nn.PixelShuffle)}
        fits |= dict.fromkeys(shuffled & fits.keys(), False)
    found = [layer for layer, fit in fits.items() if fit]
    blocks = {inner for block in _repeated_blocks(module) for inner in block.modules()}
    chosen = [m for m in found if m in blocks] or [m for m in found if m not in ends]
    if not chosen:
        raise srbench.SrbenchError(
            f"{spec.name} has no convolution that could be replaced by a ghost module; choose a network whose body is "
            "made of ungrouped convolutions of 3x3 or more."
        )
    return chosen


Sizes = tuple[torch.Size, torch.Size]
"""What goes in and what comes out, (h, w) each."""


def _runs(module: nn.Module, spec: srbench.ArchitectureSpec) -> list[list[tuple[nn.Module, Sizes]]]:
    """Convolutions and shuffles in the order they run, once for each scale of a multi-scale network."""
    runs: list[list[tuple[nn.Module, Sizes]]] = []

    def watch(layer: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
        runs[-1].append((layer, (given[0].shape[2:], made.shape[2:])))

    watched = [m for m in module.modules() if isinstance(m, nn.Conv2d | nn.PixelShuffle)]
    hooks = [m.register_forward_hook(watch) for m in watched]
    side = -(-max(spec.min_size, 8) // spec.size_multiple) * spec.size_multiple
    first = next(module.parameters())
    lr = torch.zeros(1, 1 if spec.channels == "y" else 3, side, side, device=first.device, dtype=first.dtype)
    training = module.training
    module.eval()
    with torch.no_grad():
        for scale in sorted(spec.scales) if spec.multi_scale else [None]:
            runs.append([])
            module(lr) if scale is None else module(lr, scale)
    module.train(training)
    for hook in hooks:
        hook.remove()
    return runs


def _is_plain(layer: nn.Conv2d) -> bool:
    whole = layer.groups == 1 and set(layer.stride) == set(layer.dilation) == {1}
    return whole and min(layer.kernel_size) >= 3 and layer.out_channels > 1


def _repeated_blocks(module: nn.Module) -> list[nn.Module]:
    blocks = []
    for parent in module.modules():
        kinds = [type(child) for child in parent.children()]
        blocks += [
            child
            for child in parent.children()
            if not type(child).__module__.startswith("torch.nn")
            and kinds.count(type(child)) > 1
            and not any(isinstance(m, nn.PixelShuffle) for m in child.modules())
        ]
    return blocks


def ghosted(spec: srbench.ArchitectureSpec, *scale: int) -> nn.Module:
    """The network of ``spec`` with ghost modules for the convolutions of its body, freshly initialised."""
    module = spec.build(*scale)
    ghosts = {id(layer): GhostModule(layer) for layer in body_convolutions(module, spec)}
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if id(child) in ghosts:
                setattr(parent, name, ghosts[id(child)])
    return module


def make(argument: str, others: Mapping[str, Any]) -> srbench.ArchitectureSpec:
    """The spec of ``ghost:NAME``.

    Args:
        argument: Name of the network that is transformed.
        others: All architectures.

    Raises:
        SrbenchError: It is a fixed operator.
    """
    spec: srbench.ArchitectureSpec = others[argument]
    if not spec.trainable:
        raise srbench.SrbenchError(f"{spec.name} has nothing to train, so it has no ghost version; name a network.")
    code = getattr(others, "fingerprint", lambda _: "")(argument)
    return dataclasses.replace(
        spec,
        name=f"ghost:{argument}",
        label=f"Ghost {spec.title}",
        build=partial(ghosted, spec),
        paper=PAPER,
        checkpoints=(),
        reported=(),
        fingerprint=f"{code}{spec.fingerprint}",
        notes=f"{spec.title} with ghost modules in its body. {spec.notes}",
    )


class Ghost(srbench.Distiller):
    """Trains a ghost network on the recipe's losses while the noise on its shifts fades.

    After the n-th of 6,000 equal parts of the training the noise is 0.97ⁿ, as the paper has it by epochs; the released
    code never counts its epochs. Without this the noise stays as strong as it began.

    Raises:
        TrainingError: The student has no ghost module.
    """

    def __init__(self, setup: srbench.Setup) -> None:
        super().__init__(setup)
        self.shifts = [m for m in setup.student.module.modules() if isinstance(m, Shift)]
        if not self.shifts:
            raise srbench.TrainingError(
                f"{setup.student.spec.name} has no ghost module; train ghost:{setup.student.spec.name} this way."
            )

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's, after setting the noise of this step."""
        for shift in self.shifts:
            shift.noise.fill_(DECAY ** (EPOCHS * batch.step // batch.steps))
        return super().losses(batch)


class GhostClustered(Ghost):
    """Starts from the filters of a trained network of the same form, and goes on as `Ghost`."""

    def __init__(self, setup: srbench.Setup) -> None:
        super().__init__(setup)
        inherit_filters(setup.student.module, setup.teacher.module)


def inherit_filters(ghost: nn.Module, trained: nn.Module) -> int:
    """Start a ghost network from a trained one whose modules have the same paths.

    Args:
        ghost: Changed in place.
        trained: What it was made from.

    Returns:
        How many convolutions were clustered.

    Raises:
        TrainingError: None fits.
    """
    theirs, count = dict(trained.named_modules()), 0
    with torch.no_grad():
        state = trained.state_dict()
        for key, tensor in ghost.state_dict().items():
            if key in state and state[key].shape == tensor.shape:
                tensor.copy_(state[key])
        for path, module in ghost.named_modules():
            layer = theirs.get(path)
            primary = module.primary_conv if isinstance(module, GhostModule) else None
            if (
                primary is None
                or not isinstance(layer, nn.Conv2d)
                or layer.weight.shape[1:] != primary.weight.shape[1:]
            ):
                continue
            filters = intrinsic_filters(layer.weight, primary.out_channels)
            primary.weight.copy_(layer.weight[filters])
            if primary.bias is not None and layer.bias is not None:
                primary.bias.copy_(layer.bias[filters])
            count += 1
    if not count:
        raise srbench.TrainingError(
            "The teacher has no convolution where the student has a ghost module; name the network it was made from."
        )
    return count


def intrinsic_filters(weight: Tensor, count: int) -> list[int]:
    """Choose the filters that stand for all (Section 3.3): k-means, and of each cluster the one next to its centre.

    A filter that was among the first ``count`` keeps its channel; the others take the channels that are left, in order.

    Args:
        weight: (out, in, h, w).
        count: Clusters.

    Returns:
        Which filter goes to each of ``count`` channels; no filter twice.
    """
    from scipy.cluster.vq import kmeans2
    from scipy.spatial.distance import cdist

    flat = weight.detach().cpu().double().flatten(1).numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on clusters that lose all their filters, which are seen to below
        centres, labels = kmeans2(flat, flat[:: len(flat) // count][:count], iter=20, minit="matrix")
    distances = cdist(centres, flat)
    chosen: list[int] = []
    for cluster in range(count):
        members = (labels == cluster).nonzero()[0]
        if len(members):
            chosen.append(int(members[distances[cluster, members].argmin()]))
    chosen += [i for i in range(len(flat)) if i not in chosen][: count - len(chosen)]
    left = iter(sorted(i for i in chosen if i >= count))
    return [channel if channel in chosen else next(left) for channel in range(count)]


PAPER = srbench.Paper(
    title="GhostSR: Learning Ghost Features for Efficient Image Super-Resolution",
    venue="TMLR",
    year=2022,
    url="https://arxiv.org/abs/2101.08525",
)
RECIPE = srbench.Recipe(
    name="ghostsr_paper",
    datasets=("div2k_train",),
    patch=96,
    batch=16,
    steps=300_000,
    learning_rate=1e-4,
    schedule="multistep",
    milestones=(200_000,),
    losses={"l1": 1.0},
    source="the release's settings: 6,000 epochs of 50 steps, HR patches of 192 at x2, halved after 4,000 epochs (its "
    "code never halves, since a single milestone gives it one segment)",
)
_README = "README of the release, self-ensemble of eight"
REPORTED = tuple(
    srbench.Reported(dataset=dataset, scale=2, metric="psnr_y", value=value, source=_README)
    for dataset, value in (("set5", 38.101), ("set14", 33.856), ("b100", 32.288), ("urban100", 32.793))
)


def _spec(
    name: str, label: str, blocks: int, channels: int, notes: str, reported: tuple[srbench.Reported, ...] = ()
) -> srbench.ArchitectureSpec:
    return srbench.ArchitectureSpec(
        name=name,
        label=label,
        build=partial(GhostEDSR, n_resblocks=blocks, n_feats=channels),
        scales=frozenset({2, 3, 4}),
        paper=PAPER,
        license="Apache-2.0",
        input_range=255.0,
        taps=tuple(f"body.{blocks * part // 3 - 1}" for part in (1, 2, 3)),
        recipe=RECIPE,
        reported=reported,
        notes=f"{notes} Train it with the distiller ghost, which lets the noise on the shifts fade, or with "
        "ghost_clustered, which also starts from a trained EDSR.",
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec | srbench.Family]:
    """The network of the release, a smaller one, and every other network's ghost."""
    small = "As EDSR-baseline with ghost modules; residuals times 0.1."
    return [
        _spec("ghostsr_edsr", "GhostSR-EDSR", 32, 256, "EDSR with ghost modules in its residual blocks.", REPORTED),
        _spec("ghostsr_edsr_b16f64", "GhostSR-EDSR 16x64", 16, 64, small),
        srbench.Family(
            name="ghost", make=make, example="ghost:edsr_baseline", label="a network with ghost modules in its body"
        ),
    ]


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """The paper's training, from scratch and from a trained network."""
    return [
        srbench.DistillerSpec(
            name="ghost",
            label="fading shift noise",
            build=Ghost,
            needs_teacher=False,
            tried_on=("ghost:edsr_small", "edsr_small"),
            paper=PAPER,
            license="Apache-2.0",
            notes="For ghost networks only. The epochs of the noise are parts of the training, 6,000 in all, so that "
            "it is gone by the end of a short one too.",
        ),
        srbench.DistillerSpec(
            name="ghost_clustered",
            label="clustered filters",
            build=GhostClustered,
            tried_on=("ghost:edsr_small", "edsr_small"),
            paper=PAPER,
            license="Apache-2.0",
            reconstruction=True,
            notes="For ghost networks; the teacher is the trained network it was made from. The release has no code "
            "for the clusters: which channel a chosen filter takes is ours.",
        ),
    ]

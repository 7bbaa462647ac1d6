"""Networks of the package spandrel: untrained ones by name, and any checkpoint it recognises as ``spandrel:FILE``.

The package is imported when a network is built, never when names are listed. The forward passes, size requirements and
precisions are the package's; the widths and depths are those of the papers.
"""

from __future__ import annotations

import hashlib
import importlib
import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import srbench
from srbench.networks.blocks import full_precision


def make(argument: str, others: srbench.SpecMap[srbench.ArchitectureSpec]) -> srbench.ArchitectureSpec:  # noqa: ARG001
    """Make the spec of the network in a file, with its weights.

    The file is read like all weights (safetensors or plain tensors, never code); the package only recognises and builds
    the network. Its networks take and return [0, 1].

    Args:
        argument: Path of the file.
        others: Not used.

    Raises:
        CheckpointError: The file cannot be read, is not recognised, or holds no super-resolution network on RGB.
        SrbenchError: The package is not installed.
    """
    path = Path(argument).expanduser()
    state = srbench.load_state_dict(path).state
    try:
        import spandrel as package
    except ImportError as error:
        raise srbench.SrbenchError(
            f"spandrel:{argument} needs the package spandrel; install srbench[checkpoints]."
        ) from error
    try:
        found = package.ModelLoader("cpu").load_from_state_dict(dict(state))
    except package.UnsupportedModelError as error:
        raise srbench.CheckpointError(
            f"The package spandrel does not recognise {path}; if srbench has the architecture, use it with --weights."
        ) from error
    if (found.input_channels, found.output_channels) != (3, 3) or found.scale < 2:
        raise srbench.CheckpointError(
            f"{path} holds {found.architecture.name} with {found.input_channels} channels in, {found.output_channels} "
            f"out and scale {found.scale}; choose a network that enlarges RGB images."
        )

    def load(scale: int) -> nn.Module:  # noqa: ARG001 - the file has one scale
        module: nn.Module = package.ModelLoader("cpu").load_from_state_dict(dict(state)).model
        return module.eval()

    size, sha256 = found.size_requirements, hashlib.sha256(path.read_bytes()).hexdigest()
    return srbench.ArchitectureSpec(
        name=f"spandrel:{argument}",
        label=f"{found.architecture.name} ({path.stem})",
        build=load,
        scales=frozenset({found.scale}),
        trainable=False,
        size_multiple=size.multiple_of,
        min_size=max(size.minimum, 1),
        half_precision=frozenset(
            precision
            for precision, allowed in (("fp16", found.supports_half), ("bf16", found.supports_bfloat16))
            if allowed
        ),
        weights_sha256=sha256,
        extra_hash=sha256,
        notes=f"Recognised by spandrel as {found.architecture.name}.",
    )


def build(scale: int, *, module: str, kind: str, factor: str, options: Mapping[str, Any]) -> nn.Module:
    """Build a network of the package, freshly initialised.

    Args:
        scale: Up-sampling factor.
        module: Module below ``spandrel.architectures``.
        kind: Name of the class.
        factor: Name of the scale's parameter.
        options: The paper's sizes.

    Raises:
        SrbenchError: The package is not installed.
    """
    try:
        home = importlib.import_module(f"spandrel.architectures.{module}")
    except ImportError as error:
        raise srbench.SrbenchError(f"{kind} needs the package spandrel; install srbench[checkpoints].") from error
    with (
        torch.device("cpu"),
        warnings.catch_warnings(),
    ):  # several read values while they are built, which fails on meta
        warnings.simplefilter("ignore")
        network: nn.Module = getattr(home, kind)(**{factor: scale}, **options)
    return _replaced(network, module).to(torch.get_default_device())


class ChannelNorm(nn.Module):
    """Layer norm over the channels of a pixel, for Omni-SR; the package's uses deprecated functions of PyTorch.

    It takes over the parameters under their names.
    """

    def __init__(self, other: Any) -> None:  # noqa: ANN401 - the package has no types
        super().__init__()
        self.weight: nn.Parameter = other.weight
        self.bias: nn.Parameter = other.bias
        self.eps: float = other.eps

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        with full_precision(x):  # a sum of squares; `torch.var_mean` takes ten times as long on a CPU
            wide = x.to(torch.promote_types(x.dtype, torch.float32))
            centred = wide - wide.mean(1, keepdim=True)
            variance = (centred * centred).mean(1, keepdim=True)
            normal = (centred * (variance + self.eps).rsqrt()).to(x.dtype)
        return normal * self.weight[:, None, None] + self.bias[:, None, None]


class MergedConv(nn.Module):
    """SPAN's convolution: three in sequence and one in parallel in training, merged into one otherwise.

    The package writes the merged weights into the module in every forward pass, which torch.export refuses; here they
    are passed as arguments. It takes over the parameters under their names.
    """

    def __init__(self, other: Any) -> None:  # noqa: ANN401 - the package has no types
        super().__init__()
        self.sk, self.conv, self.eval_conv, self.has_relu = other.sk, other.conv, other.eval_conv, other.has_relu
        self.merged: nn.Conv2d | None = None

    def switch_to_deploy(self) -> None:
        """Keep the merged weights instead of those that they are made of."""
        kernel, bias = self.merge()
        self.merged = nn.Conv2d(kernel.shape[1], kernel.shape[0], 3, padding=1, device="meta")
        self.merged.weight, self.merged.bias = nn.Parameter(kernel.detach()), nn.Parameter(bias.detach())
        del self.sk, self.conv, self.eval_conv

    def merge(self) -> tuple[Tensor, Tensor]:
        """Return the kernel (D, C, 3, 3) and the bias (D,) of the merged convolution."""
        first, second, third = self.conv
        inward, outward = first.weight[..., 0, 0], third.weight[..., 0, 0]
        kernel = torch.einsum("om,mnhw,ni->oihw", outward, second.weight, inward) + F.pad(self.sk.weight, [1] * 4)
        inner = second.weight.sum((2, 3)) @ first.bias + second.bias
        return kernel, outward @ inner + third.bias + self.sk.bias

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to (N, D, h, w)."""
        out: Tensor
        if self.merged is not None:
            out = self.merged(x)
        elif self.training:
            out = self.conv(F.pad(x, (1, 1, 1, 1))) + self.sk(x)
        else:
            out = F.conv2d(x, *self.merge(), padding=1)
        return F.leaky_relu(out, 0.05) if self.has_relu else out


REPLACEMENTS = {("OmniSR", "LayerNorm2d"): ChannelNorm, ("SPAN", "Conv3XC"): MergedConv}
"""Replacements for classes of the package that warn or fail in training or export."""


def _replaced(network: nn.Module, module: str) -> nn.Module:
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if replacement := REPLACEMENTS.get((module, type(child).__name__)):
                setattr(parent, name, replacement(child))
    return network


CONSTANT = ("*.attn*.pos.*",)
"""Parameters without effect: a layer norm over one channel makes the position bias constant, which softmax ignores."""


def _recipe(name: str, source: str, **changes: Any) -> srbench.Recipe:  # noqa: ANN401 - fields of a recipe
    usual: dict[str, Any] = {
        "datasets": ("div2k_train", "flickr2k"),
        "patch": 64,
        "batch": 32,
        "steps": 500_000,
        "learning_rate": 2e-4,
        "schedule": "multistep",
        "milestones": (250_000, 400_000, 450_000, 475_000),
    }
    return srbench.Recipe(name=name, source=source, **usual | changes)


TRANSFORMER_RECIPE = _recipe(
    "transformer_paper", "the schedule that HAT, DAT, RGT, DRCT and ATD share; they differ in batch and pre-training"
)
LIGHT_RECIPE = _recipe(
    "light_paper",
    "training details of SAFMN, without its loss on frequencies; those of the other light networks are similar",
    batch=64,
    learning_rate=1e-3,
    schedule="cosine",
    final_learning_rate=1e-5,
    milestones=(),
)


def _spec(
    name: str, label: str, module: str, venue: str, year: int, paper: str, title: str, *, license: str = "unknown",  # noqa: A002
    kind: str | None = None, factor: str = "upscale", multiple: int = 1, least: int = 1, fp16: bool = False,
    light: bool = True, dead: tuple[str, ...] = (), **options: Any,  # noqa: ANN401 - the parameters of the class
) -> srbench.ArchitectureSpec:  # fmt: skip
    return srbench.ArchitectureSpec(
        name=f"spandrel_{name}",
        label=label,
        build=partial(build, module=module, kind=kind or module, factor=factor, options=options),
        scales=frozenset({2, 3, 4}),
        paper=srbench.Paper(title=title, venue=venue, year=year, url=f"https://arxiv.org/abs/{paper}"),
        license=license,
        size_multiple=multiple,
        min_size=least,
        half_precision=frozenset({"bf16", "fp16"} if fp16 else {"bf16"}),
        dead_parameters=dead,
        recipe=LIGHT_RECIPE if light else TRANSFORMER_RECIPE,
        notes="The package spandrel's implementation, at the paper's size.",
    )


def _light() -> list[srbench.ArchitectureSpec]:
    return [
        _spec(
            "safmn", "SAFMN", "SAFMN", "ICCV", 2023, "2302.13800",
            "Spatially-Adaptive Feature Modulation for Efficient Image Super-Resolution", license="Apache-2.0",
            factor="upscaling_factor", multiple=8, dim=36, n_blocks=8, ffn_scale=2.0,
        ),
        _spec(
            "span", "SPAN", "SPAN", "CVPR Workshops", 2024, "2311.12770",
            "Swift Parameter-free Attention Network for Efficient Super-Resolution", license="Apache-2.0", fp16=True,
            dead=("*.eval_conv.*",), num_in_ch=3, num_out_ch=3, feature_channels=48,
        ),
        _spec(
            "plksr_tiny", "PLKSR-tiny", "PLKSR", "arXiv", 2024, "2404.11848",
            "Partial Large Kernel CNNs for Efficient Super-Resolution", factor="upscaling_factor", fp16=True,
            n_blocks=12, ccm_type="DCCM", kernel_size=13,
        ),
        _spec(
            "plksr", "PLKSR", "PLKSR", "arXiv", 2024, "2404.11848",
            "Partial Large Kernel CNNs for Efficient Super-Resolution", factor="upscaling_factor", fp16=True,
            n_blocks=28, ccm_type="DCCM", kernel_size=17,
        ),
        _spec(
            "omnisr", "Omni-SR", "OmniSR", "CVPR", 2023, "2304.10244",
            "Omni Aggregation Networks for Lightweight Image Super-Resolution", license="Apache-2.0", factor="up_scale",
            least=16, fp16=True, num_feat=64, res_num=5, block_num=1, window_size=8,
        ),
        _spec(
            "craft", "CRAFT", "CRAFT", "ICCV", 2023, "2308.05022",
            "Feature Modulation Transformer: Cross-Refinement of Global Representation via High-Frequency Prior for "
            "Image Super-Resolution", license="Apache-2.0", multiple=16, least=16, dead=CONSTANT, embed_dim=48,
            window_size=16,
        ),
        _spec(
            "dat_light", "DAT-light", "DAT", "ICCV", 2023, "2308.03364",
            "Dual Aggregation Transformer for Image Super-Resolution", license="Apache-2.0", least=16, dead=CONSTANT,
            embed_dim=60, depth=[18], num_heads=[6], expansion_factor=2.0, split_size=[8, 32], resi_connection="3conv",
            upsampler="pixelshuffledirect",
        ),
        _spec(
            "atd_light", "ATD-light", "ATD", "CVPR", 2024, "2401.08209",
            "Transcending the Limit of Local Window: Advanced Super-Resolution Transformer with Adaptive Token "
            "Dictionary", license="Apache-2.0", least=16, embed_dim=48, depths=(6,) * 4, num_heads=(4,) * 4,
            window_size=16, category_size=128, num_tokens=64, reducted_dim=8, convffn_kernel_size=7, mlp_ratio=1.0,
            upsampler="pixelshuffledirect",
        ),
    ]  # fmt: skip


def _heavy() -> list[srbench.ArchitectureSpec]:
    hat, dat = ("HAT", "CVPR", 2023, "2205.04437"), ("DAT", "ICCV", 2023, "2308.03364")
    hat_title = "Activating More Pixels in Image Super-Resolution Transformer"
    dat_title = "Dual Aggregation Transformer for Image Super-Resolution"
    windows: dict[str, Any] = {"depths": (6,) * 6, "num_heads": (6,) * 6, "window_size": 16, "mlp_ratio": 2.0}
    return [
        _spec(
            "hat_s", "HAT-S", *hat, hat_title, license="Apache-2.0", light=False, least=16, embed_dim=144,
            compress_ratio=24, squeeze_factor=24, **windows,
        ),
        _spec(
            "hat", "HAT", *hat, hat_title, license="Apache-2.0", light=False, least=16, embed_dim=180,
            compress_ratio=3, squeeze_factor=30, **windows,
        ),
        _spec(
            "dat_s", "DAT-S", *dat, dat_title, license="Apache-2.0", light=False, least=16, depth=[6] * 6,
            num_heads=[6] * 6, expansion_factor=2.0, split_size=[8, 16],
        ),
        _spec(
            "dat", "DAT", *dat, dat_title, license="Apache-2.0", light=False, least=16, depth=[6] * 6,
            num_heads=[6] * 6, expansion_factor=4.0, split_size=[8, 32],
        ),
        _spec(
            "rgt_s", "RGT-S", "RGT", "ICLR", 2024, "2303.06373",
            "Recursive Generalization Transformer for Image Super-Resolution", license="Apache-2.0", light=False,
            least=16, depth=[6] * 6, num_heads=[6] * 6, mlp_ratio=2.0, split_size=[8, 32],
        ),
        _spec(
            "drct", "DRCT", "DRCT", "CVPR Workshops", 2024, "2404.00722",
            "DRCT: Saving Image Super-Resolution Away from Information Bottleneck", license="MIT", light=False,
            multiple=16, upsampler="pixelshuffle", **windows,
        ),
        _spec(
            "atd", "ATD", "ATD", "CVPR", 2024, "2401.08209",
            "Transcending the Limit of Local Window: Advanced Super-Resolution Transformer with Adaptive Token "
            "Dictionary", license="Apache-2.0", light=False, least=16, embed_dim=210, category_size=256,
            num_tokens=128, reducted_dim=20, upsampler="pixelshuffle", **windows,
        ),
    ]  # fmt: skip


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec | srbench.Family]:
    """Provide networks that papers compare with, and checkpoints by their paths."""
    files = srbench.Family(
        name="spandrel", make=make, example="spandrel:weights/model.pth", label="any checkpoint spandrel recognises"
    )
    return [*_light(), *_heavy(), files]

"""Compare a network with the outputs of its authors' code, at weights that a rule decides.

Every tensor that the oracle does not keep is drawn from a generator seeded with the CRC of its key:
``normal * 0.5 / sqrt(fan in)`` for two and more dimensions, ``normal * 0.05`` for fewer.
"""

import json
import math
import zlib

import numpy as np
import torch

from helpers import ORACLES
from srbench.profiling.complexity import count_macs, forward_at, lr_size_720p

HERE = ORACLES / "networks"
NOISE = 20
"""How far a network may be from an oracle, in units of the official network's own rounding error in float32.

A wrong formula is thousands of them away. Another processor sums in another order, which alone was seen to take three.
"""


def draw(key, shape):
    generator = np.random.Generator(np.random.PCG64(zlib.crc32(key.encode())))
    size = 0.5 / math.sqrt(math.prod(shape[1:])) if len(shape) >= 2 else 0.05
    return torch.from_numpy(generator.standard_normal(tuple(shape)) * size)


def fill(module, kept, rename=str):
    with torch.no_grad():
        for key, tensor in module.state_dict().items():
            if rename(key) not in kept:
                tensor.copy_(draw(rename(key), tensor.shape))


def gmacs(spec, scale):
    """Multiply-accumulates for a 1280x720 output, in units of 10^9."""
    return (
        count_macs(lambda: spec.network(scale), forward_at(spec, scale), lr_size_720p(scale), spec.colours).total / 1e9
    )


def difference(module, name, folder=HERE, *, scale=None, output=None, call=None, rename=str):
    """Fill ``module`` and run it on the oracle's input.

    Networks with layer norms are run twice, the second time with 1 added to every gain: gains around nothing hide how
    attention is scaled and which GELU there is.

    Args:
        module: The network.
        name: Of the oracle's files in ``folder``.
        folder: Where they are.
        scale: Given to the network, where it takes one.
        output: Name of the official output; ``y``, or ``y_x3`` at scale 3. An input of its own (``x_pad`` for
            ``y_pad``) is used where there is one.
        call: ``call(module, lr)`` runs the network; ``module(lr)`` or ``module(lr, scale)`` if absent.
        rename: Gives the official name of a key; the same if absent.

    Returns:
        The largest difference of any output pixel, in units of the official network's own fp32 rounding error.
    """
    meta = json.loads((folder / f"{name}.json").read_text())
    arrays = np.load(folder / f"{name}.npz")
    state = module.state_dict()
    own = [[rename(key), list(tensor.shape)] for key, tensor in state.items()]
    assert own == [[key, shape] for key, shape, _ in meta["state_dict"]]
    output = output or ("y" if scale is None else f"y_x{scale}")
    source = f"x{output[1:]}"
    lr = torch.from_numpy(arrays[source if source in arrays else "x"]) * float(meta["x_multiplier"])
    arguments = (lr,) if scale is None else (lr, scale)

    def error(expected):
        sr = module(*arguments) if call is None else call(module, lr)
        return np.abs(sr.numpy() - arrays[expected]).max() / meta["outputs"][expected]["fp32_vs_fp64_max_abs"]

    fill(module, set(meta["kept"]), rename)
    module.eval()
    with torch.no_grad():
        worst = error(output)
        if f"{output}_b" in arrays:
            for key, tensor in state.items():
                if rename(key) in meta["rule_b_add_one"]:
                    tensor.add_(1)
            worst = np.maximum(worst, error(f"{output}_b"))  # which lets no NaN pass
    return worst

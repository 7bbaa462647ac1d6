"""Bring trained networks into the form in which they are deployed, which gives the same sr with less work.

A module that has such a form has the method ``switch_to_deploy()``: RepVGG's name for it (Ding et al., CVPR 2021),
which timm calls too. It folds branches and constants of training into convolutions, in place, and returns nothing; see
`srbench.networks.folding`. Any module of any plugin can have it, wherever it is in a network, so that networks that
are composed of others are deployed with them. Results differ from those of the trained form by rounding alone.
"""

from __future__ import annotations

import copy
import dataclasses

from torch import nn

from srbench.networks.network import Network


def deployed(network: Network) -> Network:
    """Return a copy of the network, with its weights, in the form in which it is deployed, in eval mode.

    Args:
        network: A network in its trained form; it stays as it is.
    """
    return dataclasses.replace(network, module=deployed_module(network.module))


def deployed_module(module: nn.Module) -> nn.Module:
    """Return a copy of a module in the form in which it is deployed, in eval mode; see `deployed`.

    ``switch_to_deploy()`` is called on every module that has it, on a whole before its parts. A module that nothing can
    be folded in is copied as it is.

    Args:
        module: A network in its trained form; it stays as it is.
    """
    module = copy.deepcopy(module).eval()
    waiting, seen = [module], set[nn.Module]()
    while waiting:
        part = waiting.pop()
        if part in seen:
            continue
        seen.add(part)
        fold = getattr(part, "switch_to_deploy", None)
        if callable(fold):
            fold()
        waiting += part.children()
    return module

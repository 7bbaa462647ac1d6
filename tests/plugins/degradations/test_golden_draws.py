"""What bundled degradations draw from a seed never changes: frozen test images and trained weights depend on it."""

import hashlib
import json
import pkgutil
from importlib import import_module

import pytest
import torch
from srbench_plugins import degradations

from srbench import DegradationSpec
from srbench.degrading import Size, freeze

SPECS = {
    spec.name: spec
    for module in pkgutil.iter_modules(degradations.__path__, f"{degradations.__name__}.")
    for spec in import_module(module.name).register_degradations()
    if isinstance(spec, DegradationSpec) and spec.chain is not None and spec.stochastic
}
GOLDEN = {
    "anisotropic": "7b24adb3aa06",
    "anisotropic9": "983c12c1a09f",
    "anisotropic9_noise10": "da3575703aff",
    "anisotropic9_noise5": "2782242e7ada",
    "anisotropic_div2krk": "67b0a97a720e",
    "anisotropic_noise": "dff88b1c6560",
    "bsrgan": "526fc6d2fc3f",
    "bsrgan_isp": "bcaf1729e3f0",
    "bsrgan_paper": "718dbe7e6d60",
    "bsrgan_plus": "94abe1a7928e",
    "bsrgan_plus_sharpened": "3c3c913c5a97",
    "camera_isp": "fc92e0783bda",
    "colour_noise": "ff50f4613c28",
    "down_noise": "8f807acc6269",
    "gaussian8": "5e9148ad91f9",
    "gaussian8_kdsr": "9bb9a6e1090b",
    "isotropic": "5034389d5665",
    "isotropic_batch": "7896812d917d",
    "isotropic_by_scale": "612db62a8351",
    "isotropic_ikc": "612db62a8351",
    "jpeg": "2ff7f48eb0b4",
    "motion": "6635b46c1649",
    "photons": "60693dea1359",
    "realesrgan": "ca7a1ca3eee1",
    "realesrgan_jpeg_table": "ca7a1ca3eee1",
    "realesrgan_sharpened": "1f6d14358e4c",
    "srmd": "bdea29cbab00",
    "usrnet": "32b1c121d9ea",
    "webp": "a8b727efa684",
}


def digest(spec):
    """The hash of twenty realisations and five batches at x2 and at x4, to nine digits of each number.

    The last digits depend on the processor where a library computes them.
    """
    drawn = []
    for scale in sorted({2, 4} & (spec.scales or {2, 4})):
        drawn += [freeze(spec, Size(96, 96, scale, number), 7919 * number).drawn for number in range(20)]
        for seed in range(5):
            drawn += spec.chain.draws(4, Size(96, 96, scale), torch.Generator().manual_seed(seed))
    rounded = json.loads(json.dumps(drawn, sort_keys=True), parse_float=lambda digits: f"{float(digits):.9g}")
    return hashlib.sha256(json.dumps(rounded).encode()).hexdigest()[:12]


def test_every_random_chain_is_here():
    assert SPECS.keys() == GOLDEN.keys()


@pytest.mark.parametrize("name", GOLDEN)
def test_a_seed_draws_what_it_always_drew(name):
    assert digest(SPECS[name]) == GOLDEN[name]

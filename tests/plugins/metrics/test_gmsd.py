"""The plugin gives what its function gives; its values are checked in tests/measuring/metrics/test_gradients.py."""

import torch
from srbench_plugins.metrics import gmsd as plugin

from srbench.measuring.metrics.gradients import gmsd


def test_whole_images_are_compared():
    (spec,) = plugin.register_metrics()
    assert (spec.name, spec.shaved, spec.higher_is_better, spec.load(torch.device("cpu"))) == (
        "gmsd", False, False, gmsd,
    )  # fmt: skip

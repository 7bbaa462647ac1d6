"""The fingerprint of a module is that of its copy, and changes with everything that decides what it computes."""

import copy
import subprocess
import sys
import textwrap

import pytest
import torch
from torch import nn

from srbench.benchmarking.fingerprint import fingerprint

CODE = """
import torch
from torch import nn
from functools import partial
OFFSET = {offset}
def helper(x, order={order}):
    return x + OFFSET * order
class Base(nn.Module):
    def after(self, x):
        return (lambda y: y * {inner})(x)
class Net(Base):
    LIMIT = {limit}
    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(3, 3, 3, padding={padding})
        self.act, self.mode = partial(torch.clamp, max={high}), {mode!r}
        nn.init.constant_(self.body.weight, {weight})
        nn.init.zeros_(self.body.bias)
        self.register_buffer("shift", torch.tensor({shift}), persistent=False)
    def forward(self, x):
        return self.after(helper(self.act(self.body(x)))) + self.shift
"""
USUAL = {
    "offset": 1, "order": 2, "inner": 3, "limit": 4, "padding": 1, "high": 1.0, "mode": "a", "weight": 0.5,
    "shift": 0.1,
}  # fmt: skip


def net(**changes):
    names = {"__name__": "__main__"}
    exec(CODE.format(**USUAL | changes), names)
    return names["Net"]()


def test_a_copy_and_the_same_code_again_have_the_same_fingerprint():
    module = net()
    assert fingerprint(module) == fingerprint(copy.deepcopy(module)) == fingerprint(net())
    assert fingerprint(module.train()) == fingerprint(module.eval())


@pytest.mark.parametrize("name", USUAL)
def test_each_setting_weight_and_piece_of_code_counts(name):
    other = "b" if name == "mode" else 7
    assert fingerprint(net(**{name: other})) != fingerprint(net())


def test_modules_of_torch_differ_by_their_settings_hooks_and_precision():
    def of(change):
        torch.manual_seed(0)
        module = nn.Sequential(nn.Conv2d(3, 3, 3), nn.ReLU())
        change(module)
        return fingerprint(module)

    changes = [
        lambda m: None,
        lambda m: setattr(m[0], "padding", (1, 1)),
        lambda m: m[1].register_forward_hook(lambda *a: a[2] * 2),
        lambda m: m.bfloat16(),
        lambda m: m.append(nn.Identity()),
        lambda m: m.__setitem__(1, nn.GELU()),
        lambda m: nn.utils.parametrizations.weight_norm(m[0]),
    ]
    assert len({of(change) for change in changes}) == len(changes)


def test_another_process_finds_the_same_fingerprint(tmp_path):
    script = tmp_path / "net.py"
    script.write_text(
        CODE.format(**USUAL)
        + textwrap.dedent("""
        from srbench.benchmarking.fingerprint import fingerprint
        print(fingerprint(Net()))
        """)
    )
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert ran.stdout == f"{fingerprint(net())}\n"

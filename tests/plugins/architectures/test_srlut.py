"""SR-LUT's network and look-ups equal outside values; a table gives what its network gives."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from srbench_plugins.architectures.srlut import (
    FORMS,
    FewPixels,
    LookUp,
    in_four_rotations,
    nearest,
    register_architectures,
    transferred,
)
from torch import nn

from helpers import ORACLES, SHARED
from helpers.networks import NOISE, difference
from srbench.errors import CheckpointError
from srbench.networks.network import Network
from srbench.profiling.profile import profile_network
from srbench.profiling.settings import Profiling
from srbench.testing import photograph

SPECS = {spec.name: spec for spec in register_architectures()}
S, F, V = FORMS
SMALL = {"S": (S, 6), "F": (F, 6), "V": (V, 4)}
"""Form, and the width of a small network of it."""


def table_of(seed, rows):
    """The random tables of the oracle."""
    return torch.from_numpy(np.random.Generator(np.random.PCG64(seed)).integers(-127, 128, (rows, 4)).astype(np.int8))


def small(letter, scale=2):
    """A narrow network whose output varies."""
    form, width = SMALL[letter]
    torch.manual_seed(0)
    network = FewPixels(scale, form=form, width=width).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("weight"):
                nn.init.kaiming_normal_(parameter)
        network.conv6.bias.fill_(0.25)  # so that an image is grey rather than black
    return network


def test_the_network_equals_the_official_one():
    def by_channel(module, lr):
        return torch.cat([module.values(channel) for channel in lr.split(1, dim=1)], dim=1)

    assert difference(FewPixels(4, form=S), "srlut_net_s_x4", ORACLES / "survey", call=by_channel) < NOISE
    assert sum(p.numel() for p in SPECS["srlut_s_net"].network(4).parameters()) == 18_000


@pytest.mark.parametrize(
    ("name", "form", "seed", "official"),
    [("y_S_x2_4bit", S, 5, False), ("y_S_x2_4bit_quirk", S, 5, True), ("y_F_x2_4bit", F, 7, False)],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_looking_up_equals_outside_pictures_bit_for_bit(name, form, seed, official, dtype):
    with np.load(ORACLES / "survey" / "srlut_simplex.npz") as arrays:
        lr, wanted = (torch.from_numpy(arrays[key]).permute(2, 0, 1)[None] for key in ("img", name))
    sr = LookUp(table_of(seed, 17**form.pixels), form, official=official)(lr.to(dtype) / 255)
    assert sr.dtype == dtype
    assert torch.equal((255 * sr).round().to(torch.uint8), wanted)


@pytest.mark.parametrize("letter", ["S", "F", "V"])
def test_at_the_levels_of_a_table_it_gives_what_the_network_gives(letter):
    network = small(letter)
    levels = torch.arange(0, 257, network.form.step).clamp(max=255)
    lr = levels[torch.randint(len(levels), (1, 2, 7, 8), generator=torch.Generator().manual_seed(1))] / 255
    with torch.no_grad():
        wanted = network(lr).clamp(0, 1)
        sr = LookUp(network.table(), network.form)(lr)
    assert wanted.std() > 0.01
    # Each of four entries is rounded by at most a half, and their sum by another.
    assert (sr - wanted).abs().max() <= 2.5 / 255


@settings(max_examples=20)
@given(st.sampled_from(["S", "F"]), st.integers(0, 99))
def test_a_table_of_a_linear_function_is_interpolated_exactly(letter, seed):
    form = SMALL[letter][0]
    counts = torch.cartesian_prod(*[torch.arange(17)] * form.pixels)
    slopes = torch.tensor([3, 1, 1, 1])[: form.pixels]
    table = (counts * slopes).sum(dim=1, keepdim=True).to(torch.int8).repeat(1, 4)
    lr = torch.randint(0, 241, (1, 1, 5, 6), generator=torch.Generator().manual_seed(seed)) / 255.0

    def linear(image):
        kernel = slopes.float().view(1, 1, form.height, form.width) / 16
        return nn.functional.conv2d(image, kernel).repeat_interleave(2, 2).repeat_interleave(2, 3)

    wanted = in_four_rotations(linear, 255 * lr, form).clamp(0, 255)
    assert (255 * LookUp(table, form)(lr) - wanted).abs().max() <= 0.5 + 1e-3


def test_the_official_error_is_where_rests_are_in_one_order_alone():
    table = table_of(5, 17**4)
    right, official = LookUp(table, S), LookUp(table, S, official=True)
    rests = torch.cartesian_prod(*[torch.arange(0, 16, 5)] * 4)
    row = torch.zeros(1, 1, len(rests), dtype=torch.long)
    digits = 17 ** torch.arange(3, -1, -1)
    both = [one._in_simplex(row, rests[None, None], digits)[0, 0] for one in (right, official)]
    a, b, c, d = rests.unbind(1)
    wrong = (c > d) & (d > a) & (a > b)
    assert wrong.any()
    assert torch.equal(both[0][~wrong], both[1][~wrong])
    assert (both[0][wrong] != both[1][wrong]).any(dim=1).all()


@pytest.mark.parametrize("letter", ["S", "F", "V"])
def test_a_fresh_table_repeats_pixels(letter):
    lr = photograph(1, 3, 6, 7)
    form = SMALL[letter][0]
    sr = nearest(2, form=form)(lr)
    repeated = lr.repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert (sr - repeated).abs().max() <= 2.5 / 255


def test_a_table_is_made_of_the_trained_network_alone():
    part = Network(SPECS["srlut_v_net"], FewPixels(2, form=V))
    made = transferred(SPECS["srlut_v"], [part])
    assert made.module.table.shape == (257**2, 4)
    assert made.spec.parts == ("srlut_v_net",)
    with pytest.raises(CheckpointError, match="srlut_v is made of a network of SR-LUT, not of"):
        transferred(SPECS["srlut_v"], [Network(SPECS["srlut_v_net"], nn.Identity())])


@pytest.mark.parametrize(
    ("name", "size", "lookups"), [("srlut_s", 17**4 * 4, 60), ("srlut_f", 17**3 * 4, 48), ("srlut_v", 257**2 * 4, 12)]
)
def test_it_costs_bytes_and_look_ups_and_no_macs(name, size, lookups):
    settings = Profiling(latency_seconds=0.01, latency_repeats=1, latency_height=8, latency_width=8, memory=False)
    found = profile_network(SPECS[name], 2, settings, "cpu")
    assert (found.table_bytes.value, found.lookups_per_pixel.value) == (size, lookups)
    assert found.macs_720p_g.reason == "it looks values up in a table; MACs are a figure for networks"
    assert found.parameters.value == 0


def test_the_declared_look_ups_are_those_that_happen():
    class Counting(torch.utils._python_dispatch.TorchDispatchMode):
        rows = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            if func is torch.ops.aten.index.Tensor and args[0].dtype == torch.int8:
                self.rows += args[1][0].numel()
            return func(*args, **(kwargs or {}))

    for letter, (form, _) in SMALL.items():
        with Counting() as counting:
            nearest(2, form=form)(photograph(1, 3, 6, 7))
        assert counting.rows == 6 * 7 * SPECS[f"srlut_{letter.lower()}"].lookups


@pytest.mark.parametrize(("rows", "letter"), [(17**4, "S"), (9**4, "S"), (5**4, "S"), (17**3, "F"), (257**2, "V")])
@pytest.mark.parametrize("official", [False, True])
def test_a_table_in_a_file_is_recognised_by_its_shape(rows, letter, official, tmp_path):
    table = np.random.default_rng(0).integers(-20, 20, (rows, 1, 3, 3), dtype=np.int8)
    path = tmp_path / "Model_x3.npy"
    np.save(path, table)
    family = SPECS["srlut_official" if official else "srlut"]
    spec = family.make(str(path), {})
    module = spec.network(3)
    assert (module.form.letter, module.official, spec.scales) == (letter, official, {3})
    assert torch.equal(module.table, torch.from_numpy(table.reshape(rows, 9)))
    assert spec.name == f"{family.name}:{path}"
    other = tmp_path / "other.npy"
    np.save(other, table + 1)
    assert family.make(str(other), {}).extra_hash != spec.extra_hash
    assert Network(spec, module)(photograph(1, 3, 5, 6), 3).shape == (1, 3, 15, 18)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (np.zeros((17**4, 1, 4, 4), np.float32), "holds float32 .83521, 1, 4, 4., not a table"),
        (np.zeros((100, 16), np.int8), "holds int8 .100, 16., not a table"),
        (np.zeros((17**4, 5), np.int8), "not a table"),
        (np.zeros(17**4, np.int8), "not a table"),
        (np.array([{}], dtype=object), "cannot be read"),
        (b"text", "cannot be read"),
        (None, "There is no file"),
    ],
)
def test_another_file_is_refused_with_a_sentence(content, text, tmp_path):
    path = tmp_path / "table.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        np.save(path, content, allow_pickle=True)
    with pytest.raises(CheckpointError, match=text):
        SPECS["srlut"].make(str(path), {})


# --- the tables of the release ------------------------------------------------------------------------------------

RELEASE = SHARED / "weights" / "srlut"
MEASURED = [
    ("Model_S_x2_4bit_int8.npy", 2, 35.510, 35.514),
    ("Model_S_x3_4bit_int8.npy", 3, 31.980, 31.982),
    ("Model_S_x4_4bit_int8.npy", 4, 29.831, 29.832),
    ("Model_S_x4_5bit_int8.npy", 4, 29.631, None),
    ("Model_S_x4_6bit_int8.npy", 4, 29.197, None),
    ("Model_F_x4_4bit_int8.npy", 4, None, 29.785),
    ("Model_V_x4_8bit_int8.npy", 4, None, 29.235),
]
"""Mean PSNR in dB on Set5 by the release's own protocol: luma as a float, four pixels shaved at every scale."""


def released(name):
    """The path of a file of the release; skip where it is not here."""
    path = RELEASE / name
    if not path.is_file():
        pytest.skip(f"{path.relative_to(SHARED.parent)} is not here")
    return path


def set5(scale):
    for path in sorted((SHARED / "data" / "Set5" / "HR").glob("*.png")):
        (lr_file,) = (SHARED / "data" / "Set5").glob(f"**/{path.stem}x{scale}.png")
        yield path.stem, *(np.asarray(Image.open(file).convert("RGB")) for file in (lr_file, path))


def enlarged(module, lr):
    sr = module(torch.from_numpy(lr.copy()).permute(2, 0, 1)[None].double() / 255)
    return (255 * sr[0].permute(1, 2, 0)).round().numpy().astype(np.uint8)


@pytest.mark.parametrize(("name", "scale", "official", "right"), MEASURED)
def test_released_tables_score_on_set5_what_was_measured(name, scale, official, right):
    path = released(name)
    luma = np.array([65.481, 128.553, 24.966]) / 255
    for family, wanted in (("srlut_official", official), ("srlut", right)):
        module = SPECS[family].make(str(path), {}).network(scale)
        found = []
        for _, lr, hr in set5(scale) if wanted else ():
            sr = enlarged(module, lr)
            error = ((sr.astype(float) - hr[: sr.shape[0], : sr.shape[1]]) @ luma)[4:-4, 4:-4]
            found.append(10 * np.log10(255**2 / np.mean(error**2)))
        assert not wanted or round(float(np.mean(found)), 3) == pytest.approx(wanted, abs=1.1e-3)


def test_released_tables_give_the_released_pictures_bit_for_bit():
    module = SPECS["srlut_official"].make(str(released("Model_S_x4_4bit_int8.npy")), {}).network(4)
    for image, lr, _ in set5(4):
        with Image.open(released(f"Set5_x4/{image}.png")) as picture:
            assert np.array_equal(enlarged(module, lr), np.asarray(picture))

"""imresize against MATLAB's own outputs, then its properties."""

import numpy as np
import pytest
import scipy.io
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from helpers import ORACLES
from helpers.rounding import assert_equal_but_for_rounding
from srbench.errors import ShapeError, UsageError
from srbench.imaging import imresize, mod_crop, read_image

ENDS_WITH_IMPULSES = np.zeros((4, 4))
ENDS_WITH_IMPULSES[0] = [100, 1, 0, 100]
ENDS_WITH_IMPULSES[1, 0] = 10


def ramp(side):
    return np.arange(side * side, dtype=float).reshape(side, side)


# What the script that wrote the files put in: ramps of these sides, and four impulses in a corner.
MATLAB_INPUTS = {
    "down_down_aa": ramp(8),
    "down_down_noaa": ramp(8),
    "down_down_irregular_aa": ramp(8),
    "down_down_irregular_noaa": ramp(8),
    "down_down_small_aa": ramp(4),
    "down_down_small_noaa": ramp(4),
    "down_down_x2_aa": ramp(8),
    "down_down_x3_aa": ramp(15),
    "down_down_x4_aa": ramp(8),
    "down_down_x5_aa": ramp(15),
    "up_up_irregular_aa": ramp(8),
    "up_up_irregular_noaa": ramp(8),
    "up_up_topleft_noaa": ENDS_WITH_IMPULSES,
    "up_up_bottomright_noaa": ENDS_WITH_IMPULSES[::-1, ::-1].copy(),
}


def low_resolution(hr, scale, border):
    planes = torch.from_numpy(np.atleast_3d(hr)).permute(2, 0, 1)
    lr = imresize(mod_crop(planes, scale), scale=1 / scale, border=border, rounding="uint8")
    return lr.permute(1, 2, 0).numpy().squeeze()


def differing_files(folder, names, scale, border):
    bad = []
    for path in names:
        (expected,) = (folder / f"LR_bicubic/X{scale}").glob(f"{path.stem}*.png")
        made = low_resolution(read_image(path, keep_grey=True), scale, border)
        if not np.array_equal(made, read_image(expected, keep_grey=True)):
            bad.append(path.name)
    return bad


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("name", ["Set5", "Set14"])
def test_low_resolution_images_are_matlabs_bit_for_bit(shared, name, scale):
    folder = shared(f"data/{name}")
    paths = sorted((folder / "HR").glob("*.png"))
    assert len(paths) == {"Set5": 5, "Set14": 14}[name]
    assert differing_files(folder, paths, scale, "symmetric") == []


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_b100_was_made_with_repeated_borders(shared, scale):
    folder = shared("data/B100")
    paths = sorted((folder / "HR").glob("*.png"))[:6]
    assert differing_files(folder, paths, scale, "replicate") == []
    assert differing_files(folder, paths, scale, "symmetric") != []


@pytest.mark.slow
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_all_of_b100_comes_out_identical(shared, scale):
    folder = shared("data/B100")
    assert differing_files(folder, sorted((folder / "HR").glob("*.png")), scale, "replicate") == []


@pytest.mark.parametrize("name", MATLAB_INPUTS)
def test_double_precision_equals_matlab(shared, name):
    expected = scipy.io.loadmat(shared(f"oracles/matlab_imresize/{name}.mat"))[name]
    given_image = torch.from_numpy(MATLAB_INPUTS[name])
    got = imresize(given_image, size=expected.shape, antialias=not name.endswith("noaa"))
    assert np.abs(got.numpy() - expected).max() < 1e-12


@pytest.mark.parametrize("kind", ["aa", "noaa"])
def test_a_photograph_at_an_irregular_size_equals_matlab(shared, kind):
    name = f"down_down_butterfly_irregular_{kind}"
    expected = scipy.io.loadmat(shared(f"oracles/matlab_imresize/{name}.mat"))[name]
    image = np.array(Image.open(shared("oracles/matlab_imresize/butterfly.png"))) / 255
    got = imresize(torch.from_numpy(image).permute(2, 0, 1), size=(123, 234), antialias=kind == "aa")
    assert np.abs(got.permute(1, 2, 0).numpy() - expected).max() < 1e-12


def test_real_scales_for_each_axis_equal_zssrs_port():
    oracle = np.load(ORACLES / "zssr_imresize_aniso.npz")
    hr = torch.from_numpy(oracle["hr"]).movedim(-1, 0)
    for scaled, expected in (
        (imresize(hr, scale=(1 / 1.5, 1 / 2)), oracle["down_1p5_2"]),
        (imresize(hr, size=(16, 10)), oracle["down_1p5_2"]),
        (imresize(hr[:, :9, :8], scale=1.5), oracle["up_1p5"]),
    ):
        np.testing.assert_allclose(scaled.movedim(0, -1).numpy(), expected, atol=1e-14)


@pytest.mark.parametrize("kernel", ["bicubic", "bilinear"])
def test_inside_the_image_it_is_torchs_antialiased_resize(kernel):
    image = torch.rand(1, 2, 64, 80, dtype=torch.float64)
    theirs = torch.nn.functional.interpolate(image, scale_factor=0.5, mode=kernel, antialias=True)
    assert torch.allclose(
        imresize(image, scale=0.5, kernel=kernel)[..., 4:-4, 4:-4], theirs[..., 4:-4, 4:-4], atol=1e-9
    )


def test_bilinear_enlarges_as_torch_does():
    image = torch.rand(1, 2, 9, 14, dtype=torch.float64)
    theirs = torch.nn.functional.interpolate(image, scale_factor=3, mode="bilinear")
    assert torch.allclose(imresize(image, scale=3, kernel="bilinear"), theirs, atol=1e-12)


@pytest.mark.parametrize("scale", [0.25, 0.5, 2])
@pytest.mark.parametrize(("border", "numpys"), [("symmetric", "symmetric"), ("replicate", "edge")])
def test_an_image_goes_on_beyond_its_edges_as_one_that_numpy_padded(border, numpys, scale):
    image = torch.rand(12, 20, dtype=torch.float64)
    padded = torch.from_numpy(np.pad(image.numpy(), 16, mode=numpys))
    edge = int(16 * scale)
    wanted = imresize(padded, scale=scale)[edge:-edge, edge:-edge]
    assert torch.allclose(imresize(image, scale=scale, border=border), wanted, atol=1e-13)


sides = st.integers(1, 40)


@settings(max_examples=40, deadline=None)
@given(
    sides, sides, sides, sides, st.sampled_from(["symmetric", "replicate"]), st.sampled_from(["bicubic", "bilinear"])
)
def test_a_flat_image_stays_flat_at_any_size(height, width, out_h, out_w, border, kernel):
    flat = torch.full((1, height, width), 0.3, dtype=torch.float64)
    got = imresize(flat, size=(out_h, out_w), border=border, kernel=kernel)
    assert got.shape == (1, out_h, out_w)
    assert torch.allclose(got, torch.full_like(got, 0.3), atol=1e-13)


@settings(max_examples=40, deadline=None)
@given(sides, sides, st.sampled_from([0.25, 1 / 3, 0.5, 0.7, 1.0, 1.5, 2, 3]), st.integers(0, 2**31))
def test_flipping_before_is_flipping_after_and_channels_do_not_mix(height, width, scale, seed):
    # by size, not by scale: the grid is then symmetric
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand(3, height, width, generator=generator, dtype=torch.float64)
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    got = imresize(image, size=size)
    assert torch.allclose(imresize(image.flip(-1), size=size), got.flip(-1), atol=1e-12)
    assert torch.allclose(imresize(image.mT, size=size[::-1]), got.mT, atol=1e-12)
    assert torch.allclose(imresize(image[1], size=size), got[1], atol=1e-13)


def test_the_same_size_gives_the_same_image():
    image = torch.rand(2, 3, 17, 23)
    assert torch.equal(imresize(image, scale=1), image)
    assert torch.equal(imresize(image, size=(17, 23)), image)


@pytest.mark.parametrize(("scale", "size"), [(0.1, (1, 2)), (0.25, (1, 5)), (1 / 3, (1, 6)), (1.01, (4, 19))])
def test_sides_are_rounded_up_to_at_least_a_pixel(scale, size):
    assert imresize(torch.rand(3, 18), scale=scale).shape == size


def rounded(levels, size):
    """Resize along one side at most, then round half up and clamp."""
    return (imresize(levels.double(), size=size) + 0.5).floor().clamp(0, 255).to(torch.uint8)


def test_ties_round_up_and_values_are_clamped():
    columns = torch.tensor([[0, 1] * 8] * 4, dtype=torch.uint8)
    assert imresize(columns, scale=0.5, rounding="uint8")[:, 2:-2].unique().tolist() == [1]
    edge = torch.tensor([[0, 0, 255, 255]] * 4, dtype=torch.uint8)
    row = rounded(edge, (4, 8))[0].tolist()
    assert row == sorted(row)  # the overshoot of the kernel on both sides of the edge does not wrap around
    assert (row[0], row[-1]) == (0, 255)
    assert imresize(edge, scale=2, rounding="uint8").tolist() == [row] * 8


def test_levels_are_computed_in_double_precision():
    levels = torch.randint(0, 256, (256, 256), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    size = (256, 301)  # one of these pixels is so near to a tie that float32 rounds it down
    assert torch.equal(imresize(levels, size=size, rounding="uint8"), rounded(levels, size))


@pytest.mark.parametrize(
    ("size", "vertical_first"), [((9, 12), True), ((8, 12), True), ((9, 9), False), ((40, 20), False), ((20, 40), True)]
)
def test_the_side_with_the_smaller_scale_goes_first_and_of_equal_ones_the_height(size, vertical_first):
    levels = torch.randint(0, 256, (18, 24), dtype=torch.uint8)
    by_height = rounded(rounded(levels, (size[0], 24)), size)
    by_width = rounded(rounded(levels, (18, size[1])), size)
    assert not torch.equal(by_height, by_width)  # since each pass is rounded
    assert torch.equal(imresize(levels, size=size, rounding="uint8"), by_height if vertical_first else by_width)


def test_a_bfloat16_image_is_on_the_levels_nearest_to_it():
    image = torch.linspace(0, 1, 400).to(torch.bfloat16).view(20, 20)
    levels = (image.double() * 255 + 0.5).floor()
    assert torch.equal(imresize(image, scale=1, rounding="uint8"), (levels / 255).to(torch.bfloat16))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_every_floating_type_comes_back_as_itself(dtype):
    image = torch.rand(1, 3, 12, 9).to(dtype)
    got = imresize(image, scale=2)
    assert got.dtype == dtype
    tolerance = {torch.float64: 1e-12, torch.float32: 1e-6}.get(dtype, 1e-2)
    assert torch.allclose(got.double(), imresize(image.double(), scale=2), atol=tolerance)


def test_levels_of_a_float_image_are_those_of_its_uint8_image():
    levels = torch.randint(0, 256, (2, 3, 24, 36), dtype=torch.uint8)
    from_float = imresize(levels.float() / 255, scale=1 / 3, rounding="uint8")
    from_uint8 = imresize(levels, scale=1 / 3, rounding="uint8")
    assert torch.equal((from_float * 255).round().to(torch.uint8), from_uint8)


def test_gradients_are_those_of_finite_differences():
    image = torch.rand(1, 6, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: imresize(x, scale=0.5), image)
    assert torch.autograd.gradcheck(lambda x: imresize(x, size=(7, 11)), image)


def test_a_call_under_inference_mode_leaves_later_gradients_alone():
    with torch.inference_mode():
        imresize(torch.rand(1, 9, 14), scale=2)
    image = torch.rand(1, 9, 14, requires_grad=True)
    imresize(image, scale=2).sum().backward()
    assert image.grad is not None


def test_autocast_does_not_lower_its_precision():
    image = torch.rand(1, 3, 20, 20)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(imresize(image, scale=2), imresize(image, scale=2).float())
        inside = imresize(image, scale=2)
    assert torch.equal(inside, imresize(image, scale=2))


def test_lowered_float32_precision_does_not_reach_levels():
    image = torch.randint(0, 256, (3, 90, 120), dtype=torch.uint8)
    want = imresize(image, scale=0.5, rounding="uint8")
    convolution = torch.backends.mkldnn.conv
    before = torch.get_float32_matmul_precision(), convolution.fp32_precision
    try:
        torch.set_float32_matmul_precision("medium")
        assert torch.equal(imresize(image, scale=0.5, rounding="uint8"), want)
        convolution.fp32_precision = "bf16"
        assert torch.equal(imresize(image, scale=0.5, rounding="uint8"), want)
    finally:
        torch.set_float32_matmul_precision(before[0])
        convolution.fp32_precision = before[1]


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")  # from inside torch
def test_derivatives_of_every_kind_pass_through_it():
    image = torch.rand(2, 1, 40, 80)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(image, image)
        tangent = torch.autograd.forward_ad.unpack_dual(imresize(dual, scale=0.5)).tangent
    # linear, so its own derivative
    assert torch.allclose(tangent, imresize(image, scale=0.5), atol=1e-6)
    mapped = torch.func.vmap(lambda one: imresize(one, scale=0.5))(image)
    assert torch.allclose(mapped, imresize(image, scale=0.5), atol=1e-6)
    tracked = image.clone().requires_grad_()
    (first,) = torch.autograd.grad(imresize(tracked, scale=0.5).pow(3).sum(), tracked, create_graph=True)
    first.sum().backward()
    assert tracked.grad.abs().max() > 0


def test_it_runs_on_meta_tensors_and_exports():
    class Upscale(torch.nn.Module):
        def forward(self, lr):
            return imresize(lr, scale=2)

    assert imresize(torch.empty(1, 3, 20, 33, device="meta"), scale=2).shape == (1, 3, 40, 66)
    image = torch.rand(1, 3, 10, 12)
    exported = torch.export.export(Upscale(), (image,)).module()
    assert_equal_but_for_rounding(exported(image), imresize(image, scale=2))


@pytest.mark.filterwarnings("ignore:.torch.jit.trace. is deprecated", "ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize(
    "options",
    [
        {"scale": 3},
        {"scale": (4, 2)},
        {"scale": 2, "kernel": "bilinear"},
        {"scale": 2, "rounding": "uint8"},
        {"scale": 1},
    ],
    ids=str,
)
def test_a_program_of_it_enlarges_images_of_other_sizes(options):
    program = torch.jit.trace(lambda image: imresize(image, **options), torch.rand(1, 1, 10, 12), check_trace=False)
    for height, width in ((13, 7), (1, 2)):
        image = torch.rand(2, 3, height, width)
        assert_equal_but_for_rounding(program(image), imresize(image, **options))


@pytest.mark.filterwarnings("ignore:.torch.jit.trace. is deprecated", "ignore::torch.jit.TracerWarning")
def test_a_program_for_a_multiple_of_the_size_enlarges_images_of_other_sizes():
    def tripled(image):
        return imresize(image, size=(3 * image.shape[-2], 2 * image.shape[-1]))

    program = torch.jit.trace(tripled, torch.rand(1, 1, 10, 12), check_trace=False)
    image = torch.rand(1, 1, 5, 17)
    assert_equal_but_for_rounding(program(image), tripled(image))


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({}, UsageError, r"^imresize needs either a scale or an output size; give one of them\.$"),
        ({"scale": 2, "size": (4, 4)}, UsageError, "give one of them"),
        ({"scale": 0}, UsageError, "positive"),
        ({"scale": -1}, UsageError, "positive"),
        ({"scale": float("nan")}, UsageError, "positive"),
        ({"scale": (2, 0)}, UsageError, "positive"),
        ({"size": (0, 4)}, ShapeError, "resized to 0×4; give at least 1×1"),
        ({"scale": 2, "border": "reflect"}, UsageError, "choose one of symmetric, replicate"),
        ({"scale": 2, "kernel": "lanczos"}, UsageError, "choose one of bicubic, bilinear"),
        ({"scale": 2, "rounding": "floor"}, UsageError, "choose one of none, uint8"),
    ],
)
def test_wrong_options_are_answered_with_the_right_ones(options, error, says):
    with pytest.raises(error, match=says):
        imresize(torch.rand(1, 8, 8), **options)


def test_tensors_that_are_not_images_are_refused():
    with pytest.raises(ShapeError, match="not empty"):
        imresize(torch.rand(3, 0, 8), scale=2)
    with pytest.raises(ShapeError, match=r"\(…, H, W\)"):
        imresize(torch.rand(8), scale=2)
    with pytest.raises(UsageError, match=r"'none'; make it floating point, or give uint8 with rounding 'uint8'\.$"):
        imresize(torch.zeros(3, 8, 8, dtype=torch.uint8), scale=2)

"""A picture is unprocessed, taken by a camera and developed as the formulas say."""

import numpy as np
import pytest
import torch
from scipy import stats
from srbench_plugins.steps.camera import SRGB_TO_XYZ, XYZ_TO_CAMERAS, CameraIsp, bayer, demosaic

from srbench.degrading import Random, Size
from srbench.errors import ShapeError

SIZE = Size(20, 24, 1)
CLEAN = CameraIsp(noise=False)
WHOLE_SENSOR = CameraIsp(noise=False, mosaic=False)


def once(step, images, seed=0):
    return step.apply(images, [step.draw(Random(seed + n), SIZE) for n in range(len(images))], SIZE)


def photograph(height=20, width=24, low=0.1, high=0.8):
    coarse = torch.rand(1, 3, 5, 6, dtype=torch.float64)
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")
    return low + (high - low) * smooth


def neighbours(raw, y, x, colour):
    """Values of the nearest pixels that see a colour; the mosaic goes on, mirrored, beyond the edges."""
    height, width = raw.shape
    around = [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    seen = [(abs(a - y) + abs(b - x), a, b) for a, b in around if (a % 2, b % 2) in colour]
    nearest = min(distance for distance, *_ in seen)
    mirrored = [
        (height - 1 - abs(height - 1 - abs(a)), width - 1 - abs(width - 1 - abs(b)))
        for distance, a, b in seen
        if distance == nearest
    ]
    return [raw[place] for place in mirrored]


SEES = [{(0, 0)}, {(0, 1), (1, 0)}, {(1, 1)}]


def by_formula(image, drawn, mosaic=True, whole=True):
    """(H, W, 3) in and out, pixel by pixel where it matters."""
    weights = np.array(drawn["cameras"])[:, None, None]
    to_camera = (weights * np.array(XYZ_TO_CAMERAS)).sum(0) @ np.array(SRGB_TO_XYZ)
    to_camera /= to_camera.sum(1, keepdims=True)
    light = np.maximum(0.5 - np.sin(np.arcsin(1 - 2 * image) / 3), 1e-8) ** 2.2 @ to_camera.T
    balance = np.array([drawn["red_gain"], 1.0, drawn["blue_gain"]])
    rgb_gain = 1 / drawn["exposure"]
    gains = np.ones_like(light) / (rgb_gain * balance)
    white = (np.maximum(light.mean(2, keepdims=True) - 0.9, 0) / 0.1) ** 2
    raw = np.clip(light * np.maximum(white + (1 - white) * gains, gains), 0, 1)
    raw = np.clip(raw * balance, 0, 1)
    if mosaic:
        height, width, _ = raw.shape
        seen = np.zeros((height, width))
        for colour, places in enumerate(SEES):
            for y, x in places:
                seen[y::2, x::2] = raw[y::2, x::2, colour]
        for y, x, colour in np.ndindex(raw.shape):
            raw[y, x, colour] = np.mean(neighbours(seen, y, x, SEES[colour]))
    light = raw @ np.linalg.inv(to_camera).T
    if whole:
        light = light * rgb_gain
    picture = np.clip(light, 1e-8, 1) ** (1 / 2.2)
    return 3 * picture**2 - 2 * picture**3 if whole else picture


@pytest.mark.parametrize("mosaic", [True, False])
@pytest.mark.parametrize("develop", ["whole", "released"])
def test_a_camera_without_noise_is_its_formulas(mosaic, develop):
    step = CameraIsp(noise=False, mosaic=mosaic, develop=develop)
    image = torch.rand(1, 3, 11, 14, dtype=torch.float64)  # with highlights, and colours that no camera has
    image[..., :4, :4] = 1
    for n in range(4):
        drawn = step.draw(Random(n), SIZE)
        theirs = by_formula(image[0].permute(1, 2, 0).numpy(), drawn, mosaic, develop == "whole")
        assert np.abs(step.apply(image, [drawn], SIZE)[0].permute(1, 2, 0).numpy() - theirs).max() < 1e-9


def test_without_mosaic_and_noise_a_picture_comes_back():
    image = photograph()
    for seed in range(10):
        assert (once(WHOLE_SENSOR, image, seed) - image).abs().max() < 1e-6
    assert (once(WHOLE_SENSOR, image.float()) - image).abs().max() < 1e-5


def test_black_and_white_stay_what_they_are_and_greys_grey():
    for step in (CLEAN, WHOLE_SENSOR):
        assert once(step, torch.zeros(1, 3, 8, 8, dtype=torch.float64)).max() < 1e-3
        for seed in range(20):
            white = once(step, torch.ones(1, 3, 8, 8, dtype=torch.float64), seed)
            drawn = step.draw(Random(seed), SIZE)
            assert white.min() > (0.999 if drawn["exposure"] <= 1 else 0.98)
            assert (white - white[:, :1]).abs().max() < 1e-9
        grey = torch.linspace(0.1, 0.8, 24, dtype=torch.float64).expand(1, 3, 20, 24)
        result = once(step, grey)[..., 1:-1, 1:-1]
        assert (result - result[:, :1]).abs().max() < (0.02 if step is CLEAN else 1e-9)


def test_as_released_a_picture_has_less_light_and_less_contrast():
    image = photograph()
    released = once(CameraIsp(noise=False, mosaic=False, develop="released"), image)
    assert released.std() < 0.95 * image.std()
    exposure = CameraIsp().draw(Random(0), SIZE)["exposure"]
    grey = torch.full((1, 3, 8, 8), 0.5, dtype=torch.float64)
    linear = once(CameraIsp(noise=False, develop="released"), grey) ** 2.2
    assert linear.numpy() == pytest.approx(0.5**2.2 * exposure, rel=1e-9)


def test_the_mosaic_is_red_and_green_above_green_and_blue():
    filters = bayer(torch.zeros(1, 1, 5, 4))
    assert filters.sum(1).unique().tolist() == [1]
    assert [filters[0, :, y, x].argmax().item() for y in (0, 1) for x in (0, 1)] == [0, 1, 1, 2]
    assert torch.equal(filters[..., 2:4, 2:4], filters[..., :2, :2])


@pytest.mark.parametrize(("height", "width"), [(8, 10), (7, 9)])
def test_a_demosaic_keeps_what_was_seen_and_moves_nothing(height, width):
    image = torch.rand(2, 3, height, width, dtype=torch.float64)
    filters = bayer(image)
    result = demosaic((image * filters).sum(1, keepdim=True), filters)
    assert ((result - image) * filters).abs().max() < 1e-12
    down, across = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    plane = (3.0 * down + 2.0 * across).double().expand(1, 3, -1, -1)
    again = demosaic((plane * filters).sum(1, keepdim=True), filters)
    assert (again - plane)[..., 1:-1, 1:-1].abs().max() < 1e-12  # on a slope every shift would show


def test_draws_follow_the_published_distributions():
    drawn = [CameraIsp().draw(Random(n), SIZE) for n in range(800)]
    shot, read = (np.log([one[name] for one in drawn]) for name in ("shot", "read"))
    low, high = np.log(1e-4), np.log(0.012)
    for values, distribution in (
        ([one["exposure"] for one in drawn], stats.norm(0.8, 0.1)),
        ([one["red_gain"] for one in drawn], stats.uniform(1.9, 0.5)),
        ([one["blue_gain"] for one in drawn], stats.uniform(1.5, 0.4)),
        (shot, stats.uniform(low, high - low)),
        (read - 2.18 * shot - 1.20, stats.norm(0, 0.26)),
    ):
        assert stats.kstest(values, distribution.cdf).pvalue > 1e-3
    cameras_ = np.array([one["cameras"] for one in drawn])
    assert cameras_.min() >= 0
    assert np.abs(cameras_.sum(1) - 1).max() < 1e-12
    even = np.random.default_rng(0).random((4000, 4))
    assert stats.ks_2samp(cameras_[:, 0], (even / even.sum(1, keepdims=True))[:, 0]).pvalue > 1e-3


def test_every_cameras_colours_are_those_of_a_camera():
    """Green is the most sensitive, as white balances of 1 to 3 for red and blue say; whites stay white."""
    white = np.array(SRGB_TO_XYZ).sum(1)
    for matrix in np.array(XYZ_TO_CAMERAS):
        red, green, blue = matrix @ white
        assert 1.9 < green / red < 3.1
        assert 1.1 < green / blue < 1.8
        assert np.linalg.det(matrix) > 0.1
    one = CameraIsp()
    matrices = one._matrices([one.draw(Random(n), SIZE) for n in range(5)])
    assert torch.allclose(matrices.sum(2), torch.ones(5, 3, dtype=torch.float64))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("value", [0.35, 0.7])
def test_the_noise_of_the_sensor_has_the_variance_that_was_drawn(channels, value):
    step = CameraIsp(develop="released", mosaic=False, matrices="none", red_gain=1.0, blue_gain=1.0)
    image = torch.full((1, channels, 300, 300), value, dtype=torch.float64)
    for seed in range(3):
        drawn = step.draw(Random(seed), SIZE) | {"shot": 1e-3, "read": 2e-5}
        seen = step.apply(image, [drawn], SIZE) ** 2.2
        light = (0.5 - np.sin(np.arcsin(1 - 2 * value) / 3)) ** 2.2 * drawn["exposure"]
        assert seen.mean() == pytest.approx(light, abs=3e-4)
        assert seen.var() == pytest.approx(1e-3 * light + 2e-5, rel=0.03)
        assert stats.kstest(stats.zscore(seen[0, 0, ::5, ::5].flatten().numpy()), "norm").pvalue > 1e-3


def test_pixels_of_a_mosaic_have_noise_of_their_own_that_the_demosaic_spreads():
    step, grey = CameraIsp(), torch.full((1, 3, 128, 128), 0.5, dtype=torch.float64)
    noise = once(step, grey) - once(CLEAN, grey)
    blue = noise[0, 2, 1::2, 1::2].numpy(), noise[0, 2, 1::2, 2::2].numpy()
    assert np.corrcoef(blue[0][:, :-1].ravel(), blue[1][:, : blue[0].shape[1] - 1].ravel())[0, 1] > 0.4
    assert abs(np.corrcoef(blue[0][:, :-1].ravel(), blue[0][:, 1:].ravel())[0, 1]) < 0.05


def test_a_grey_image_is_taken_without_colours():
    image = photograph()[:, :1]
    assert (once(CLEAN, image) - image).abs().max() < 1e-9
    step = CameraIsp(noise=False, mosaic=False, matrices="none", red_gain=1.0, blue_gain=1.0, develop="released")
    assert (once(step, image) - once(step, image.expand(1, 3, -1, -1))).abs().max() < 1e-12
    with pytest.raises(ShapeError, match="pass RGB or grey images"):
        once(CLEAN, image.expand(1, 2, -1, -1))


def test_a_batch_is_its_images_one_by_one_in_both_precisions():
    images = torch.cat([photograph() for _ in range(3)])
    drawn = [CameraIsp().draw(Random(n), SIZE) for n in range(3)]
    together = CameraIsp().apply(images, drawn, SIZE)
    singly = torch.cat([CameraIsp().apply(images[n : n + 1], drawn[n : n + 1], SIZE) for n in range(3)])
    assert (together - singly).abs().max() < 1e-12
    clean = CLEAN.apply(images, drawn, SIZE)
    assert (CLEAN.apply(images.float(), drawn, SIZE) - clean).abs().max() < 1e-4

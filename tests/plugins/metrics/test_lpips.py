"""LPIPS against its equation, and against the values its authors published."""

from itertools import pairwise
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from srbench_plugins.metrics import lpips

from srbench.errors import CheckpointError, ShapeError, UnavailableError
from srbench.imaging import read_image, to_tensor

CPU = torch.device("cpu")

official = pytest.importorskip("lpips", reason="the extra `perceptual` is not installed")

ALEXNET = {0: (3, 64, 11), 3: (64, 192, 5), 6: (192, 384, 3), 8: (384, 256, 3), 10: (256, 256, 3)}
"""Channels before and after, and side, of the convolutions of AlexNet, by their number in torchvision's."""


@pytest.fixture(scope="module")
def random_trunk():
    generator = torch.Generator().manual_seed(4)
    state = {}
    for number, (before, after, side) in ALEXNET.items():
        spread = (2 / (before * side**2)) ** 0.5
        state[f"features.{number}.weight"] = spread * torch.randn(after, before, side, side, generator=generator)
        state[f"features.{number}.bias"] = 0.1 * torch.randn(after, generator=generator)
    return state


@pytest.fixture(scope="module")
def random_alex(random_trunk, tmp_path_factory):
    path = tmp_path_factory.mktemp("trunk") / "alex.pth"
    torch.save(random_trunk, path)
    return lpips.lpips_with("alex", path, CPU)


def by_the_equation(trunk, sr, hr):
    """Equation 1 of the paper on AlexNet in double precision, with the authors' calibrated weights of each channel."""
    folder = Path(official.__file__).parent
    heads = torch.load(folder / "weights" / "v0.1" / "alex.pth", map_location="cpu", weights_only=True)
    # images in [-1, 1], then the mean and spread of ImageNet on that scale
    mean, spread = 2 * torch.tensor([0.485, 0.456, 0.406]) - 1, 2 * torch.tensor([0.229, 0.224, 0.225])

    def unit_features(image):
        seen = (2 * image - 1 - mean.view(3, 1, 1)) / spread.view(3, 1, 1)
        for number in ALEXNET:
            if number in (3, 6):
                seen = F.max_pool2d(seen, 3, stride=2)
            weight, bias = (trunk[f"features.{number}.{name}"].double() for name in ("weight", "bias"))
            stride, padding = (4, 2) if number == 0 else (1, weight.shape[-1] // 2)
            seen = F.conv2d(seen, weight, bias, stride=stride, padding=padding).relu()
            yield seen / seen.square().sum(1, keepdim=True).sqrt()

    distance = 0
    for layer, (first, second) in enumerate(zip(unit_features(sr), unit_features(hr), strict=True)):
        channels = heads[f"lin{layer}.model.1.weight"].double().view(-1, 1, 1)
        distance += (channels * (first - second) ** 2).sum(1).mean((1, 2))
    return distance


def test_it_is_the_papers_equation_on_any_trunk(random_trunk, random_alex):
    hr = torch.rand(3, 3, 64, 51, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    noise = torch.randn(hr.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(6))
    sr = (hr + torch.tensor([0.02, 0.1, 0.4]).view(3, 1, 1, 1) * noise).clamp(0, 1)
    got = random_alex(sr, hr)
    assert got.dtype == torch.float64
    assert got.tolist() == pytest.approx(by_the_equation(random_trunk, sr, hr).tolist(), rel=1e-4)
    assert all(less < more for less, more in pairwise(got.tolist())), "more noise is further away"


@pytest.fixture(scope="module")
def alex(shared):
    return lpips.lpips_with("alex", shared("weights/lpips/alexnet_features.pth"), CPU)


def image(path):
    return to_tensor(read_image(path))[None]


def test_the_authors_example_comes_out(alex, shared):
    folder = shared("oracles/perceptual")
    reference = image(folder / "ex_ref.png").expand(2, -1, -1, -1)
    distorted = torch.cat([image(folder / "ex_p0.png"), image(folder / "ex_p1.png")])
    scores = alex(distorted, reference)
    assert scores.dtype == torch.float64
    assert scores.tolist() == pytest.approx([0.7219, 0.1376], abs=1e-4)


def test_the_five_official_pairs_come_out(alex, shared):
    references = sorted(shared("oracles/perceptual/ref_dir").iterdir())
    got = [alex(image(shared(f"oracles/perceptual/dist_dir/{path.name}")), image(path)).item() for path in references]
    assert got == pytest.approx([0.7237, 0.2572, 0.0508, 0.0521, 0.4253], abs=1e-4)


def test_equal_images_are_at_no_distance_and_grey_counts_as_rgb(random_alex):
    grey, other = torch.rand(2, 2, 1, 31, 40)
    assert random_alex(grey, grey).tolist() == [0, 0]
    in_colour = random_alex(grey.expand(-1, 3, -1, -1), other.expand(-1, 3, -1, -1))
    assert torch.equal(random_alex(grey, other), in_colour)


def test_small_and_strange_images_are_refused(random_alex):
    for shape in ((1, 3, 30, 40), (1, 2, 40, 40)):
        with pytest.raises(ShapeError, match="at least 31 pixels"):
            random_alex(torch.rand(shape), torch.rand(shape))
    with pytest.raises(ShapeError, match="make them equal"):
        random_alex(torch.rand(1, 3, 40, 40), torch.rand(1, 3, 40, 41))


@pytest.mark.slow  # torchvision fills 138 million random weights first
def test_the_vgg_trunk_is_read_whole_and_leaves_the_random_state_alone(tmp_path):
    from torchvision.models.vgg import cfgs, make_layers

    layers = make_layers(cfgs["D"], batch_norm=False).state_dict()
    kept = {f"features.{key}": value for key, value in layers.items()}
    torch.save({**kept, "classifier.6.bias": torch.zeros(3)}, tmp_path / "vgg.pth")
    before = torch.random.get_rng_state()
    vgg = lpips.lpips_with("vgg", tmp_path / "vgg.pth", CPU)
    assert torch.equal(before, torch.random.get_rng_state())
    sr, hr = torch.rand(2, 1, 3, 16, 20)
    assert 0 < vgg(sr, hr).item() < 2
    with pytest.raises(CheckpointError, match=r"not the alex trunk.*features\.0\.weight should be \(64, 3, 11, 11\)"):
        lpips.lpips_with("alex", tmp_path / "vgg.pth", CPU)


def test_damaged_and_foreign_weights_are_refused(tmp_path):
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(CheckpointError, match="damaged"):
        lpips.lpips_with("alex", tmp_path / "text.pth", CPU)
    torch.save([torch.zeros(1)], tmp_path / "list.pth")
    with pytest.raises(CheckpointError, match="holds a list"):
        lpips.lpips_with("alex", tmp_path / "list.pth", CPU)


def test_without_its_trunk_is_unavailable_with_a_reason(tmp_path, monkeypatch):
    for variable in ("SRBENCH_WEIGHTS", "SRBENCH_CACHE", "XDG_CACHE_HOME", "TORCH_HOME", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(UnavailableError, match="srbench fetch lpips"):
        lpips.register_metrics()[1].load(CPU)

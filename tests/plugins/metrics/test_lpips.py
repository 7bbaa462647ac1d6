"""LPIPS against the values its authors published."""

import pytest
import torch
from srbench_plugins.metrics import lpips

from srbench.errors import CheckpointError, ShapeError, UnavailableError
from srbench.imaging import read_image, to_tensor

CPU = torch.device("cpu")

pytest.importorskip("lpips", reason="the extra `perceptual` is not installed")


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


def test_equal_images_are_at_no_distance_and_grey_counts_as_rgb(alex):
    grey, other = torch.rand(2, 2, 1, 31, 40)
    assert alex(grey, grey).tolist() == [0, 0]
    assert torch.equal(alex(grey, other), alex(grey.expand(-1, 3, -1, -1), other.expand(-1, 3, -1, -1)))


def test_small_and_strange_images_are_refused(alex):
    for shape in ((1, 3, 30, 40), (1, 2, 40, 40)):
        with pytest.raises(ShapeError, match="at least 31 pixels"):
            alex(torch.rand(shape), torch.rand(shape))
    with pytest.raises(ShapeError, match="make them equal"):
        alex(torch.rand(1, 3, 40, 40), torch.rand(1, 3, 40, 41))


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

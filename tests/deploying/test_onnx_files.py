"""An ONNX file for any image size makes PyTorch's images, or is refused."""

import pytest
import torch
from torch import nn

from srbench.deploying import onnx_files
from srbench.deploying.onnx_files import example_of, write_onnx
from srbench.errors import UnavailableError

pytest.importorskip("onnxscript")
onnxruntime = pytest.importorskip("onnxruntime")

EXAMPLE = example_of(3, 4, torch.device("cpu"))


class _Counting(nn.Module):
    """The mean over windows of all images, which HAT and DAT count by dividing in floating point."""

    def forward(self, lr):
        height, width = lr.shape[2:]
        images = int(lr.numel() / (3 * height * width))
        return lr - lr.reshape(images, 3, -1).mean(2).sum(0)[None, :, None, None] / 2


class _Sized(nn.Module):
    """A network that makes the height a number of its own."""

    def forward(self, lr):
        return lr * torch.ones(int(float(lr.shape[2])), 1)


def written(module, path):
    """The file of a network as a function of lr, and the sizes of its input."""
    write_onnx(module.eval(), EXAMPLE, "fp32", path)
    session = onnxruntime.InferenceSession(path)
    return lambda lr: torch.from_numpy(session.run(None, {"lr": lr.numpy()})[0]), session.get_inputs()[0].shape


def test_a_network_that_treats_images_alone_takes_any_number_of_them(tmp_path):
    conv = nn.Conv2d(3, 3, 3, padding=1)
    run, shape = written(conv, tmp_path / "n.onnx")
    assert shape == ["batch", 3, "height", "width"]
    lr = torch.rand(3, 3, 11, 6)
    assert torch.allclose(run(lr), conv(lr), atol=1e-6)


def test_a_network_that_makes_their_number_a_constant_takes_one_image(tmp_path):
    run, shape = written(_Counting(), tmp_path / "n.onnx")
    assert shape == [1, 3, "height", "width"]
    lr = torch.rand(1, 3, 11, 6)
    assert torch.allclose(run(lr), _Counting()(lr), atol=1e-6)


def test_a_network_that_makes_a_side_a_constant_is_refused(tmp_path):
    with pytest.raises(UnavailableError, match="cannot be converted to ONNX for any image size"):
        write_onnx(_Sized(), EXAMPLE, "fp32", tmp_path / "n.onnx")
    assert list(tmp_path.iterdir()) == []


class _Halving(nn.Module):
    """A network that takes even sides alone, as profiles time it without padding."""

    def forward(self, lr):
        if lr.shape[2] % 2 or lr.shape[3] % 2:
            raise ValueError("a side is odd")
        return nn.functional.pixel_shuffle(nn.functional.pixel_unshuffle(lr, 2).flip(1), 2)


def test_a_network_is_compared_on_sides_that_it_takes(tmp_path):
    path = tmp_path / "n.onnx"
    with pytest.raises(UnavailableError, match="a side is odd"):
        write_onnx(_Halving(), EXAMPLE, "fp32", path)
    write_onnx(_Halving(), example_of(3, 4, torch.device("cpu"), 2), "fp32", path, step=2)
    (taken,) = onnxruntime.InferenceSession(path).get_inputs()
    assert taken.shape == ["batch", 3, "height", "width"]


def test_a_network_of_one_size_is_converted_for_it(tmp_path):
    path, classifier = tmp_path / "n.onnx", nn.Sequential(nn.Flatten(), nn.Linear(3 * EXAMPLE[0, 0].numel(), 5))
    with pytest.raises(UnavailableError, match="for any image size"):
        write_onnx(classifier.eval(), EXAMPLE, "fp32", path)
    write_onnx(classifier, EXAMPLE, "fp32", path, step=0)
    session = onnxruntime.InferenceSession(path)
    lr = torch.rand_like(EXAMPLE)
    assert torch.allclose(torch.from_numpy(session.run(None, {"lr": lr.numpy()})[0]), classifier(lr), atol=1e-5)


def test_a_file_that_makes_other_images_is_refused(tmp_path, monkeypatch):
    converted = onnx_files.to_onnx
    monkeypatch.setattr(
        onnx_files,
        "to_onnx",
        lambda module, *args, **options: converted(nn.Sequential(module, nn.Hardtanh(0, 0.5)), *args, **options),
    )
    with pytest.raises(
        UnavailableError, match=r"for 1 of another size, its mean difference from PyTorch is 0\.1 of white"
    ):
        write_onnx(nn.Identity(), EXAMPLE, "fp32", tmp_path / "n.onnx")
    assert list(tmp_path.iterdir()) == []


class _Keeping(nn.Module):
    """A network that keeps a tensor for the next image of the same size, as CRAFT does."""

    def __init__(self):
        super().__init__()
        self.kept = torch.zeros(0)

    def forward(self, lr):
        if self.kept.shape != lr.shape[2:]:
            self.kept = torch.ones_like(lr[0, 0])
        return lr + self.kept


def test_a_network_that_keeps_tensors_keeps_none_of_the_conversion(tmp_path):
    module, lr = _Keeping(), torch.rand(1, 3, 11, 6)
    run, _ = written(module, tmp_path / "n.onnx")
    assert torch.allclose(module(lr), lr + 1)
    assert torch.allclose(run(lr), lr + 1)

"""``srbench upscale``."""

import io
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from helpers import TESTS
from helpers.catalogs import share
from helpers.sentences import sentence
from srbench.catalog.catalog import load_catalog
from srbench.networks.network import build_network


@pytest.fixture
def srbench(srbench, catalog, monkeypatch):
    """On the catalog that all tests share: what loads plugins is tested elsewhere."""
    share(monkeypatch, catalog)
    return srbench


@pytest.fixture
def photos(srbench):
    folder = srbench.folder / "photos"
    (folder / "inner").mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (12, 15, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "a.png")
    Image.fromarray(pixels).save(folder / "b.jpg")
    Image.fromarray(np.dstack((pixels, pixels[..., :1]))).save(folder / "inner" / "clear.png")
    return folder


def sizes(folder):
    found = {}
    for path in sorted(folder.rglob("*.*")):
        with Image.open(path) as image:
            found[path.relative_to(folder).as_posix()] = (image.format, image.mode, image.size)
    return found


def test_a_folder_is_enlarged_with_the_folders_in_it(srbench, photos):
    answer = srbench("upscale", "photos", "--model", "bicubic", "--scale", 3, "--out", "large")
    assert (answer.status, answer.err) == (0, "")
    assert sizes(srbench.folder / "large") == {
        "a.png": ("PNG", "RGB", (45, 36)),
        "b.jpg": ("JPEG", "RGB", (45, 36)),
        "inner/clear.png": ("PNG", "RGBA", (45, 36)),
    }
    assert "large/inner/clear.png  45x36" in answer.out


def test_a_damaged_file_is_one_line_and_the_others_are_written(srbench, photos):
    (photos / "broken.png").write_bytes((photos / "a.png").read_bytes()[:60])
    answer = srbench("upscale", "photos", "--model", "bicubic", "--scale", 2, "--out", "large")
    assert answer.status == 1
    assert len(sizes(srbench.folder / "large")) == 3
    assert "photos/broken.png is damaged" in answer.err
    assert "1 of 4 images were not enlarged" in answer.err


def test_nothing_is_replaced_unless_that_is_wanted(srbench, photos):
    words = ("upscale", "photos/a.png", "--model", "bicubic", "--scale", 2, "--out", "large")
    assert srbench(*words).status == 0
    target = srbench.folder / "large/a.png"
    target.write_bytes(b"mine")
    answer = srbench(*words)
    assert answer.status == 1
    assert "large/a.png is there already" in answer.err
    assert target.read_bytes() == b"mine"
    assert srbench(*words, "--overwrite").status == 0
    assert target.read_bytes() != b"mine"
    answer = srbench("upscale", "photos/a.png", "--model", "bicubic", "--scale", 2, "--out", "photos", "--overwrite")
    assert sentence(answer) == ("photos/a.png would be replaced by its enlargement; give another folder with --out.")


def test_patterns_and_lists_name_files(srbench, photos, monkeypatch):
    answer = srbench("upscale", "photos/*.png", "--model", "bicubic", "--scale", 2, "--format", "webp", "--out", "one")
    assert answer.status == 0
    assert sizes(srbench.folder / "one") == {"a.webp": ("WEBP", "RGB", (30, 24))}
    monkeypatch.setattr(sys, "stdin", io.StringIO("photos/a.png\nphotos/inner/clear.png\n\n"))
    assert srbench("upscale", "-", "--model", "bicubic", "--scale", 2, "--out", "two").status == 0
    assert list(sizes(srbench.folder / "two")) == ["a.png", "clear.png"]


def test_two_results_never_have_one_name(srbench, photos):
    answer = srbench("upscale", "photos", "photos/inner/../b.jpg", "--model", "bicubic", "--scale", 2, "--out", "large")
    assert answer.status == 0
    answer = srbench("upscale", "photos/a.png", "photos/b.jpg", "--model", "bicubic", "--scale", 2, "--format", "png")
    assert answer.status == 0
    Image.new("RGB", (4, 4)).save(photos / "inner" / "a.png")
    answer = srbench("upscale", "photos/a.png", "photos/inner/a.png", "--model", "bicubic", "--scale", 2)
    assert "photos/a.png and photos/inner/a.png would both be written to upscaled/a.png" in sentence(answer)


def test_a_file_of_weights_enlarges_with_the_network_that_is_named(srbench, photos, catalog):
    torch.manual_seed(0)
    network = build_network(catalog.architectures["espcn"], 2)
    torch.save(network.module.state_dict(), srbench.folder / "mine.pth")
    words = ("upscale", "photos/a.png", "--model", "mine.pth")
    assert "name it with --architecture" in sentence(srbench(*words))
    answer = srbench(*words, "--architecture", "espcn", "--scale", 2)
    assert answer.status == 0
    with Image.open(photos / "a.png") as image:
        lr = torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)[None].float() / 255
    network.module.eval()
    with torch.inference_mode():
        sr = (network(lr, 2).clamp(0, 1) * 255).round().to(torch.uint8)[0].permute(1, 2, 0).numpy()
    with Image.open(srbench.folder / "upscaled/a.png") as image:
        assert np.array_equal(np.asarray(image), sr)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--model", "bicubic"), "bicubic enlarges by x2"),
        (("--model", "edsr_small", "--scale", 2), "edsr_small has no weights yet"),
        (("--model", "imdn.div2k", "--scale", 7), "imdn.div2k does not enlarge by 7; it has x2, x4."),
        (("--model", "nothing", "--scale", 2), "nothing"),
        (("--model", "cbam_small", "--scale", 2), "recognises images and enlarges none"),
        (("--model", "bicubic", "--scale", 2, "--format", "xyz"), "--format xyz is none that srbench writes"),
        (("--model", "bicubic", "--scale", 2, "--precision", "int3"), "--precision int3 is none"),
        (("--model", "empty#edsr_small", "--scale", 2), "There is no results folder empty"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_nothing_is_written(srbench, photos, words, said):
    answer = srbench("upscale", "photos", *words)
    assert said in sentence(answer)
    assert not (srbench.folder / "upscaled").exists()


def test_what_is_no_image_is_one_sentence(srbench, photos):
    assert "There is no absent.png" in sentence(srbench("upscale", "absent.png", "--model", "bicubic", "--scale", 2))
    (srbench.folder / "none").mkdir()
    assert "none holds no image" in sentence(srbench("upscale", "none", "--model", "bicubic", "--scale", 2))


@pytest.fixture(scope="module")
def drawing():
    """A catalog with networks that sample or are fitted."""
    return load_catalog([TESTS / "helpers" / "sampled_plugin.py"])


@pytest.fixture
def sampled(drawing, srbench, photos, monkeypatch):
    share(monkeypatch, drawing)
    weights = srbench.folder / "dice.pt"
    torch.save(build_network(drawing.networks["dice"], 2).module.state_dict(), weights)
    return srbench, ("upscale", "photos/a.png", "--scale", 2, "--model", weights, "--architecture", "dice")


def enlarged(srbench, words, out, *more):
    answer = srbench(*words, "--out", out, *more)
    assert (answer.status, answer.err) == (0, "")
    return np.asarray(Image.open(srbench.folder / out / "a.png"))


def test_a_sample_is_drawn_by_the_sampler_and_the_seed(sampled):
    srbench, words = sampled
    usual, again = (enlarged(srbench, words, out) for out in ("a", "b"))
    named = enlarged(srbench, words, "c", "--sampler", "walk-4", "--seed", 0)
    other, fewer = enlarged(srbench, words, "d", "--seed", 1), enlarged(srbench, words, "e", "--sampler", "walk-1")
    assert usual.shape == (24, 30, 3)
    assert np.array_equal(usual, again)
    assert np.array_equal(usual, named)
    assert not np.array_equal(usual, other)
    assert not np.array_equal(usual, fewer)


def test_a_network_is_fitted_with_the_steps_that_are_asked_for(sampled):
    srbench, _ = sampled
    words = ("upscale", "photos/a.png", "--scale", 2, "--model", "mean")
    usual, named = enlarged(srbench, words, "a"), enlarged(srbench, words, "b", "--fit-steps", 30)
    fewer = enlarged(srbench, words, "c", "--fit-steps", 1, "--seed", 2)
    assert np.array_equal(usual, named)
    assert not np.array_equal(usual, fewer)
    assert abs(usual.mean() - np.asarray(Image.open(srbench.folder / "photos" / "a.png")).mean()) < 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--sampler", "ddim-4"), "dice has no sampler 'ddim'; choose one of its own"),
        (("--sampler", "walk-40"), "takes 1 to 10 steps, not 40"),
        (("--fit-steps", "4"), "dice draws its sr at random and takes no steps or seconds of a fit"),
        (("--self-ensemble",), "leave out the self-ensemble"),
        (("--precision", "bf16"), "leave out the precision"),
        (("--model", "mean", "--sampler", "walk-4"), "mean is fitted to every image and takes no sampler"),
        (("--model", "bicubic", "--sampler", "walk-4"), "bicubic makes its sr at once and takes no sampler"),
        (("--model", "bicubic", "--seed", "4"), "bicubic draws nothing at random, so it takes no seed"),
    ],
)
def test_what_a_network_does_not_draw_by_is_refused(sampled, words, said):
    srbench, usual = sampled
    given = usual[:4] if "--model" in words else usual
    answer = srbench(*given, *words)
    assert said in sentence(answer)


def test_a_sample_that_needs_more_memory_than_allowed_is_refused_whole(sampled):
    srbench, words = sampled
    large = np.random.default_rng(1).integers(0, 256, (900, 900, 3), np.uint8)
    Image.fromarray(large).save(srbench.folder / "photos" / "a.png")
    answer = srbench(*words, "--memory", 0.05, "--out", "a")
    assert answer.status == 1
    assert "900×900 pixels of lr as a whole, which needs more than the 0.05 GiB" in " ".join(answer.err.split())

"""``srbench doctor`` as a person types it."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.catalogs import share
from helpers.sentences import sentence


@pytest.fixture
def folders(srbench, pictures):
    """Folders ``hr`` and ``sr``, whose images have noise and exchanged channels."""
    for name, pixels in pictures.items():
        noise = np.random.default_rng(len(name)).normal(0, 8, pixels.shape)
        made = (pixels + noise).clip(0, 255).round().astype(np.uint8)
        for folder, image in (("hr", pixels), ("sr", made), ("bgr", made[..., ::-1])):
            (srbench.folder / folder).mkdir(exist_ok=True)
            Image.fromarray(np.ascontiguousarray(image)).save(srbench.folder / folder / f"{name}.png")
    return srbench


def test_metrics_prints_a_table_and_what_papers_would_print(folders):
    answer = folders("doctor", "metrics", "sr", "hr", "--scale", "2")
    assert answer.status == 0
    assert "PSNR on Y, shave 2 is " in answer.out
    assert "as papers print (preset classic-y)" in answer.out
    assert "pyiqa psnry" in answer.out
    assert not answer.err


def test_metrics_names_the_protocol_of_a_claim_in_a_sentence(folders):
    table = folders("doctor", "metrics", "sr", "hr", "--scale", "2", "--json").out
    claim = next(f"{own['value']:.2f}" for own in json.loads(table)["readings"] if own["presets"] == ["ntire-esr"])
    answer = folders("doctor", "metrics", "sr", "hr", "--scale", "2", "--claim", claim)
    assert answer.out.startswith(
        f"{claim} is PSNR on RGB, shave 4 (preset ntire-esr). Papers print PSNR on Y, shave 2 "
    )


def test_metrics_warns_of_what_is_wrong_with_the_images(folders):
    answer = folders("doctor", "metrics", "bgr", "hr", "--scale", "2", "--claim", "30")
    assert answer.err.startswith("warning: The channels of sr are in another order than those of hr.")
    assert "Without that, PSNR on Y is " in answer.err


def test_metrics_refuses_bad_input_in_a_sentence(folders):
    assert "--claim many is not a score" in sentence(folders("doctor", "metrics", "sr", "hr", "--claim", "many"))
    assert "give --scale" in sentence(folders("doctor", "metrics", "sr", "hr"))
    assert "does not exist" in sentence(folders("doctor", "metrics", "nowhere", "hr", "--scale", "2"))
    (folders.folder / "sr" / "ant.png").write_bytes(b"no image")
    assert "ant.png" in sentence(folders("doctor", "metrics", "sr", "hr", "--scale", "2"))


def test_machine_prints_its_checks_and_exits_by_them(srbench, monkeypatch):
    from srbench.diagnosing import machine

    good, bad = (machine.Check("clock", state, f"It is {state}.") for state in ("good", "bad"))
    for check, status in ((good, 0), (bad, 1)):
        found = machine.MachineDiagnosis("A PC", "cpu", (check,))
        monkeypatch.setattr(machine, "diagnose_machine", lambda _, found=found: found)
        answer = srbench("doctor", "machine")
        assert answer.status == status
        assert answer.out.startswith("A PC\n")
        assert check.about in answer.out


def test_data_exits_with_1_if_an_image_is_faulty(folders, monkeypatch, catalog):
    share(monkeypatch, catalog)
    answer = folders("doctor", "data", "hr")
    assert answer.status == 0
    assert answer.out.startswith("images: unchecked, 3 images\n")
    (folders.folder / "empty").mkdir()
    assert "There are no images in" in sentence(folders("doctor", "data", "empty"))


def test_weights_says_what_is_wrong(srbench, monkeypatch, catalog):
    share(monkeypatch, catalog)
    torch.save({"a.weight": torch.zeros(3, 5), "b.bias": torch.zeros(7)}, srbench.folder / "net.pth")
    answer = srbench("doctor", "weights", "net.pth")
    assert answer.status == 1
    assert answer.out.startswith("net.pth: 22 values in 2 tensors\n")
    assert answer.err == "warning: Every value is zero.\n"
    (srbench.folder / "page.pth").write_text("<!doctype html>")
    assert "is a web page" in sentence(srbench("doctor", "weights", "page.pth"))


def test_tiles_prints_the_comparison_and_an_overlap(srbench, monkeypatch, catalog, pictures):
    share(monkeypatch, catalog)
    Image.fromarray(pictures["bee"]).save(srbench.folder / "lr.png")
    answer = srbench("doctor", "tiles", "bicubic", "lr.png", "--scale", "2", "--tile", "16", "--overlap", "4")
    assert answer.status == 0
    assert "tiled with whole, PSNR on RGB" in answer.out
    assert "an overlap of 4 is enough here" in answer.out
    assert "too small" in sentence(srbench("doctor", "tiles", "bicubic", "lr.png", "--scale", "2", "--tile", "8"))

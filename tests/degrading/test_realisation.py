"""A realisation is all it takes to make an lr again: in another process, with other threads, in any order."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from helpers.degrading import Brighter, Grain, Subsample
from srbench.degrading import Chain, Realisation, Size, freeze, realise
from srbench.degrading.lr_images import draw_realisation, draw_seed, lr_image, lr_image_exact, make_lr
from srbench.degrading.spec import DegradationSpec
from srbench.errors import DataError, ShapeError

NAMES = ("anisotropic_noise", "down_noise", "gaussian8", "photons", "colour_noise", "jpeg", "srmd", "motion", "area")
CHAIN = DegradationSpec(name="toy", chain=Chain([Brighter(), Grain(), Subsample()]), stochastic=True)

REMAKE = """
import json, sys
import numpy as np
from srbench.catalog.catalog import load_catalog
from srbench.degrading.lr_images import make_lr
from srbench.degrading import Realisation

hr = np.load(sys.argv[1])
found = load_catalog().degradations
for text in json.loads(sys.stdin.read()):
    realisation = Realisation.model_validate_json(text)
    print(make_lr(hr, found[realisation.degradation], realisation).tobytes().hex())
"""


def picture(height=66, width=57, seed=3):
    coarse = torch.rand(1, 3, 6, 6, generator=torch.Generator().manual_seed(seed))
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)
    return (smooth[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()


def test_another_process_with_other_threads_makes_the_same_bytes(catalog, tmp_path):
    hr = picture()
    np.save(tmp_path / "hr.npy", hr)
    drawn = [
        draw_realisation(hr, catalog.degradations[name], 3, seed=draw_seed(name, "farm", "ant", 3, k), number=k)
        for name in NAMES
        for k in ((0, 1) if name != "area" else (0,))
    ]
    ours = [make_lr(hr, catalog.degradations[one.degradation], one) for one in drawn]
    run = subprocess.run(
        [sys.executable, "-c", REMAKE, str(tmp_path / "hr.npy")],
        input=json.dumps([one.model_dump_json() for one in drawn]),
        env={**os.environ, "OMP_NUM_THREADS": "3"},
        capture_output=True,
        text=True,
        check=True,
    )
    for realisation, lr, theirs in zip(drawn, ours, run.stdout.split(), strict=True):
        assert lr.tobytes().hex() == theirs, realisation.degradation
    assert len({lr.tobytes() for lr in ours}) == len(ours)


def test_the_same_seed_draws_the_same_and_another_one_differs():
    hr = picture()
    assert np.array_equal(lr_image(hr, CHAIN, 2, seed=5)[0], lr_image(hr, CHAIN, 2, seed=5)[0])
    assert not np.array_equal(lr_image(hr, CHAIN, 2, seed=5)[0], lr_image(hr, CHAIN, 2, seed=6)[0])


def test_the_json_holds_what_was_drawn():
    realisation = freeze(CHAIN, Size(40, 30, 2, 1), seed=8, image="ant")
    stored = json.loads(realisation.model_dump_json())
    assert [entry["step"] for entry in stored["drawn"]["steps"]] == ["Brighter", "Grain", "Subsample"]
    assert 0.1 <= stored["drawn"]["steps"][0]["drawn"]["by"] <= 0.2
    facts = {key: stored[key] for key in ("degradation", "version", "image", "height", "width", "scale", "realisation")}
    assert facts == {
        "degradation": "toy", "version": "1", "image": "ant", "height": 40, "width": 30, "scale": 2, "realisation": 1,
    }  # fmt: skip
    assert Realisation.model_validate_json(realisation.model_dump_json()) == realisation


def test_an_altered_draw_makes_another_lr_and_the_last_bits_of_a_machine_do_not():
    hr = torch.rand(1, 3, 40, 30, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    realisation = freeze(CHAIN, Size(40, 30, 2), seed=8)
    lr = realise(CHAIN, hr, realisation)
    nudged = realise(CHAIN, hr * (1 + 1e-15), realisation)
    assert torch.equal(lr, nudged)
    other = realisation.model_copy(deep=True)
    other.drawn["steps"][0]["drawn"]["by"] += 0.05
    assert not torch.allclose(realise(CHAIN, hr, other), lr, atol=1e-3)


def test_a_cached_lr_has_its_realisation_beside_it(tmp_path, monkeypatch):
    monkeypatch.setenv("SRBENCH_CACHE", str(tmp_path))
    hr = picture()
    lr, _ = lr_image(hr, CHAIN, 2, seed=4, number=2, image="ant", code_hash="f")
    (path,) = (tmp_path / "lr").rglob("*.json")
    assert path.with_suffix(".png").is_file()
    realisation = Realisation.read(path)
    assert (realisation.image, realisation.seed, realisation.realisation) == ("ant", 4, 2)
    assert np.array_equal(make_lr(hr, CHAIN, realisation), lr)
    lr_image(hr, CHAIN, 2, seed=5, code_hash="f")
    changed = DegradationSpec(name="toy", chain=CHAIN.chain, stochastic=True, extra_hash="another file")
    lr_image(hr, changed, 2, seed=4, number=2, code_hash="f")
    assert len(list((tmp_path / "lr").rglob("*.png"))) == 3


def test_lr_comes_with_what_was_drawn_for_it_from_the_cache_too(tmp_path, monkeypatch):
    monkeypatch.setenv("SRBENCH_CACHE", str(tmp_path))
    hr = picture()
    wanted = draw_realisation(hr, CHAIN, 2, seed=4).drawn
    assert [entry["step"] for entry in wanted["steps"]] == ["Brighter", "Grain", "Subsample"]
    for _ in range(2):
        assert lr_image(hr, CHAIN, 2, seed=4, code_hash="f")[1] == wanted
    assert lr_image_exact(hr, CHAIN, 2, seed=4)[1] == wanted
    (path,) = (tmp_path / "lr").rglob("*.json")
    path.unlink()
    assert lr_image(hr, CHAIN, 2, seed=4, code_hash="f")[1] == wanted
    assert path.is_file()
    nearest = DegradationSpec(name="nearest", apply=lambda hr, s, g: hr[..., ::s, ::s], stochastic=False)
    assert lr_image(hr, nearest, 2)[1] == {}


def test_protocols_without_rounding_see_the_same_draws():
    hr = picture()
    exact, _ = lr_image_exact(hr, CHAIN, 2, seed=4)
    assert np.abs(exact * 255 - lr_image(hr, CHAIN, 2, seed=4)[0]).max() <= 0.5 + 1e-6


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"degradation": "other"}, DataError, "is of 'other', version 1, and not of 'toy'"),
        ({"version": "2"}, DataError, "version 2, and not of"),
        ({"height": 42}, ShapeError, "drawn for an image of 42 x 30 pixels, and this one has 40 x 30"),
        ({"drawn": {"steps": [{"at": 0}]}}, DataError, "do not fit the steps of 'toy'"),
        ({"drawn": None}, DataError, "do not fit the steps of 'toy'"),
    ],
)
def test_a_realisation_of_something_else_is_refused(change, error, text):
    realisation = freeze(CHAIN, Size(40, 30, 2), seed=8).model_copy(update=change)
    with pytest.raises(error, match=text):
        realise(CHAIN, torch.zeros(1, 3, 40, 30, dtype=torch.float64), realisation)


@pytest.mark.parametrize(("text", "why"), [(None, "cannot be read"), ("{}", "degradation: Field required"), ("?", "")])
def test_a_file_that_is_not_a_realisation_is_refused(text, why, tmp_path):
    path = tmp_path / "x.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match=why or "is not a realisation that"):
        Realisation.read(path)

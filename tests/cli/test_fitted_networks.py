"""``srbench run`` of ZSSR and Deep Image Prior, which are fitted to every image while they are measured."""

import json

import pytest


@pytest.mark.parametrize("name", ["zssr", pytest.param("dip", marks=pytest.mark.slow)])
def test_it_is_fitted_to_every_image_in_the_steps_that_the_suite_says(name, run, tiny, tmp_path):
    suite = tiny.suite(f'architectures = ["bicubic", "{name}"]\ndegradations = ["blur_down"]\nfit_steps = 2')
    answer = run(suite=suite)
    assert answer.status == 0, answer.out + answer.err
    paths = (tmp_path / "here" / "results" / "records").glob("*.json")
    records = [json.loads(path.read_text()) for path in paths]
    found = {record["model"]["architecture"]: record for record in records}
    assert found.keys() == {"bicubic", name}
    record = found[name]
    assert (record["inference"], record["drawn"]) == ("whole,fit=2", "fit=2")
    assert record["scores"]["psnr_y"]["value"] > 5
    assert record["image_costs"]["evaluations"] == 2
    assert record["image_costs"]["seconds"]["value"] > 0
    assert "image_costs" not in found["bicubic"]

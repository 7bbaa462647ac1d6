"""A benchmark on images of which nobody has the hr, as a person types it."""

import csv

METRIC = """
    @srbench.hookimpl
    def register_metrics():
        glare = lambda sr, hr: sr.mean(dim=(1, 2, 3))
        return [
            srbench.MetricSpec(
                name="glare", label="Glare", load=lambda _: glare, needs_hr=False, higher_is_better=False, shaved=False
            )
        ]
"""


def test_real_images_are_ranked_by_the_metric_that_needs_no_hr(srbench, run, plugin, tiny, tmp_path, monkeypatch):
    for number in range(2):
        tiny.picture(tmp_path / "here" / "street" / f"{number}.png", number)
    monkeypatch.setenv("SRBENCH_DATASETS", "sets.toml")
    assert srbench("data", "add", "street", "street", "--unpaired", "--manifest", "sets.toml").status == 0
    suite = tiny.suite(
        'architectures = ["bicubic", "bicubic_u8"]\ndatasets = ["street"]\ndegradations = ["real"]\n'
        'metrics = ["psnr_y", "glare"]'
    )
    answer = run(suite=suite, plugins=[plugin(METRIC)])
    assert (answer.status, answer.err) == (0, "")
    with (tmp_path / "here" / "results" / "leaderboard.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["architecture"] for row in rows} == {"bicubic", "bicubic_u8"}
    scores = [float(row["glare"]) for row in rows]
    assert 0 < scores[0] <= scores[1] < 1
    assert {row["psnr_y_db"] for row in rows} == {""}
    assert all("psnr_y_db: needs ground truth (hr), which this dataset does not have" in row["reasons"] for row in rows)
    (head,) = [line for line in answer.out.splitlines() if "method" in line]
    assert head.index("Glare") < head.index("gain") < head.index("PSNR-Y")

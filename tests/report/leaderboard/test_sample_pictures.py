"""The picture of samples side by side with their deviation, and samples in the plot of perception and distortion."""

import numpy as np
import pytest
from PIL import Image

from helpers.records import draw, make_record, with_images, write_records
from srbench.measuring.uncertainty import mean_interval
from srbench.report.build import build_report
from srbench.report.distillation.gains import make_gain_tables
from srbench.report.leaderboard.perception import panels_of
from srbench.report.leaderboard.plots import _training
from srbench.report.leaderboard.samples import deviation, sample_pictures
from srbench.report.leaderboard.sections import make_sections

NOISE = 20


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """A results folder in which one method of two kept the samples of two images: sr with noise in their left half."""
    monkeypatch.setattr("srbench.report.writing.plot_pictures", lambda *_: [])
    monkeypatch.setattr("srbench.report.writing.crop_pictures", lambda *_: ([], []))
    plain, espcn = make_record("bicubic"), draw(make_record("espcn"), 3)
    records = with_images(tmp_path, [plain, espcn], side=48, kept=2)
    folder, own, images = tmp_path / "records", np.random.default_rng(0), []
    for image in records[1].images[:2]:
        names = []
        for number in range(3):
            pixels = np.asarray(Image.open(folder / image.sr_file)).astype(int)
            pixels[:, :24] += own.integers(-NOISE, NOISE + 1, pixels[:, :24].shape)
            names.append(f"images/{image.name}_sr{number}.png")
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / names[-1])
        images.append(image.model_copy(update={"sample_files": tuple(names)}))
    records[1] = records[1].model_copy(update={"images": (*images, *records[1].images[2:])})
    write_records(tmp_path, records)
    return tmp_path, records


def test_the_report_has_a_picture_of_the_samples(drawn):
    folder, _ = drawn
    files = build_report(folder)
    assert "samples_x2_bicubic.png" in [file.name for file in files.figures]
    assert "![Samples side by side, x2](samples_x2_bicubic.png)" in files.markdown.read_text(encoding="utf-8")
    assert files.warnings == ()
    with Image.open(folder / "samples_x2_bicubic.png") as picture:
        assert picture.width > picture.height > 400  # two rows of six tiles
        assert len(picture.convert("RGB").getcolors(1 << 24)) > 1000


def test_a_lost_sample_is_named_and_a_picture_that_is_there_stays(drawn):
    folder, records = drawn
    build_report(folder)
    before = (folder / "samples_x2_bicubic.png").read_bytes()
    (folder / "records" / records[1].images[0].sample_files[1]).unlink()
    build_report(folder, force=True)
    assert (folder / "samples_x2_bicubic.png").read_bytes() == before
    (folder / "samples_x2_bicubic.png").unlink()
    pictures, warnings = sample_pictures(folder, folder / "records", make_sections(records))
    assert len(pictures) == 1
    assert len(warnings) == 1
    assert records[1].images[0].name in warnings[0]


def test_without_samples_there_is_no_picture(tmp_path):
    records = with_images(tmp_path, [make_record("bicubic"), make_record("espcn")], side=48, kept=1)
    assert sample_pictures(tmp_path, tmp_path / "records", make_sections(records)) == ([], [])


def test_the_deviation_is_that_of_the_values_of_each_pixel():
    samples = np.random.default_rng(1).integers(0, 256, (5, 6, 7, 3), dtype=np.uint8)
    found = deviation(list(samples))
    assert found.shape == (6, 7)
    assert found[2, 3] ** 2 == pytest.approx(
        np.mean([np.var(samples[:, 2, 3, colour] / 255, ddof=1) for colour in range(3)])
    )
    assert not deviation([samples[0], samples[0]]).any()


def test_a_place_has_the_scores_of_its_samples_and_their_interval():
    sampled = draw(make_record("edsr_quick"), 4)
    records = [make_record("bicubic"), make_record("espcn"), make_record("fsrcnn"), sampled]
    ((table,),) = ([table for section in make_sections(records) for table in section.tables],)
    ((_, _, places),) = panels_of(table)
    known = {place.line.first.model.architecture: place for place in places}
    own = known["edsr_quick"]
    pairs = list(zip(sampled.scores["psnr_y"].samples, sampled.scores["lpips"].samples, strict=True))
    assert np.array(own.samples) == pytest.approx(np.array(pairs))
    across, along = own.over_samples
    assert across == pytest.approx(mean_interval(sampled.scores["psnr_y"].samples))
    assert along == pytest.approx(mean_interval(sampled.scores["lpips"].samples))
    assert across[0] < own.distortion < across[1]
    assert known["espcn"].samples == ()
    assert known["espcn"].over_samples == (None, None)


def test_two_samplers_of_one_training_are_not_two_ways_of_training():
    records = [draw(make_record("espcn"), 3), draw(make_record("espcn"), 3, sampler="ddim-4"), make_record("bicubic")]
    assert make_gain_tables(make_sections(records)) == []


def test_markers_of_plots_tell_samplers_apart():
    records = [draw(make_record("espcn"), 3), draw(make_record("espcn"), 3, sampler="ddim-4"), make_record("fsrcnn")]
    ((table,),) = ([table for section in make_sections(records) for table in section.tables],)
    assert {_training(line) for line in table.lines} == {"ddim-20", "ddim-4", "no teacher"}

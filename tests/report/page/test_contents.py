"""The JSON object of the page: what the other pages say, without a browser."""

import json
import re
import shlex

import pytest
from typer.testing import CliRunner

from helpers import ROOT
from helpers.records import fail, make_record, quick_records, with_images, write_records
from srbench.planning.overrides import RunOptions
from srbench.report.build import build_report
from srbench.report.degradations.matrix import make_matrices
from srbench.report.distillation.gains import make_gain_tables
from srbench.report.leaderboard.sections import make_sections
from srbench.report.page.contents import page_contents
from srbench.report.page.images import make_scenes
from srbench.report.page.provenance import command
from srbench.report.page.render import render_html, render_page
from srbench.report.page.scores import MOST_SCORES, packed_headings, quantiles
from srbench.report.reading import Records, read_records

OPTIONS = ("only", "datasets", "degradations", "seeds")


def contents_of(records, tmp_path):
    sections = make_sections(records)
    read = Records(folder=tmp_path, records=tuple(records), damaged=())
    return page_contents(read, sections, make_gain_tables(sections), make_matrices(sections))


@pytest.fixture
def contents(tmp_path):
    return contents_of(quick_records(), tmp_path)


def row_of(contents, title, table=0):
    (row,) = (row for row in contents["rows"] if row["title"] == title and row["table"] == table)
    return row


def test_there_is_a_row_for_every_line_of_the_leaderboard_with_an_id_of_its_own(contents):
    lines = [line for section in make_sections(quick_records()) for table in section.tables for line in table.lines]
    assert [row["title"] for row in contents["rows"]] == [line.title for line in lines]
    assert len({row["id"] for row in contents["rows"]}) == len(lines)


def test_the_id_of_a_row_stays_when_other_records_come_and_go(contents, tmp_path):
    fewer = contents_of([r for r in quick_records() if r.scale == 4], tmp_path)
    assert {row["id"] for row in fewer["rows"]} < {row["id"] for row in contents["rows"]}


def test_a_number_that_is_missing_is_its_reason(contents):
    fsrcnn = row_of(contents, "FSRCNN")
    assert fsrcnn["scores"]["lpips"] == "the AlexNet trunk is not here; `srbench fetch lpips` brings it"
    bicubic = row_of(contents, "Bicubic")
    assert bicubic["costs"]["macs_720p_g"] == "bicubic interpolation has no operators that MACs count"
    assert bicubic["costs"]["latency_ms_p50"] == [1.3, "1.30"]
    (failed,) = (row for row in contents["rows"] if row["failed"])
    assert failed["failed"].startswith("The loss became NaN")
    assert failed["scores"]["psnr_y"] == failed["failed"]


def test_several_seeds_have_a_spread_and_packed_scores_for_each(contents):
    row = row_of(contents, "EDSR (small)")
    mean, spread = row["scores"]["psnr_y"]
    assert (round(mean, 2), round(spread, 2)) == (33.47, 0.05)
    seeds, values, binary = row["images"]["psnr_y"]
    assert (list(seeds), len(set(values)), binary) == ([0, 1, 2], 3, False)
    assert [record[0] for record in row["records"]] == [0, 1, 2]


def test_what_the_authors_report_comes_with_its_source(contents):
    assert row_of(contents, "ESPCN")["reported"] == {"psnr_y": [33.0, "paper, table 2"]}


def test_two_protocol_ids_of_one_metric_are_two_columns(tmp_path):
    one, other = make_record("espcn"), make_record("fsrcnn")
    lpips = other.scores["lpips"].model_copy(update={"protocol": "lpips@other"})
    other = other.model_copy(update={"scores": other.scores | {"lpips": lpips}})
    contents = contents_of([one, other], tmp_path)
    assert {key for key in contents["tables"][0]["ids"] if key.startswith("lpips")} == {"lpips", "lpips#2"}
    assert row_of(contents, "FSRCNN")["scores"]["lpips"] == "not measured under this protocol"


def test_environments_are_listed_once(contents):
    assert len(contents["environments"]) == 1
    assert {record[4] for row in contents["rows"] for record in row["records"]} == {0}


def test_a_page_with_too_many_scores_keeps_those_of_the_metric_that_ranks():
    images = tuple(f"image {number}" for number in range(500))
    sections = make_sections([make_record("espcn", images=images)])
    (table,) = (table for section in sections for table in section.tables)
    line = table.lines[0]
    assert packed_headings(sections) == {id(table): tuple(table.headings)}
    line.records = line.records * (MOST_SCORES // (500 * 5) + 1)
    assert packed_headings(sections) == {id(table): (table.headline,)}


def test_quantiles_are_those_of_the_tables_of_students_t():
    found = quantiles([make_record(images=tuple(map(str, range(30))))])
    assert [round(found[df - 1], 3) for df in (1, 2, 4, 9, 29)] == [12.706, 4.303, 2.776, 2.262, 2.045]


def test_gains_name_the_rows_of_the_leaderboard(contents):
    (group,) = (group for group in contents["gains"] if "×2 · bicubic" in group["title"])
    titles = {row["id"]: row["title"] for row in contents["rows"]}
    for line in group["tables"][0]["lines"]:
        assert line["title"] == "none" or line["title"] in titles[line["row"]]
    control = next(line for line in group["tables"][0]["lines"] if line["control"])
    assert control["gains"]["none"] == [None, None]


@pytest.mark.parametrize("record", quick_records()[:4], ids=lambda r: r.model.architecture)
def test_the_command_is_one_that_can_be_typed(record):
    from srbench.cli.app import app

    words = shlex.split(command([record]))
    done = CliRunner().invoke(app, [*words[1:], "--help"])
    assert (words[0], done.exit_code) == ("srbench", 0)
    assert ("--seed" in words) == (record.model.seed is not None)


@pytest.mark.parametrize("folder", ["results", "results/distillation-quick", "results/recognition-quick"])
def test_the_command_of_every_committed_row_plans_its_cells(catalog, folder):
    import typer.main

    from srbench.cli.app import app
    from srbench.planning.plan import make_plan
    from srbench.planning.suite import load_suite

    run = typer.main.get_command(app).get_command(None, "run")
    for section in make_sections(read_records(ROOT / folder).records):
        for line in (line for table in section.tables for line in table.lines):
            _, _, suite, *words = shlex.split(command(line.records))
            typed = run.make_context("run", words).params
            options = RunOptions(**{name: tuple(typed[name] or ()) for name in OPTIONS})
            plan = make_plan(options.applied_to(load_suite(suite)), catalog, options)
            assert {record.row_id for record in line.records} <= {cell.row_id for cell in plan.cells}


def test_the_command_repeats_how_images_were_processed():
    record = make_record("espcn", inference="tile=128+16,x8,bf16,first=3")
    assert command([record]).endswith("--tile 128 --self-ensemble --precision bf16 --limit 3")
    weights = record.model.model_copy(update={"source": "file", "checkpoint": "my weights.pth"})
    words = shlex.split(command([record.model_copy(update={"model": weights})]))
    assert words[3:7] == ["--architecture", "espcn", "--weights", "my weights.pth"]


def test_names_from_records_are_text_in_the_page(tmp_path):
    evil = "</script><script>alert(1)</script><!--"
    record = make_record("espcn")
    record = record.model_copy(update={"model": record.model.model_copy(update={"label": evil}), "suite": evil})
    html, _ = render_html(Records(folder=tmp_path, records=(record,), damaged=(evil,)), make_sections([record]))
    assert "alert(1)" in html
    assert "<script>alert" not in html
    assert html.count("</script>") == 2  # of the data and of the page's own script
    start = html.index(">", html.index('id="data"')) + 1
    assert json.loads(html[start : html.index("</script>", start)])["rows"][0]["title"] == evil


def test_the_page_asks_for_nothing_from_anywhere(tmp_path):
    records = Records(folder=tmp_path, records=tuple(quick_records()), damaged=())
    html, _ = render_html(records, make_sections(records.records))
    assert "default-src &#39;none&#39;" in html
    assert set(re.findall(r"\w+://[^\"'\s]*", html)) == {"http://www.w3.org/2000/svg"}  # a name, which nothing opens


def test_equal_records_give_an_equal_page(contents):
    assert render_page(contents, quick_records()) == render_page(contents, quick_records()[::-1])


def test_windows_show_the_same_place_of_every_method_without_loss(tmp_path):
    import base64
    import io

    import numpy as np
    from PIL import Image

    records = with_images(tmp_path, quick_records()[:3], 160, kept=1)
    scenes, faults = make_scenes(tmp_path / "records", make_sections(records))
    assert faults == []
    scene = scenes[0]
    left, top, width, height = scene.box
    assert (width, height) == (128, 128)
    hr_file = next(i.hr_file for r in records for i in r.images if i.name == scene.image)
    with Image.open(tmp_path / "records" / hr_file) as whole:
        expected = np.asarray(whole.convert("RGB"))[top : top + height, left : left + width]
    with Image.open(io.BytesIO(base64.b64decode(scene.uris[0].partition(",")[2]))) as window:
        assert np.array_equal(np.asarray(window.convert("RGB")), expected)


def test_pictures_have_a_budget_and_a_missing_or_damaged_file_is_not_fatal(tmp_path, monkeypatch):
    records = with_images(tmp_path, quick_records()[:3], 160, kept=2)
    sections = make_sections(records)
    monkeypatch.setattr("srbench.report.page.images.MOST_BYTES", 150_000)
    scenes, faults = make_scenes(tmp_path / "records", sections)
    assert len(scenes) == 1
    assert faults == ["leaderboard.html shows 1 of 2 images, to stay small."]
    files = [tmp_path / "records" / str(i.sr_file) for i in records[1].images[:2]]
    files[0].write_bytes(b"not an image")
    files[1].unlink()
    scenes, faults = make_scenes(tmp_path / "records", sections)
    assert faults[0].startswith("No pictures of astronaut x2 in leaderboard.html: ")
    assert [(scene.image, [line.title for line, _ in scene.methods]) for scene in scenes] == [
        ("chelsea", ["FSRCNN", "Bicubic"])
    ]


def test_whole_images_are_shown_from_their_folder_if_asked_for(tmp_path, no_figures):
    write_records(tmp_path, with_images(tmp_path, quick_records()[:2], 160, kept=1))
    assert '"files":{}' in build_report(tmp_path).html.read_text()
    html = build_report(tmp_path, images=True).html.read_text()
    assert '"hr":"records/images/astronaut-x2-hr.png"' in html


def test_a_failed_cell_has_no_profile_and_no_pictures(tmp_path):
    contents = contents_of([make_record("espcn"), fail(make_record("fsrcnn"), "no memory")], tmp_path)
    failed = row_of(contents, "FSRCNN")
    assert (failed["rank"], failed["images"], failed["costs"]["parameters"]) == (None, {}, "no memory")

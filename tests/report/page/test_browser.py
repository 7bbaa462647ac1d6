"""The page in a real browser: filters, sorting, gains, plots, pictures, copies, the address."""

import csv
import io
import re

import pytest

from report.page.conftest import EVIL
from srbench.report.formats import signed
from srbench.report.leaderboard.sections import make_sections
from srbench.report.pairing import Scores, paired_gain, scores_by_seed
from srbench.report.reading import read_records


def numbers(cells):
    return [float(found[0]) for cell in cells if (found := re.match(r"\d+\.\d+", cell))]


def test_the_page_starts_at_one_protocol_and_says_so(page):
    assert page.run("return document.getElementById('protocol').value") == "classic-y"
    assert page.texts("#protocol-about")[0].startswith("One of 2 protocols: scores of different protocols never mix.")
    assert len(page.titles) == 17
    page.choose("protocol", "matlab-u8")
    assert page.titles == ["ESPCN", "Bicubic"]
    assert page.address == "protocol=matlab-u8"


@pytest.mark.parametrize(
    ("name", "value", "left"),
    [
        ("scale", "×4", ["EDSR (small)", "ESPCN", "Bicubic", "FSRCNN"]),
        ("degradation", "blur, then ↓", ["EDSR (small)", "ESPCN", EVIL, "Bicubic"]),
        ("trained", "DIV2K", [EVIL]),
        ("ensemble", "with the eight flips and turns", ["ESPCN"]),
        ("tiled", "in tiles", ["ESPCN"]),
        ("certified", "not checked", ["FSRCNN"]),
    ],
)
def test_a_filter_leaves_its_rows(page, name, value, left):
    page.choose(f"filter-{name}", value)
    assert page.titles[: len(left)] == left
    assert len(page.titles) == len(left)
    page.choose(f"filter-{name}", "")
    assert len(page.titles) == 17


def test_the_search_finds_parts_of_names_and_reset_shows_all(page):
    page.type("#search", "edsr log")
    assert page.titles == ["EDSR (small), logits from EDSR (wide)"]
    page.click("#reset")
    assert len(page.titles) == 17
    assert page.address == ""


def test_a_click_on_a_head_sorts_within_tests_or_in_one_list(page):
    page.choose("filter-scale", "×2")
    page.click("[data-sort=latency_ms_p50]")
    assert page.titles[:3] == ["ESPCN", "Bicubic", "ESPCN"]  # a test with one row comes first
    page.click("#layout")
    assert numbers(page.column("latency_ms_p50")) == sorted(numbers(page.column("latency_ms_p50")))
    page.click("[data-sort=psnr_y]")
    best_first = numbers(page.column("psnr_y"))
    assert best_first == sorted(best_first, reverse=True)
    page.click("[data-sort=psnr_y]")
    assert numbers(page.column("psnr_y")) == best_first[::-1]
    assert page.run("return document.querySelector('[data-sort=psnr_y]').closest('th').ariaSort") == "ascending"
    page.click("[data-sort=psnr_y]")
    assert page.run("return document.querySelector('[data-sort=psnr_y]').closest('th').ariaSort") == "none"


def test_groups_of_columns_can_be_hidden(page):
    heads = page.texts("#table thead button")
    assert not any("interval" in head for head in heads)
    page.click("#group-interval")
    page.click("#group-costs")
    heads = page.texts("#table thead button")
    assert any("interval" in head for head in heads)
    assert not any("Latency" in head for head in heads)
    assert page.address == "hidden=costs"


def test_best_and_second_are_marked_and_reasons_are_text(page):
    page.choose("filter-scale", "×4")
    assert page.texts("#table td b")[0] == "28.20"
    assert page.texts("#table td u")[0] == page.column("psnr_y")[1]
    notes = page.texts("#notes li")
    assert "bicubic interpolation has no operators that MACs count" in notes
    assert "FSRCNN: The loss became NaN at step 312; lower learning_rate." in notes
    assert page.run("return document.querySelector('td.empty').title") in notes


def test_costs_that_no_row_has_are_a_sentence(page):
    page.choose("filter-certified", "not checked")
    assert not any("Params" in head for head in page.texts("#table thead button"))
    assert page.texts("#missing")[0].startswith("No row here has Params [K], MACs [G], Latency p50 [ms]")
    assert page.texts("#missing")[0].endswith(": no memory.")


def test_gains_over_any_row_are_those_of_srbench(page, folder):
    """The paired gain and its interval, over images, and over seeds and images, against the Python of the report."""
    tables = [table for section in make_sections(read_records(folder).records) for table in section.tables]
    table = next(table for table in tables if any(line.title == "EDSR (wide)" for line in table.lines))
    for name, value in (("scale", "×2"), ("degradation", "bicubic ↓"), ("tiled", "whole images")):
        page.choose(f"filter-{name}", value)
    for base_title in ("Bicubic", "EDSR (small)"):
        base = next(line for line in table.lines if line.title == base_title)
        method = page.run("return [...over.options].find((o) => o.text === arguments[0]).value", base_title)
        page.choose("over", method)
        shown = dict(zip(page.titles, page.column("gain"), strict=True))
        for line in table.lines:
            if line is base:
                continue
            own, other = (scores_by_seed(one.records, table.headline) for one in (line, base))
            if base.reference:  # not trained: the same for every seed
                other = Scores(dict.fromkeys(own, other[0]), binary=other.binary)
            if line.reference:
                own = Scores(dict.fromkeys(other, own[0]), binary=own.binary)
            gain = paired_gain(own, other, table.headline)
            mean, low, high = (signed(value, 3) for value in (gain.mean, gain.low, gain.high))
            mark = {"better": "", "worse": "▼ ", "tie": "≈ "}[gain.verdict]
            assert shown[line.title] == f"{mark}{mean} [{low}, {high}]", line.title


def test_a_row_opens_into_its_origin_and_its_command(page):
    page.click("#table tbody tr:nth-child(5) .title")
    details = page.texts(".details")[0]
    assert (
        "srbench run quick --only edsr_quick --dataset photographs --scale 2 --degradation bicubic --seed 0" in details
    )
    assert "commit 0123abc" in details
    assert "psnr_y@classic-y" in details
    assert len(page.texts(".records li")) == 3
    assert len(page.texts(".per-image tbody tr")) == 4
    opened = page.address
    page.open(f"#{opened}")
    assert len(page.texts(".details")) == 1


def test_a_point_of_a_plot_opens_its_row(page):
    page.run("document.getElementById('plots-section').scrollIntoView({behavior: 'instant'})")
    page.chrome.implicitly_wait(5)
    points = page.chrome.find_elements("css selector", "#plots .point")
    assert points
    assert page.texts("#plots figcaption")[0] == "Photographs ×2 · bicubic ↓"
    label = points[0].get_attribute("aria-label")
    page.run("arguments[0].focus()", points[0])
    points[0].send_keys("\ue007")  # Enter
    assert page.texts("tr.open .title") == [label.partition(":")[0]]
    page.choose("cost", "latency_ms_p50")
    assert "Latency p50 [ms]" in page.texts("#plots .axis-title")


def test_gains_of_distillers_have_intervals_and_lead_to_rows(page):
    lines = page.texts("#gains tbody tr")
    assert lines[0].startswith("logits1")
    assert "control" in page.texts("#gains tbody")[0]
    assert page.run("return document.querySelectorAll('#gains .whisker').length") == 2
    page.click("#gains tbody button")
    assert page.texts("tr.open .title") == ["EDSR (small), logits from EDSR (wide)"]


def test_the_slider_compares_two_methods_by_keyboard(page):
    page.run("document.getElementById('cut').focus()")
    cut = page.run("return document.querySelector('.pane').style.getPropertyValue('--cut')")
    page.type("#cut", *["\ue014"] * 4)  # arrow right
    moved = page.run("return document.querySelector('.pane').style.getPropertyValue('--cut')")
    assert (float(cut), float(moved)) == (0.5, 0.52)
    left = page.run("return [...document.getElementById('left').options].map((o) => o.text)")
    assert left[:3] == ["LR", "HR", "EDSR (wide)"]
    page.choose("right", "hr")
    assert "HR" in page.texts(".captions")[0]
    assert "right=hr" in page.address
    assert page.run("return document.querySelector('.layer img').naturalWidth") == 128
    page.click("#whole")
    whole = "const image = document.querySelector('.layer img'); return image.decode().then(() => image.naturalWidth)"
    assert page.run(whole) == 240


def test_the_grid_moves_and_zooms_together_with_hard_pixels(page):
    page.click("[data-view=grid]")
    assert page.run("return document.querySelectorAll('#pictures .pane').length") == 8
    page.type("#pictures .pane", "+", "+", "\ue014", "\ue015")
    layers = "return [...document.querySelectorAll('.layer')].map((l) => l.style.transform + l.style.width)"
    assert len(set(page.run(layers))) == 1
    assert "zoom=400" in page.address
    assert page.run("return document.querySelector('.layer').style.width") == "512px"
    assert page.run("return getComputedStyle(document.querySelector('.layer img')).imageRendering") == "pixelated"
    assert "PSNR-Y" in page.texts("#pictures figcaption")[2]


def test_the_signed_error_of_hr_is_white(page):
    from PIL import Image

    page.open("#view=grid&shown=hr&error=yes&zoom=100")
    pane = page.chrome.find_element("css selector", "#pictures .pane")
    page.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", pane)
    page.run("return Promise.all([...document.querySelectorAll('.layer img')].map((i) => i.decode()))")
    with Image.open(io.BytesIO(pane.screenshot_as_png)) as shot:
        middle = shot.convert("RGB").crop((80, 80, 176, 176))
    assert min(low for low, _ in middle.getextrema()) >= 245


@pytest.mark.parametrize("kind", ["latex", "markdown", "csv"])
def test_the_table_is_copied_in_three_forms(page, kind):
    page.choose("filter-scale", "×4")
    page.click("#copy")
    page.click(f"input[value={kind}]")
    if kind != "csv":
        page.click("#with-intervals")
    text = page.run("return document.getElementById('copy-text').value")
    if kind == "latex":
        assert text.startswith("% needs \\usepackage{booktabs}\n\\begin{tabular}{rlrr")
        assert "\\textbf{28.20}" in text
        assert "\\underline{" in text
        assert re.search(r"\+\d\.\d+ \[\+", text)
        assert not set("×↑−—·") & set(text)
    elif kind == "markdown":
        assert "**28.20**" in text
        assert text.count("|---:") + text.count("---: |") > 3
    else:
        rows = list(csv.DictReader(io.StringIO(text)))
        assert [row["title"] for row in rows] == page.titles
        assert float(rows[0]["psnr_y"]) == pytest.approx(28.2)
        assert rows[0]["protocol"].startswith("psnr_y@classic-y")


def test_the_address_restores_what_was_seen(page):
    page.choose("filter-scale", "×2")
    page.click("#layout")
    page.click("[data-sort=ssim_y]")
    page.type("#search", "edsr")
    seen, address = page.titles, page.address
    page.open(f"#{address}")
    assert page.titles == seen
    assert page.run("return document.getElementById('search').value") == "edsr"
    page.open("#protocol=nonsense&open=nothing&unknown=1&sort=none")
    assert len(page.titles) == 17


def test_a_name_that_is_a_script_is_text(page):
    assert EVIL in page.titles
    assert page.run("return document.querySelectorAll('script').length") == 2
    page.choose("filter-trained", "DIV2K")
    page.click("#table tbody .title")
    page.click("#copy")
    assert EVIL.replace("<", "\\textless{}").replace(">", "\\textgreater{}") in page.run(
        "return document.getElementById('copy-text').value"
    )


def test_everything_that_acts_has_a_name_and_light_turns_dark(page):
    nameless = page.run("""
      return [...document.querySelectorAll("button, select, input, textarea, a[href], [tabindex='0']")].filter((e) =>
        !e.closest("[hidden]") && !e.textContent.trim() && !e.ariaLabel && !(e.labels && e.labels.length) &&
        !e.getAttribute("aria-labelledby")).map((e) => e.outerHTML)""")
    assert nameless == []
    before = page.run("return getComputedStyle(document.documentElement).backgroundColor")
    page.click("#theme")
    assert page.run("return getComputedStyle(document.documentElement).backgroundColor") != before


def test_a_phone_shows_the_page_without_scrolling_sideways(page):
    page.chrome.set_window_size(500, 900)  # the narrowest that a window can be
    page.open("#view=grid")
    try:
        assert page.run("return document.documentElement.scrollWidth <= window.innerWidth")
    finally:
        page.chrome.set_window_size(1400, 1000)

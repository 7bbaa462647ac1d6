"""Text from anywhere is shown in every output, and acts in none."""

import csv
import html
import io
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.text import Text

from srbench.escaping import csv_text, markdown, markdown_code, markdown_sentence, one_line, visible
from srbench.plain import PlainConsole
from srbench.report.comparing.comparison import Change, Comparison
from srbench.report.comparing.verdicts import render_junit, render_markdown
from srbench.report.formats import cell_text

ODD = "ab1_ *`[]()<>|~$#&;:!\\-+=.\"'@/\n\t\r\x0b\x1b\x9b\u2028\u202e\xa0\ud800"
TEXTS = st.text(st.one_of(st.sampled_from(ODD), st.characters()), max_size=25)
NAMES = [
    "[red]fox",
    "<script>alert(1)</script>",
    "a|b",
    "a\nb",
    "\x1b[31mred",
    "=cmd()",
    "1. x",
    "---",
    "&lt;",
    "@SUM(1)",
    "@name",
    "by @org/team.",
    "see #12",
]
NO_WIDTH = "\u200b"
MENTION = r"(?<!\w)@\w|#\d"
"""What GitHub and GitLab link in text that is rendered, so after every escape."""
GITHUB = MarkdownIt("gfm-like", {"linkify": False})
PLACES = {
    "a paragraph": ("{}", r"\A<p>(.*)</p>\n\Z"),
    "a heading": ("## x {} y", r"\A<h2>x (.*) y</h2>\n\Z"),
    "a list": ("- x {}", r"\A<ul>\n<li>x (.*)</li>\n</ul>\n\Z"),
    "the start of a list": ("- {}", r"\A<ul>\n<li>(.*)</li>\n</ul>\n\Z"),
    "a table": ("| h |\n| --- |\n| {} |", r"<td>(.*)</td>"),
}


def shown(template, pattern, escaped):
    """Return the HTML of escaped text at a place."""
    found = re.search(pattern, GITHUB.render(template.format(escaped)), re.DOTALL)
    assert found, GITHUB.render(template.format(escaped))
    assert not re.search(MENTION, html.unescape(re.sub("<code>.*?</code>", "", found[1])))
    return found[1].replace(NO_WIDTH, "")


@given(TEXTS)
def test_one_line_can_be_printed_and_keeps_what_can(text):
    line = one_line(text)
    assert line.isprintable()
    assert one_line(line) == line
    assert text.isprintable() <= (line == text)
    assert visible(text).replace("\n", "").isprintable()


def test_control_characters_are_spelled_out_and_line_breaks_become_spaces():
    assert one_line("a\r\n  b\x1b[31m\u202ec\t\xa0d\ud800") == "a b\\x1b[31m\\u202ec  d\\ud800"


@pytest.mark.parametrize("place", PLACES)
@given(TEXTS)
@example("[red]fox")
@example("<script>")
@example("@name#1")
def test_markdown_shows_names_as_they_are(place, text):
    wanted = one_line(text).strip()
    if wanted:
        inner = shown(*PLACES[place], markdown(text))
        assert "<" not in inner
        assert html.unescape(inner).strip() == wanted


@pytest.mark.parametrize("place", list(PLACES)[:4])
@given(TEXTS)
@example("@name `@name` #1")
def test_a_sentence_keeps_its_code_and_nothing_else_acts(place, text):
    wanted = one_line(text).strip()
    if wanted:
        inner = re.sub("</?code>", "`", shown(*PLACES[place], markdown_sentence(text)))
        assert "<" not in inner
        assert html.unescape(inner).translate({32: "", 96: ""}) == wanted.translate({32: "", 96: ""})


def test_a_sentence_shows_commands_as_code():
    assert markdown_sentence("no *trunk*; `srbench fetch lpips` brings it") == (
        "no \\*trunk\\*; `srbench fetch lpips` brings it"
    )
    assert markdown("edsr_small, dasr*, from *x*") == "edsr_small, dasr*, from \\*x*"


@given(TEXTS.filter(lambda text: one_line(text).strip()))
def test_code_is_code_whatever_is_in_it(text):
    assert re.fullmatch(r"<p>x <code>[^<]*</code></p>\n", GITHUB.render(f"x {markdown_code(text)}"))


@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_cells_of_a_csv_file_are_no_formulas_and_rows_are_lines(texts):
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerow(map(cell_text, texts))
    (read,) = csv.reader(io.StringIO(file.getvalue())) if file.getvalue().strip() else ([""],)
    assert all(not cell.lstrip().startswith(("=", "+", "-", "@")) for cell in read)
    assert file.getvalue().count("\n") == 1


def test_only_what_begins_a_formula_gets_an_apostrophe():
    assert [csv_text(name) for name in ("=cmd()", "-dash", " @x", "a=b", "x2")] == [
        "'=cmd()",
        "'-dash",
        "' @x",
        "a=b",
        "x2",
    ]
    assert [cell_text(value) for value in (-1.5, -2, None)] == ["-1.5", "-2", ""]


@given(TEXTS, TEXTS)
def test_a_test_report_is_valid_xml(row, detail):
    identity = (row, *[""] * 12)
    change = Change(identity=identity, column="", base=None, head=None, verdict="failed", detail=detail)
    suite = ET.fromstring(render_junit(Comparison(rules=(), rows=1, changes=(change,)))).find("testsuite")
    assert suite.find("testcase/failure").get("message") == one_line(detail)


@pytest.mark.parametrize("name", NAMES)
def test_a_pull_request_comment_shows_names_as_they_are(name):
    change = Change(identity=(name, *[""] * 12), column="", base=None, head=None, verdict="failed", detail=name)
    cells = re.findall(
        r"<td[^>]*>(.*?)</td>", GITHUB.render(render_markdown(Comparison(rules=(), rows=1, changes=(change,))))
    )
    row, detail = (html.unescape(cell) for cell in (cells[1], cells[-1]))
    assert not re.search(MENTION, row + detail)
    assert row.replace(NO_WIDTH, "").startswith(one_line(name))
    assert detail.replace(NO_WIDTH, "") == one_line(name)


def test_nobody_is_mentioned_and_addresses_and_protocol_ids_stay():
    assert markdown("by @name, a@b.org, psnr_y@classic-y") == "by @&#8203;name, a@b.org, psnr_y@classic-y"
    assert markdown("org/repo#1, a #b, @") == "org/repo\\#&#8203;1, a \\#b, @"


@given(TEXTS)
@example("[red]fox")
@example(":smile: [/x]")
def test_a_terminal_shows_one_line_and_no_markup(text):
    file = io.StringIO()
    PlainConsole(file=file, force_terminal=True, color_system=None, width=20).print(text)
    assert file.getvalue() == one_line(text) + "\n"


@pytest.mark.parametrize("name", NAMES)
def test_cells_and_styled_text_do_not_act_in_a_terminal(name):
    from rich.table import Table

    file = io.StringIO()
    console = PlainConsole(file=file, force_terminal=True, color_system=None, width=80)
    table = Table(title=name)
    table.add_column(name)
    table.add_row(name)
    console.print(table, Text(one_line(name), "red"))
    assert file.getvalue().count(one_line(name)) == 4
    assert "\x1b" not in file.getvalue()

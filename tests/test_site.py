"""The documentation site: its pages are written from documents and specs, and its links are checked."""

import shutil

import pytest
import yaml

from docs.site import catalogue, copying, leaderboards, links, reference, survey
from helpers import ROOT
from srbench.catalog.kinds import KINDS


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The catalogue's pages."""
    folder = tmp_path_factory.mktemp("catalogue")
    catalogue.write_catalogue(folder)
    return folder


def navigation(items):
    """Every page that a navigation names."""
    for item in items:
        if isinstance(item, str):
            yield item
        else:
            for value in item.values():
                yield from navigation([value] if isinstance(value, str) else value)


def test_the_navigation_names_every_document_and_every_kind():
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    named = set(navigation(config["nav"]))
    documents = {str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")}
    kinds = {f"catalogue/{kind.plural}/index.md" for kind in KINDS.values()}
    rooms = {f"reference/{room.removeprefix('srbench.')}.md" for room in reference.ROOMS}
    assert documents | kinds | rooms <= named
    assert config["theme"]["font"] is False


def test_every_plugin_has_a_page_that_the_table_of_its_kind_links_to(pages, catalog):
    for kind in KINDS.values():
        index = (pages / kind.plural / "index.md").read_text(encoding="utf-8")
        written = {path.stem for path in (pages / kind.plural).glob("*.md")} - {"index"}
        assert written
        assert written <= set(catalog.shelf(kind.name))
        assert all(f"[`{name}`]({name}.md)" in index for name in written)


def test_a_page_has_paper_licence_recipe_and_reported_scores(pages):
    page = (pages / "architectures" / "edsr_baseline.md").read_text(encoding="utf-8")
    assert page.startswith("# EDSR-baseline\n")
    for text in (
        "**Paper:** [Enhanced Deep Residual Networks",
        "| `license` | MIT |",
        "| `steps` | 300000 |",
        "| set5 | x2 | psnr_y | 37.99 | bicubic |",
        "plugins/architectures/edsr.py",
    ):
        assert text in page


def test_the_page_of_a_step_has_its_parameters_with_units(pages):
    page = (pages / "steps" / "gaussian_noise.md").read_text(encoding="utf-8")
    assert "| `level` | `(0.0, 25.0)` | 8-bit levels, standard deviation |" in page


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository of two documents, with its site's pages beside them."""
    monkeypatch.setattr(copying, "ROOT", tmp_path)
    monkeypatch.setattr(copying, "PAGES", tmp_path / "build")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "README.md").write_text("[up](../README.md#first)")
    (tmp_path / "table.toml").write_text("a = 1")
    return tmp_path


def test_a_link_to_a_folder_leads_to_its_readme_and_one_to_a_file_to_its_copy(repository):
    (repository / "README.md").write_text("[docs](docs/) [table](table.toml) [out](https://example.org)")
    copying.copy_pages()
    text = (repository / "build" / "README.md").read_text()
    assert text == "[docs](docs/README.md) [table](files/table.toml.txt) [out](https://example.org)"
    assert (repository / "build" / "files" / "table.toml.txt").read_text() == "a = 1"
    assert (repository / "build" / "docs" / "README.md").read_text() == "[up](../README.md#first)"


def test_a_link_to_a_folder_without_a_readme_leads_to_a_list_of_its_documents(repository):
    (repository / "README.md").write_text("[tables](results)")
    (repository / "results" / "quick").mkdir(parents=True)
    (repository / "results" / "quick" / "table.md").touch()
    copying.copy_pages()
    assert (repository / "build" / "README.md").read_text() == "[tables](results/README.md)"
    listed = (repository / "build" / "results" / "README.md").read_text()
    assert listed == "# results\n\n- [quick/table.md](quick/table.md)\n"


def test_a_link_that_leads_nowhere_stops_the_build(repository):
    (repository / "README.md").write_text("[gone](gone.md) [lost](lost/)")
    with pytest.raises(SystemExit, match=r"(?s)README.md: gone.md.*README.md: lost/"):
        copying.copy_pages()


def test_escaped_brackets_are_text(repository):
    (repository / "README.md").write_text(r"call\[sort\](args = 1) [docs](docs/)")
    copying.copy_pages()
    assert (repository / "build" / "README.md").read_text() == r"call\[sort\](args = 1) [docs](docs/README.md)"


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<a href="other.html#here">', None),
        ('<a href="https://example.org/">', None),
        ('<a href="gone.html">', "<a> leads to gone.html, which does not exist"),
        ('<a href="other.html#gone">', "<a> leads to other.html#gone, which has no such anchor"),
        ('<img src="gone.png">', "<img> leads to gone.png, which does not exist"),
        ('<script src="https://example.org/a.js">', "<script> loads https://example.org/a.js"),
        ('<link href="//example.org/a.css">', "<link> loads //example.org/a.css"),
    ],
)
def test_the_checker_finds_dead_links_and_what_is_loaded_from_elsewhere(tmp_path, capsys, body, fault):
    (tmp_path / "index.html").write_text(body)
    (tmp_path / "other.html").write_text('<h1 id="here">')
    assert links.main(tmp_path) == (fault is not None)
    printed = capsys.readouterr().out.splitlines()
    assert printed[:-1] == ([f"index.html: {fault}"] if fault else [])


def test_the_page_of_the_survey_is_as_its_table_says():
    assert survey.PAGE.read_text(encoding="utf-8") == survey.written(), "run python -m docs.site.survey"


def test_the_page_of_the_survey_names_what_is_gone(catalog):
    section = survey.Section(number="1", title="T", architectures=("edsr", "gone", "lost:"), suites=("gone",))
    with pytest.raises(SystemExit, match=r"exist: the architecture gone, the architecture lost:, the suite gone;"):
        survey.page(survey.Survey(section=(section,)), catalog)


def test_a_leaderboard_with_records_becomes_a_page_that_its_tables_link_to(tmp_path):
    tables = tmp_path / "results" / "leaderboard.md"
    tables.parent.mkdir()
    tables.write_text("# Leaderboard\n\nThe tables.\n", encoding="utf-8")
    records = tmp_path / "checkout" / "results"
    records.mkdir(parents=True)
    shutil.copy(ROOT / "results" / "records.jsonl.xz", records)
    leaderboards.write_leaderboards(records, tmp_path)
    assert tables.read_text(encoding="utf-8").startswith("# Leaderboard\n\n[Filter, compare and plot")
    assert "EDSR-small" in (tmp_path / "results" / "browse.html").read_text(encoding="utf-8")

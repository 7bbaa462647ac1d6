"""An install from a wheel and an editable one work in an environment and a folder without anything else of srbench."""

import csv
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from helpers import ROOT

pytestmark = pytest.mark.slow

SAMPLE = ROOT / "tests" / "fixtures" / "srbench-sample"
TABLES = [ROOT / "datasets.toml", *(ROOT / "suites").glob("*.toml"), *(ROOT / "recipes").glob("*.toml")]
INGREDIENTS = (
    "pyproject.toml",
    "setup.py",
    "README.md",
    "LICENSE",
    "datasets.toml",
    "suites",
    "recipes",
    "srbench",
    "plugins",
)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A copy of the repository, since building and editable installs leave files beside the source."""
    copy = tmp_path_factory.mktemp("source")
    for name in INGREDIENTS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture(scope="module")
def built(source, tmp_path_factory):
    """A folder with the source archive, and with the wheel that was built from nothing but that archive."""
    folder = tmp_path_factory.mktemp("built")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, source]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built):
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def contents(wheel):
    """Every file of the wheel by its path."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_holds_every_module_of_srbench_and_of_the_bundled_plugins(contents):
    modules = {f"srbench/{p.relative_to(ROOT / 'srbench')}" for p in (ROOT / "srbench").rglob("*.py")}
    modules |= {f"srbench_plugins/{p.relative_to(ROOT / 'plugins')}" for p in (ROOT / "plugins").rglob("*.py")}
    assert modules - contents.keys() == set()


def test_the_wheel_holds_the_tables_and_what_else_the_packages_need(contents):
    data = {f"srbench/shipped/{path.relative_to(ROOT)}": path for path in TABLES}
    data |= {str(path.relative_to(ROOT)): path for path in (ROOT / "srbench").rglob("*.pyi")}
    templates = ROOT / "srbench" / "catalog" / "templates"
    page = ROOT / "srbench" / "report" / "page"
    others = [*templates.glob("*.txt"), ROOT / "srbench" / "py.typed", page / "page.html.jinja", page / "page.css"]
    data |= {str(path.relative_to(ROOT)): path for path in [*others, *page.glob("script/*.js")]}
    assert len(data) > 30
    for name, path in data.items():
        assert contents.get(name) == path.read_bytes(), name  # a file, not a link that leads nowhere


def test_the_wheel_holds_nothing_else(contents):
    tops = {name.partition("/")[0].partition("-")[0] for name in contents}
    assert tops == {"srbench", "srbench_plugins"}
    suffixes = {Path(name).suffix for name in contents if ".dist-info/" not in name}
    assert suffixes == {".py", ".pyi", ".toml", ".txt", ".typed", ".jinja", ".css", ".js"}


def test_the_source_archive_holds_the_tables_once(built):
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        tables = [name.partition("/")[2] for name in archive.getnames() if name.endswith(".toml")]
    assert sorted(tables) == sorted(["pyproject.toml", *(str(path.relative_to(ROOT)) for path in TABLES)])


def test_nothing_in_the_source_is_a_link():
    linked = [path for name in INGREDIENTS for path in (ROOT / name).rglob("*") if path.is_symlink()]
    assert linked == []


def test_the_wheel_brings_the_command_and_the_licence(contents):
    (entry_points,) = [text.decode() for name, text in contents.items() if name.endswith("entry_points.txt")]
    assert "srbench = srbench.cli:main" in entry_points
    assert any(name.endswith("licenses/LICENSE") for name in contents)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Make a fresh environment in which pip installs srbench, and a runner of its commands in an empty folder.

    Other libraries (torch is large) are lent by this environment; lending reads no .pth files, so that its editable
    srbench stays behind.
    """

    def install(*words):
        base = tmp_path_factory.mktemp("fresh")
        venv.create(base / "venv", with_pip=True)
        scripts = base / "venv" / ("Scripts" if os.name == "nt" else "bin")
        python = scripts / "python"
        old = [python, "-m", "pip", "uninstall", "--quiet", "--yes", "setuptools"]  # older than what is lent, if any
        subprocess.run(old, check=True, capture_output=True, timeout=100)
        where = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        own = Path(subprocess.run(where, check=True, capture_output=True, text=True).stdout.strip())
        lent = [folder for folder in sys.path if Path(folder).name == "site-packages"]
        (own / "lent.pth").write_text("\n".join(lent) + "\n")
        folder = base / "empty"
        folder.mkdir()
        environ = {
            name: value for name, value in os.environ.items() if not name.startswith(("SRBENCH_", "PYTHON", "PYTEST"))
        }
        environ |= {
            "XDG_CONFIG_HOME": str(base / "config"),
            "SRBENCH_CACHE": str(base / "cache"),
            "COLUMNS": "200",
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # pip reads this option inverted
            "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        }

        def run(*words, timeout=280):
            done = subprocess.run(words, cwd=folder, env=environ, capture_output=True, text=True, timeout=timeout)
            assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
            return done.stdout

        run("python", "-m", "pip", "install", "--quiet", "--no-deps", "--ignore-installed", *words)
        run.folder = folder
        return run

    return install


@pytest.fixture(scope="module")
def elsewhere(installed, wheel):
    return installed(wheel)


@pytest.fixture(scope="module")
def editable(installed, source):
    return installed("--editable", source)


def places(run):
    """Where an environment has srbench and its bundled plugins from."""
    code = "import srbench, srbench_plugins; print(srbench.__file__); print(srbench_plugins.__file__)"
    return [Path(line) for line in run("python", "-c", code).splitlines()]


def check_that_everything_shipped_is_found(run):
    assert "bicubic" in run("srbench", "plan", "quick")
    assert " set5 " in run("srbench", "data", "list")
    assert set(json.loads(run("srbench", "list", "suites", "--json"))["suites"]) == {
        path.stem for path in TABLES if path.parent.name == "suites"
    }


def test_srbench_comes_from_the_wheel_with_all_that_is_shipped(elsewhere):
    assert all(place.is_relative_to(elsewhere.folder.parent / "venv") for place in places(elsewhere))
    check_that_everything_shipped_is_found(elsewhere)


def test_an_editable_install_works_from_another_folder(editable, source):
    assert places(editable) == [source / "srbench" / "__init__.py", source / "plugins" / "__init__.py"]
    check_that_everything_shipped_is_found(editable)


def test_the_installed_command_lists_plans_and_runs(elsewhere):
    assert elsewhere("srbench", "--version") == f"srbench {importlib.metadata.version('srbench')}\n"
    listed = elsewhere("srbench", "list")
    for name in ("edsr_baseline", "weight_inherit", "blur_down", "psnr_y", "set5", "photographs"):
        assert f" {name} " in listed
    assert {p["error"] for p in json.loads(elsewhere("srbench", "plugins", "--json"))} == {None}
    assert "bicubic" in elsewhere("srbench", "plan")
    elsewhere("srbench", "run", "--only", "bicubic", "--scale", "2", "--limit", "1", "--no-profile")
    assert "Bicubic" in (elsewhere.folder / "results" / "leaderboard.csv").read_text()


@pytest.mark.parametrize("kind", ["architecture", "distiller"])
def test_a_plugin_written_there_trains_and_is_measured_at_once(elsewhere, kind):
    written = elsewhere("srbench", "add-plugin", kind, f"my_{kind}")
    recipe = 'name = "brief"\ndatasets = ["photographs_train"]\nsteps = 20\npatch = 16\n'
    (elsewhere.folder / "brief.toml").write_text(recipe)
    words = [*written.splitlines()[-1].split(), "--recipe", "brief.toml", "--limit", "1", "--no-profile"]
    elsewhere(*words, "--results", kind)
    assert f"my_{kind}" in (elsewhere.folder / kind / "leaderboard.csv").read_text()


def test_a_package_is_taken_in_by_installing_it(elsewhere, tmp_path):
    shutil.copytree(SAMPLE, tmp_path / "sample")
    out = elsewhere("srbench", "add-plugin", str(tmp_path / "sample"))
    assert "checked loss sample_huber" in out
    facts = {p["name"]: p for p in json.loads(elsewhere("srbench", "plugins", "--json"))}["srbench-sample:sample"]
    assert (facts["version"], facts["error"], facts["provides"]) == ("1.2.3", None, {"losses": ["sample_huber"]})
    assert "sample_huber" in elsewhere("srbench", "list", "losses")


def test_a_package_that_pip_installs_beside_srbench_is_listed_trained_and_measured(installed, wheel, tmp_path):
    shutil.copytree(SAMPLE, tmp_path / "sample")
    run = installed(wheel, tmp_path / "sample")
    assert {p["error"] for p in json.loads(run("srbench", "plugins", "--json"))} == {None}
    listed = run("srbench", "list")
    assert " sample_huber " in listed
    assert " sample_shuffle " in listed
    recipe = (
        'name = "brief"\ndatasets = ["photographs_train"]\nsteps = 20\npatch = 16\nlosses = { sample_huber = 1.0 }\n'
    )
    (run.folder / "brief.toml").write_text(recipe)
    grid = '[[grid]]\narchitectures = ["bicubic", "sample_shuffle"]\ndatasets = ["photographs"]\nscales = [2]\n'
    (run.folder / "mine.toml").write_text(f'name = "mine"\nmetrics = ["psnr_y"]\nrecipe = "brief.toml"\n\n{grid}')
    run("srbench", "run", "mine.toml", "--limit", "1", "--no-profile")
    rows = list(csv.DictReader((run.folder / "results" / "leaderboard.csv").read_text().splitlines()))
    scores = {row["architecture"]: float(row["psnr_y_db"]) for row in rows}
    assert scores["bicubic"] > scores["sample_shuffle"] > 0  # twenty steps teach a network no more than this

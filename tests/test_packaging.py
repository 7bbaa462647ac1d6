"""The wheel holds everything, and works in an environment and a folder that have nothing else of srbench."""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from helpers import ROOT

SAMPLE = ROOT / "tests" / "fixtures" / "srbench-sample"
INGREDIENTS = ("pyproject.toml", "README.md", "LICENSE", "datasets.toml", "suites", "srbench", "plugins")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy, since building leaves files beside the source."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in INGREDIENTS:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=ignored)
        else:
            shutil.copy(ROOT / name, source / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*command, "--wheel-dir", built, source], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
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


def test_the_wheel_holds_suites_recipes_templates_and_the_dataset_manifest(contents):
    data = {f"srbench/suites/{p.name}": p for p in (ROOT / "suites").glob("*.toml")}
    data |= {f"srbench/recipes/{p.name}": p for p in (ROOT / "srbench" / "recipes").glob("*.toml")}
    data |= {f"srbench/templates/{p.name}": p for p in (ROOT / "srbench" / "templates").glob("*.txt")}
    data |= {"srbench/datasets.toml": ROOT / "datasets.toml", "srbench/py.typed": ROOT / "srbench" / "py.typed"}
    assert len(data) > 15
    for name, path in data.items():
        assert contents.get(name) == path.read_bytes(), name  # a file, not a link that leads nowhere


def test_the_wheel_holds_nothing_else(contents):
    tops = {name.partition("/")[0].partition("-")[0] for name in contents}
    assert tops == {"srbench", "srbench_plugins"}
    assert {Path(name).suffix for name in contents if ".dist-info/" not in name} == {".py", ".toml", ".txt", ".typed"}


def test_the_wheel_brings_the_command_and_the_licence(contents):
    (entry_points,) = [text.decode() for name, text in contents.items() if name.endswith("entry_points.txt")]
    assert "srbench = srbench.cli:main" in entry_points
    assert any(name.endswith("licenses/LICENSE") for name in contents)


@pytest.fixture(scope="module")
def elsewhere(wheel, tmp_path_factory):
    """A command runner in a fresh environment with the wheel, and in an empty folder.

    Other libraries (torch is large) are lent by this environment; lending reads no .pth files, so that its editable
    srbench stays behind.
    """
    base = tmp_path_factory.mktemp("fresh")
    venv.create(base / "venv", with_pip=True)
    scripts = base / "venv" / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", wheel]
    subprocess.run(install, check=True, timeout=200)
    old = [python, "-m", "pip", "uninstall", "--quiet", "--yes", "setuptools"]  # older than what is lent, if any
    subprocess.run(old, check=True, capture_output=True, timeout=100)
    where = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    own = Path(subprocess.run(where, check=True, capture_output=True, text=True).stdout.strip())
    (own / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
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

    run.folder = folder
    return run


@pytest.mark.slow
def test_srbench_comes_from_the_wheel(elsewhere):
    code = "import srbench, srbench_plugins; print(srbench.__file__); print(srbench_plugins.__file__)"
    for line in elsewhere("python", "-c", code).splitlines():
        assert Path(line).is_relative_to(elsewhere.folder.parent / "venv")


@pytest.mark.slow
def test_the_installed_command_lists_plans_and_runs(elsewhere):
    assert elsewhere("srbench", "--version") == f"srbench {importlib.metadata.version('srbench')}\n"
    listed = elsewhere("srbench", "list")
    for name in ("edsr_baseline", "weight_inherit", "blur_down", "psnr_y", "set5", "photographs"):
        assert f" {name} " in listed
    assert {p["error"] for p in json.loads(elsewhere("srbench", "plugins", "--json"))} == {None}
    assert "bicubic" in elsewhere("srbench", "plan")
    elsewhere("srbench", "run", "--only", "bicubic", "--scale", "2", "--limit", "1", "--no-profile")
    assert "Bicubic" in (elsewhere.folder / "results" / "leaderboard.csv").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["architecture", "distiller"])
def test_a_plugin_written_there_trains_and_is_measured_at_once(elsewhere, kind):
    written = elsewhere("srbench", "add-plugin", kind, f"my_{kind}")
    recipe = 'name = "brief"\ndatasets = ["photographs_train"]\nsteps = 20\npatch = 16\n'
    (elsewhere.folder / "brief.toml").write_text(recipe)
    words = [*written.splitlines()[-1].split(), "--recipe", "brief.toml", "--limit", "1", "--no-profile"]
    elsewhere(*words, "--results", kind)
    assert f"my_{kind}" in (elsewhere.folder / kind / "leaderboard.csv").read_text()


@pytest.mark.slow
def test_a_package_is_taken_in_by_installing_it(elsewhere, tmp_path):
    shutil.copytree(SAMPLE, tmp_path / "sample")
    out = elsewhere("srbench", "add-plugin", str(tmp_path / "sample"))
    assert "checked loss sample_huber" in out
    facts = {p["name"]: p for p in json.loads(elsewhere("srbench", "plugins", "--json"))}["srbench-sample:sample"]
    assert (facts["version"], facts["error"], facts["provides"]) == ("1.2.3", None, {"losses": ["sample_huber"]})
    assert "sample_huber" in elsewhere("srbench", "list", "losses")

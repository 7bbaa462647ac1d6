"""Write a plugin that works as it is, with its test: the files of ``srbench add-plugin``.

The texts are in ``srbench/catalog/templates``; ``$name`` and the like are filled in by `string.Template`.
"""

from __future__ import annotations

import keyword
import re
import shlex
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from string import Template

from srbench.catalog.catalog import NETWORKS, Catalog
from srbench.catalog.discovery import bundled_folder
from srbench.catalog.kinds import KINDS
from srbench.catalog.trust import trust
from srbench.errors import StoreError, UnknownNameError, UsageError

LICENSES = ("MIT", "BSD-3-Clause", "Apache-2.0")
"""SPDX ids of the licences a package can be given."""
TEMPLATES = Path(__file__).parent / "templates"
"""One for each kind and its test, and for some a table that uses it."""
_OPTION = "--architecture edsr_small --{kind} {name} --scale 2"
_RUN = {
    "architecture": "--architecture {name} --scale 2",
    "recogniser": "recognition-quick --architecture {name}",
    "loss": "--architecture edsr_small --recipe {name}.toml --scale 2",
    "step": "--architecture edsr_small --degradation chain:{name}.toml --scale 2",
    "dataset": "{name}.toml",
    "runtime": "--architecture espcn --scale 2 --backend eager,{name}",
    "executor": "--architecture bicubic --scale 2 --executor {name} --workers 2",
}
"""How a run uses what was written, where another option than the one of its kind does."""
RESERVED = frozenset({*keyword.kwlist, *keyword.softkwlist, "nn", "srbench", "tensor", "torch"})
"""Names that would hide something that the file needs."""


@dataclass(frozen=True, slots=True)
class Idea:
    """A plugin that is about to be written."""

    kind: str
    name: str
    paper: str | None = None
    """Address of the paper."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UnknownNameError.among("kind of plugin", self.kind, KINDS)
        if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", self.name) or len(self.name) > 40:
            raise UsageError(
                f"The name {self.name!r} is not lower_snake_case of at most 40 letters; "
                f"write it like {_snake(self.name, self.kind)!r}."
            )
        if self.name in RESERVED or self.name.startswith("test_"):
            raise UsageError(f"The name {self.name!r} is reserved; take another, such as 'my_{self.name}'.")
        if self.paper is not None and not re.fullmatch(r"https?://[^\s\"'\\<>]+", self.paper):
            raise UsageError(
                f"--paper {self.paper!r} is not a web address; give one like https://arxiv.org/abs/1609.05158."
            )

    @property
    def run(self) -> str:
        """The command that trains and measures it, in a minute or so."""
        return f"srbench run {_RUN.get(self.kind, _OPTION).format(kind=self.kind, name=self.name)}"

    @property
    def table(self) -> str:
        """The TOML file that uses it, where no option of a run does: a recipe, a chain or a suite; else empty."""
        return f"{self.name}.toml" if (TEMPLATES / f"{self.kind}_table.txt").is_file() else ""

    def words(self) -> dict[str, str]:
        """Return the words that fill the templates."""
        return {
            "kind": self.kind,
            "name": self.name,
            "dashed": self.name.replace("_", "-"),
            "run": self.run,
            "class_name": "".join(part.capitalize() for part in self.name.split("_")),
            "label": self.name.replace("_", " ").capitalize(),
            "see": f"Paper: {self.paper}\n\n" if self.paper else "",
            "paper": _paper(self.paper) if self.paper else "",
        }


@dataclass(frozen=True, slots=True)
class Written:
    """The files that were written, and the commands to type next."""

    files: tuple[Path, ...]
    commands: tuple[str, str, str]


def write_file(idea: Idea, catalog: Catalog, into: Path = Path()) -> Written:
    """Write one file and its test into a project folder; in a clone of srbench it joins the bundled plugins.

    The plugin becomes ``plugins/NAME.py`` below the folder, where srbench finds it; this version of it is allowed. For
    some kinds, a TOML file in the current folder uses it; see `Idea.table`.

    Raises:
        UsageError: The name is taken in the catalog, or a file would be overwritten.
        StoreError: The folder cannot be written.
    """
    _check_new(idea, catalog)
    clone = _clone_around(into)
    if clone:
        into = clone
        plural = KINDS[idea.kind].plural
        module = into / "plugins" / plural / f"{idea.name}.py"
        test = into / "tests" / "plugins" / plural / f"test_{idea.name}.py"
        imports = {"third_party": f"from srbench_plugins.{plural} import {idea.name}"}
    else:
        module, test = into / "plugins" / f"{idea.name}.py", into / "tests" / f"test_{idea.name}.py"
        imports = {
            "stdlib": "from pathlib import Path",
            "first_party": "from srbench.catalog.loading import import_file",
            "load": f'{idea.name} = import_file(Path(__file__).parents[1] / "plugins" / "{idea.name}.py")',
        }
    table = {Path(idea.table): _fill(f"{idea.kind}_table", idea.words())} if idea.table else {}
    texts = {module: _fill(idea.kind, idea.words()), test: _test(idea, imports)} | table
    write_new(texts)
    if not clone:
        with suppress(StoreError):  # then it is allowed by hand
            trust([module])
    found = "" if clone else f" --plugin {_shown(module)}"
    commands = (f"python -m pytest {_shown(test)}", f"srbench check {idea.name}{found}", f"{idea.run}{found}")
    return Written(tuple(texts), commands)


def write_package(idea: Idea, catalog: Catalog, into: Path = Path(), license_id: str = "MIT") -> Written:
    """Write an installable project, ``srbench-NAME``, whose entry point srbench finds once it is installed.

    Raises:
        UsageError: The name is taken in the catalog, or a file would be overwritten.
        UnknownNameError: The licence is not one of `LICENSES`.
        StoreError: The folder cannot be written.
    """
    _check_new(idea, catalog)
    if license_id not in LICENSES:
        raise UnknownNameError.among(
            "licence", license_id, LICENSES, "Write the package with one and replace its text."
        )
    distribution, package = f"srbench-{idea.name.replace('_', '-')}", f"srbench_{idea.name}"
    words = idea.words() | {
        "distribution": distribution,
        "package": package,
        "license": license_id,
        "year": str(datetime.now(UTC).year),
        "holder": f"the authors of {distribution}",
        "bound": _bound(version("srbench")),
    }
    root = into / distribution
    source = root / "src" / package
    texts = {
        root / "pyproject.toml": _fill("package_pyproject", words),
        root / "README.md": _fill("package_readme", words),
        root / ".gitignore": _fill("package_gitignore", words),
        root / ".github" / "workflows" / "check.yml": _fill("package_workflow", words),
        root / "LICENSE": _fill(f"license_{license_id.lower()}", words),
        source / "__init__.py": f'"""{words["label"]} for srbench."""\n',
        source / f"{idea.name}.py": _fill(idea.kind, words),
        root / "tests" / f"test_{idea.name}.py": _test(idea, {"third_party": f"from {package} import {idea.name}"}),
    }
    if idea.table:
        texts[root / idea.table] = _fill(f"{idea.kind}_table", words)
    write_new(texts)
    where = _shown(root)
    run = f"cd {where} && {idea.run}" if idea.table else idea.run
    commands = (f"python -m pip install -e {where} && python -m pytest {where}", f"srbench check {idea.name}", run)
    return Written(tuple(texts), commands)


def _check_new(idea: Idea, catalog: Catalog) -> None:
    for kind in NETWORKS if idea.kind in NETWORKS else (idea.kind,):
        shelf = catalog.shelf(kind)
        if idea.name in (*shelf, *(family.name for family in shelf.families)):
            place = shelf.provider(idea.name).place
            raise UsageError(f"The {kind} {idea.name!r} exists already, in plugin {place}; take another name.")


def _clone_around(folder: Path) -> Path | None:
    """Return the root of srbench's repository, if ``folder`` is in it and srbench runs from it."""
    bundled = bundled_folder()
    project = bundled.parent / "pyproject.toml" if bundled else None
    if not bundled or not project or not project.is_file() or not folder.resolve().is_relative_to(bundled.parent):
        return None
    name = tomllib.loads(project.read_text(encoding="utf-8")).get("project", {}).get("name")
    return bundled.parent if name == "srbench" else None


def _test(idea: Idea, imports: dict[str, str]) -> str:
    blank = dict.fromkeys(("stdlib", "third_party", "first_party", "load"), "")
    text = _fill(f"{idea.kind}_test", blank | imports | idea.words())
    head, mark, rest = text.partition("from srbench.testing")
    return re.sub(r"\n{3,}", "\n\n", head) + mark + re.sub(r"\n{3,}(?=\(SPEC)", "\n\n", rest)


def _fill(template: str, words: dict[str, str]) -> str:
    text = (TEMPLATES / f"{template}.txt").read_text(encoding="utf-8")
    return Template(text).substitute(words)


def write_new(texts: Mapping[Path, str]) -> None:
    """Write files that do not exist yet; none if one of them does.

    Raises:
        UsageError: A file would be overwritten.
        StoreError: The folder cannot be written.
    """
    for path in texts:
        if path.exists() or path.is_symlink():
            raise UsageError(f"{path} exists already and is left as it is; remove it, or take another name.")
    for path, text in texts.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise StoreError(
                f"{path} could not be written: {error.strerror}; choose another folder with --into."
            ) from error


def _bound(installed: str) -> str:
    """Return the versions of srbench that a package accepts: up to the next one that may break it."""
    major, minor = (int(part) for part in installed.split(".")[:2])
    return f">={major}.{minor},<{major + 1}" if major else f">={major}.{minor},<{major}.{minor + 1}"


def _shown(path: Path) -> str:
    """Return a path as a person would type it here."""
    full, here = path.resolve(), Path.cwd()
    return shlex.quote(str(full.relative_to(here)) if full.is_relative_to(here) else str(full))


def _snake(name: str, kind: str) -> str:
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", name)
    snake = "_".join(words).lower()[:40].strip("_")
    return snake if re.match(r"[a-z]", snake) else f"my_{kind}"


def _paper(url: str) -> str:
    arxiv = re.search(r"arxiv\.org/(?:abs|pdf)/(\d\d)\d\d\.", url)
    year = 2000 + int(arxiv[1]) if arxiv else datetime.now(UTC).year
    facts = ['title="Title of the paper"', f'venue="{"arXiv" if arxiv else "unknown"}"', f"year={year}", f'url="{url}"']
    indent = " " * 12
    line = f"{indent}paper=srbench.Paper({', '.join(facts)}),\n"
    if len(line) <= 121:
        return line
    return f"{indent}paper=srbench.Paper(\n" + "".join(f"{indent}    {fact},\n" for fact in facts) + f"{indent}),\n"

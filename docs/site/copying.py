"""Copy the documents of the repository as they are, so that their links lead from one to another on the site too."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "build" / "docs"
DOCUMENTS = ("[A-Z]*.md", "changelog.d/*.md", "docs/**/*.md", "results/**/*.md")
PICTURES = ("results/**/*.png", "docs/**/*.png")
LINK = re.compile(r"(?<=(?<!\\)\]\()(?!\w+:|#)([^)#\s]+)")
"""The path in a Markdown link to another file of the repository; an escaped bracket makes none."""


def copy_pages() -> None:
    """Copy every document and picture, and the other files that documents link to.

    Raises:
        SystemExit: A document links to something that is not in the repository; names every such link.
    """
    dead: list[str] = []
    for page in _files(DOCUMENTS):
        text = page.read_text(encoding="utf-8")
        target = PAGES / page.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(LINK.sub(lambda link, page=page: _link(page, link[1], dead), text), encoding="utf-8")
    for picture in _files(PICTURES):
        _copy(picture, PAGES / picture.relative_to(ROOT))
    if dead:
        raise SystemExit("Links that lead nowhere; correct them:\n" + "\n".join(dead))


def _files(patterns: tuple[str, ...]) -> Iterator[Path]:
    for pattern in patterns:
        yield from sorted(ROOT.glob(pattern))


def _link(page: Path, link: str, dead: list[str]) -> str:
    """Return the same link on the site: to the README of a folder, or to the copy of a file."""
    target = (page.parent / link).resolve()
    if not target.exists() or not target.is_relative_to(ROOT):
        dead.append(f"{page.relative_to(ROOT)}: {link}")
        return link
    if target.is_dir():
        if not (target / "README.md").exists():
            _list_documents(target)
        return f"{link.rstrip('/')}/README.md"
    if target.suffix in (".md", ".png"):
        return link
    # any other file: a browser shows its copy as text
    copy = PAGES / "files" / f"{target.relative_to(ROOT).as_posix().lstrip('.')}.txt"
    _copy(target, copy)
    return os.path.relpath(copy, PAGES / page.parent.relative_to(ROOT))


def _list_documents(folder: Path) -> None:
    """Write a page that lists the documents of a folder without a README."""
    name = folder.relative_to(ROOT).as_posix()
    documents = (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.md")))
    page = PAGES / name / "README.md"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(f"# {name}\n\n" + "".join(f"- [{path}]({path})\n" for path in documents), encoding="utf-8")


def _copy(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, target)

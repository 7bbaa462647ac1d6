"""Write the pages of the site into ``build/docs``, where ``mkdocs.yml`` looks for them: ``python -m docs.site``."""

from __future__ import annotations

import shutil
import subprocess
import sys

from docs.site.catalogue import write_catalogue
from docs.site.copying import PAGES, ROOT, copy_pages
from docs.site.leaderboards import write_leaderboards
from docs.site.reference import write_reference


def main() -> None:
    """Write every page again."""
    shutil.rmtree(PAGES, ignore_errors=True)
    copy_pages()
    write_leaderboards()
    write_catalogue(PAGES / "catalogue")
    write_reference(PAGES / "reference")
    words = ["srbench.cli.app", "utils", "docs", "--name", "srbench", "--title", "Commands"]
    command = [sys.executable, "-m", "typer", *words]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603 - our own words
    (PAGES / "reference" / "commands.md").write_text(done.stdout, encoding="utf-8")


if __name__ == "__main__":
    main()

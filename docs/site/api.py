"""Compare the public Python interface with that of the last release: ``python -m docs.site.api``."""

from __future__ import annotations

import subprocess
import sys

import griffe

from docs.site.copying import ROOT
from docs.site.reference import ROOMS, public_homes


def last_tag() -> str | None:
    """Return the tag of the last release before this commit, if there is one."""
    command = ["git", "describe", "--tags", "--abbrev=0"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    return done.stdout.strip() or None


def is_public(path: str) -> bool:
    """Whether the documentation shows an object: a public name, part of one, or of a room that plugins import."""
    return any(path == public or path.startswith(f"{public}.") for public in (*public_homes(), *ROOMS))


def breakages_since(tag: str) -> list[str]:
    """Describe what is public and works otherwise than at a tag, one line each."""
    before = griffe.load_git("srbench", ref=tag, repo=ROOT)
    now = griffe.load("srbench", search_paths=[ROOT])
    found = griffe.find_breaking_changes(before, now)
    style = griffe.ExplanationStyle.MARKDOWN
    return [breakage.explain(style=style) for breakage in found if is_public(breakage.obj.path)]


def main(tag: str | None = None) -> int:
    """Print what breaks the public interface; return 1 if anything does, else 0."""
    tag = tag or last_tag()
    if tag is None:
        sys.stdout.write("API: no release is tagged yet, so nothing can break.\n")
        return 0
    breakages = breakages_since(tag)
    sys.stdout.write("".join(f"{line}\n" for line in breakages))
    sys.stdout.write(f"API: {len(breakages)} breaking changes since {tag}.\n")
    return 1 if breakages else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

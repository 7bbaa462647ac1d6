"""Check that text is plain English: the words to avoid, and how docstrings begin, are listed in language.toml."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PLACES = ("srbench", "plugins", "docs", "README.md", "CONTRIBUTING.md")
SUFFIXES = {".py", ".pyi", ".md", ".txt", ".toml", ".jinja", ".css", ".js"}
MOST_KEPT = 20


def files(root: Path) -> Iterator[Path]:
    """The text files of a project that users and contributors read."""
    for place in PLACES:
        path = root / place
        yield from [path] if path.is_file() else sorted(f for f in path.rglob("*") if f.suffix in SUFFIXES)


def docstrings(text: str) -> Iterator[tuple[int, str]]:
    """Every docstring of a module, with the number of its first line."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            docstring = ast.get_docstring(node)
            if docstring is not None:
                yield node.body[0].lineno, docstring


def main(root: Path = ROOT) -> int:
    """Print what breaks the rules; return 1 if anything does, else 0."""
    rules = tomllib.loads((root / ".ci" / "language.toml").read_text(encoding="utf-8"))
    words = {re.compile(rf"\b(?:{word})\b", re.IGNORECASE): advice for word, advice in rules["words"].items()}
    opening = re.compile(rf"(?:{'|'.join(rules['docstrings']['openings'])})\b")
    kept = {(entry["file"], entry["text"]): entry["reason"] for entry in rules.get("kept", [])}
    seen: set[tuple[str, str]] = set()
    found: dict[str, list[str]] = {"words": [], "docstrings": []}
    for path in files(root):
        name, text = path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")
        for number, line in enumerate(text.splitlines(), start=1):
            excused = {(file, phrase) for file, phrase in kept if file == name and phrase in line}
            seen |= excused
            found["words"] += [
                f"{name}:{number}: '{match[0]}' (better: {advice})"
                for word, advice in words.items()
                for match in word.finditer(line)
                if not excused
            ]
        if path.suffix == ".py":
            found["docstrings"] += [
                f"{name}:{number}: the docstring begins '{docstring.splitlines()[0][:40]}'"
                for number, docstring in docstrings(text)
                if opening.match(docstring) or docstring in rules["docstrings"]["empty"]
            ]
    faults = [line for lines in found.values() for line in lines]
    faults += [f"language.toml keeps '{text}' of {file}: it is gone, remove it" for file, text in kept.keys() - seen]
    if len(kept) > MOST_KEPT:
        faults.append(f"language.toml keeps {len(kept)} words, expected at most {MOST_KEPT}: find other words")
    sys.stdout.write("".join(f"{fault}\n" for fault in faults))
    counts = " and ".join(f"{len(lines)} {kind}" for kind, lines in found.items())
    sys.stdout.write(f"Language: {counts} to rewrite, {len(kept)} words kept for a reason.\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

"""Check the built site: no dead link, and nothing loaded from another host: ``python -m docs.site.links``."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from docs.site.copying import ROOT

SITE = ROOT / "build" / "site"
LOADED = {"script", "link", "img", "iframe", "source", "video", "audio", "object", "embed"}
"""Elements whose address a browser fetches by itself."""


@dataclass
class Page(HTMLParser):
    """What one HTML file links to, and the anchors that it has."""

    links: list[tuple[str, str]] = field(default_factory=list)
    """(element, address) pairs."""
    anchors: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the addresses and the anchor of an element."""
        facts = dict(attrs)
        self.links += [(tag, facts[name] or "") for name in ("href", "src", "data") if name in facts]
        self.anchors |= {facts[name] or "" for name in ("id", "name") if name in facts}


@cache
def read(path: Path) -> Page:
    """Parse one file of the site."""
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def faults_of(path: Path, site: Path) -> list[str]:
    """The links of one page that lead nowhere, and what it loads from elsewhere."""
    faults = []
    for tag, address in read(path).links:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            if tag in LOADED and parts.scheme != "data":
                faults.append(f"<{tag}> loads {address}")
            continue
        base = site if parts.path.startswith("/") else path.parent
        target = (base / unquote(parts.path).lstrip("/")).resolve() if parts.path else path
        target = target / "index.html" if target.is_dir() else target
        if not target.is_file():
            faults.append(f"<{tag}> leads to {address}, which does not exist")
        elif parts.fragment and target.suffix == ".html" and unquote(parts.fragment) not in read(target).anchors:
            faults.append(f"<{tag}> leads to {address}, which has no such anchor")
    return [f"{path.relative_to(site)}: {fault}" for fault in faults]


def main(site: Path = SITE) -> int:
    """Print every fault of the site; return 1 if there is one, else 0."""
    pages = sorted(path for path in site.rglob("*.html") if path.name != "404.html")  # whose links are of its host
    faults = [fault for page in pages for fault in faults_of(page, site)]
    links = sum(len(read(page).links) for page in pages)
    sys.stdout.write("".join(f"{fault}\n" for fault in faults))
    sys.stdout.write(f"Site: {len(pages)} pages, {links} links, {len(faults)} faults.\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

"""Results folders for the tests of reports."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.records import quick_records, with_images, write_records


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Records like those of the quick suite, without images."""
    return write_records(tmp_path / "results", quick_records())


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records with images, and the whole report made from them."""
    from srbench.report.build import build_report

    folder = tmp_path_factory.mktemp("drawn") / "results"
    write_records(folder, with_images(folder, quick_records(), kept=1))
    build_report(folder)
    return folder


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports without pictures: faster."""
    monkeypatch.setattr("srbench.report.writing.draw_pictures", lambda *_: (set(), []))

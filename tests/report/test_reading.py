"""Records are read from a results folder, and from the packed file that a copy without ``records`` has."""

import lzma
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.records import fail, make_record, make_score, quick_records, write_records
from srbench.errors import DataError
from srbench.records.record import Record
from srbench.report import reading
from srbench.report.build import build_report
from srbench.report.comparing.reading import read_leaderboard
from srbench.report.reading import PACKED, lines_of, read_packed, read_records, write_packed


def test_the_newer_of_two_records_of_one_row_counts(tmp_path):
    old = make_record(psnr=30.0, created="2026-01-01T00:00:00Z")
    new = make_record(psnr=31.0, created="2026-02-01T00:00:00Z")
    found = read_records(write_records(tmp_path, [new, old]))
    assert [r.created for r in found.records] == ["2026-02-01T00:00:00Z"]


def test_large_records_are_packed_faster_and_read_as_they_were(tmp_path, monkeypatch):
    records = quick_records()
    write_packed(tmp_path, lines_of(records))
    small = (tmp_path / PACKED).read_bytes()
    (tmp_path / PACKED).unlink()
    monkeypatch.setattr(reading, "_SMALL_BYTES", 1)
    write_packed(tmp_path, lines_of(records))
    assert (tmp_path / PACKED).read_bytes() != small
    assert lines_of(read_packed(tmp_path)) == lines_of(records)


def test_a_folder_without_records_is_answered_with_what_to_do(tmp_path):
    with pytest.raises(DataError, match="run `srbench run` first"):
        read_records(tmp_path)
    with pytest.raises(DataError, match="There is no results folder"):
        read_records(tmp_path / "absent")
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(DataError, match=r"None of the 1 records .* x\.json"):
        read_records(tmp_path)


TABLES = ("*.md", "*.csv")


def without_records(results, folder):
    """A copy of a results folder as a clone has it."""
    shutil.copytree(results, folder, ignore=shutil.ignore_patterns("records"))
    return folder


def contents(folder, *patterns):
    return {path.name: path.read_bytes() for pattern in patterns for path in folder.glob(pattern)}


@pytest.fixture
def clone(drawn, tmp_path):
    return without_records(drawn, tmp_path / "clone")


def test_tables_are_rebuilt_from_the_packed_file_to_the_same_bytes(drawn, clone):
    for path in (path for pattern in TABLES for path in clone.glob(pattern)):
        path.unlink()
    build_report(clone)
    assert contents(clone, *TABLES, PACKED) == contents(drawn, *TABLES, PACKED)
    assert len(contents(clone, *TABLES)) == 5


def test_sheets_of_images_that_are_not_here_are_left_as_they_are(drawn, clone):
    files = build_report(clone)
    assert contents(clone, "crops_*.png") == contents(drawn, "crops_*.png")
    (warning,) = files.warnings
    assert "left as they are: crops_x2_bicubic.png, crops_x4_bicubic.png, crops_x2_blur_down.png" in warning
    assert build_report(clone) == files


def test_without_matplotlib_figures_are_left_as_they_are_and_stay_in_the_tables(drawn, clone, monkeypatch):
    for module in ("build", "pictures"):
        monkeypatch.setattr(f"srbench.report.{module}.can_draw", lambda: False)
    files = build_report(clone)
    assert contents(clone, *TABLES, "*.png") == contents(drawn, *TABLES, "*.png")
    assert files.figures == tuple(clone / f.name for f in build_report(drawn).figures)


def test_equal_records_give_an_equal_file_which_is_not_written_again(tmp_path):
    (one := tmp_path / "one").mkdir()
    (other := tmp_path / "other").mkdir()
    write_packed(one, lines_of(quick_records()))
    write_packed(other, lines_of(quick_records()[::-1]))
    assert (one / PACKED).read_bytes() == (other / PACKED).read_bytes()
    packed_otherwise = lzma.compress(lines_of(quick_records()).encode(), preset=0)
    (one / PACKED).write_bytes(packed_otherwise)
    write_packed(one, lines_of(quick_records()))
    assert (one / PACKED).read_bytes() == packed_otherwise


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_survives(tmp_path_factory, value):
    record = make_record()
    score = make_score("psnr_y", [1.0]).model_copy(update={"value": value})
    record = record.model_copy(update={"scores": {"psnr_y": score}, "seconds": value})
    folder = tmp_path_factory.mktemp("packed")
    write_packed(folder, lines_of([record]))
    assert read_packed(folder) == [record]


def test_records_count_before_packed_ones_of_their_row_and_the_others_stay(tmp_path):
    other, old, broken = make_record("bicubic"), make_record("espcn", psnr=31.0), make_record("fsrcnn")
    newer = old.model_copy(update={"created": "2027-01-01T00:00:00Z"})
    write_packed(tmp_path, lines_of([other, newer, broken]))
    new = make_record("espcn", psnr=32.0)
    write_records(tmp_path, [new, fail(broken, "out of memory")])
    found = {r.model.architecture: r for r in read_records(tmp_path).records}
    assert found == {"bicubic": other, "espcn": new, "fsrcnn": fail(broken, "out of memory")}
    build_report(tmp_path)
    assert read_packed(tmp_path) == sorted(found.values(), key=lambda r: r.key)


def test_a_packed_record_that_equals_its_file_is_not_parsed_again(tmp_path, monkeypatch):
    same, packed_only = make_record("bicubic"), make_record("espcn")
    write_packed(tmp_path, lines_of([same, packed_only]))
    write_records(tmp_path, [same])
    parsed = []
    parse = Record.model_validate_json
    monkeypatch.setattr(Record, "model_validate_json", lambda data: parsed.append(data) or parse(data))
    assert list(read_records(tmp_path).records) == [same, packed_only]
    assert len(parsed) == 2


def test_a_damaged_record_is_replaced_by_the_packed_one(results):
    before = build_report(results)
    rows = before.csv.read_bytes()
    next((results / "records").glob("*.json")).write_text("{")
    assert len(build_report(results).warnings) == 1
    assert before.csv.read_bytes() == rows


def test_a_comparison_reads_the_packed_file(results, tmp_path):
    rows = read_leaderboard(results)
    build_report(results)
    clone = without_records(results, tmp_path / "clone")
    (clone / "leaderboard.csv").unlink()
    assert read_leaderboard(clone) == rows


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    write_packed(folder, lines_of(quick_records()))
    return (folder / PACKED).read_bytes()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda _: b"", "is damaged"),
        (lambda _: b"<<<<<<< HEAD\n", "is damaged"),
        (lambda data: data[: len(data) // 2], "is damaged"),
        (lambda data: data[:2000] + bytes([data[2000] ^ 1]) + data[2001:], "is damaged"),
        (lambda data: lzma.compress(lzma.decompress(data) + b"{}\n"), "line 17, is not a record .* Field required"),
    ],
)
def test_a_damaged_packed_file_is_refused_and_not_overwritten(results, whole, damage, says):
    (results / PACKED).write_bytes(damaged := damage(whole))
    with pytest.raises(DataError, match=f"{says}.*restore it from version control, or delete it"):
        build_report(results)
    assert contents(results, *TABLES, PACKED) == {PACKED: damaged}

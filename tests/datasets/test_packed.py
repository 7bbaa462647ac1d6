"""Datasets in archives are the folder that was packed."""

import io
import sys
import tarfile
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from srbench.datasets.adding import describe
from srbench.datasets.layouts import find_images
from srbench.datasets.verification import verify
from srbench.errors import DataError, UnavailableError, UsageError
from srbench.files import cache_root
from srbench.training.patches.images import TrainingImages

NAMES = ("ant", "bee", "cow")


@pytest.fixture
def flat(root):
    """A folder of three PNG images."""
    return root / "Farm" / "HR"


def png(folder, name):
    return (folder / f"{name}.png").read_bytes()


def as_zip(folder, into):
    with zipfile.ZipFile(into / "farm.zip", "w") as bundle:
        for name in reversed(NAMES):
            bundle.writestr(f"Farm/{name}.png", png(folder, name))
    return [into / "farm.zip"]


def add_to(tape, name, data):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tape.addfile(info, io.BytesIO(data))


def as_shards(folder, into):
    for number, names in enumerate((("bee", "cow"), ("ant",))):
        with tarfile.open(into / f"farm-{number}.tar", "w") as tape:
            for name in names:
                add_to(tape, f"{name}.png", png(folder, name))
    return [into / "farm-*.tar"]


def as_lmdb(folder, into):
    lmdb = pytest.importorskip("lmdb", reason="lmdb, of the extra archives, is not installed")
    with lmdb.open(str(into / "farm.lmdb"), map_size=2**22) as database, database.begin(write=True) as transaction:
        for name in NAMES:
            transaction.put(name.encode(), png(folder, name))
    (into / "farm.lmdb" / "meta_info.txt").write_text("".join(f"{name}.png (48,64,3) 1\n" for name in NAMES))
    return [into / "farm.lmdb"]


def as_parquet(folder, into):
    return [parquet(into, [{"bytes": png(folder, name), "path": f"{name}.png"} for name in NAMES])]


def parquet(into, cells, column="image"):
    arrow = pytest.importorskip("pyarrow", reason="pyarrow, of the extra archives, is not installed")
    import pyarrow.parquet

    pyarrow.parquet.write_table(arrow.table({column: cells}), into / "farm.parquet")
    return into / "farm.parquet"


@pytest.mark.parametrize("pack", [as_zip, as_shards, as_lmdb, as_parquet])
def test_an_archive_trains_on_the_pixels_of_the_folder_that_was_packed(pack, flat, tmp_path):
    spec = describe("packed", pack(flat, tmp_path), split="train").spec
    folder = describe("packed", [flat], split="train").spec
    assert spec.entries == folder.entries
    found = find_images(spec, None)
    assert list(found.hr) == list(NAMES)
    ours, theirs = (
        TrainingImages(tmp_path / "patches", images).hr for images in (found.hr, find_images(folder, None).hr)
    )
    assert ours.names == theirs.names
    assert all(np.array_equal(ours.image(number), theirs.image(number)) for number in range(len(NAMES)))
    assert verify(spec, None).state == "complete"


def test_an_archive_keeps_its_layout_and_is_unpacked_once(root, tmp_path):
    path = tmp_path / "farm.tar"
    with tarfile.open(path, "w") as tape:
        tape.add(root / "Farm", "data/Farm")
    spec = describe("farm", [path]).spec
    assert len(find_images(spec, None).lr[2]) == 3
    [folder] = (cache_root() / "archives").glob("[!.]*")
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*")}
    find_images(spec, None)
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*")} == before


def test_a_manifest_names_archives_below_the_data_root(flat, tmp_path):
    as_shards(flat, tmp_path)
    below = replace(describe("farm", [tmp_path / "farm-*.tar"]).spec, archives=("farm-*.tar",))
    assert list(find_images(below, tmp_path).hr) == list(NAMES)
    assert "Its archives farm-*.tar are not there." in find_images(below, tmp_path / "elsewhere").absent


def test_images_without_a_name_are_numbered_by_their_rows(flat, tmp_path):
    path = parquet(tmp_path, [png(flat, name) for name in NAMES])
    assert list(find_images(describe("rows", [path]).spec, None).hr) == [f"farm_{row:06d}" for row in range(3)]


def damage(path):
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


def zip_of(into, files):
    with zipfile.ZipFile(into / "x.zip", "w") as bundle:
        for name, data in files:
            bundle.writestr(name, data)
    return into / "x.zip"


def foreign(into):
    (into / "x.rar").write_bytes(b"Rar!" * 99)
    return into / "x.rar"


def empty(into):
    (into / "x.zip").touch()
    return into / "x.zip"


def cut_lmdb(folder, into):
    [path] = as_lmdb(folder, into)
    data = (path / "data.mdb").read_bytes()
    (path / "data.mdb").write_bytes(data[:-4096])
    return path


def unlisted(folder, into):
    [path] = as_lmdb(folder, into)
    with (path / "meta_info.txt").open("a") as file:
        file.write("dog.png (1,1,3) 1\n")
    return path


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda flat, into: into / "absent.tar", "which does not exist"),
        (lambda flat, into: foreign(into), r"x\.rar is damaged, or of another kind; a zip or tar"),
        (lambda flat, into: empty(into), r"x\.zip is empty"),
        (lambda flat, into: zip_of(into, []), r"There are no images in .*x\.zip"),
        (lambda flat, into: zip_of(into, [("a.txt", b"a")]), "There are no images in"),
        (lambda flat, into: zip_of(into, [("../a.png", b"a")]), "is not trustworthy"),
        (lambda flat, into: zip_of(into, [("a.png", b"a"), ("a.png", b"b")]), r"a\.png is twice in"),
        (lambda flat, into: damage(as_zip(flat, into)[0]), "is damaged, or of another kind"),
        (lambda flat, into: damage(as_parquet(flat, into)[0]), r"farm\.parquet is damaged"),
        (lambda flat, into: parquet(into, [b"a"], "picture"), "has the columns picture; the images are expected in"),
        (lambda flat, into: parquet(into, [b"text"]), "farm_000000 in .* is not an image"),
        (lambda flat, into: parquet(into, [{"bytes": None, "path": "a"}]), "Row 1 of .* has no bytes"),
        (cut_lmdb, "is cut short"),
        (unlisted, r"meta_info\.txt lists dog\.png, which the archive does not have"),
    ],
)  # fmt: skip
def test_what_is_no_archive_of_images_is_refused_and_leaves_nothing(make, said, flat, tmp_path):
    with pytest.raises(DataError, match=said) as caught:
        describe("farm", [make(flat, tmp_path)])
    assert len(str(caught.value).splitlines()) == 1
    assert not list((cache_root() / "archives").rglob("*.png"))


def test_a_header_that_cannot_be_read_is_not_the_end_of_a_tar(flat, tmp_path):
    as_shards(flat, tmp_path)
    path = tmp_path / "farm-0.tar"
    data = bytearray(path.read_bytes())
    second = data.rindex(b"cow.png")
    data[second : second + 100] = b"\xff" * 100
    path.write_bytes(data)
    with pytest.raises(DataError, match="a header inside it cannot be read"):
        describe("farm", [path])


def test_an_lmdb_that_ends_the_process_that_reads_it_is_damaged(flat, tmp_path, monkeypatch):
    [path] = as_lmdb(flat, tmp_path)
    killed = tmp_path / "python"
    killed.write_text("#!/bin/sh\nkill -BUS $$\n")
    killed.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(killed))
    with pytest.raises(DataError, match=r"The archive .*farm\.lmdb is damaged; copy it again"):
        describe("farm", [path])


def test_a_shard_that_is_missing_is_named(flat, tmp_path):
    as_shards(flat, tmp_path)
    with pytest.raises(DataError, match=r"farm-2\.tar, which does not exist"):
        describe("farm", [tmp_path / f"farm-{number}.tar" for number in range(3)])


def test_a_folder_of_archives_says_to_give_those(flat, tmp_path):
    (tmp_path / "shards").mkdir()
    as_shards(flat, tmp_path / "shards")
    with pytest.raises(DataError, match=r"but archives \(farm-0\.tar, farm-1\.tar\); give those"):
        describe("farm", [tmp_path / "shards"])
    with pytest.raises(UsageError, match="give one folder of images, or archives alone"):
        describe("farm", [flat, *(tmp_path / "shards").iterdir()])


def test_without_its_library_an_archive_is_absent_with_the_reason(flat, tmp_path, monkeypatch):
    spec = describe("farm", as_lmdb(flat, tmp_path)).spec
    monkeypatch.setitem(sys.modules, "lmdb", None)
    monkeypatch.setenv("SRBENCH_CACHE", str(tmp_path / "other"))
    assert r"pip install 'srbench[archives]'" in find_images(spec, None).absent
    with pytest.raises(UnavailableError, match="package lmdb, which is not installed"):
        describe("farm", [tmp_path / "farm.lmdb"])

import io
import random
import tarfile
import zipfile

import pytest

from srbench.datasets.archives import fetch_dataset, unpack
from srbench.datasets.spec import DatasetSpec, Download
from srbench.errors import DataError, UnavailableError


@pytest.fixture
def pack(tmp_path):
    def make(kind, files):
        path = tmp_path / f"set.{kind}"
        if kind == "zip":
            with zipfile.ZipFile(path, "w") as bundle:
                for name, data in files.items():
                    bundle.writestr(name, data)
        else:
            with tarfile.open(path, "w:gz" if kind == "tgz" else "w") as tape:
                for name, data in files.items():
                    info = tarfile.TarInfo(name)
                    info.size = len(data)
                    tape.addfile(info, io.BytesIO(data))
        return path

    return make


@pytest.mark.parametrize("kind", ["zip", "tar", "tgz"])
def test_archives_are_unpacked_and_what_is_there_stays(pack, tmp_path, kind):
    target = tmp_path / "root"
    (target / "Farm").mkdir(parents=True)
    (target / "Farm/b.png").write_bytes(b"mine")
    assert unpack(pack(kind, {"Farm/a.png": b"a", "Farm/b.png": b"b", "Farm/c/d.png": b"d"}), target) == 2
    assert (target / "Farm/b.png").read_bytes() == b"mine"
    assert (target / "Farm/c/d.png").read_bytes() == b"d"


@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.parametrize("name", ["../evil.png", "/evil.png", "a/../../evil.png", "..\\evil.png", "C:/evil.png"])
def test_an_archive_that_leads_outside_is_refused(pack, tmp_path, kind, name):
    with pytest.raises(DataError, match="not trustworthy"):
        unpack(pack(kind, {name: b"x"}), tmp_path / "root")
    assert not list(tmp_path.rglob("evil.png"))


def test_links_are_left_out(tmp_path):
    with tarfile.open(tmp_path / "set.tar", "w") as tape:
        info = tarfile.TarInfo("link")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tape.addfile(info)
    assert unpack(tmp_path / "set.tar", tmp_path / "root") == 0
    assert not (tmp_path / "root/link").is_symlink()


@pytest.mark.parametrize("kept", [0, 10, 60])
def test_a_damaged_archive_is_named(pack, tmp_path, kept):
    path = pack("tgz", {"a.png": bytes(range(256)) * 20})
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match=r"set\.tgz is damaged"):
        unpack(path, tmp_path / "root")


def encrypt(data):
    """Set the flag of encryption in every header of a zip archive."""
    for header, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        parts = data.split(header)
        data = header.join([parts[0], *(p[: at - 4] + bytes([p[at - 4] | 1]) + p[at - 3 :] for p in parts[1:])])
    return data


def use_an_unknown_compression(data):
    for header, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        parts = data.split(header)
        data = header.join([parts[0], *(p[: at - 4] + b"\x63" + p[at - 3 :] for p in parts[1:])])
    return data


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (encrypt, "is encrypted; unpack it by hand with its password"),
        (use_an_unknown_compression, "is compressed in a way that Python cannot read"),
        (lambda data: data.replace(b"second", b"sEcond"), r"is damaged \(Bad CRC-32"),
    ],
)
def test_an_archive_that_cannot_be_read_leaves_nothing(change, text, pack, tmp_path):
    path = pack("zip", {"Farm/HR/a.png": b"first", "Farm/HR/b.png": b"second"})
    path.write_bytes(change(path.read_bytes()))
    (tmp_path / "root").mkdir()
    with pytest.raises(DataError, match=text) as caught:
        unpack(path, tmp_path / "root")
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "root").iterdir()) == []


@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_an_archive_that_unpacks_to_more_than_its_dataset_can_have_leaves_nothing(kind, pack, tmp_path):
    path = pack(kind, {"Farm/a.png": b"small", "Farm/b.png": bytes(2**20)})
    (tmp_path / "root").mkdir()
    with pytest.raises(DataError, match="unpacks to more than this dataset can have"):
        unpack(path, tmp_path / "root", most_bytes=2**19)
    assert list((tmp_path / "root").iterdir()) == []


def test_damaged_archives_of_any_kind_are_named_in_one_line(pack, tmp_path):
    choose = random.Random(0)
    for kind in ("zip", "tar", "tgz"):
        whole = pack(kind, {"Farm/a.png": bytes(range(256)) * 4, "Farm/b.png": b"b" * 99}).read_bytes()
        for number in range(100):
            data = bytearray(whole)
            for _ in range(choose.choice((1, 2, 8))):
                data[choose.randrange(len(data))] = choose.randrange(256)
            path = tmp_path / f"{number}.{kind}"
            path.write_bytes(data)
            try:
                unpack(path, tmp_path / f"root-{kind}-{number}")
            except DataError as error:
                lines = str(error).splitlines()
                assert len(lines) == 1


def spec(**facts):
    return DatasetSpec(
        name="farm",
        label="Farm",
        split="test",
        images=None,
        license="on request",
        citation="",
        home="https://x.org",
        **facts,
    )


def test_a_set_without_an_address_is_answered_with_where_to_get_it(tmp_path):
    with pytest.raises(
        UnavailableError, match=r"get it from https://x\.org \(licence: on request\) and put it as .*Farm"
    ):
        fetch_dataset(spec(), tmp_path)
    with pytest.raises(UnavailableError, match="comes with an installed package"):
        fetch_dataset(spec(locate=dict), tmp_path)


def test_a_fetched_archive_is_unpacked_and_removed(pack, tmp_path, monkeypatch):
    archive = pack("zip", {"Farm/a.png": b"a"})

    def serve(urls, sha256, destination, *, progress):
        destination.parent.mkdir(parents=True)
        destination.write_bytes(archive.read_bytes())
        return destination

    monkeypatch.setattr("srbench.datasets.archives.fetch_file", serve)
    root = tmp_path / "root"
    assert fetch_dataset(spec(downloads=(Download(url="https://x.org/set.zip"),)), root) == 1
    assert [p.name for p in root.rglob("*") if p.is_file()] == ["a.png"]

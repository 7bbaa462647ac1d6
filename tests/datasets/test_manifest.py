import pytest

from srbench.datasets.manifest import read_manifest
from srbench.errors import ConfigError

SOUND = """
[first]
label = "First"
split = "train"
images = "unknown"
license = "unknown"
citation = "nobody"

[farm]
label = "Farm"
split = "test"
images = 2
license = "CC0-1.0"
citation = "nobody"
entries = [
  ["ant", 10, 12],
  ["bee", 8, 8, "unknown"],
]
"""


@pytest.fixture
def write(tmp_path):
    def make(text):
        path = tmp_path / "sets.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return make


def test_a_manifest_is_read_as_it_says(write):
    first, farm = read_manifest(write(SOUND))
    assert first.images is None
    assert [(e.name, e.height, e.width, e.sha256) for e in farm.entries] == [("ant", 10, 12, None), ("bee", 8, 8, None)]


def test_the_shipped_manifest_knows_the_sets_of_the_field():
    specs = {spec.name: spec for spec in read_manifest()}
    assert {name: spec.images for name, spec in specs.items() if name in {"set5", "set14", "b100", "urban100"}} == {
        "set5": 5,
        "set14": 14,
        "b100": 100,
        "urban100": 100,
    }
    assert specs["div2k_train"].names[0] == "0001"
    assert specs["div2k_train"].names[-1] == "0800"
    assert specs["set5"].bicubic == {2: (33.66, 0.9299), 3: (30.39, 0.8682), 4: (28.42, 0.8104)}
    assert specs["b100"].lr_border == "replicate"
    assert specs["set14"].grey == ("bridge",)
    assert all(spec.citation and spec.license for spec in specs.values())
    assert all(spec.bicubic_source for spec in specs.values() if spec.bicubic)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('label = "Farm"', 'lable = "Farm"', r"line 10, \[farm\]: unknown key 'lable'; did you mean 'label'\?"),
        ('label = "Farm"', 'label = "Farm"\nzzz = 1', r"line 11, \[farm\]: unknown key 'zzz'; the keys are"),
        ('split = "test"', "", r"line 9, \[farm\]: the key 'split' is missing"),
        ('split = "test"', 'split = "validation"', r"line 11, \[farm\]: split = 'validation' does not fit"),
        ("images = 2", 'images = "two"', r"line 12, \[farm\]: images = 'two' does not fit"),
        ("images = 2", "images = 3", r"line 12, \[farm\]: images = 3 but 2 are listed"),
        ('["ant", 10, 12]', '["ant", 10]', r"line 15, \[farm\]: entries = \['ant', 10\] does not fit"),
        ('license = "CC0-1.0"', 'downloads = [{ ulr = "x" }]', r"13, \[farm\], downloads 1: unknown key 'ulr'"),
        ('citation = "nobody"\nentries', 'citation = "n"\ndownloads = [{ url = "x" }]\nentries',
         r"line 15, \[farm\], downloads 1: url = 'x' does not fit: string should match"),
        ('citation = "nobody"\nentries', 'citation = "n"\ndownloads = "none"\nentries',
         r"line 15, \[farm\]: downloads = 'none' does not fit: expected a valid array or 'unknown'"),
        ('["ant", 10, 12]', '["bee", 10, 12]', r"line 15, \[farm\]: the image 'bee' is listed twice"),
        ('["ant", 10, 12]', '["ant", 10, 12, "beef"]', r"line 15, \[farm\]: entries = .*beef.* does not fit: write "),
        ("[farm]", "[Farm]", r"line 9, \[Farm\]: The dataset name 'Farm' is not lower_snake_case"),
        ('citation = "nobody"\nentries', 'citation = "nobody\nentries', r"not valid TOML: .*line 14"),
        ("\n[first]", "label = 3\n[first]", r"line 1: 'label' is outside any dataset"),
        ('citation = "nobody"\nentries', 'citation = "n"\ngrey = ["cow"]\nentries', r"grey names 'cow'"),
    ],
)  # fmt: skip
def test_a_faulty_manifest_is_reported_with_file_line_and_key(write, old, new, said):
    assert old in SOUND
    path = write(new.join(SOUND.rsplit(old, 1)))
    with pytest.raises(ConfigError, match=said) as caught:
        read_manifest(path)
    assert str(path) in str(caught.value)


def test_a_missing_manifest_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"absent\.toml cannot be read"):
        read_manifest(tmp_path / "absent.toml")


LABELLED = """
[birds_train]
label = "Birds (train)"
split = "train"
images = 9
license = "CC0-1.0"
citation = "nobody"
content = "{hash}"
folders = ["birds"]
[birds_train.labels]
layout = "class-folders"
question = "classification"
path = "train"
classes = ["s1-s3"]

[birds_test]
like = "birds_train"
label = "Birds (test)"
split = "test"
labels.path = "test"
""".replace("{hash}", "0" * 64)


def test_a_set_like_another_states_only_what_differs(write):
    train, test = read_manifest(write(LABELLED))
    assert (test.label, test.split, test.images, test.license, test.folders) == (
        "Birds (test)", "test", 9, "CC0-1.0", ("birds",),
    )  # fmt: skip
    assert (train.content, test.content) == ("0" * 64, None)
    assert (train.labels.layout.path, test.labels.layout.path) == ("train", "test")
    assert train.labels.layout.classes == test.labels.layout.classes == ("s1-s3",)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('layout = "class-folders"', 'layout = "folders"',
         r"line 11, \[birds_train\.labels\]: layout = 'folders' does not fit: expected one of aircraft, class"),
        ('layout = "class-folders"', "", r"\[birds_train\.labels\]: the key 'layout' is missing"),
        ('question = "classification"', 'question = "multilabel"', r"line 12, .*question = 'multilabel' does not fit"),
        ('path = "train"', 'paths = "train"', r"line 13, .*unknown key 'paths'; did you mean 'path'\?"),
        ('path = "train"', "take = [1]", r"line 13, .*take = \[1\] does not fit"),
        ('path = "train"', "take = [0, 4]", r"line 13, .*take = 0 does not fit: expected a number"),
        ('like = "birds_train"', 'like = "bird"', r"line 17, .*like = 'bird' does not fit: expected a set"),
        ('like = "birds_train"', 'like = "birds_test"', r"like = 'birds_test' does not fit"),
        ('like = "birds_train"', "like = 3", r"line 17, \[birds_test\]: like = 3 does not fit"),
        ('label = "Birds (test)"', "", r"\[birds_test\]: the key 'label' is missing"),
        ('folders = ["birds"]', 'names = ["1-9"]', r"entries and names do not go with labels; give content"),
        ("0" * 64, "beef", r"content = 'beef' does not fit"),
        ('labels.path = "test"', "labels = 3", r"labels = 3 does not fit"),
    ],
)  # fmt: skip
def test_a_faulty_description_of_labels_is_reported_with_line_and_key(write, old, new, said):
    assert old in LABELLED
    with pytest.raises(ConfigError, match=said):
        read_manifest(write(LABELLED.replace(old, new)))


def test_the_shipped_labelled_sets_are_described(tmp_path):
    """Every description can be looked for where nothing is, and says so."""
    specs = [spec for spec in read_manifest() if spec.labels is not None]
    assert len(specs) > 30
    for spec in specs:
        if not spec.name.startswith("digits_"):
            assert not spec.labels(tmp_path).images

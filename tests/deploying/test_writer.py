"""What names ONNX files: any change of what writes them."""

import shutil
from pathlib import Path

import pytest

import srbench
from srbench.deploying import writer
from srbench.deploying.writer import CODE, ROOT, code_hash, writer_of


@pytest.fixture
def copy(tmp_path):
    """A copy of the code that writes files, made again for every call."""

    def make(name):
        for pattern in CODE:
            for path in ROOT.glob(pattern):
                place = tmp_path / name / path.relative_to(ROOT)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, place)
        return tmp_path / name

    return make


def test_the_code_is_that_of_srbench_and_is_the_same_in_every_folder(copy):
    assert Path(srbench.__file__).parent == ROOT
    assert code_hash(copy("here")) == code_hash(copy("there")) == writer_of(quantised=False)["code"]


@pytest.mark.parametrize("name", ["deploying/qdq.py", "deploying/nncf.py", "networks/conversion.py"])
def test_a_changed_file_is_another_writer(copy, name):
    changed = copy("changed")
    (changed / name).write_text((changed / name).read_text() + "\n# another way to round\n")
    assert code_hash(changed) != code_hash(ROOT)


def test_a_new_part_of_the_quantiser_is_another_writer(copy):
    changed = copy("changed")
    (changed / "deploying" / "rounding.py").write_text("")
    assert code_hash(changed) != code_hash(ROOT)


def test_another_version_of_a_package_is_another_writer(monkeypatch):
    exact, int8 = writer_of(quantised=False), writer_of(quantised=True)
    monkeypatch.setattr(writer, "version", lambda package: "99.0" if package == "onnxruntime" else "1.0")
    assert writer_of(quantised=True) != int8
    assert set(int8) - set(exact) == {"onnxruntime", "nncf"}
    assert writer_of(quantised=True)["onnxruntime"] == "99.0"


def test_an_absent_package_has_no_version(monkeypatch):
    monkeypatch.setattr(writer, "PACKAGES", {"convert": ("no_such_package",), "quantise": ()})
    assert writer_of(quantised=True)["no_such_package"] == ""

"""The datasets of the manifest are registered, whether they are on this computer or not."""

from srbench.catalog.catalog import load_catalog
from srbench.datasets.layouts import find_images


def test_every_set_the_suites_may_name_is_registered():
    names = set(load_catalog().datasets)
    assert names >= {
        "photographs", "photographs_train", "set5", "set14", "b100", "urban100", "manga109", "div2k_train",
        "div2k_valid", "flickr2k", "t91", "general100", "bsds200", "bsds300", "realsr_v3_train_x4", "realsr_v3_test_x4",
    }  # fmt: skip


def test_absent_sets_are_absent_and_not_errors(tmp_path):
    for spec in load_catalog().datasets.values():
        if spec.locate is None and not spec.name.startswith("digits_"):  # those that come with a package
            assert find_images(spec, tmp_path).hr == {}

"""A copy of a dataset is certified by the protocol that its published row was made by."""

from dataclasses import replace

import numpy as np
import pytest

from srbench.errors import ShapeError
from srbench.imaging.files import write_png
from srbench.measuring.certification import PSNR_TOLERANCE, bicubic_row, certify
from srbench.measuring.protocol import protocol_named

PROTOCOLS = ("published-bicubic", "matlab-u8", "luma-first")


@pytest.fixture
def images(tiny):
    return {path.stem: path for path in sorted((tiny.data / "TinyTest").glob("*.png"))}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_row_is_met_by_its_own_protocol_and_named_with_it(images, catalog, name):
    row = bicubic_row(images, 2, protocol_named(name))
    spec = replace(catalog.datasets["tiny_test"], bicubic={2: row}, bicubic_protocol=name)
    certificate = certify(spec, images, 2)
    assert certificate.status == "certified"
    assert f"published (+0.000 dB, +0.0000) under {name}; source: datasets.toml" in certificate.detail


def test_the_eight_bit_row_is_not_met_in_double_precision(images, catalog):
    row, other = (bicubic_row(images, 2, protocol_named(name))[0] for name in ("matlab-u8", "published-bicubic"))
    assert abs(row - other) > PSNR_TOLERANCE
    spec = replace(catalog.datasets["tiny_test"], bicubic={2: (row, 1.0)}, bicubic_protocol="published-bicubic")
    assert certify(spec, images, 2).status == "uncertified"


def test_every_published_row_says_its_protocol_and_its_source(catalog):
    rows = {spec.name: spec for spec in catalog.datasets.values() if spec.bicubic}
    assert set(rows) == {"set5", "set14", "b100", "urban100", "manga109"}
    assert {spec.bicubic_protocol for spec in rows.values()} <= set(PROTOCOLS)
    assert rows["manga109"].bicubic_protocol == "matlab-u8"
    assert all(spec.bicubic_source for spec in rows.values())


def test_an_image_too_small_to_be_measured_is_named(images, catalog):
    write_png(images["bee"], np.zeros((3, 40, 3), np.uint8))
    spec = replace(catalog.datasets["tiny_test"], bicubic={4: (30.0, 0.9)})
    with pytest.raises(ShapeError, match=r"bee \(.*bee\.png\): An image of 3×40 has no pixel left"):
        certify(spec, images, 4)

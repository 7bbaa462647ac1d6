"""Scores stand for the backends that gave them, or for every runtime in fp32."""

from types import SimpleNamespace

import pytest

from helpers.records import draw, make_record, write_records
from srbench.deploying.backend import Backend
from srbench.errors import UnknownNameError, UsageError
from srbench.picking.candidates import Candidate, Candidates, in_backends, measured_candidates

CATALOG = SimpleNamespace(runtimes={"eager": None, "openvino": None, "onnxruntime": None})


def candidates(*models):
    return Candidates(
        models=models, dataset="set5", metric="PSNR-Y [dB]", protocol="classic-y", decimals=2, reported=False
    )


def chosen(models, *names):
    return [(m.name, m.backend.name, m.score) for m in in_backends(candidates(*models), names, CATALOG).models]


PLAIN = Candidate("espcn.x", "espcn", 33.0)
INT8 = Candidate("espcn.x", "espcn", 32.9, Backend("openvino", "int8"))


def test_a_score_of_fp32_stands_for_every_runtime_in_fp32():
    assert chosen([PLAIN], "openvino", "onnxruntime") == [
        ("espcn.x", "openvino-fp32", 33.0),
        ("espcn.x", "onnxruntime-fp32", 33.0),
    ]


def test_a_measured_score_goes_before_one_that_stands_for_it():
    own = Candidate("espcn.x", "espcn", 33.001, Backend("openvino"))
    assert chosen([PLAIN, own], "openvino") == [("espcn.x", "openvino-fp32", 33.001)]


def test_a_lossy_backend_has_the_score_that_it_gave_and_the_best_is_first():
    assert chosen([INT8, PLAIN], "openvino-int8", "openvino") == [
        ("espcn.x", "openvino-fp32", 33.0),
        ("espcn.x", "openvino-int8-qdq-pc", 32.9),
    ]


def test_without_names_candidates_stay_as_they_are():
    assert in_backends(candidates(PLAIN, INT8), (), CATALOG).models == (PLAIN, INT8)


@pytest.mark.parametrize("name", ["openvino-int8", "bf16", "onnxruntime-int8-qdq-pt"])
def test_a_lossy_backend_without_a_score_is_refused(name):
    with pytest.raises(UsageError, match="it changes those of fp32; give --from"):
        chosen([PLAIN], name)


def test_an_unknown_backend_is_named():
    with pytest.raises(UnknownNameError, match="Did you mean openvino"):
        chosen([PLAIN], "openvin")


def test_networks_that_draw_their_sr_are_no_candidates(tmp_path):
    drawn = draw(make_record("edsr_quick"), 2)
    found = measured_candidates(write_records(tmp_path / "r", [make_record("espcn"), drawn]), 2)
    assert [candidate.architecture for candidate in found.models] == ["espcn"]
    with pytest.raises(UsageError, match="only networks that draw their sr"):
        measured_candidates(write_records(tmp_path / "only", [drawn]), 2)

"""Backends beside PyTorch in fp32: losses paired by image, and speed-ups of equal machines and inputs."""

import csv
import io

import pytest

from helpers.records import make_record
from srbench.records.costs import Deployment
from srbench.records.stored import Measured
from srbench.report.deployment.page import COLUMNS, csv_rows, render_page
from srbench.report.deployment.runs import deployments
from srbench.report.formats import write_csv
from srbench.report.leaderboard.sections import make_sections


def in_backend(backend, *, psnr, milliseconds, machine="a1b2c3d4", **changes):
    """A record of ESPCN in a backend."""
    facts = Deployment(
        backend=backend,
        version="runtime 1.0",
        file_sha256="ab" * 32,
        file_mib=Measured(value=0.25),
        cold_start_ms=Measured(value=12.0),
        latency_ms_p50=Measured(value=milliseconds),
        threads=2,
        machine=machine,
        other_work="others worked",
    )
    record = make_record("espcn", psnr=psnr, machine=machine, inference=f"whole,{backend}")
    runtime, precision, *_ = backend.split("-")
    profile = record.profile.model_copy(
        update={
            "latency_ms_p50": Measured(value=milliseconds),
            "backend": runtime,
            "precision": precision,
            "latency_low_ms": None,
        }
    )
    return record.model_copy(update={"backend": backend, "deployment": facts, "profile": profile} | changes)


def table(*records):
    (found,) = deployments(make_sections([*records]))
    return found


def test_loss_is_paired_with_pytorch_in_fp32_and_speed_is_its_ratio():
    base = in_backend("eager-fp32", psnr=32.0, milliseconds=10.0)
    fast = in_backend("openvino-int8-qdq-pc", psnr=31.9, milliseconds=4.0)
    found = table(fast, base, make_record("bicubic"))
    ((first, second),) = found.networks
    assert (first.backend, first.loss, first.speed_up) == ("eager-fp32", None, None)
    assert second.loss.mean == pytest.approx(-0.1)
    assert second.speed_up == pytest.approx(2.5)
    assert found.headline.protocol.endswith("whole")


def test_the_module_itself_is_the_base_where_eager_was_not_named():
    ((first, second),) = table(
        make_record("espcn", psnr=32.0), in_backend("onnxruntime-fp32", psnr=32.0, milliseconds=4.0)
    ).networks
    assert first.line.first.backend == ""
    assert second.loss.mean == pytest.approx(0, abs=1e-9)


def test_times_of_two_machines_have_no_ratio():
    base = in_backend("eager-fp32", psnr=32.0, milliseconds=10.0)
    other = in_backend("openvino-fp32", psnr=32.0, milliseconds=4.0, machine="another")
    assert table(base, other).networks[0][1].speed_up is None


def test_without_pytorch_another_runtime_in_fp32_is_the_base():
    fast = in_backend("openvino-int8-qdq-pc", psnr=31.9, milliseconds=2.0)
    ((first, second),) = table(fast, in_backend("openvino-fp32", psnr=32.0, milliseconds=4.0)).networks
    assert first.backend == "openvino-fp32"
    assert second.loss.mean == pytest.approx(-0.1)
    assert second.speed_up == pytest.approx(2.0)


def test_without_any_fp32_there_is_neither_loss_nor_speed_up():
    ((run,),) = table(in_backend("openvino-bf16", psnr=32.0, milliseconds=4.0)).networks
    assert (run.base, run.loss, run.speed_up) == (None, None, None)


def test_records_without_backends_have_no_such_table():
    assert deployments(make_sections([make_record("espcn"), make_record("bicubic")])) == []


def test_the_page_and_the_file_say_what_failed_and_why(tmp_path):
    base = in_backend("eager-fp32", psnr=32.0, milliseconds=10.0)
    int8 = in_backend("openvino-int8-qdq-pc", psnr=31.9, milliseconds=4.0)
    failed = in_backend("onnxruntime-bf16", psnr=32.0, milliseconds=1.0).model_copy(
        update={"status": "failed", "reason": "no bf16 here", "scores": {}, "images": (), "profile": None}
    )
    found = deployments(make_sections([base, int8, failed]))
    page = render_page(found)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("|")]
    by_backend = {row[1]: row for row in rows}
    assert by_backend["openvino-int8"][5] == "2.50"
    assert by_backend["openvino-int8"][3].startswith("−0.100")
    assert by_backend["onnxruntime-bf16"][2] == "failed"
    assert "failed: no bf16 here" in page
    assert "2 rows were timed beside other work" in page
    write_csv(tmp_path / "deployment.csv", COLUMNS, csv_rows(found))
    written = {row["runtime"]: row for row in csv.DictReader(io.StringIO((tmp_path / "deployment.csv").read_text()))}
    assert written["openvino"]["quantisation"] == "qdq-pc"
    assert float(written["openvino"]["loss"]) == pytest.approx(-0.1)
    assert written["onnxruntime"]["reasons"] == "no bf16 here"
    assert written["eager"]["file_mib"] == "0.25"

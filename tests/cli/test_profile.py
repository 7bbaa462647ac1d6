"""``srbench profile``."""

import csv
import os

import pytest

QUICK = ("--output", "48x40", "--seconds", "0.01", "--repeats", "1")


def rows(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_wildcards_and_scales_choose_what_is_measured(srbench):
    answer = srbench("profile", "fsrcnn*", "espcn", "--scale", "2,3", *QUICK, "--no-memory", "--csv", "costs.csv")
    assert answer.status == 0
    found = rows(srbench.folder / "costs.csv")
    assert [(r["architecture"], r["scale"]) for r in found] == [
        (name, scale) for name in ("fsrcnn", "fsrcnn_s", "espcn") for scale in "23"
    ]
    assert all(float(r["latency_ms_p50"]) > 0 for r in found)


def test_counts_are_those_of_the_papers_and_the_timed_size_is_the_one_asked_for(srbench):
    answer = srbench("profile", "edsr_baseline", "--scale", "2", *QUICK, "--no-memory", "--csv", "costs.csv")
    (row,) = rows(srbench.folder / "costs.csv")
    assert (row["parameters"], round(float(row["macs_720p_g"]), 2)) == ("1369859", 316.25)
    assert row["latency_input"] == "20x24"
    assert "1,369.9" in answer.out
    assert "316.25" in answer.out


def test_memory_is_measured_and_an_empty_cell_has_its_reason(srbench):
    answer = srbench("profile", "bicubic", "--scale", "2", *QUICK, "--csv", "costs.csv")
    (row,) = rows(srbench.folder / "costs.csv")
    assert float(row["peak_memory_mib"]) > 0
    assert row["macs_720p_g"] == ""
    assert "bicubic x2: macs_720p_g: a fixed operator" in answer.out


def test_a_recogniser_is_profiled_at_the_size_of_what_a_student_sees(srbench):
    words = ("cbam_small", "after:bicubic:cbam_small", "espcn", "--scale", "4", "--output", "48x40", *QUICK[2:])
    answer = srbench("profile", *words, "--no-memory", "--csv", "costs.csv")
    assert answer.status == 0
    student, control, network = rows(srbench.folder / "costs.csv")
    assert (student["latency_input"], student["input_bytes"]) == ("10x12", str(10 * 12 * 3))
    assert float(student["macs_input_m"]) < float(control["macs_input_m"])
    assert (student["macs_720p_g"], network["macs_input_m"]) == ("", "")
    assert "MACs M" in answer.out


def test_a_recogniser_sees_hr_where_no_scale_is_given(srbench):
    answer = srbench("profile", "cbam_small", *QUICK[2:], "--no-memory", "--csv", "costs.csv")
    (row,) = rows(srbench.folder / "costs.csv")
    assert (row["scale"], row["latency_input"]) == ("1", "112x112")
    assert "HR of 112x112" in answer.out


def test_what_cannot_be_measured_is_reported_in_a_sentence(srbench):
    for words, message in (
        (("espcm",), "espcn"),
        (("esp?",), "No network"),
        (("espcn", "--scale", "7"), "serves scale 7"),
        (("espcn", "--output", "720p"), "--output 720p is not an image size"),
    ):
        answer = srbench("profile", *words)
        assert answer.status == 2
        assert message in answer.err
        assert "Traceback" not in answer.err


def test_every_runtime_asked_for_is_timed_and_one_that_cannot_run_says_why(srbench):
    ways = ("--backend", "eager,channels_last,eager-int8")
    answer = srbench("profile", "espcn", "--scale", "3", *QUICK, "--no-memory", *ways, "--csv", "costs.csv")
    found = rows(srbench.folder / "costs.csv")
    assert [(r["backend"], r["precision"]) for r in found] == [
        ("eager", "fp32"),
        ("channels_last", "fp32"),
        ("eager", "int8"),
    ]
    assert [r["latency_ms_p50"] != "" for r in found] == [True, True, False]
    assert "latency_ms_p50: PyTorch does not compute in int8" in answer.out
    assert srbench("profile", "espcn", "--backend", "tensorrt").status == 2


@pytest.mark.skipif(os.name != "posix", reason="it ends its process by a signal of POSIX")
def test_a_runtime_that_ends_its_process_is_a_reason(srbench, crashing):
    ways = ("--backend", "crashing,counting", "--threads", "1", "--plugin", crashing)
    answer = srbench("profile", "espcn", "--scale", "2", *ways, *QUICK, "--no-memory")
    assert answer.status == 0, answer.err
    assert "latency_ms_p50: Its process died: worker 0 " in answer.out
    assert "was ended by SIGSEGV; it crashed in: File " in answer.out
    assert "latency_ms_p50: It would have 1 threads." in answer.out

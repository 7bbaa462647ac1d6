"""Cells of a suite that backends run: scored and timed by one session, with its file in the store."""

from dataclasses import replace

import pytest

from srbench.deploying.writer import writer_of
from srbench.errors import ConfigError, UnknownNameError, UsageError
from srbench.files import sha256_of
from srbench.profiling.settings import Profiling
from srbench.records.record import Record
from srbench.running import keys
from srbench.running.events import unheard
from srbench.running.jobs import MeasureJob, OnnxJob, ProfileJob
from srbench.running.keys import Keys
from srbench.running.runner import run_plan
from srbench.running.stages import PROGRAM

QUICK = Profiling(latency_height=16, latency_width=16, latency_seconds=0.02, latency_repeats=1, memory=False)
GRID = 'architectures = ["dot"]\nbackends = [{}]'


def grid(*backends):
    return GRID.format(", ".join(f'"{name}"' for name in backends))


@pytest.fixture
def run(schedule, catalog, tmp_path):
    """Run a suite; give its records by backend."""

    def run(text, profiling=QUICK):
        planned = schedule(text, profile=profiling.enabled)
        planned = type(planned)(
            replace(planned.plan, suite=planned.plan.suite.model_copy(update={"profile": profiling})), planned.session
        )
        outcome = run_plan(planned, tmp_path / "results", catalog.executors["here"], 1, unheard)
        found = [Record.model_validate_json(f.read_bytes()) for f in (tmp_path / "results" / "records").glob("*.json")]
        return outcome, {record.backend: record for record in found}

    return run


def test_one_session_gives_the_images_and_the_times(run):
    outcome, records = run(grid("eager", "channels_last-fp32", "bf16"))
    assert outcome.failed == ()
    assert set(records) == {"eager-fp32", "channels_last-fp32", "eager-bf16"}
    plain = records["eager-fp32"]
    for name, record in records.items():
        assert record.inference == f"whole,{name}"
        assert record.scores["psnr_y"].protocol.endswith(f"whole,{name}")
        assert record.applied == "whole"
        assert record.table_protocol(record.scores["psnr_y"]).endswith(",whole")
        facts = record.deployment
        assert facts.backend == name
        assert facts.version.startswith("torch ")
        assert facts.file_sha256 is None
        assert "takes no file" in facts.file_mib.reason
        assert facts.cold_start_ms.value > 0
        assert facts.latency_ms_p50.value > 0
        assert record.profile.latency_ms_p50 == facts.latency_ms_p50
        assert f"{record.profile.backend}-{record.profile.precision}" == name
        assert record.profile.latency_input == "16x16"
        assert record.model.weights_sha256 == plain.model.weights_sha256
    assert records["channels_last-fp32"].scores["psnr_y"].value == pytest.approx(plain.scores["psnr_y"].value, abs=1e-3)
    assert records["eager-bf16"].scores["psnr_y"].value == pytest.approx(plain.scores["psnr_y"].value, abs=0.5)
    assert records["eager-bf16"].scores["psnr_y"].value != plain.scores["psnr_y"].value


def test_in_fp32_a_backend_scores_what_the_module_scores(run):
    _, backends = run(grid("eager"))
    _, records = run('architectures = ["dot"]')
    assert records[""].deployment is None
    assert records[""].inference == "whole"
    assert backends["eager-fp32"].images[0].scores == records[""].images[0].scores


def test_without_profiles_a_backend_is_scored_and_not_timed(run):
    _, records = run(grid("eager"), QUICK.model_copy(update={"enabled": False}))
    assert records["eager-fp32"].profile is None
    assert records["eager-fp32"].deployment.latency_ms_p50 is None
    assert records["eager-fp32"].scores["psnr_y"].value > 0


def test_several_images_are_one_call(run):
    _, records = run(grid("eager"), QUICK.model_copy(update={"batch": 2}))
    assert records["eager-fp32"].deployment.latency_input == "2x16x16"


def test_what_a_backend_cannot_do_is_the_reason_in_its_row(run):
    outcome, records = run(grid("eager", "eager-int8"))
    ((_, reason),) = outcome.failed
    assert "PyTorch does not compute in int8; it has fp32, bf16, fp16" in reason
    assert records["eager-int8-qdq-pc"].status == "failed"
    assert records["eager-fp32"].status == "ok"


def test_backends_are_timed_alone_and_files_are_shared(schedule):
    planned = schedule(grid("eager", "onnxruntime", "openvino", "openvino-bf16", "openvino-int8"), profile=True)
    jobs = [scheduled.job for scheduled in planned.jobs.values()]
    programs = [job.program for job in jobs if isinstance(job, OnnxJob)]
    assert [program.precision for program in programs] == ["fp32", "int8"]
    assert programs[1].calibrated_on == ("tiny_train",)
    assert programs[1].degradation == "bicubic"
    assert all(job.alone == isinstance(job, MeasureJob | ProfileJob) for job in jobs)
    (plain,) = [s.job for s in schedule('architectures = ["dot"]').jobs.values() if isinstance(s.job, MeasureJob)]
    assert not plain.alone


def test_keys_know_the_runtime_the_file_and_the_way_of_timing(schedule, session):
    plan = schedule(grid("eager", "onnxruntime-int8", "onnxruntime-int8-qdq-pt")).plan
    eager, per_channel, per_tensor = plan.cells
    named = Keys(session)
    assert len({named.cell(cell) for cell in plan.cells}) == 3
    assert named.cell(eager) != named.cell(eager, Profiling(batch=2))
    assert named.cell(per_channel) != named.cell(replace(per_channel, calibrated_on=("tiny_test",)))
    assert per_channel.row_id != per_tensor.row_id


def test_another_writer_of_files_never_meets_a_file_of_this_one(schedule, session, monkeypatch):
    plan = schedule(grid("eager", "onnxruntime", "onnxruntime-int8")).plan
    profiles = [cell.inference.backend for cell in plan.cells]

    def names():
        made = Keys(session)
        return [made.cell(cell) for cell in plan.cells], [made.profile("dot", 2, QUICK, None, b) for b in profiles]

    before, profiled = names()
    written = writer_of(quantised=False)
    monkeypatch.setattr(keys, "writer_of", lambda *, quantised: written if not quantised else {"code": "another"})
    after, profiled_after = names()
    for old, new in ((before, after), (profiled, profiled_after)):
        assert [one == other for one, other in zip(old, new, strict=True)] == [True, True, False]


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        (grid("onnxruntme"), UnknownNameError, "Did you mean onnxruntime"),
        (grid("eager-int4"), UnknownNameError, "int4"),
        (grid("eager-bf16-qdq-pc"), UsageError, "which only int8 has"),
        (grid("eager") + '\nprecision = "bf16"', ConfigError, "put the precision into backends"),
    ],
)
def test_a_backend_that_is_not_one_is_refused(schedule, text, error, said):
    with pytest.raises(error, match=said):
        schedule(text)


def test_a_precision_is_the_backend_of_pytorch_in_it(schedule):
    (cell,) = schedule('architectures = ["dot"]\nprecision = "fp16"').plan.cells
    assert cell.inference.id() == "whole,eager-fp16"


@pytest.mark.slow  # the exporter and the quantiser take half a minute
def test_a_file_is_written_once_and_its_hash_is_in_the_records_of_both_runtimes(run, session):
    for package in ("onnxscript", "onnxruntime", "openvino"):
        pytest.importorskip(package)
    outcome, records = run(
        grid("eager", "onnxruntime", "openvino", "onnxruntime-int8-qdq-pc-n4-p8", "openvino-int8-qdq-pc-n4-p8")
    )
    assert outcome.failed == ()
    files = {sha256_of(path): path for path in (session.cache / "onnx").rglob(PROGRAM)}
    for precision, word in (("fp32", "fp32"), ("int8", "int8-qdq-pc-n4-p8")):
        first, second = (records[f"{runtime}-{word}"].deployment for runtime in ("onnxruntime", "openvino"))
        assert first.file_sha256 == second.file_sha256
        assert first.file_sha256 in files
        assert first.file_mib.value == files[first.file_sha256].stat().st_size / 2**20
        assert (first.calibrated_on == ("tiny_train",)) == (precision == "int8")
    plain = records["eager-fp32"].scores["psnr_y"].value
    assert records["onnxruntime-fp32"].scores["psnr_y"].value == pytest.approx(plain, abs=1e-3)
    assert records["openvino-fp32"].scores["psnr_y"].value == pytest.approx(plain, abs=1e-3)
    assert records["openvino-int8-qdq-pc-n4-p8"].scores["psnr_y"].value == pytest.approx(plain, abs=1.0)

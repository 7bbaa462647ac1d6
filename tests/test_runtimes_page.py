"""The page of every network in every runtime: its facts are all there, and it says what they say."""

import json
import signal

import pytest

from docs.site import runtime_trials, runtimes
from srbench.catalog.catalog import build_catalog
from srbench.catalog.discovery import discover


@pytest.fixture(scope="module")
def facts():
    """The committed facts."""
    return json.loads(runtimes.FACTS.read_text(encoding="utf-8"))


def test_the_page_is_as_its_facts_say(facts):
    assert runtimes.PAGE.read_text(encoding="utf-8") == runtimes.page(facts), "run python -m docs.site.runtimes --page"


def test_every_bundled_network_was_tried_in_every_backend(facts):
    bundled = set(build_catalog(discover(environ={"SRBENCH_PLUGINS": "bundled"})).architectures)
    assert set(facts["networks"]) == set(facts["machines"]) == bundled, "run python -m docs.site.runtimes"
    tried = {name: set(found) for name, found in facts["networks"].items()}
    assert tried == {name: set(runtimes.BACKENDS) for name in bundled}, "run python -m docs.site.runtimes"


def test_in_fp32_every_runtime_gives_the_images_of_pytorch(facts):
    for backend in ("channels_last", "compile", "onnxruntime", "openvino"):
        away = {
            name: figure for name, found in facts["networks"].items() if isinstance(figure := found.get(backend), float)
        }
        away.pop("spandrel_atd", None)  # its fp32 is as far from double precision, as the page says
        assert away
        assert {name: figure for name, figure in away.items() if figure > 0.5} == {}


def test_networks_share_the_letter_of_a_reason():
    bf16 = "[ONNXRuntimeError] : Type 'tensor(bfloat16)' of input parameter ({}) of operator (Conv) in node is invalid"
    networks = {
        name: dict.fromkeys(runtimes.BACKENDS, 0.5) | {"onnxruntime-bf16": bf16.format(tensor)}
        for name, tensor in (("one", "x"), ("other", "_to_copy"))
    }
    machines = {"one": "a machine", "other": "another"}
    text = runtimes.page({"machines": machines, "packages": "torch 1", "networks": networks})
    rows = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith(("| one ", "| other (2) "))]
    assert [cell.strip() for cell in rows[0][1:]] == [cell.strip() for cell in rows[1][1:]]
    assert rows[0].count("*a*") == 1
    assert "- *a*: ONNX Runtime has no Conv in bfloat16 here.\n" in text
    assert "with torch 1, on a machine, and where a name has (2), on another; `compile`" in text


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (None, "not done within"), (-signal.SIGXCPU, "not done within"), (-signal.SIGSEGV, "ended by SIGSEGV"),
        (3, "the status 3"),
    ],
)  # fmt: skip
def test_why_a_process_ended_is_a_reason(status, reason):
    assert reason in runtime_trials._why_it_ended(status, 60, 2)

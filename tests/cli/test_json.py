"""``--json``: one document of a known schema on standard output, and errors that a program can read."""

import json
import math
import os
from dataclasses import dataclass

import jsonschema
import pytest
import torch
import typer

from docs.site import documents
from helpers.catalogs import share
from helpers.records import make_record, write_records
from srbench.cli import json_output
from srbench.cli.app import app
from srbench.cli.json_output import DOCUMENTS, OPTION, Document, print_json
from srbench.networks.network import build_network
from srbench.running.events import unheard
from srbench.running.run_files import RunFiles
from srbench.running.store import results_lock

TIMING = ["--seconds", "0.01", "--output", "48x40"]
TYPED = {
    "list": ["losses", "l*"],
    "show": ["l1"],
    "status": ["ran"],
    "cancel": ["runs"],
    "plan": ["../tiny.toml", "--data", "../data"],
    "plugins": [],
    "check": ["l1"],
    "profile": ["bicubic", "--scale", "2", *TIMING, "--repeats", "1", "--no-memory"],
    "pick": ["--from", "mine", "--scale", "2", "--budget", "params_k <= 1000", *TIMING],
    "judge": ["mine", "--track", "ntire-esr-2026", "--scale", "2", "--baseline", "espcn"],
    "score": ["sr", "--dataset", "tiny_test", "--data", "../data", "--scale", "2", "--metric", "psnr_y"],
    "compare": ["mine", "mine", "--fail-on", "psnr_y_db < -0.1"],
    "reproduce": ["mine", "espcn", "--data", "../data"],
    "degrade": ["sr", "--degradation", "area", "--scale", "2", "--out", "small"],
    "report": ["mine", "--metrics", "psnr_y", "--format", "csv", "--to", "out"],
    "upscale": ["sr", "--model", "bicubic", "--scale", "2"],
    "add-plugin": ["loss", "my_loss", "--into", "new"],
    "fetch": ["lpips"],
    "data list": ["photo*"],
    "data verify": ["tiny_test", "--data", "../data"],
    "data fetch": ["tiny_test", "--data", "../data"],
    "data add": ["again", "sr"],
    "doctor metrics": ["sr", "../data/TinyTest", "--scale", "2", "--claim", "10"],
    "doctor data": ["sr"],
    "doctor weights": ["vdsr.pth"],
    "doctor machine": [],
    "doctor tiles": ["bicubic", "sr/ant.png", "--scale", "2", "--tile", "16", "--overlap", "4"],
    "cache list": [],
    "cache size": [],
    "cache prune": ["--all", "--dry-run"],
}
"""Words after each command with a document; files and folders are those of `typed`."""


def commands():
    """Every command of srbench with its words: "cache list"."""
    for name, command in typer.main.get_command(app).commands.items():
        for own, inner in getattr(command, "commands", {"": command}).items():
            yield f"{name} {own}".strip(), inner


def interpolating(spec):
    """Weights of a network that adds nothing to bicubic interpolation."""
    state = build_network(spec, 2).module.state_dict()
    return state | {last: torch.zeros_like(state[last]) for last in list(state)[-2:]}


@pytest.fixture
def typed(srbench, monkeypatch, catalog, tiny):
    """Type a command with ``--json``, and return its document, which keeps its schema, and its answer.

    There are results in ``mine``, a run that ended in ``ran``, one that goes on in ``runs``, and in ``sr`` images that
    somebody made of the dataset in ``../data``.
    """
    for name in ("ran", "runs"):
        with RunFiles(srbench.folder / name).following("here", 1, (), unheard):
            pass
    monkeypatch.setenv("SRBENCH_DATASETS", str(tiny.folder / "own.toml"))
    monkeypatch.setattr("srbench.networks.imagenet._fetch", lambda name, progress: tiny.folder / name)
    share(monkeypatch, catalog)
    tiny.suite()
    write_records(srbench.folder / "mine", [make_record("espcn")])
    for seed, name in enumerate(("ant", "bee"), 7):
        tiny.picture(srbench.folder / "sr" / f"{name}.png", seed)

    monkeypatch.setattr("srbench.diagnosing.machine.warning_of_load", lambda device: "")  # whatever else runs here
    torch.save(interpolating(catalog.architectures["vdsr"]), srbench.folder / "vdsr.pth")

    def typing(command, *words):
        answer = srbench(*command.split(), *words, "--json")
        document = json.loads(answer.out)
        jsonschema.validate(document, DOCUMENTS[command].json_schema())
        return document, answer

    with results_lock(srbench.folder / "runs"):
        yield typing


@pytest.mark.parametrize("command", TYPED)
def test_a_document_keeps_its_schema_and_nothing_else_is_printed(typed, command):
    document, answer = typed(command, *TYPED[command])
    assert answer.status == 0
    assert "error" not in answer.err
    assert document["schema"] == DOCUMENTS[command].schema_name
    assert json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n" == answer.out


def test_every_command_prints_a_document_or_has_a_reason_not_to():
    words = dict(commands())
    printing = {name for name, command in words.items() if any(OPTION in param.opts for param in command.params)}
    assert printing == set(DOCUMENTS)
    assert words.keys() - printing == documents.WITHOUT.keys()


def test_the_numbers_are_those_that_people_read(typed, srbench):
    scored, _ = typed("score", *TYPED["score"])
    assert f"{scored['mean']['psnr_y']:.6f}" in srbench("score", *TYPED["score"]).out
    assert [image["name"] for image in scored["images"]] == ["ant", "bee"]
    write_records(srbench.folder / "other", [make_record("fsrcnn")])
    failed, answer = typed("compare", "mine", "other", "--fail-on", "psnr_y_db < -0.1")
    assert (answer.status, failed["passed"], failed["changes"][0]["verdict"]) == (1, False, "failed")
    (srbench.folder / "sr" / "broken.png").write_bytes(b"no image")
    enlarged, answer = typed("upscale", *TYPED["upscale"])
    assert answer.status == 1
    assert [(file["height"], file["error"] is None) for file in enlarged["files"]] == [
        (80, True), (80, True), (None, False),
    ]  # fmt: skip
    reported, _ = typed("report", *TYPED["report"])
    assert all((srbench.folder / name).is_file() for name in reported["files"])
    assert reported["files"]


def test_what_is_degraded_is_listed_and_compared(typed, srbench):
    (srbench.folder / "sr" / "notes.txt").write_text("no image")
    made, _ = typed("degrade", *TYPED["degrade"])
    assert [(one["lr"], one["equal"]) for one in made["images"]] == [
        ("small/ant_x2.png", None),
        ("small/bee_x2.png", None),
    ]
    assert made["notes"] == ["Left out, as no images: notes.txt."]
    again, answer = typed("degrade", "sr/ant.png", "--from", "small/ant_x2.json")
    assert (answer.status, again["images"][0]["equal"], again["images"][0]["lr"]) == (0, True, None)
    (srbench.folder / "small/bee_x2.png").replace(srbench.folder / "small/ant_x2.png")
    again, answer = typed("degrade", "sr/ant.png", "--from", "small/ant_x2.json")
    assert (answer.status, again["images"][0]["equal"]) == (1, False)


def test_each_form_of_what_is_shown_keeps_the_schema(typed, srbench):
    write_records(srbench.folder / "mine", [make_record("espcn")])
    for words, form in (
        (["edsr_small"], "network"), (["quick", "--kind", "suite"], "suite"), (["quick", "--kind", "recipe"], "recipe"),
        (["mine#espcn"], "row"), (["orl_identify"], "things"),
    ):  # fmt: skip
        document, _ = typed("show", *words)
        given = {key for key in ("network", "recipe", "row", "suite", "things") if document[key]}
        assert given == {form, *(["things"] if form == "network" else [])}
    assert document["things"][0]["facts"]["labels"]["layout"] == "class-folders"


def test_the_facts_of_a_degradation_and_a_step_are_those_that_people_read(typed):
    degradation, _ = typed("show", "isotropic")
    assert [step["class"] for step in degradation["things"][0]["facts"]["chain"]] == [
        "GaussianBlur",
        "BicubicDown",
        "Quantise",
    ]
    step, _ = typed("show", "gaussian_blur")
    assert step["things"][0]["facts"]["parameters"]["side_px"] == {
        "default": 21,
        "unit": "px, side of the square kernel",
    }


def test_every_document_is_tried_here_and_every_schema_is_one():
    assert set(TYPED) == set(DOCUMENTS)
    for document in DOCUMENTS.values():
        jsonschema.Draft202012Validator.check_schema(document.json_schema())


def test_a_schema_refuses_another_document(typed):
    document, _ = typed("cache size")
    schema = DOCUMENTS["cache size"].json_schema()
    for other in ({**document, "schema": "srbench.cache.size/0"}, {**document, "more": 1}, {**document, "bytes": "x"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(other, schema)


def test_the_page_describes_every_document():
    text = documents.PAGE.read_text(encoding="utf-8")
    assert documents.page(text) == text, "write the page again: python -m docs.site.documents"
    for document in DOCUMENTS.values():
        for path, type_, meaning in documents.fields_of(document.facts):
            assert type_, path
            assert meaning.endswith("."), f"{document.place} {path} lacks the sentence below it"


def test_an_error_is_an_object_in_one_line_and_standard_output_is_empty(srbench):
    for words, error, says in (
        (("list", "lossess"), "UnknownNameError", "Did you mean losses?"),
        (("cache", "size", "--al"), "NoSuchOption", "No such option: --al"),
        (("cache", "prune", "--all"), "UsageError", "add --yes"),
    ):
        (srbench.folder / "cache" / "lr" / "ab").mkdir(parents=True, exist_ok=True)
        (srbench.folder / "cache" / "lr" / "ab" / "a.png").write_bytes(b"x")
        os.environ["SRBENCH_CACHE"] = str(srbench.folder / "cache")
        answer = srbench(*words, "--json")
        assert (answer.status, answer.out) == (2, "")
        found = json.loads(answer.err)
        assert (found["schema"], found["error"]) == ("srbench.error/1", error)
        assert says in found["message"]
        assert srbench(*words).err.startswith("error: ")


@dataclass
class Odd:
    """Facts that JSON has no words for."""

    number: float | None
    numbers: dict[str, float | None]
    text: str


def test_what_json_cannot_say_is_null_or_escaped(monkeypatch, capfd):
    monkeypatch.setitem(json_output.DOCUMENTS, "odd", Document("odd", 3, f"{__name__}:Odd"))
    print_json("odd", Odd(math.nan, {"b": -math.inf, "a": 1.5}, "ü 网 \udc80"))
    printed = capfd.readouterr().out
    assert '"numbers": {\n    "a": 1.5,\n    "b": null\n  }' in printed
    assert json.loads(printed) == {
        "schema": "srbench.odd/3", "number": None, "numbers": {"a": 1.5, "b": None}, "text": "ü 网 \udc80",
    }  # fmt: skip
    assert "ü 网 \\udc80" in printed

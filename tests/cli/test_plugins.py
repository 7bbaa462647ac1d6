"""``srbench plugins``."""

import json

from srbench.catalog.discovery import discover

SOUND = """
import srbench

@srbench.hookimpl
def register_losses():
    print("hello from far away")
    return [srbench.LossSpec(name="{name}", build=lambda: None)]
"""


def test_every_plugin_is_listed_with_its_names(srbench):
    answer = srbench("plugins")
    assert answer.status == 0
    assert "architectures: edsr_baseline, edsr," in answer.out
    assert "metrics: pyiqa:…" in answer.out
    for plugin in discover(environ={"SRBENCH_PLUGINS": "bundled"}):
        assert f" {plugin.name.removeprefix('srbench_plugins.')} " in answer.out


def test_what_a_plugin_said_and_why_one_is_broken_stand_in_the_table(srbench):
    (srbench.folder / "plugins").mkdir()
    (srbench.folder / "plugins" / "talker.py").write_text(SOUND.format(name="talker"))
    (srbench.folder / "plugins" / "broken.py").write_text("import nothing_of_that_name")
    answer = srbench("plugins")
    assert answer.status == 0
    assert "it said: hello from far away" in answer.out
    assert "Plugin broken failed to load: ModuleNotFoundError" in " ".join(answer.out.split())
    strict = srbench("plugins", "--strict-plugins")
    assert strict.status == 2
    assert "error: Plugin broken failed to load: ModuleNotFoundError" in strict.err


def test_json_is_not_disturbed_by_a_plugin_that_prints(srbench):
    (srbench.folder / "talker.py").write_text(SOUND.format(name="talker"))
    answer = srbench("plugins", "--plugin", "talker.py", "--json")
    (facts,) = [p for p in json.loads(answer.out) if p["name"] == "talker"]
    assert facts["provides"] == {"losses": ["talker"]}
    assert facts["file"] == str(srbench.folder / "talker.py")
    assert facts["notices"] == ["hello from far away"]
    assert facts["error"] is None
    assert facts["seconds"] > 0


def test_two_plugins_with_one_name_are_listed_and_the_clash_is_told(srbench):
    for name in ("one", "other"):
        (srbench.folder / f"{name}.py").write_text(SOUND.format(name="same_loss"))
    words = ("plugins", "--plugin", "one.py", "--plugin", "other.py")
    answer = srbench(*words)
    assert answer.status == 0
    assert answer.out.count("losses: same_loss") == 2
    assert "warning: Two plugins provide the loss 'same_loss': one (file, " in answer.err
    assert srbench(*words, "--strict-plugins").status == 2
    assert "error: Two plugins provide the loss 'same_loss'" in srbench("list", *words[1:]).err

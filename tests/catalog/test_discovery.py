"""Plugins are found in all their sources, and a faulty one is named and harms no other."""

import importlib.metadata
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
import types

import pytest

from srbench.catalog import discovery as plugins
from srbench.catalog.catalog import build_catalog
from srbench.catalog.discovery import discover, entry_point_plugins, user_folder
from srbench.catalog.loading import import_file, load_plugin
from srbench.catalog.plugin import Plugin
from srbench.errors import PluginError, UsageError

ONLY_FILES = {"SRBENCH_PLUGINS": "files"}


def loss(name="a_loss"):
    """The text of a plugin with one loss."""
    return f"""
import srbench

@srbench.hookimpl
def register_losses():
    return [srbench.LossSpec(name="{name}", build=lambda: None)]
"""


LOSS = loss()


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """A working folder and a user's plugin folder that are empty."""
    (tmp_path / "here" / "plugins").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(plugins, "user_folder", lambda: tmp_path / "user")
    return tmp_path


def write(folder, stem, text):
    """A Python file."""
    folder.mkdir(exist_ok=True, parents=True)
    path = folder / f"{stem}.py"
    path.write_text(textwrap.dedent(text))
    return path


@pytest.fixture
def found(alone):
    """Discover a file with the given text beside a sound plugin; give back the faulty one."""

    def discovered(text, **environ):
        write(alone / "here" / "plugins", "sound", loss("sound_loss"))
        write(alone / "here" / "plugins", "faulty", text)
        loaded = {plugin.name: plugin for plugin in discover(environ=ONLY_FILES | environ)}
        assert [spec.name for _, spec in loaded["sound"].specs] == ["sound_loss"]
        assert loaded["sound"].error is None
        return loaded["faulty"]

    return discovered


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("def register_losses(:\n", "failed to load: SyntaxError: .*faulty.py, line 1"),
        ("\nraise OSError('no such luck')", r"failed to load: OSError: no such luck \(faulty.py, line 2\)\."),
        ("import a_library_that_is_not_here", "ModuleNotFoundError: No module named 'a_library_that_is_not_here'"),
        ("import sys\nsys.exit(3)", "failed to load: SystemExit: 3"),
        ("x = 1", "defines no hook; mark one of its functions with @srbench.hookimpl"),
        ("def register_losses(): return []", "its function register_losses is not marked; put @srbench.hookimpl"),
        (LOSS.replace("_losses", "_loses"), "'register_loses', which srbench does not know; did you mean register_lo"),
        (LOSS.replace("_losses", "_zzz"), "'register_zzz', which srbench does not know; the hooks are register_arch"),
        (LOSS.replace("_losses()", "_losses(config)"), "hook with arguments .*; hooks take none"),
        (LOSS.replace("return", "pass #"), "register_losses returned NoneType; return a list of specs"),
        (LOSS.replace("[", "").replace("]", ""), "returned LossSpec; return a list of specs"),
        (LOSS.replace("return [", "return 'l1' #"), "returned str; return a list of specs"),
        (LOSS.replace("return [", "return {'a': 1} #"), "returned dict; return a list of specs"),
        (LOSS.replace("_losses", "_metrics"), "register_metrics returned LossSpec; it must return ScoreSpec objects"),
        (
            LOSS.replace("_losses", "_architectures").replace("LossSpec", "RecogniserSpec"),
            "register_architectures returned RecogniserSpec; it must return ArchitectureSpec objects",
        ),
        (LOSS.replace("return", "1 / 0; return"), r"ZeroDivisionError: division by zero \(faulty.py, line 6\)"),
        (LOSS.replace("return", "yield None; return"), "register_losses returned NoneType; it must return LossSpec"),
        (LOSS.replace("return", "yield from") + "    raise TypeError('mine')", "failed to load: TypeError: mine"),
        (loss("Bad-Name"), "'Bad-Name' is not lower_snake_case"),
        ("import os\nos._exit(3)", r"failed to load: SystemExit: os\._exit\(3\) "),
        (LOSS.replace("return", "import os; os._exit(0); return"), r"failed to load: SystemExit: os\._exit\(0\)"),
        ("class E(Exception):\n    def __str__(self): 1 / 0\nraise E", "E: its text cannot be printed, ZeroDivision"),
        ("raise OSError('one\\ntwo')", "failed to load: OSError: one two"),
        (LOSS.replace("build=", "label=3, build="), "the LossSpec 'a_loss', whose label is int; it must be str"),
        (LOSS.replace("lambda: None", "3"), r"'a_loss', whose build is int; it must be Callable\["),
    ],
)  # fmt: skip
def test_a_fault_is_named_and_the_other_plugins_work(found, text, error):
    plugin = found(text)
    assert plugin.error is not None
    assert plugin.error.startswith("Plugin faulty ")
    assert "\n" not in plugin.error
    assert re.search(error, plugin.error), plugin.error
    assert plugin.specs == []


def test_a_file_that_is_not_text_is_named(found, alone):
    (alone / "here" / "plugins" / "binary.py").write_bytes(b"\x00\xff\x00")
    assert found(loss("fine")).error is None
    broken = {plugin.name: plugin.error for plugin in discover(environ=ONLY_FILES)}["binary"]
    assert "SyntaxError" in broken


@pytest.mark.parametrize(
    "text",
    [
        "import time\ntime.sleep(60)",
        "while True: pass",
        "import time\nwhile True:\n    try: time.sleep(60)\n    except Exception: pass",
        "import time\nfor _ in range(2):\n    try: time.sleep(60)\n    except BaseException: pass\ntime.sleep(60)",
    ],
    ids=["sleeps", "spins", "swallows exceptions", "swallows the first two interruptions"],
)
def test_a_plugin_that_hangs_is_interrupted(found, text):
    start = time.perf_counter()
    plugin = found(text, SRBENCH_PLUGIN_TIMEOUT="0.3")
    assert "did not finish loading within 0.3 s; fix it, remove it, or raise SRBENCH_PLUGIN_TIMEOUT" in plugin.error
    assert time.perf_counter() - start < 30


def test_a_plugin_that_cannot_be_interrupted_ends_srbench_with_a_sentence(alone):
    write(
        alone / "here" / "plugins", "stubborn", "import time\nwhile True:\n    try: time.sleep(9)\n    except: pass\n"
    )
    code = (
        "from srbench.catalog import containment, discovery; containment.SECONDS_TO_GIVE_UP = 0.5; discovery.discover()"
    )
    environ = os.environ | {"SRBENCH_PLUGINS": "files", "SRBENCH_PLUGIN_TIMEOUT": "0.3", "HOME": str(alone)}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=200)
    assert done.returncode == 2
    assert "Plugin stubborn (file, " in done.stderr
    assert "did not finish loading within 0.3 s" in done.stderr
    assert "Traceback" not in done.stderr


def test_somebody_elses_alarm_survives_a_discovery(found):
    rung = []
    handler = signal.signal(signal.SIGALRM, lambda *_: rung.append(True))
    remaining, interval = signal.setitimer(signal.ITIMER_REAL, 200)
    try:
        found(loss("fine"))
        assert 100 < signal.getitimer(signal.ITIMER_REAL)[0] <= 200
        assert not rung
    finally:
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, remaining, interval)


@pytest.mark.parametrize("value", ["soon", "0", "-1", "nan", "inf"])
def test_a_time_limit_that_is_no_time_is_refused(value):
    with pytest.raises(UsageError, match=r"SRBENCH_PLUGIN_TIMEOUT is .*; give a number of seconds above 0"):
        discover(environ={"SRBENCH_PLUGINS": "none", "SRBENCH_PLUGIN_TIMEOUT": value})


def test_what_a_plugin_prints_and_warns_of_is_kept_apart(found, capfd):
    plugin = found("import warnings\nprint('hello')\nwarnings.warn('old API')\n" + loss("talkative"))
    assert plugin.error is None
    assert plugin.notices == ["hello", "UserWarning: old API"]
    assert capfd.readouterr().out == ""


def test_the_interrupt_key_is_not_swallowed(found):
    with pytest.raises(KeyboardInterrupt):
        found("raise KeyboardInterrupt")


def test_a_plugin_may_build_on_a_bundled_one(found):
    plugin = found(
        """
        from dataclasses import replace
        import srbench
        from srbench_plugins.losses import pixel

        @srbench.hookimpl
        def register_losses():
            return [replace(spec, name=f"my_{spec.name}") for spec in pixel.register_losses()]
        """
    )
    assert plugin.error is None
    assert "my_l1" in [spec.name for _, spec in plugin.specs]


def test_files_are_found_by_option_in_the_folder_and_in_the_users_folder(alone):
    write(alone / "here" / "plugins", "near", loss("near_loss"))
    write(alone / "user", "own", loss("own_loss"))
    given = write(alone / "elsewhere", "given", loss("given_loss"))
    for ignored in ("_private", "test_near"):
        write(alone / "here" / "plugins", ignored, "raise RuntimeError")
    loaded = discover([given], environ=ONLY_FILES)
    assert {p.name: [spec.name for _, spec in p.specs] for p in loaded} == {
        "given": ["given_loss"], "near": ["near_loss"], "own": ["own_loss"],
    }  # fmt: skip
    assert all(plugin.source == "file" and plugin.file for plugin in loaded)


def test_a_file_given_twice_is_loaded_once(alone):
    near = write(alone / "here" / "plugins", "near", loss("near_loss"))
    assert len(discover([near, near], environ=ONLY_FILES)) == 1


def test_two_files_of_one_name_are_both_loaded(alone):
    write(alone / "here" / "plugins", "twin", loss("first_loss"))
    write(alone / "user", "twin", loss("second_loss"))
    catalog = build_catalog(discover(environ=ONLY_FILES))
    assert list(catalog.losses) == ["first_loss", "second_loss"]


def test_a_given_file_is_loaded_even_when_sources_are_off(alone):
    given = write(alone, "given", loss("given_loss"))
    assert [p.name for p in discover([given], environ={"SRBENCH_PLUGINS": "none"})] == ["given"]


def test_a_given_file_that_is_missing_is_refused(alone):
    with pytest.raises(UsageError, match=r"The plugin file .*absent.py does not exist; give --plugin the path"):
        discover([alone / "absent.py"])


def test_a_file_that_is_not_python_is_refused(alone):
    (alone / "notes.txt").write_text("hello")
    with pytest.raises(PluginError, match=r"notes.txt is not a Python file"):
        import_file(alone / "notes.txt")


def test_sources_can_be_chosen(alone):
    write(alone / "here" / "plugins", "near", loss("near_loss"))
    assert {p.source for p in discover(environ={"SRBENCH_PLUGINS": "bundled"})} == {"bundled"}
    assert {p.source for p in discover(environ={"SRBENCH_PLUGINS": "bundled, files"})} == {"bundled", "file"}
    assert discover(environ={"SRBENCH_PLUGINS": "none"}) == discover(environ={"SRBENCH_PLUGINS": ""}) == []


def test_an_unknown_source_is_refused():
    with pytest.raises(
        UsageError, match=r"names the source 'bundle'; it may name bundled, entry-points, files, or be 'none'"
    ):
        discover(environ={"SRBENCH_PLUGINS": "bundle"})


def test_every_bundled_plugin_loads_in_silence_and_has_its_version():
    bundled = discover(environ={"SRBENCH_PLUGINS": "bundled"})
    assert [(p.name, p.error, p.notices) for p in bundled if p.error or p.notices] == []
    assert {p.version for p in bundled} == {importlib.metadata.version("srbench")}
    assert len(bundled) > 10


def test_the_code_hash_follows_the_code(alone):
    path = write(alone / "here" / "plugins", "near", loss("near_loss"))
    (before,) = discover(environ=ONLY_FILES)
    first = before.code_hash
    path.write_text(path.read_text() + "\n# changed\n")
    (after,) = discover(environ=ONLY_FILES)
    assert after.code_hash != first


def test_the_code_hash_of_an_installed_package_covers_all_its_modules(alone):
    for name in ("__init__", "hooks", "network"):
        write(alone / "pkg", name, "x = 1")

    def loaded() -> Plugin:
        return load_plugin(Plugin("pkg", "entry point", "1", alone / "pkg" / "hooks.py"), lambda: None)

    before = loaded()
    write(alone / "pkg", "network", "x = 2")
    assert loaded().code_hash != before.code_hash


@pytest.mark.parametrize("line", ["from {m} import x", "from {package} import {stem}", "import {m}"])
def test_the_code_hash_covers_the_bundled_modules_that_a_file_imports(alone, monkeypatch, line):
    package = "srbench_plugins.losses"
    near = write(alone / "bundled", "near", f"from {package}.far import x")
    far = write(alone / "bundled", "far", "x = 1")
    for path in (far, near):
        module = types.ModuleType(f"{package}.{path.stem}")
        module.x, module.__file__ = 1, str(path)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(f"{package}.{path.stem}", module, raising=False)
    leaning = line.format(m=f"{package}.near", package=package, stem="near") + "\n" + loss("leaning_loss")
    write(alone / "here" / "plugins", "leaning", leaning)

    def code_hash() -> str:
        (plugin,) = discover(environ=ONLY_FILES)
        assert plugin.error is None
        return plugin.code_hash

    before = code_hash()
    assert code_hash() == before
    far.write_text("x = 2")
    assert code_hash() != before


def test_the_code_hash_is_of_the_code_that_was_loaded_not_of_what_the_file_became(alone):
    path = write(alone / "here" / "plugins", "near", loss("near_loss"))
    (plugin,) = discover(environ=ONLY_FILES)
    before = plugin.code_hash
    path.write_text(path.read_text() + "\n# changed while srbench runs\n")
    assert plugin.code_hash == before


def install(folder, name, version, entry, module=""):
    """What an installer leaves behind, in a folder of the import path."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[srbench]\n{entry}\n")
    if module:
        (folder / f"{entry.partition('=')[2].strip().partition(':')[0]}.py").write_text(module)


@pytest.fixture
def site(alone, monkeypatch):
    monkeypatch.syspath_prepend(str(alone / "site"))
    yield alone / "site"
    for name in [n for n in sys.modules if n.startswith("their_")]:
        del sys.modules[name]


def test_an_entry_point_is_found_with_its_package_and_version(site):
    install(site, "srbench-theirs", "0.7", "theirs = their_plugin", loss("their_loss"))
    (plugin,) = discover(environ={"SRBENCH_PLUGINS": "entry-points"})
    assert (plugin.name, plugin.source, plugin.version) == ("srbench-theirs:theirs", "entry point", "0.7")
    assert plugin.file == site / "their_plugin.py"
    assert [spec.name for _, spec in plugin.specs] == ["their_loss"]
    assert [p.name for p, _ in entry_point_plugins("SRBench_Theirs")] == ["srbench-theirs:theirs"]
    assert not list(entry_point_plugins("another"))


def test_a_broken_entry_point_is_named_and_the_others_work(site):
    install(site, "srbench-theirs", "0.7", "theirs = their_plugin", loss("their_loss"))
    install(site, "srbench-gone", "1.0", "gone = their_module_that_is_gone")
    install(site, "srbench-lost", "1.0", "lost = their_plugin:nothing")
    errors = {p.name: p.error for p in discover(environ={"SRBENCH_PLUGINS": "entry-points"})}
    assert errors["srbench-theirs:theirs"] is None
    assert "No module named 'their_module_that_is_gone'" in errors["srbench-gone:gone"]
    assert "AttributeError" in errors["srbench-lost:lost"]


def test_the_users_folder_follows_the_platform(monkeypatch):
    monkeypatch.undo()
    assert user_folder().name == "plugins"
    assert "srbench" in user_folder().parts


def test_reading_the_version_and_the_suites_imports_neither_torch_nor_a_plugin(alone):
    code = (
        "import contextlib, io, json, sys; sys.argv = ['srbench', *{0!r}.split()]; from srbench.cli import main\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()): main()\n"
        "print(json.dumps([m for m in sys.modules if m.partition('.')[0] in ('torch', 'srbench_plugins')]))"
    )
    for command in ("--help", "--version", "list suites"):
        done = subprocess.run([sys.executable, "-c", code.format(command)], capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == [], command

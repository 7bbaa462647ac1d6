"""Ctrl-C ends the command without a traceback, at any import that it may meet."""

import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

STOPPED_AT_AN_IMPORT = """
import sys
from srbench.cli import main

left = {imports}

def stop(event, arguments):
    global left
    if event == "import":
        left -= 1
        if left == 0:
            raise KeyboardInterrupt

sys.addaudithook(stop)
sys.argv = ["srbench", "list", "suites"]
main()
"""


@pytest.mark.parametrize("imports", [1, 2, 30, 120, 200, 300])
def test_an_import_that_is_interrupted_ends_in_one_line(imports, tmp_path):
    code = STOPPED_AT_AN_IMPORT.format(imports=imports)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=200)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == 130
    assert done.stderr.strip().startswith("Stopped.")


@pytest.mark.parametrize(
    "command", [[str(Path(sys.executable).with_name("srbench"))], [sys.executable, "-m", "srbench"]]
)
def test_a_signal_while_plugins_are_loaded_ends_in_one_line(command, tmp_path):
    slow = tmp_path / "slow.py"
    slow.write_text("import pathlib, time\npathlib.Path('started').touch()\ntime.sleep(100)")
    words = [*command, "list", "--plugin", str(slow)]
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # what a shell starts in the background is deaf to it
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, cwd=tmp_path, preexec_fn=heard) as process:  # noqa: PLW1509
        while not (tmp_path / "started").exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=100)[1]
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert said.strip().startswith("Stopped.")

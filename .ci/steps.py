"""Check the shell of each step of an action or a workflow by ShellCheck: ``steps.py FILE…``."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml


def shell_steps(node: Any) -> Iterator[str]:  # noqa: ANN401 - any YAML value
    """Yield the text of every ``run`` below a node."""
    if isinstance(node, dict) and isinstance(node.get("run"), str):
        yield node["run"]
    for below in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from shell_steps(below)


def main() -> int:
    """Print the faults; the status is 1 if there is one."""
    shellcheck = Path(sys.executable).with_name("shellcheck")
    status = 0
    for path in sys.argv[1:]:
        for text in shell_steps(yaml.safe_load(Path(path).read_text(encoding="utf-8"))):
            done = subprocess.run([shellcheck, "--shell", "bash", "-"], input=text, text=True, check=False)  # noqa: S603
            status = max(status, done.returncode)
    return status


if __name__ == "__main__":
    sys.exit(main())

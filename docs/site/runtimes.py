"""Write docs/runtimes.md: every bundled network in every backend, or the reason why it does not run there.

``python -m docs.site.runtimes`` tries them one by one, each in a process of its own with a time limit. It takes
more than an hour on two cores, and goes on where it was stopped; ``--only 'espcn*'`` renews rows. Facts are kept in
docs/site/runtimes.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from srbench.escaping import markdown

HERE = Path(__file__).parent
FACTS, PAGE = HERE / "runtimes.json", HERE.parent / "runtimes.md"
BACKENDS = (
    "eager-bf16", "eager-fp16", "channels_last", "onnxruntime", "onnxruntime-fp16", "onnxruntime-bf16",
    "onnxruntime-int8", "openvino", "openvino-bf16", "openvino-fp16", "openvino-int8",
)  # fmt: skip
SECONDS = 240
"""For one network in all backends."""
ABOUT = """# Every network in every runtime

Each bundled network with fresh weights at its smallest scale, on two photographs of other sizes than the one it was
converted by. A figure is the largest difference from PyTorch in fp32, in levels of 255; 0.00 is equal within rounding.
A letter is the reason why there is none. Quality with trained weights is another matter: see
[deployment.md](deployment.md).

"""


def main() -> None:
    """Try what is asked for, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="*", help="networks to try again")
    parser.add_argument("--try", dest="name", help="try one network here, and print what was found as JSON")
    parser.add_argument("--page", action="store_true", help="write the page alone")
    given = parser.parse_args()
    if given.name:
        for backend, found in _tried(given.name):
            sys.stdout.write(json.dumps([backend, found]) + "\n")
            sys.stdout.flush()
        return
    facts: dict[str, dict[str, float | str]] = json.loads(FACTS.read_text()) if FACTS.is_file() else {}
    if not given.page:
        for name in _smallest_first():
            if fnmatch(name, given.only) and (name not in facts or given.only != "*"):
                facts[name] = _in_a_process(name)
                FACTS.write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")
    PAGE.write_text(page(facts))


def _smallest_first() -> list[str]:
    """Return the names of all networks, in the order of their parameters."""
    import torch

    from srbench.catalog.catalog import load_catalog

    shelf = load_catalog().architectures
    with torch.device("meta"):
        sizes = {
            name: sum(p.numel() for p in shelf[name].network(min(shelf[name].scales)).parameters()) for name in shelf
        }
    return sorted(sizes, key=lambda name: (sizes[name], name))


def _in_a_process(name: str) -> dict[str, float | str]:
    command = [sys.executable, "-m", "docs.site.runtimes", "--try", name]
    try:
        said = subprocess.run(  # noqa: S603 - this Python, this module
            command, capture_output=True, text=True, timeout=SECONDS, check=False
        ).stdout
        missing = "its process ended"
    except subprocess.TimeoutExpired as late:
        said, missing = (late.stdout or b"").decode(), f"not done within {SECONDS} s for all backends"
    found = dict(json.loads(line) for line in said.splitlines() if line.startswith("["))
    return {backend: found.get(backend, missing) for backend in BACKENDS}


def _tried(name: str) -> Iterator[tuple[str, float | str]]:
    """Yield each backend with the largest difference in levels, or the reason why there is none."""
    import torch

    from srbench.catalog.catalog import load_catalog
    from srbench.deploying.backend import parse_backend
    from srbench.deploying.onnx_files import example_of, write_onnx
    from srbench.deploying.opening import open_session, plain_module
    from srbench.deploying.quantisation import quantise
    from srbench.deploying.settings import Quantisation
    from srbench.errors import reason_of
    from srbench.networks.network import build_network
    from srbench.testing import photograph

    catalog = load_catalog()
    spec, scale = catalog.architectures[name], min(catalog.architectures[name].scales)
    side = max(spec.min_size, spec.size_multiple)
    example = example_of(spec.colours, side, torch.device("cpu"))
    images = [photograph(1, spec.colours, side + 24, side + 16), photograph(1, spec.colours, side + 41, side + 33)]
    patches = [photograph(1, spec.colours, 48, 48, seed=seed) for seed in range(8)]
    files: dict[str, Path | str] = {}
    with tempfile.TemporaryDirectory() as folder:
        for word in BACKENDS:
            backend = parse_backend(word, tuple(catalog.runtimes))
            runtime = catalog.runtimes[backend.runtime]
            try:
                torch.manual_seed(0)
                module = plain_module(build_network(spec, scale), scale)
                precision, onnx = runtime.onnx.get(backend.precision), None
                if precision is not None:
                    if precision not in files:
                        path = Path(folder) / f"{precision}.onnx"
                        files[precision] = path
                        try:
                            write_onnx(module, example, precision, path, lambda c: quantise(c, patches, Quantisation()))
                        except Exception as error:  # noqa: BLE001 - it is the reason in the table
                            files[precision] = reason_of(error)
                    onnx = files[precision]
                    if isinstance(onnx, str):
                        yield word, onnx
                        continue
                session = open_session(module, backend, runtime, example, Path(folder), onnx)
                with torch.inference_mode():
                    away = max(float((session(lr).clamp(0, 1) - module(lr).clamp(0, 1)).abs().max()) for lr in images)
                yield word, round(255 * away, 2) if away == away else "it gives NaN"  # noqa: PLR0124
            except Exception as error:  # noqa: BLE001 - likewise
                yield word, reason_of(error)


def page(facts: dict[str, dict[str, float | str]]) -> str:
    """Return the text of the page."""
    reasons: dict[str, str] = {}
    rows = []
    for name in sorted(facts):
        cells = []
        for backend in BACKENDS:
            found = facts[name].get(backend, "not tried")
            if isinstance(found, str):
                letter = reasons.setdefault(_general(found), _letters(len(reasons)))
                cells.append(f"*{letter}*")
            else:
                cells.append(f"{found:.2f}")
        rows.append(f"| {name} | {' | '.join(cells)} |")
    head = f"| network | {' | '.join(BACKENDS)} |\n|---|{'---:|' * len(BACKENDS)}\n"
    explained = "\n".join(f"- *{letter}*: {markdown(reason)}" for reason, letter in reasons.items())
    return ABOUT + head + "\n".join(rows) + "\n\n" + explained + "\n"


def _general(reason: str) -> str:
    """Return a reason in short, so that networks share it."""
    return " ".join(reason.split())[:180]


def _letters(number: int) -> str:
    return chr(97 + number) if number < 26 else _letters(number // 26 - 1) + _letters(number % 26)


if __name__ == "__main__":
    main()

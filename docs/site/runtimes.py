"""Write docs/runtimes.md: every bundled network in every backend, or the reason why it does not run there.

``python -m docs.site.runtimes`` tries them one by one, smallest first. It takes more than an hour of one core, and goes
on where it was stopped; ``--only 'espcn*'`` renews rows, and ``--page`` writes the page alone. What was found is in
docs/site/runtimes.json.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from docs.site.runtime_trials import SECONDS, Found, smallest_first, start, tried
from srbench.escaping import markdown

HERE = Path(__file__).parent
FACTS, PAGE = HERE / "runtimes.json", HERE.parent / "runtimes.md"
BACKENDS = (
    "eager-bf16", "eager-fp16", "channels_last", "compile", "onnxruntime", "onnxruntime-fp16", "onnxruntime-bf16",
    "onnxruntime-int8", "openvino", "openvino-bf16", "openvino-fp16", "openvino-int8",
)  # fmt: skip
ABOUT = """# Every network in every runtime

Each bundled network with fresh weights at its smallest scale, on two photographs of other sizes than the one it was
converted by. A figure is the largest difference from PyTorch in fp32, in levels of 255; 0.00 is equal within rounding.
A letter is a reason below why there is none; "not done within" so many seconds is a limit of this page alone. Quality
with trained weights is another matter: see [deployment.md](deployment.md).

Written by `python -m docs.site.runtimes` with {packages}, on {machines}; `compile` on the first machine throughout.

"""
AFTER = """
Large figures in half precision and int8 are those of networks that enlarge small differences. HPINet and ATD
choose patches or pixels by their similarity, so rounding can make them take others: on one of the photographs PyTorch's
own fp32 is 1.66 levels away from double precision for ATD. OpenVINO refuses bf16 and fp16 on processors without them;
on those without VNNI its int8 is [worse](quantisation.md#what-to-expect).
"""
OWN = (
    (r"^The network does not run as \S+ on \w+: ", ""),
    (r"^.+(?= is fitted to each image| draws sr step by step)", "The network"),
    (r"(?<= node)\. Name:'\S+' Status Message:", ":"),
)
"""What reasons have of their network, as regular expressions, and what it is in the reason that networks share."""


def main() -> None:
    """Try what is asked for, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="*", help="networks to try again")
    parser.add_argument("--skip", default="", help="backends, separated by commas, to leave for another time")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="of a processor, for each network")
    parser.add_argument("--page", action="store_true", help="write the page alone")
    given = parser.parse_args()
    facts = json.loads(FACTS.read_text()) if FACTS.is_file() else {"networks": {}, "machines": {}}
    if not given.page:
        start()
        machine = _machine()
        facts["packages"] = _packages()
        networks: dict[str, Found] = facts["networks"]
        for name in smallest_first():
            known = {} if given.only != "*" and fnmatch(name, given.only) else networks.get(name, {})
            wanted = [word for word in BACKENDS if word not in known and word not in given.skip.split(",")]
            if wanted and fnmatch(name, given.only):
                networks[name] = known | tried(name, wanted, given.seconds)
                facts["machines"].setdefault(name, machine)
                FACTS.write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")
    PAGE.write_text(page(facts))


def _machine() -> str:
    from srbench.profiling.machine import this_machine

    return this_machine().name


def _packages() -> str:
    from importlib.metadata import version

    return ", ".join(f"{package} {version(package)}" for package in ("torch", "onnxruntime", "openvino"))


def page(facts: Mapping[str, Any]) -> str:
    """Return the text of the page."""
    networks: Mapping[str, Found] = facts["networks"]
    machines: Mapping[str, str] = facts["machines"]
    marks = {machine: f" ({n})" if n > 1 else "" for n, machine in enumerate(dict.fromkeys(machines.values()), 1)}
    reasons: dict[str, str] = {}
    rows = []
    for name in sorted(networks):
        cells = [_cell(networks[name].get(backend, "It was not tried."), reasons) for backend in BACKENDS]
        rows.append(f"| {name}{marks[machines[name]]} | {' | '.join(cells)} |")
    head = f"| network | {' | '.join(BACKENDS)} |\n|---|{'---:|' * len(BACKENDS)}\n"
    explained = "\n".join(f"- *{letter}*: {markdown(reason)}" for reason, letter in reasons.items())
    first, *others = marks
    where = "".join([first, *(f", and where a name has{marks[machine]}, on {machine}" for machine in others)])
    text = ABOUT.format(packages=facts["packages"], machines=where) + head + "\n".join(rows)
    return f"{text}\n{AFTER}\n{explained}\n"


def _cell(found: float | str, reasons: dict[str, str]) -> str:
    if isinstance(found, str):
        return f"*{reasons.setdefault(_general(found), _letters(len(reasons)))}*"
    return f"{found:.2f}"


def _general(reason: str) -> str:
    """Return a reason in short, without what is in the table already, so that networks share it."""
    missing = re.search(r"Type 'tensor\((\w+)\)' of input parameter \(\w+\) of operator \((\w+)\)", reason)
    if missing:
        return f"ONNX Runtime has no {missing[2]} in {missing[1]} here."
    plain = " ".join(reason.split())
    for own, shared in OWN:
        plain = re.sub(own, shared, plain)
    return plain if len(plain) <= 240 else f"{plain[:240]}…"


def _letters(number: int) -> str:
    return chr(97 + number) if number < 26 else _letters(number // 26 - 1) + _letters(number % 26)


if __name__ == "__main__":
    main()

"""Networks that OpenModelDB lists: ``openmodeldb:NAME``, or ``openmodeldb:FILE.json`` for an entry in a file.

An entry says where the weights of a model are and their sha256. They are downloaded, checked, and recognised by the
package spandrel.
"""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

from srbench_plugins.architectures import spandrel

import srbench
from srbench.networks.elsewhere import fetched_text, fetched_weights

ENTRIES = "https://raw.githubusercontent.com/OpenModelDB/open-model-database/main/data/models/{name}.json"


def make(argument: str, others: srbench.SpecMap[srbench.ArchitectureSpec]) -> srbench.ArchitectureSpec:
    """Make the spec of the network that an entry describes.

    Args:
        argument: The entry's name, "4x-realesrgan-x4plus", or the path of its JSON.
        others: The architectures.

    Raises:
        CheckpointError: The entry has no weights for PyTorch, or they are not the network that it describes.
        UnavailableError: The entry or its weights cannot be downloaded.
    """
    entry = _read(argument)
    resource = _resource(entry, argument)
    sha256 = resource["sha256"]
    path = fetched_weights(resource["urls"], sha256, f".{resource['type']}")
    spec = spandrel.make(str(path), others)
    if [entry.get("scale")] != [*spec.scales]:
        raise srbench.CheckpointError(
            f"The weights of openmodeldb:{argument} enlarge by {min(spec.scales)}, and the entry says "
            f"{entry.get('scale')}; report it to OpenModelDB."
        )
    return dataclasses.replace(
        spec,
        name=f"openmodeldb:{argument}",
        label=str(entry.get("name") or argument),
        license=str(entry.get("license") or "unknown"),
        notes=f"{spec.notes} OpenModelDB calls it {entry.get('architecture')}.",
    )


def _read(argument: str) -> dict[str, Any]:
    if argument.endswith(".json"):
        path = Path(argument).expanduser()
        if not path.is_file():
            raise srbench.CheckpointError(f"There is no {path}; give the JSON of an entry of OpenModelDB, or its name.")
        text = path.read_text(encoding="utf-8", errors="replace")
    elif re.fullmatch(r"[\w.-]+", argument):
        text = fetched_text(ENTRIES.format(name=argument), f"{argument}.json")
    else:
        raise srbench.CheckpointError(
            f"{argument!r} is not the name of an entry of OpenModelDB; its page's address ends with the name."
        )
    try:
        entry: dict[str, Any] = json.loads(text)
        entry.get("resources")
    except (ValueError, AttributeError) as error:
        raise srbench.CheckpointError(f"openmodeldb:{argument} is not a JSON object; get the entry again.") from error
    return entry


def _resource(entry: dict[str, Any], argument: str) -> dict[str, Any]:
    """Return the first file of an entry with weights for PyTorch, a hash and an address."""
    for resource in entry.get("resources") or ():
        # Both become parts of a file's name here.
        named = (("sha256", r"[0-9a-f]{64}"), ("type", r"\w+"))
        whole = all(re.fullmatch(pattern, str(resource.get(key))) for key, pattern in named)
        if whole and resource.get("platform") == "pytorch" and resource.get("urls"):
            return dict(resource)
    raise srbench.CheckpointError(
        f"openmodeldb:{argument} lists no weights for PyTorch with a sha256 and an address; choose another entry."
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.Family]:
    """Provide the models of OpenModelDB by their names."""
    return [
        srbench.Family(
            name="openmodeldb", make=make, example="openmodeldb:4x-realesrgan-x4plus", label="a model of OpenModelDB"
        )
    ]

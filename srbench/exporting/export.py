"""Export a network by any name that loads one, in one of the forms that other programs read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from srbench.catalog.catalog import Catalog
from srbench.errors import DataError, ExportError, UnknownNameError
from srbench.exporting.facts import NAME, ExportFacts, facts_of
from srbench.exporting.programs import BOUND, ONNX, TORCHSCRIPT, Program, ProgramForm, make_program
from srbench.files import atomic_write
from srbench.networks.network import Network
from srbench.scales import Scale
from srbench.training.checkpoints import save_weights
from srbench.upscaling.loading import ChosenModel, choose_model, load_chosen


@dataclass(frozen=True, slots=True)
class Exported:
    """A network in a form."""

    path: Path
    facts: ExportFacts
    program: Program | None
    """The compared program in it; None for weights alone."""
    doubts: tuple[str, ...] = ()
    """A sentence for each reason why the weights may be meant for something else."""

    @property
    def sentence(self) -> str:
        """What was written, and how it was compared."""
        text = f"{self.path}: {self.facts.architecture} x{self.facts.scale}"
        if self.program is None:
            return text
        sizes = ", ".join(f"{height}x{width}" for _, _, height, width in self.program.sizes)
        batch = "batches of any size" if self.program.any_batch else "one image at a time"
        return (
            f"{text}, {batch}; differs from PyTorch by at most {self.program.difference:.1e} of white "
            f"(bound {BOUND:.0e}) on images of {sizes}"
        )


Write = Callable[[Path, Network, ExportFacts], Program | None]
"""Writes a network in a form to a path, whole or not at all, and returns the program in it."""


def _safetensors(path: Path, network: Network, facts: ExportFacts) -> None:
    weights = network.module.state_dict()
    if not weights:
        raise ExportError(f"{facts.architecture} has no weights to export; choose --to torchscript.")
    # One entry: safetensors writes several in random order, and equal weights are to be equal files.
    save_weights(path, weights, {NAME: facts.model_dump_json(exclude_none=True)})


def _as_program(form: ProgramForm) -> Write:
    def write(path: Path, network: Network, facts: ExportFacts) -> Program:
        program = make_program(form, network, facts)
        atomic_write(path, program.content)
        return program

    return write


FORMS: Mapping[str, Write] = {
    "safetensors": _safetensors,
    "onnx": _as_program(ONNX),
    "torchscript": _as_program(TORCHSCRIPT),
}
"""By the word of ``--to``."""


def export(
    name: str,
    form: str,
    out: Path,
    catalog: Catalog,
    scale: Scale | None = None,
    *,
    architecture: str | None = None,
    weights_folders: Sequence[Path] = (),
    overwrite: bool = False,
) -> Exported:
    """Load a network and write it in a form; a program is compared with PyTorch before it appears.

    Args:
        name: See `srbench.upscaling.loading.choose_model`, as for ``scale`` and ``architecture``.
        form: One of `FORMS`.
        out: Where to write it.
        catalog: The plugins.
        scale: The factor.
        architecture: The network of a file of weights.
        weights_folders: Folders with published checkpoints.
        overwrite: Whether to replace what is at ``out``.

    Raises:
        DataError: Something is at ``out`` already.
        ExportError: The network cannot be exported in this form, for the reason in the sentence.
        SrbenchError: The network cannot be loaded, see `choose_model`; or the file cannot be written.
    """
    if form not in FORMS:
        raise UnknownNameError.among("form", form, FORMS)
    if out.exists() and not overwrite:
        raise DataError(f"{out} is there already; give --overwrite, or another --out.")
    chosen: ChosenModel = choose_model(name, catalog, scale, architecture=architecture)
    loaded = load_chosen(chosen, catalog, weights_folders)
    facts = facts_of(chosen, loaded.network.spec)
    program = FORMS[form](out, loaded.network, facts)
    return Exported(out, facts, program, loaded.doubts)

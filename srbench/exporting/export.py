"""Export a network by any name that loads one, in one of the forms that other programs read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from srbench.catalog.catalog import Catalog
from srbench.errors import DataError, ExportError, UnknownNameError
from srbench.exporting.facts import ExportFacts, Subject, facts_of
from srbench.exporting.hub_folder import is_hub_folder, write_hub_folder
from srbench.exporting.programs import BOUND, ONNX, TORCHSCRIPT, Program, ProgramForm, make_program
from srbench.exporting.weights import write_weights
from srbench.files import atomic_write
from srbench.networks.spec import ArchitectureSpec
from srbench.scales import Scale
from srbench.upscaling.loading import choose_model, load_chosen


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


Write = Callable[[Path, Subject], Program | None]
"""Writes a network in a form to a path, whole or not at all, and returns the program in it."""


def _as_program(form: ProgramForm) -> Write:
    def write(path: Path, subject: Subject) -> Program:
        program = make_program(form, subject.network, subject.facts)
        atomic_write(path, program.content)
        return program

    return write


FORMS: Mapping[str, Write] = {
    "safetensors": write_weights,
    "onnx": _as_program(ONNX),
    "torchscript": _as_program(TORCHSCRIPT),
    "hub-folder": write_hub_folder,
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
    hub_datasets: Mapping[str, str] | None = None,
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
        hub_datasets: The ids that datasets have on a hub, by their names here; for the scores in a hub folder.
        overwrite: Whether to replace what is at ``out``.

    Raises:
        DataError: Something is at ``out`` already.
        ExportError: The network cannot be exported in this form, for the reason in the sentence.
        SrbenchError: The network cannot be loaded, see `choose_model`; or the file cannot be written.
    """
    if form not in FORMS:
        raise UnknownNameError.among("form", form, FORMS)
    _check_place(out, form, overwrite=overwrite)
    chosen = choose_model(name, catalog, scale, architecture=architecture)
    loaded = load_chosen(chosen, catalog, weights_folders)
    _require_one_pass(loaded.network.spec, form)
    facts = facts_of(chosen, loaded.network.spec)
    subject = Subject(loaded.network, facts, chosen.records, hub_datasets or {})
    return Exported(out, facts, FORMS[form](out, subject), loaded.doubts)


def _require_one_pass(spec: ArchitectureSpec, form: str) -> None:
    """Refuse programs of networks that one evaluation does not apply, and weights that belong to no image yet."""
    if spec.fitting:
        raise ExportError(f"{spec.name} was not exported: it {spec.several_passes}, so it has no weights before.")
    if spec.samplers and form != "safetensors":
        raise ExportError(
            f"{spec.name} was not exported as {form}: it {spec.several_passes}, which a program of one evaluation does "
            "not; choose --to safetensors."
        )


def _check_place(out: Path, form: str, *, overwrite: bool) -> None:
    """Refuse to replace what is there, and above all a folder that no export wrote."""
    if not out.exists():
        return
    if not overwrite:
        raise DataError(f"{out} is there already; give --overwrite, or another --out.")
    if out.is_dir() and (form != "hub-folder" or not is_hub_folder(out)):
        raise DataError(f"{out} is a folder that `srbench export` did not write; give another --out.")

"""The jobs of a run, and how each is done. A job and its result are plain data, so it may run in any process."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from srbench.errors import CheckpointError, PluginError
from srbench.naming import Scale
from srbench.planning.cells import Cell, Model
from srbench.profiling.freed_memory import freed_memory_kept
from srbench.profiling.settings import Profiling
from srbench.running.display import Quiet
from srbench.running.keys import Keys
from srbench.running.late_names import Named
from srbench.running.session import Session

if TYPE_CHECKING:
    import torch

    from srbench.networks.network import Network


@dataclass(frozen=True, slots=True)
class PaceJob:
    """Find out how much longer a model's training steps last than those of plain training."""

    key: str
    model: Model

    @property
    def title(self) -> str:
        """For the progress display."""
        return f"time the steps of {self.model.method}"


@dataclass(frozen=True, slots=True)
class TrainJob:
    """Train a model, teachers first."""

    key: str
    model: Model

    @property
    def title(self) -> str:
        """For the progress display."""
        return f"train {self.model.title}"


@dataclass(frozen=True, slots=True)
class MeasureJob:
    """Measure a cell."""

    key: str
    cell: Cell

    @property
    def title(self) -> str:
        """For the progress display."""
        return f"measure {self.cell.title}"


@dataclass(frozen=True, slots=True)
class CertifyJob:
    """Certify a copy of a dataset at one scale."""

    key: str
    dataset: str
    scale: Scale

    @property
    def title(self) -> str:
        """For the progress display."""
        return f"certify {self.dataset} x{self.scale}"


@dataclass(frozen=True, slots=True)
class ProfileJob:
    """Find out what a network costs."""

    key: str
    architecture: str
    scale: Scale
    profiling: Profiling

    @property
    def title(self) -> str:
        """For the progress display."""
        return f"profile {self.architecture} x{self.scale}"


Job = PaceJob | TrainJob | MeasureJob | CertifyJob | ProfileJob
STAGES: dict[type[Job], str] = {
    PaceJob: "pace",
    TrainJob: "train",
    MeasureJob: "measure",
    CertifyJob: "certify",
    ProfileJob: "profile",
}


def perform(job: Job, session: Session, progress: Quiet | None = None) -> None:
    """Do a job and store its result, unless another process has done so meanwhile.

    Args:
        job: What to do.
        session: Where things are.
        progress: Shows how far it is; silent if absent (in another process).
    """
    import torch

    if session.threads:
        torch.set_num_threads(session.threads)
    stage, store = STAGES[type(job)], session.store
    with store.claim(stage, job.key):
        if store.read(stage, job.key) is not None:
            return
        _check_unchanged(job, session)
        start = time.perf_counter()
        with freed_memory_kept():
            result = _DO[type(job)](job, session, progress or Quiet())
        result |= {"seconds": time.perf_counter() - start, "created": datetime.now(UTC).isoformat(timespec="seconds")}
        store.write(stage, job.key, result)
        shutil.rmtree(store.folder(stage, job.key) / "work", ignore_errors=True)  # a training's checkpoints


def _check_unchanged(job: Job, session: Session) -> None:
    """A worker may start late; what it would compute by then must still be what the key says."""
    keys = Keys(session)
    if isinstance(job, TrainJob):
        now = keys.model(job.model)
    elif isinstance(job, PaceJob):
        now = keys.pace(job.model)
    elif isinstance(job, MeasureJob):
        now = keys.cell(job.cell)
    else:
        return
    if now != job.key:
        raise PluginError(f"The code or the data behind {job.title!r} changed after this run began; run it again.")


def _load(model: Model, session: Session, keys: Keys, device: torch.device) -> Network:
    from srbench.running.models import load_model

    key = keys.model(model)
    try:
        trained = session.store.folder("train", key)
        return load_model(model, session.catalog, trained, session.weights_folders, device)
    except CheckpointError as error:
        if model.source != "trained":
            raise
        session.store.forget("train", key)
        raise CheckpointError(f"{error} These weights were trained here: the next run trains them again.") from error


def _pace(job: PaceJob, session: Session, _: Quiet) -> dict[str, Any]:
    from srbench.running.equal_time import compare_paces

    return asdict(compare_paces(job.model, session))


def _train(job: TrainJob, session: Session, progress: Quiet) -> dict[str, Any]:
    import torch

    from srbench.running.equal_time import steps_in_time, training_of
    from srbench.training.checkpoints import save_weights
    from srbench.training.train_model import train_model

    keys, model = Keys(session), job.model
    recipe, device = model.recipe, torch.device(session.device)
    if recipe is None:
        raise ValueError(f"{model.title} has no recipe")
    folder, budget = session.store.folder("train", job.key), dict[str, Any]()
    if model.budget == "time":
        pace = session.store.read("pace", keys.pace(model)) or {}
        budget = {"time_ratio": pace["ratio"]}
    named = Named(session.catalog, model.scales[0])
    training = replace(
        training_of(model, session, named),
        teachers=tuple(_load(teacher, session, keys, device) for teacher in model.teachers),
        steps=steps_in_time(recipe, budget["time_ratio"]) if budget else None,
        initial=_load(model.initial, session, keys, device).module.state_dict() if model.initial else None,
    )
    trained = train_model(
        training,
        device=device,
        work=folder / "work",
        cache=session.cache / "patches",
        progress=progress,
        log=session.log_folder / f"{model.architecture}-{job.key[:12]}" if session.log_folder else None,
    )
    weights = folder / "weights.safetensors"
    # One entry: safetensors writes several in random order, and equal weights are to be equal files.
    save_weights(weights, trained.state_dict, {"srbench": f"{model.architecture} {job.key}"})
    from srbench.running.keys import file_hash

    costs, start, around = trained.report.costs, trained.warm_start, environment(session.device)
    where = {"machine": around.machine, "threads": around.threads}
    return budget | {
        "weights_sha256": file_hash(weights),
        "train_seconds": trained.report.seconds,
        "train_steps": trained.report.steps,
        "costs": costs and costs.model_copy(update=where).model_dump(mode="json"),
        "warm_start": start and start.model_dump(mode="json"),
        "named": named.noted,
        "environment": around.model_dump(mode="json"),
    }


def _measure(job: MeasureJob, session: Session, progress: Quiet) -> dict[str, Any]:
    import torch

    from srbench.measuring.measure import measure
    from srbench.measuring.pairs import Pairs

    cell, catalog = job.cell, session.catalog
    device = torch.device(session.device)
    pairs = Pairs(
        library=session.library,
        dataset=catalog.datasets[cell.dataset],
        degradation=catalog.degradations[cell.degradation],
        code_hash=catalog.degradations.code_hash(cell.degradation),
        scale=cell.scale,
        protocol=cell.protocol,
        limit=session.limit,
        realisation=cell.realisation or 0,
    )
    network = _load(cell.model, session, Keys(session), device)
    with progress.images(job.title, len(pairs)) as advance:
        result = measure(
            network, pairs, [catalog.metrics[name] for name in cell.metrics], cell.inference, device,
            keep=session.images_kept, folder=session.store.folder("measure", job.key) / "images", advance=advance,
        )  # fmt: skip
    return result | {"environment": environment(session.device).model_dump(mode="json")}


def _certify(job: CertifyJob, session: Session, _: Quiet) -> dict[str, Any]:
    from srbench.measuring.certification import certify

    spec = session.catalog.datasets[job.dataset]
    library = session.library
    certificate = certify(spec, library.images(spec), job.scale, library.lr_images(spec, job.scale))
    return certificate.model_dump(mode="json")


def _profile(job: ProfileJob, session: Session, _: Quiet) -> dict[str, Any]:
    from srbench.profiling.profile import profile_network

    spec = session.catalog.architectures[job.architecture]
    files = [str(path) for path in session.plugin_files]
    return profile_network(spec, job.scale, job.profiling, session.device, files).model_dump(mode="json")


_DO: dict[type[Job], Any] = {
    PaceJob: _pace,
    TrainJob: _train,
    MeasureJob: _measure,
    CertifyJob: _certify,
    ProfileJob: _profile,
}


def environment(device: str) -> Any:  # noqa: ANN401 - an Environment; imported late
    """What this process runs on, for a record."""
    import platform

    import torch

    from srbench.profiling.machine import this_machine
    from srbench.records import Environment
    from srbench.running.provenance import git_commit, package_versions

    machine = this_machine()
    packages = package_versions()
    return Environment(
        srbench=packages.pop("srbench"),
        torch=torch.__version__,
        python=platform.python_version(),
        device=device,
        machine=machine.id,
        machine_name=machine.name,
        git_commit=git_commit(),
        packages=packages,
        threads=torch.get_num_threads(),
    )

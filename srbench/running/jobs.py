"""The jobs of a run, and how each is done. A job and its result are plain data, so that any process can do it."""

from __future__ import annotations

import shutil
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from srbench.catalog.catalog import Catalog
from srbench.catalog.executors import ONLY_NODE, Node
from srbench.deploying.backend import Backend
from srbench.errors import PluginError, TrainingError
from srbench.files import sha256_of
from srbench.planning.cells import Cell, Model
from srbench.profiling.freed_memory import freed_memory_kept
from srbench.profiling.other_work import other_work
from srbench.profiling.settings import Profiling
from srbench.records.costs import Profile
from srbench.records.scores import Certification
from srbench.records.stored import Stored
from srbench.running.events import unheard
from srbench.running.job_progress import JobProgress
from srbench.running.keys import TIMED, Keys
from srbench.running.machines import meeting_held
from srbench.running.programs import Program, program_of
from srbench.running.provenance import this_environment, worker_log
from srbench.running.session import Session
from srbench.running.stages import PROGRAM, WEIGHTS, JobName, MeasuredCell, OnnxFile, Pace, Trained
from srbench.scales import Scale
from srbench.tasks.table import task_named, task_of
from srbench.tasks.task import MeasureRequest

if TYPE_CHECKING:
    from srbench.measuring.measure import Measurement
    from srbench.networks.network import Network
    from srbench.running.train_planned import TrainsTogether

R_co = TypeVar("R_co", bound=Stored, covariant=True)

CHOSEN_BY_TEST = (
    "Its weights were chosen by their score on held-out test images, as in its release, so its score is too high."
)


class Job(ABC, Generic[R_co]):
    """One unit of work."""

    @property
    @abstractmethod
    def title(self) -> str:
        """What it does, for messages: "training espcn · x2 · bicubic · seed 0"."""

    @abstractmethod
    def name(self, keys: Keys) -> JobName[R_co]:
        """Return where its result is stored.

        Raises:
            SrbenchError: A file that it needs is missing or damaged.
        """

    @property
    def alone(self) -> bool:
        """Whether it measures time, and so needs the machine for itself."""
        return False

    def intact(self, result: Stored, folder: Path) -> bool:  # noqa: ARG002
        """Whether the files beside a stored result are those that it was stored with."""
        return True

    @abstractmethod
    def perform(self, session: Session, folder: Path, progress: JobProgress) -> R_co:
        """Do the job, and return its result.

        Args:
            session: Where things are.
            folder: Receives the files that belong to the result.
            progress: Shows how far it is.
        """

    def assist(self, session: Session, folder: Path) -> None:
        """Help the first of several machines to perform it; there is nothing to help with unless a job says so."""


def perform(
    job: Job[R_co], name: JobName[R_co], session: Session, progress: JobProgress | None = None, node: Node = ONLY_NODE
) -> float:  # fmt: skip
    """Do a job and store its result under ``name``, unless another process has done so meanwhile.

    Of several machines that call it, the first does so, and the others help.

    Returns:
        How many seconds it took.

    Raises:
        PluginError: The job has another name than when the run was planned: a worker may start late.
    """
    import torch

    begun, session, store = time.monotonic(), replace(session, node=node), session.store
    if session.threads:
        torch.set_num_threads(session.threads)
    if node.number:
        job.assist(session, store.folder(name))
        return time.monotonic() - begun
    progress = progress or JobProgress(1, 1, job.title, unheard)
    progress.start()
    with meeting_held(node), store.claim(name):
        folder, stored = store.folder(name), store.read(name)
        if stored is None or not job.intact(stored, folder):
            if stored is not None:
                progress.note(f"{job.title}: what the cache has of it is damaged, so it is done again.")
            if job.name(Keys(session)) != name:
                raise PluginError(f"The code or the data changed after this run began ({job.title}); run it again.")
            with freed_memory_kept():
                store.write(name, job.perform(session, folder, progress))
            shutil.rmtree(folder / "work", ignore_errors=True)  # a training's checkpoints
    return time.monotonic() - begun


@dataclass(frozen=True)
class PaceJob(Job[Pace]):
    """Measure how much longer the training steps of a model take than those of plain training."""

    model: Model
    alone = True

    @property
    def title(self) -> str:
        """Timing a method."""
        return f"timing {self.model.method}"

    def name(self, keys: Keys) -> JobName[Pace]:
        """Name the comparison, which models with other seeds share."""
        return keys.pace(self.model)

    def perform(self, session: Session, folder: Path, progress: JobProgress) -> Pace:  # noqa: ARG002
        """Train both a little, in turns."""
        from srbench.running.equal_time import compare_paces

        return compare_paces(self.model, session)


@dataclass(frozen=True)
class TrainJob(Job[Trained]):
    """Train a model."""

    model: Model

    @property
    def title(self) -> str:
        """Training a model."""
        return f"training {self.model.title}"

    def name(self, keys: Keys) -> JobName[Trained]:
        """Name the training."""
        return keys.model(self.model)

    def intact(self, result: Stored, folder: Path) -> bool:
        """Whether the weights are there, bit by bit."""
        weights = folder / WEIGHTS
        return isinstance(result, Trained) and weights.is_file() and sha256_of(weights) == result.weights_sha256

    def perform(self, session: Session, folder: Path, progress: JobProgress) -> Trained:
        """Train, from the last checkpoint in ``folder`` if there is one, and save the weights there."""
        from srbench.running.together import together
        from srbench.training.checkpoints import save_weights

        model, key, (train, ratio) = self.model, folder.name, self._train(session)
        with other_work(session.device) as others, together(train, session, folder) as (group, own):
            trained, code = train(own, folder, progress, group)
        # One entry: safetensors writes several in random order, and equal weights are to be equal files.
        note = "\n".join(filter(None, [f"{model.architecture} {key}", trained.weights_note]))
        save_weights(folder / WEIGHTS, trained.state_dict, {"srbench": note})
        environment, costs = this_environment(session.device), trained.report.costs
        where = {"machine": environment.machine, "threads": environment.threads, "other_work": others.sentence}
        return Trained(
            weights_sha256=sha256_of(folder / WEIGHTS),
            train_seconds=trained.report.seconds,
            train_steps=trained.report.steps,
            time_ratio=ratio,
            costs=costs and costs.model_copy(update=where),
            warm_start=trained.warm_start,
            notes=trained.notes,
            processes=session.devices,
            nodes=session.node.count,
            late_names=code,
            environment=environment,
            log=worker_log(),
        )

    def assist(self, session: Session, folder: Path) -> None:
        """Train the patches of this machine."""
        from srbench.running.together import assist

        assist(self._train(session)[0], session, folder)

    def _train(self, session: Session) -> tuple[TrainsTogether, float | None]:
        """Return what trains the model, and the ratio of times that decides its steps, if one does."""
        from srbench.running.train_planned import train_planned

        ratio = None
        if self.model.budget != "steps":
            if (pace := session.store.read(Keys(session).pace(self.model))) is None:
                raise TrainingError(f"The cache no longer has the time of a step of {self.model.method}; run again.")
            ratio = pace.ratio
        return partial(train_planned, self.model, ratio), ratio


@dataclass(frozen=True)
class OnnxJob(Job[OnnxFile]):
    """Write a model as an ONNX file."""

    program: Program

    @property
    def title(self) -> str:
        """Converting a model."""
        return f"writing {self.program.title}"

    def name(self, keys: Keys) -> JobName[OnnxFile]:
        """Name the file."""
        return keys.program(self.program)

    def intact(self, result: Stored, folder: Path) -> bool:
        """Whether the file is there, bit by bit."""
        file = folder / PROGRAM
        return isinstance(result, OnnxFile) and file.is_file() and sha256_of(file) == result.sha256

    def perform(self, session: Session, folder: Path, progress: JobProgress) -> OnnxFile:  # noqa: ARG002
        """Convert the network, and quantise it if that is asked for."""
        import torch

        from srbench.running.deploying import write_program
        from srbench.running.models import stored_model, weights_files

        start, keys = time.perf_counter(), Keys(session)
        model = stored_model(self.program.model, session, keys, torch.device(session.device))
        weights = weights_files(self.program.model, session, keys)
        write_program(self.program, model.network, weights, session, folder / PROGRAM)
        return OnnxFile(sha256=sha256_of(folder / PROGRAM), seconds=time.perf_counter() - start)


@dataclass(frozen=True)
class MeasureJob(Job[MeasuredCell]):
    """Measure a cell."""

    cell: Cell
    profiling: Profiling = TIMED
    """How a backend is timed."""

    @property
    def alone(self) -> bool:
        """Whether a backend is timed that also gives the images."""
        return self.cell.inference.backend is not None

    @property
    def title(self) -> str:
        """Measuring a cell."""
        return f"measuring {self.cell.title}"

    def name(self, keys: Keys) -> JobName[MeasuredCell]:
        """Name the measurement."""
        return keys.cell(self.cell, self.profiling)

    def perform(self, session: Session, folder: Path, progress: JobProgress) -> MeasuredCell:
        """Apply the model to the images and score it."""
        import torch

        from srbench.deploying.opening import deployed_network
        from srbench.running.deploying import deployed
        from srbench.running.models import stored_model

        start = time.perf_counter()
        cell, device = self.cell, torch.device(session.device)
        model = stored_model(cell.model, session, Keys(session), device)
        if cell.inference.backend is None:
            measured, deployment, doubt = self._measured(model.network, session, folder, progress), None, ""
        else:
            with deployed(cell, cell.inference.backend, model.network, self._file(session), session) as running:
                network = deployed_network(model.network, running.opened)
                measured = self._measured(network, session, folder, progress)
                deployment, doubt = running.costs(self.profiling, session), running.opened.opened.doubt
        chosen_by_test = cell.model.recipe is not None and cell.model.recipe.choose == "official"
        return MeasuredCell(
            scores=measured.scores,
            images=measured.images,
            lr_source=measured.lr_source,
            representation_file=measured.representation_file,
            attention_file=measured.attention_file,
            weights_read=model.weights_read,
            doubts=(*model.doubts, *measured.doubts, *filter(None, (doubt, CHOSEN_BY_TEST * chosen_by_test))),
            deployment=deployment,
            image_costs=measured.image_costs,
            environment=this_environment(session.device),
            command=session.command,
            log=worker_log(),
            seconds=time.perf_counter() - start,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def _file(self, session: Session) -> Path | None:
        """Return the ONNX file that the backend opens, if it opens one."""
        program = program_of(self.cell, session)
        return None if program is None else session.store.folder(Keys(session).program(program)) / PROGRAM

    def _measured(self, network: Network, session: Session, folder: Path, progress: JobProgress) -> Measurement:
        """Score all images as a network makes them."""
        import torch

        cell, catalog = self.cell, session.catalog
        task, dataset, recipe = task_of(network.spec), catalog.datasets[cell.dataset], cell.model.recipe
        request = MeasureRequest(
            network=network,
            published=cell.model.source in ("checkpoint", "file"),
            trained_on=tuple(catalog.datasets[name] for name in recipe.datasets) if recipe else (),
            library=session.library,
            dataset=dataset,
            degradation=catalog.degradations[cell.degradation],
            degradation_code=catalog.degradations.code_hash(cell.degradation),
            scale=cell.scale,
            protocol=cell.protocol,
            inference=cell.inference,
            metrics=[catalog.metrics[name] for name in cell.metrics],
            limit=session.limit,
            realisation=cell.realisation or 0,
            device=torch.device(session.device),
            keep=session.images_kept,
            folder=folder / "images",
            without_maps=self._without_maps(catalog),
        )
        with progress.images(task.images(session.library, dataset, session.limit)) as advance:
            return task.measure(request, advance)

    def _without_maps(self, catalog: Catalog) -> str:
        model = self.cell.model
        if model.source != "trained" or catalog.distillers[model.distiller].trains_uncertainty:
            return ""
        return f"{model.distiller} does not train the network's map of its uncertainty"


@dataclass(frozen=True)
class CertifyJob(Job[Certification]):
    """Certify a copy of a dataset at one scale."""

    task: str
    """What the dataset is used for."""
    dataset: str
    scale: Scale

    @property
    def title(self) -> str:
        """Certifying a dataset."""
        return f"certifying {self.dataset} x{self.scale}"

    def name(self, keys: Keys) -> JobName[Certification]:
        """Name the certification."""
        return keys.certificate(self.task, self.dataset, self.scale)

    def perform(self, session: Session, folder: Path, progress: JobProgress) -> Certification:  # noqa: ARG002
        """Compare the copy with what is published about the dataset."""
        dataset = session.catalog.datasets[self.dataset]
        return task_named(self.task).certify(session.library, dataset, self.scale)


@dataclass(frozen=True)
class ProfileJob(Job[Profile]):
    """Measure what a network costs."""

    architecture: str
    scale: Scale
    profiling: Profiling
    size: tuple[int, int] | None
    """Height and width of what it sees; None where images have sizes of their own."""
    backend: Backend | None = None
    """What runs it, with weights that do not matter; None for its module as it is."""
    alone = True

    @property
    def title(self) -> str:
        """Profiling a network."""
        return f"profiling {self.architecture} x{self.scale}" + (f" in {self.backend.name}" if self.backend else "")

    def name(self, keys: Keys) -> JobName[Profile]:
        """Name the profile on this machine."""
        return keys.profile(self.architecture, self.scale, self.profiling, self.size, self.backend)

    def perform(self, session: Session, folder: Path, progress: JobProgress) -> Profile:  # noqa: ARG002
        """Count operations, and measure time and memory."""
        spec = session.catalog.networks[self.architecture]
        files, backend = [str(path) for path in session.plugin_files], self.backend
        runtime = session.catalog.runtimes[backend.runtime] if backend else None
        return task_of(spec).profile(
            spec, self.scale, self.profiling, self.size, session.device, files, backend, runtime
        )

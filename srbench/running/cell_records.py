"""Make the record of a cell from the results of its jobs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from srbench.networks.applied import Sampler, Sampling
from srbench.networks.spec import Reported
from srbench.planning.cells import Cell, Model
from srbench.records.costs import Deployment, Profile
from srbench.records.model import ModelFacts
from srbench.records.record import Record
from srbench.records.scores import Score
from srbench.records.stored import Measured
from srbench.running.keys import files_hash
from srbench.running.made_by import made_by
from srbench.running.schedule import Schedule
from srbench.running.stages import MEASURE, WEIGHTS, MeasuredCell
from srbench.tasks.table import task_named


def finished_record(schedule: Schedule, cell: Cell, measured: MeasuredCell) -> Record:
    """Make the record of a measured cell; kept files are named as they are in the store."""
    session, jobs = schedule.session, schedule.cells[cell]
    return _common(schedule, cell)(
        key=schedule.keys.cell(cell, schedule.plan.suite.profile).key,
        status="ok",
        model=_model(schedule, cell.model).model_copy(update={"weights_read": measured.weights_read}),
        dataset_hash=session.library.content_hash(session.catalog.datasets[cell.dataset]),
        lr_source=measured.lr_source,
        scores={name: _with_reported(schedule, cell, score) for name, score in measured.scores.items()},
        images=measured.images,
        representation_file=measured.representation_file,
        attention_file=measured.attention_file,
        certification=schedule.result(jobs.certify),
        profile=_profile(schedule, cell, measured.deployment),
        deployment=measured.deployment,
        image_costs=measured.image_costs,
        environment=measured.environment,
        made_by=made_by(cell, schedule.plan.suite, measured, session, schedule.keys),
        doubts=measured.doubts,
        seconds=measured.seconds,
        created=measured.created,
    )


def _profile(schedule: Schedule, cell: Cell, deployment: Deployment | None) -> Profile | None:
    """Return the costs of a network, with the times and the memory of its backend instead of its module's."""
    job = schedule.cells[cell].profile
    profile = schedule.result(job) if job else None
    if profile is not None and cell.inference.sampling:
        spec = schedule.session.catalog.networks[cell.model.architecture]
        return of_sampler(profile, spec.samplers, cell.inference.sampling)
    if profile is None or deployment is None or deployment.latency_ms_p50 is None:
        return profile
    runtime, precision, *_ = deployment.backend.split("-")
    same = ("latency_ms_p50", "latency_ms_p90", "latency_low_ms", "latency_high_ms", "latency_input", "peak_memory_mib",
            "machine", "other_work")  # fmt: skip
    return profile.model_copy(
        update={"backend": runtime, "precision": precision} | {name: getattr(deployment, name) for name in same}
    )


def of_sampler(profile: Profile, samplers: Sequence[Sampler], sampling: Sampling) -> Profile:
    """Return the costs of a draw by another sampler than the first, with which the profile was taken.

    All multiply-accumulates are those of evaluations of the network, so that they grow with their number; times do not
    quite.
    """
    usual, own = samplers[0], next(sampler for sampler in samplers if sampler.name == sampling.sampler)
    if (sampling.sampler, sampling.steps) == (usual.name, usual.steps[0]):
        return profile
    ratio = sampling.steps * own.evaluations / (usual.steps[0] * usual.evaluations)
    counts = {name: getattr(profile, name) for name in ("macs_720p_g", "macs_256_g", "activations_m")}
    scaled = {
        name: count.model_copy(update={"value": count.value * ratio})
        for name, count in counts.items()
        if count is not None and count.value is not None
    }
    untimed = Measured(reason=f"only {usual.name}-{usual.steps[0]} was timed; the time of an image is that of this row")
    times: dict[str, object] = {"latency_ms_p50": untimed, "latency_ms_p90": untimed}
    return profile.model_copy(update=scaled | times | {"latency_low_ms": None, "latency_high_ms": None})


def failed_record(schedule: Schedule, cell: Cell, reason: str) -> Record:
    """Make the record of a cell that could not be measured."""
    return _common(schedule, cell)(
        key=MEASURE.job({"cell": repr(cell), "suite": schedule.plan.suite.name}).key,
        status="failed",
        reason=reason,
        model=_model(schedule, cell.model, failed=True),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _common(schedule: Schedule, cell: Cell) -> partial[Record]:
    suite, session = schedule.plan.suite, schedule.session
    return partial(
        Record,
        task=suite.task,
        suite=suite.name,
        dataset=cell.dataset,
        dataset_label=session.catalog.datasets[cell.dataset].label,
        scale=cell.scale,
        degradation=cell.degradation,
        degradation_label=session.catalog.degradations[cell.degradation].title,
        degradation_setting=_setting(schedule, cell.degradation),
        realisation=cell.realisation,
        protocol=cell.protocol.name,
        headline=_headline(schedule, cell),
        reference=task_named(suite.task).reference,
        controls=suite.controls,
        inference=cell.inference.id(session.limit),
        backend=cell.inference.backend.name if cell.inference.backend else "",
        drawn=cell.inference.drawn,
    )


def _headline(schedule: Schedule, cell: Cell) -> str:
    """Return the metric that ranks the cell."""
    catalog = schedule.session.catalog
    metrics = [catalog.metrics[name] for name in cell.metrics]
    task = task_named(schedule.plan.suite.task)
    return task.headline(catalog.datasets[cell.dataset], cell.protocol, metrics)


def _setting(schedule: Schedule, degradation: str) -> str:
    return schedule.session.catalog.degradations[degradation].setting or degradation


def _model(schedule: Schedule, model: Model, *, failed: bool = False) -> ModelFacts:
    """Describe a model; if it failed, only by what can be known without its files and its key."""
    catalog = schedule.session.catalog
    spec = catalog.networks[model.architecture]
    job = None if failed else schedule.keys.model(model)
    facts = partial(
        ModelFacts,
        key=job.key if job else "",
        architecture=spec.name,
        label=spec.title,
        source=model.source,
        network_reconstruction=spec.reconstruction,
        parts=tuple(part.method for part in model.parts),
    )
    if model.source == "checkpoint":
        checkpoint = spec.published(model.checkpoint, model.scales)[0]
        trained_on = tuple(sorted(checkpoint.trained_on))
        return facts(
            checkpoint=model.checkpoint,
            weights_sha256=checkpoint.sha256,
            weights_file=checkpoint.file,
            trained_on=trained_on,
        )
    if model.files:
        return facts(checkpoint=model.file_title, weights_sha256=None if failed else files_hash(model.files))
    if model.recipe is None:
        return facts(weights_sha256=spec.weights_sha256 or None)
    distiller = catalog.distillers[model.distiller]
    training = partial(
        facts,
        distiller=model.distiller,
        distiller_label=distiller.title,
        teacher=model.teacher_title,
        teacher_label=" & ".join(_label(schedule, teacher) for teacher in model.teachers),
        recipe=model.recipe.name,
        deterministic=model.recipe.deterministic,
        initial=model.initial.title if model.initial else None,
        budget=model.budget,
        train_degradation=model.degradation,
        train_degradation_label=catalog.degradations[str(model.degradation)].title,
        train_setting=_setting(schedule, str(model.degradation)),
        trained_on=model.recipe.datasets,
        scale_range=model.recipe.trained_range,
        seed=model.seed,
        reconstruction=distiller.reconstruction,
        form=distiller.form,
    )
    store = schedule.session.store
    trained = store.read(job) if job else None
    if job is None or trained is None:
        return training()
    return training(
        weights_sha256=trained.weights_sha256,
        weights_file=(store.folder(job) / WEIGHTS).relative_to(store.root).as_posix(),
        train_seconds=trained.train_seconds,
        train_steps=trained.train_steps,
        time_ratio=trained.time_ratio,
        costs=trained.costs,
        warm_start=trained.warm_start,
        training_notes=trained.notes,
        processes=trained.processes,
        nodes=trained.nodes,
    )


def _label(schedule: Schedule, model: Model) -> str:
    """Return the label of a model's architecture, with its weights where they are given."""
    weights = model.checkpoint or model.file_title
    return schedule.session.catalog.networks[model.architecture].title + (f" ({weights})" if weights else "")


def _with_reported(schedule: Schedule, cell: Cell, score: Score) -> Score:
    spec = schedule.session.catalog.networks[cell.model.architecture]
    # Prefer a score reported for this checkpoint over one for the architecture.
    for reported in sorted(spec.reported, key=lambda r: r.checkpoint is None):
        if reported.metric == score.metric and reported_for(reported, cell):
            return score.model_copy(update={"reported": reported.value, "reported_source": reported.source})
    return score


def reported_for(reported: Reported, cell: Cell) -> bool:
    """Return whether a published score belongs beside those of a cell: same test, same protocol, same weights."""
    model = cell.model
    here = (cell.dataset, cell.scale, cell.degradation, model.distiller)
    if here != (reported.dataset, reported.scale, reported.degradation, reported.distiller):
        return False
    if reported.protocol not in (cell.protocol.name, cell.protocol.describe(cell.scale)):
        return False
    if model.source == "checkpoint":
        return reported.checkpoint in (model.checkpoint, None)
    # Authors report the score of their own weights, which a model trained here by another recipe does not have.
    by_paper = model.recipe is not None and model.recipe.name.endswith("paper")
    return reported.checkpoint is None and (by_paper or model.source == "fixed")

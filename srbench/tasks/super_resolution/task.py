"""Super-resolution as a task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from srbench.catalog.catalog import Catalog
from srbench.datasets.spec import DatasetSpec
from srbench.deploying.backend import Backend
from srbench.deploying.spec import RuntimeSpec
from srbench.errors import ConfigError
from srbench.measuring.metrics.spec import MetricSpec, ScoreSpec, SrScoreSpec, all_of
from srbench.measuring.protocol import Inference, Protocol, ScoringProtocol, protocol_named
from srbench.networks.spec import ArchitectureSpec
from srbench.profiling.settings import Profiling
from srbench.recipe import Recipe, TrainingRecipe
from srbench.records.costs import Profile
from srbench.records.scores import Certification
from srbench.scales import Scale, is_isotropic
from srbench.tasks.task import MeasureRequest, Task, TrainingRequest

if TYPE_CHECKING:
    from torch import Tensor

    from srbench.datasets.library import Library
    from srbench.measuring.measure import Measurement
    from srbench.networks.network import Network
    from srbench.training.train_model import Training


class SuperResolution(Task):
    """A network maps lr to sr; protocols say how sr is compared with hr."""

    name = "sr"
    recipe = Recipe
    default_protocol = "classic-y"
    default_metrics = ("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb", "lpips")
    default_recipe = "quick"
    reference = "bicubic"
    profiled_hr = (1280, 720)
    one_size = False
    has_backends = True

    def helper_scale(self, scale: Scale) -> Scale:
        """Return the same scale: teachers see what their students see."""
        return scale

    def check_dataset(self, dataset: DatasetSpec, where: str) -> None:
        """Accept every dataset: any image can be reduced and enlarged."""

    def check_inference(self, inference: Inference, scale: Scale, where: str) -> None:
        """Refuse parts of images at real scales, where their sr would not fit together, and turns with two factors."""
        applied = inference.resize or scale
        if not isinstance(applied, int) and (inference.tile or inference.chop):
            raise ConfigError(
                f"{where}: the sr of tiles does not fit together at the scale {scale}; leave out tile and chop, or "
                "give whole scales a separate grid."
            )
        if not is_isotropic(applied) and inference.self_ensemble:
            raise ConfigError(
                f"{where}: self_ensemble turns images, which the scale {scale} changes in another way then; leave it "
                "out, or give scales with one factor a separate grid."
            )

    def protocol(self, name: str, recipe: Callable[[], TrainingRecipe]) -> Protocol:  # noqa: ARG002
        """Return a preset."""
        return protocol_named(name)

    def headline(self, dataset: DatasetSpec, protocol: ScoringProtocol, metrics: Sequence[ScoreSpec]) -> str:
        """Return the protocol's headline, or without hr the first metric that needs none."""
        without_hr = () if dataset.truth else (m for m in metrics if isinstance(m, MetricSpec) and not m.needs_hr)
        return next((metric.name for metric in without_hr), _of_sr(protocol).headline)

    def untrained(
        self, spec: ArchitectureSpec, scale: Scale, recipe: TrainingRecipe | None, library: Library, catalog: Catalog  # noqa: ARG002
    ) -> Network:  # fmt: skip
        """Build the network of the spec."""
        from srbench.networks.network import build_network

        return build_network(spec, scale)

    def for_weights(
        self, spec: ArchitectureSpec, scale: Scale, read: Callable[[], Mapping[str, Tensor]]  # noqa: ARG002
    ) -> tuple[Network, Network]:  # fmt: skip
        """Build the network of the spec, all of which the weights fill."""
        from srbench.networks.network import build_network

        network = build_network(spec, scale)
        return network, network

    def training(self, request: TrainingRequest, library: Library, catalog: Catalog) -> Training:
        """Describe a training on patches."""
        from srbench.tasks.super_resolution.training import PatchTraining

        recipe = cast("Recipe", request.recipe)
        return PatchTraining(
            spec=request.spec,
            scales=request.scales,
            distiller=request.distiller,
            recipe=recipe,
            degradation=request.degradation,
            losses=request.losses,
            images={name: library.images(catalog.datasets[name]) for name in recipe.datasets},
            build=request.build,
            find_degradation=request.find_degradation,
            seed=request.seed,
        )

    def measure(self, request: MeasureRequest, advance: Callable[[], None]) -> Measurement:
        """Super-resolve and score the images; published weights are also tried on a photograph."""
        from srbench.measuring.measure import measure
        from srbench.measuring.pairs import Pairs
        from srbench.profiling.image_costs import image_costs
        from srbench.profiling.other_work import other_work

        pairs = Pairs(
            library=request.library,
            dataset=request.dataset,
            degradation=request.degradation,
            code_hash=request.degradation_code,
            scale=request.scale,
            protocol=_of_sr(request.protocol),
            limit=request.limit,
            realisation=request.realisation,
        )
        several = request.inference.sampling or request.inference.fitting
        with other_work(str(request.device)) if several else nullcontext() as others:
            measurement = measure(
                request.network, pairs, all_of(SrScoreSpec, request.metrics), request.inference, request.device,
                keep=request.keep, folder=request.folder, advance=advance, published=request.published,
                without_maps=request.without_maps,
            )  # fmt: skip
        if measurement.effort is None or others is None:
            return measurement
        costs = image_costs(
            request.network, request.scale, request.inference, measurement.effort, request.device, others.sentence
        )
        return replace(measurement, image_costs=costs)

    def images(self, library: Library, dataset: DatasetSpec, limit: int | None) -> int:
        """Return the number of images."""
        return len(list(library.images(dataset))[:limit])

    def certify(self, library: Library, dataset: DatasetSpec, scale: Scale) -> Certification:
        """Compare bicubic interpolation with its published scores."""
        from srbench.measuring.certification import certify

        return certify(dataset, library.images(dataset), scale, library.lr_images(dataset, scale))

    def profile(
        self, spec: ArchitectureSpec, scale: Scale, profiling: Profiling, size: tuple[int, int] | None, device: str,  # noqa: ARG002
        plugin_files: Sequence[str], backend: Backend | None = None, runtime: RuntimeSpec | None = None,
    ) -> Profile:  # fmt: skip
        """Count the MACs of a 1280x720 output, and time the input of ``profiling``."""
        from srbench.profiling.profile import profile_network

        return profile_network(spec, scale, profiling, device, plugin_files, backend=backend, runtime=runtime)


def _of_sr(protocol: ScoringProtocol) -> Protocol:
    return cast("Protocol", protocol)  # planning asked this task for it

"""Recognition of low-resolution images as a task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from srbench.catalog.catalog import Catalog
from srbench.datasets.labelled.images import LabelledImages
from srbench.datasets.spec import DatasetSpec
from srbench.deploying.backend import Backend
from srbench.deploying.spec import RuntimeSpec
from srbench.errors import CheckpointError, ConfigError
from srbench.files import cache_root
from srbench.measuring.metrics.spec import ScoreSpec, all_of
from srbench.measuring.protocol import Inference, ScoringProtocol
from srbench.measuring.recognition.spec import RecognitionMetricSpec, RecognitionScoreSpec
from srbench.networks.recognition.spec import RecogniserSpec
from srbench.networks.spec import ArchitectureSpec
from srbench.profiling.settings import Profiling
from srbench.recipe import RecognitionRecipe, TrainingRecipe
from srbench.records.costs import Profile
from srbench.records.scores import Certification
from srbench.scales import Scale
from srbench.tasks.recognition.protocol import PRESET, RecognitionProtocol, protocol_by
from srbench.tasks.task import MeasureRequest, Task, TrainingRequest

if TYPE_CHECKING:
    from torch import Tensor

    from srbench.datasets.library import Library
    from srbench.measuring.measure import Measurement
    from srbench.networks.network import Network
    from srbench.training.train_model import Training


class Recognition(Task):
    """A teacher sees HR, a student LR; both map images to embeddings, which are classified or compared."""

    name = "recognition"
    recipe = RecognitionRecipe
    default_protocol = PRESET
    default_metrics = ("top1", "top5", "mean_per_class")
    default_recipe = "recognition_quick"
    reference = ""
    profiled_hr = (112, 112)
    one_size = True
    measuring_version = 2

    def helper_scale(self, scale: Scale) -> Scale:  # noqa: ARG002
        """Return 1: teachers see HR."""
        return 1

    def check_dataset(self, dataset: DatasetSpec, where: str) -> None:
        """Refuse datasets without labels."""
        if dataset.labels is None:
            raise ConfigError(
                f"{where}: the dataset {dataset.name} has no labels; name a labelled one, such as digits_test."
            )

    def check_inference(self, inference: Inference, scale: Scale, where: str) -> None:  # noqa: ARG002
        """Refuse tiles, chop and self-ensemble."""
        if replace(inference, precision="fp32") != Inference():
            raise ConfigError(
                f"{where}: recognisers see whole images once; leave out tile, chop, self_ensemble and resize."
            )

    def check_data(self, library: Library, train: Sequence[DatasetSpec], test: DatasetSpec, scale: Scale) -> None:
        """Refuse also images that are smaller than the factor, and classes or identities that do not fit."""
        from srbench.datasets.labelled.splits import assert_large_enough, assert_splits_fit

        super().check_data(library, train, test, scale)
        labelled = library.labelled(test)
        assert_large_enough(test.name, labelled.images, scale)
        for spec in train:
            if spec.labels is not None:  # networks that work in front of a recogniser train on any images
                assert_splits_fit((spec.name, library.labelled(spec)), (test.name, labelled))

    def protocol(self, name: str, recipe: Callable[[], TrainingRecipe]) -> RecognitionProtocol:
        """Return the protocol of the students that the recipe trains."""
        return protocol_by(name, cast("RecognitionRecipe", recipe()))

    def headline(self, dataset: DatasetSpec, protocol: ScoringProtocol, metrics: Sequence[ScoreSpec]) -> str:  # noqa: ARG002
        """Return the first metric that scores what the dataset asks for."""
        answered = (m for m in all_of(RecognitionScoreSpec, metrics) if isinstance(m, RecognitionMetricSpec))
        return next((m.name for m in answered if dataset.question in m.questions), metrics[0].name)

    def untrained(
        self, spec: ArchitectureSpec, scale: Scale, recipe: TrainingRecipe | None, library: Library, catalog: Catalog  # noqa: ARG002
    ) -> Network:  # fmt: skip
        """Build the backbone, with a head for the classes of the recipe's sets."""
        from srbench.tasks.recognition.training import build_network

        if recipe is None:
            raise CheckpointError(
                f"The weights of {spec.name} are not trained here, so nothing says which classes they know; train it."
            )
        own = cast("RecognitionRecipe", recipe)
        return build_network(cast("RecogniserSpec", spec), own, _sets(own, library, catalog))

    def for_weights(
        self, spec: ArchitectureSpec, scale: Scale, read: Callable[[], Mapping[str, Tensor]]  # noqa: ARG002
    ) -> tuple[Network, Network]:  # fmt: skip
        """Build the backbone, with the head that the weights have, if any."""
        from srbench.networks.network import Network
        from srbench.networks.recognition.recogniser import build_recogniser, head_for

        weights, recogniser = read(), build_recogniser(cast("RecogniserSpec", spec), classes=0)
        if not any(key.startswith("backbone.") for key in weights):
            return recogniser, Network(spec, recogniser.tapped)
        head_for(recogniser, weights)
        return recogniser, recogniser

    def training(self, request: TrainingRequest, library: Library, catalog: Catalog) -> Training:
        """Describe a training on labelled images."""
        from srbench.tasks.recognition.training import RecognitionTraining

        recipe = cast("RecognitionRecipe", request.recipe)
        return RecognitionTraining(
            spec=cast("RecogniserSpec", request.spec),
            scales=request.scales,
            distiller=request.distiller,
            recipe=recipe,
            degradation=request.degradation,
            losses=request.losses,
            sets=_sets(recipe, library, catalog),
            build=request.build,
            find_degradation=request.find_degradation,
            seed=request.seed,
        )

    def measure(self, request: MeasureRequest, advance: Callable[[], None]) -> Measurement:
        """Embed the images and score what the dataset asks for."""
        from srbench.networks.recognition.recogniser import Recogniser
        from srbench.tasks.recognition.measuring import LabelledTest
        from srbench.tasks.recognition.sized import SizedImages

        labelled = request.library.labelled(request.dataset)
        protocol, spec = cast("RecognitionProtocol", request.protocol), cast("RecogniserSpec", request.network.spec)
        test = LabelledTest(
            request=request,
            recogniser=cast("Recogniser", request.network),
            protocol=protocol,
            view="small" if spec.takes_lr else protocol.view,
            labelled=labelled,
            classes=next((request.library.labelled(own).classes for own in request.trained_on), None),
            metrics=all_of(RecognitionScoreSpec, request.metrics),
        )
        size = protocol.height, protocol.width
        return test.measure(SizedImages(cache_root() / "patches", labelled.images, size, protocol.cover), advance)

    def images(self, library: Library, dataset: DatasetSpec, limit: int | None) -> int:  # noqa: ARG002
        """Return the number of images."""
        return len(library.labelled(dataset).images)

    def certify(self, library: Library, dataset: DatasetSpec, scale: Scale) -> Certification:  # noqa: ARG002
        """Say that nothing is published by which a copy could be certified."""
        return Certification(status="no reference", detail="no published score certifies a copy of a labelled set")

    def profile(
        self, spec: ArchitectureSpec, scale: Scale, profiling: Profiling, size: tuple[int, int] | None, device: str,
        plugin_files: Sequence[str], backend: Backend | None = None, runtime: RuntimeSpec | None = None,
    ) -> Profile:  # fmt: skip
        """Count and time one image of the size that a student sees."""
        from srbench.profiling.profile import profile_network

        return profile_network(
            spec, scale, profiling, device, plugin_files, backend=backend, runtime=runtime, size=size
        )


def _sets(recipe: RecognitionRecipe, library: Library, catalog: Catalog) -> Mapping[str, LabelledImages]:
    return {name: library.labelled(catalog.datasets[name]) for name in recipe.read_sets}

"""A suite: the TOML file that says what to run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from srbench.errors import UnknownNameError
from srbench.files import shipped_tables
from srbench.planning.needs import JobKind, NeedsOfKind
from srbench.planning.search import Search
from srbench.profiling.settings import Profiling
from srbench.tasks.table import TASKS
from srbench.toml import ScaleValue, Table, read_table

Names = Annotated[tuple[str, ...], Field(min_length=1)]
Files = Annotated[tuple[str, ...], BeforeValidator(lambda given: (given,) if isinstance(given, str) else given)]
"""One path, or a list of them."""


class Grid(Table):
    """Axes that are multiplied. An architecture is left out at a whole scale that it does not have."""

    architectures: Names
    """``name`` to train, ``name.tag`` for published weights."""
    datasets: Names
    """What to measure on."""
    degradations: Names = ("bicubic",)
    """What lr is made by, in training and in measuring."""
    scales: Annotated[tuple[ScaleValue, ...], Field(min_length=1)]
    """Numbers above 1, such as 2 or 2.3, or texts for height and width, such as "3.7x1.5"."""
    resize: bool = False
    """Whether a network is measured at a scale that it lacks by its next larger one, whose result is then reduced. If
    false, it is left out at whole scales, and refused at real ones."""
    distillers: Names = ("none",)
    """How students are trained; "none" is plain training."""
    teacher: str | None = None
    """The architecture that teaches: ``name`` to train, ``name.tag`` for published weights."""
    teachers: tuple[str, ...] = ()
    """Instead of one, for distillers that take several; the others take the first."""
    teacher_recipe: str | None = None
    """The recipe of teachers; the students' if absent."""
    teacher_weights: Files = ()
    """A checkpoint file for the only teacher, instead of training it; of several, the mean of their weights."""
    recipe: str | None = None
    """The suite's if absent; "paper" is the architecture's own, and a path of a TOML file is one of yours."""
    part_recipe: str | None = None
    """The recipe of the parts of composed networks, where they are trained for another task than the suite's."""
    budget: Literal["steps", "time"] = "steps"
    """What all trainings of one recipe have in common. "time": a distiller trains as many steps as fit into the time of
    the recipe's steps of plain training."""
    weights: Files = ()
    """A checkpoint file for the grid's architectures, instead of training; of several, the mean of their weights."""
    train_degradation: str | None = None
    """The degradation of training, if it differs from that of the measurement."""
    train_degradations: tuple[str, ...] = ()
    """Several instead of one: a model is trained on each of them, and measured under all ``degradations``."""
    realisations: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Number of measured frozen realisations of each image; default: the degradation's."""
    seeds: tuple[int, ...] = ()
    """The suite's if absent."""
    metrics: tuple[str, ...] = ()
    """The suite's if absent."""
    protocol: str | None = None
    """The suite's if absent."""
    tile: int = Field(default=0, ge=0)
    """Side of the tiles, in LR pixels, in which images are computed; 0: in one piece."""
    overlap: int = Field(default=16, ge=0)
    """LR pixels around a tile that the network also gets."""
    self_ensemble: bool = False
    """Whether the results of all eight flips and turns of an image are averaged."""
    chop: bool = False
    """Whether images are computed in overlapping quarters, as EDSR's release does."""
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    """Number format of measuring: the backend of PyTorch in it."""
    backends: tuple[str, ...] = ()
    """What runs the networks: "eager", "openvino-bf16", "onnxruntime-int8", "onnxruntime-int8-qdq-pt". What is scored
    is also what is timed. If absent, PyTorch runs them as they are."""
    samplers: tuple[str, ...] = ()
    """How sr is drawn from networks that model its distribution: "ddim-20", a sampler and its steps. Each is measured;
    the network's first if absent. Other networks are measured once."""
    samples: Annotated[int, Field(ge=1, le=1000)] = 1
    """Number of sr that are drawn for every image; scores are means over them."""
    sample_seed: Annotated[int, Field(ge=0)] = 0
    """Of all that is drawn in measuring: by samplers, and by fits to images."""
    fit_steps: Annotated[int, Field(ge=1)] | None = None
    """Steps of the networks that are fitted to every image; those of the paper if absent."""
    fit_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """Time after which the fit of an image takes no further step; 0: as long as it takes. Scores then depend on the
    machine."""

    @property
    def taught_by(self) -> tuple[str, ...]:
        """All teachers: ``teachers`` or ``teacher``."""
        return self.teachers or ((self.teacher,) if self.teacher else ())

    @property
    def trained_on(self) -> tuple[str, ...]:
        """All degradations of training; if empty, each cell is trained on its own degradation."""
        return self.train_degradations or ((self.train_degradation,) if self.train_degradation else ())


class Suite(Table):
    """A whole suite."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    """A short id of lower-case letters, digits, - and _; records keep it."""
    about: str = ""
    """One sentence for `srbench list suites`."""
    task: str = "sr"
    """What its models do: "sr" or "recognition"; its usual protocol, metrics and recipe replace absent ones."""
    protocol: str
    """How scores are taken; the task's usual one if absent."""
    metrics: Names
    """What is scored; the task's usual ones if absent."""
    recipe: str
    """How to train: the name of a shipped recipe, "paper" for the architecture's own, or the path of a TOML file."""
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)
    """Each trains every model again."""
    images_kept: int = Field(default=4, ge=0)
    """Number of super-resolved images of each dataset that are kept for the sheets of crops."""
    controls: Names = ()
    """Further controls of gains besides ``none`` and ``weight_inherit``: a method without its loss."""
    profile: Profiling = Profiling()
    """How the costs of networks are measured."""
    grid: Annotated[tuple[Grid, ...], Field(min_length=1)]
    """What to run; each is multiplied out."""
    search: Search | None = None
    """What `srbench search` looks for; `srbench run` measures the grids alone."""
    needs: dict[JobKind, NeedsOfKind] = Field(default={})
    """What jobs need of the machines that do them, by kind of job: ``train``, ``measure``, ``certify``, ``profile``,
    ``pace``, ``onnx``. Records do not keep it, since it decides no result."""
    origin: str = Field(default="", exclude=True)
    """The file, for messages; not a key in it."""

    @model_validator(mode="before")
    @classmethod
    def _take_what_is_usual(cls, given: dict[str, Any]) -> dict[str, Any]:
        name = given.get("task", "sr")
        if name not in TASKS:
            raise ValueError(f"there is no task {name!r}; choose one of {', '.join(TASKS)}")
        task = TASKS[name]
        usual = {"protocol": task.default_protocol, "metrics": task.default_metrics, "recipe": task.default_recipe}
        return usual | given


def load_suite(name_or_path: str) -> Suite:
    """Read a suite by the name of a shipped one ("quick") or by the path of a TOML file.

    Raises:
        UnknownNameError: The suite or file does not exist.
        ConfigError: The file cannot be understood; says where, and what was expected.
    """
    path = Path(name_or_path)
    if not path.is_file():
        shipped = shipped_tables("suites")
        if path.suffix != ".toml":
            if name_or_path not in shipped:
                raise UnknownNameError.among("suite", name_or_path, shipped, "Or give the path of a TOML file.")
        elif path.stem not in shipped or path.parent.name != "suites":
            raise UnknownNameError.among("suite file", name_or_path, {f"suites/{name}.toml" for name in shipped})
        path = shipped[path.stem]  # `suites/classic.toml` works outside a clone too
    suite = read_table(path, Suite)
    return suite.model_copy(update={"origin": str(name_or_path)})

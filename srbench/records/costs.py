"""What a network costs: its profile, and how it ran in a backend."""

from __future__ import annotations

import operator

from pydantic import Field

from srbench.records.stored import Measured, Stored, absent


class Profile(Stored):
    """The costs of the network. A missing figure has a reason."""

    parameters: Measured
    """Trainable parameters, as trained."""
    parameters_deployed: Measured
    """After re-parameterisation, if the network offers it; equal to ``parameters`` otherwise."""
    macs_720p_g: Measured | None = None
    """Multiply-accumulates, 1e9, for a 1280x720 output; None, as the next but one, where inputs have one size."""
    macs_256_g: Measured | None = None
    """Multiply-accumulates, 1e9, for a 256x256 input."""
    macs_input_m: Measured | None = Field(default=None, exclude_if=absent)
    """Multiply-accumulates, 1e6, for an input of the size that all have; None where images have sizes of their own."""
    input_bytes: Measured | None = Field(default=None, exclude_if=absent)
    """Bytes of such an input: an 8-bit image of the network's channels."""
    table_bytes: Measured | None = Field(default=None, exclude_if=absent)
    """Bytes of the tables of a model that looks values up; None for networks, as the next."""
    lookups_per_pixel: Measured | None = Field(default=None, exclude_if=absent)
    """Entries that it reads for each pixel of lr, all channels together."""
    uncounted_operators: tuple[str, ...] = ()
    """Operators that did work without a formula for their multiply-accumulates."""
    activations_m: Measured
    """Elements of convolution outputs, 1e6, for a 256x256 input, or one of the size that all have."""
    latency_ms_p50: Measured
    """Median time of a call, in ms."""
    latency_ms_p90: Measured
    """Time that nine of ten calls stay below, in ms."""
    latency_low_ms: float | None = None
    """Low end of the 95 % interval of the median."""
    latency_high_ms: float | None = None
    """High end of that interval."""
    latency_input: str = ""
    """Height and width of the LR image, in the network's own channels: "256x256"."""
    backend: str = "eager"
    """What ran the network; see `srbench.deploying.backend`."""
    precision: str = "fp32"
    """The type of its numbers."""
    peak_memory_mib: Measured
    """Resident memory of the forward pass, weights included, in a process of its own."""
    machine: str
    """Id of the machine that timed it; timings compare only where it is equal."""
    other_work: str = Field(default="", exclude_if=operator.not_)
    """What others did on the machine while latency was timed; see `srbench.profiling.other_work`."""

    @property
    def figures(self) -> dict[str, Measured]:
        """The figures that may be missing, by name."""
        return {name: value for name, value in self if isinstance(value, Measured)}


class ImageCosts(Stored):
    """The costs of one sr where a network is evaluated more than once for it: by a sampler, or by fitting it."""

    evaluations: int
    """Evaluations of the network for one sr, the most of any image; a step of a fit counts as one."""
    seconds: Measured
    """Median time of one sr, in s."""
    peak_memory_mib: Measured
    """Size of all tensors at the peak, with the network's weights, in 2^20 bytes, for an input as large as the largest;
    see `srbench.profiling.image_costs`."""
    shortened: int = Field(default=0, exclude_if=operator.not_)
    """Images whose fit ended early, by the budget of time."""
    threads: int
    """Threads that the network had."""
    machine: str
    """Id of the machine; times compare only where it is equal."""
    other_work: str = Field(default="", exclude_if=operator.not_)
    """What others did on the machine meanwhile; see `srbench.profiling.other_work`."""

    @property
    def figures(self) -> dict[str, Measured]:
        """The figures that tables show, by the names of their columns."""
        return {
            "evaluations": Measured(value=self.evaluations),
            "image_seconds": self.seconds,
            "image_memory_mib": self.peak_memory_mib,
        }


class Deployment(Stored):
    """How a network ran in a backend, and what it cost there; one session was scored and timed."""

    backend: str
    """Runtime and precision: "onnxruntime-int8-qdq-pc"."""
    version: str
    """The runtime with its version."""
    calibrated_on: tuple[str, ...] = Field(default=(), exclude_if=operator.not_)
    """The training sets whose patches decided the steps of a quantised network."""
    file_sha256: str | None = None
    """Of the file with its program and weights; None for a runtime without any."""
    file_mib: Measured
    """Size of that file, in 2^20 bytes."""
    cold_start_ms: Measured
    """Time from the file or the module to the first sr: reading, converting, compiling, running once."""
    latency_ms_p50: Measured | None = None
    """Median time of a call, in ms; None where nothing was timed, as all that follow."""
    latency_ms_p90: Measured | None = None
    latency_low_ms: float | None = None
    latency_high_ms: float | None = None
    """The 95 % interval of the median."""
    latency_input: str = ""
    """Height and width of lr, and images x height x width for several: "180x320"."""
    stable: bool | None = None
    """Whether times had become equal before they were measured."""
    peak_memory_mib: Measured | None = None
    """Memory of a process that opens the network and runs it, beyond Python and its libraries, in 2^20 bytes."""
    energy_mj: Measured | None = None
    """Energy of the processor for a call, in millijoules."""
    threads: int
    """Threads that the runtime might use."""
    machine: str
    """Id of the machine; timings compare only where it is equal."""
    other_work: str = Field(default="", exclude_if=operator.not_)
    """What others did on the machine meanwhile; see `srbench.profiling.other_work`."""

from .benchmarking.compare import Comparison, compare
from .benchmarking.evaluate import evaluate
from .benchmarking.results import Results, read_results
from .benchmarking.run import run
from .benchmarking.score import score
from .catalog.executors import AdaptedExecutor, ExecutorSpec, Needs, Node
from .catalog.hooks import hookimpl
from .catalog.plugin import Family
from .datasets.labelled.images import LabelledImages, Pair
from .datasets.manifest import read_manifest, user_manifest
from .datasets.spec import DatasetSpec, Download, ImageEntry
from .degrading.chain_files import read_chain
from .degrading.spec import DegradationSpec, StepSpec
from .deploying.spec import Opened, RuntimeSpec, ToOpen
from .distilling.distiller import Batch, Distiller, Optimiser, Phase, Setup, weighted_mean
from .distilling.features import FeaturePairs
from .distilling.spec import DistillerSpec, LossSpec
from .errors import CheckpointError, ShapeError, SrbenchError, TrainingError, UnavailableError, WorkerError
from .measuring.metrics.spec import MetricSpec, SampleMetricSpec, ScoreSpec, SetMetricSpec
from .measuring.recognition.answers import Answers, Result
from .measuring.recognition.spec import FrontMetricSpec, RecognitionMetricSpec
from .naming import Paper, SpecMap
from .networks.applied import Fitted, Fitting, Sampler
from .networks.averaging import average_weights
from .networks.capture import capture
from .networks.imagenet import find_lpips_trunk, find_vgg19
from .networks.network import Network
from .networks.recognition.recogniser import Recogniser, build_recogniser
from .networks.recognition.spec import RecogniserSpec
from .networks.spec import ArchitectureSpec, Checkpoint, Reported
from .networks.wanted import Points, Wanted
from .networks.weights import load_state_dict
from .recipe import Recipe
from .scales import RealScale, Scale, hr_size, lr_size, parse_scale, whole_scale
from .upscaling.loading import load

__all__ = [
    "AdaptedExecutor",
    "Answers",
    "ArchitectureSpec",
    "Batch",
    "Checkpoint",
    "CheckpointError",
    "Comparison",
    "DatasetSpec",
    "DegradationSpec",
    "Distiller",
    "DistillerSpec",
    "Download",
    "ExecutorSpec",
    "Family",
    "FeaturePairs",
    "Fitted",
    "Fitting",
    "FrontMetricSpec",
    "ImageEntry",
    "LabelledImages",
    "LossSpec",
    "MetricSpec",
    "Needs",
    "Network",
    "Node",
    "Opened",
    "Optimiser",
    "Pair",
    "Paper",
    "Phase",
    "Points",
    "RealScale",
    "Recipe",
    "Recogniser",
    "RecogniserSpec",
    "RecognitionMetricSpec",
    "Reported",
    "Result",
    "Results",
    "RuntimeSpec",
    "SampleMetricSpec",
    "Sampler",
    "Scale",
    "ScoreSpec",
    "SetMetricSpec",
    "Setup",
    "ShapeError",
    "SpecMap",
    "SrbenchError",
    "StepSpec",
    "ToOpen",
    "TrainingError",
    "UnavailableError",
    "Wanted",
    "WorkerError",
    "average_weights",
    "build_recogniser",
    "capture",
    "compare",
    "evaluate",
    "find_lpips_trunk",
    "find_vgg19",
    "hookimpl",
    "hr_size",
    "load",
    "load_state_dict",
    "lr_size",
    "parse_scale",
    "read_chain",
    "read_manifest",
    "read_results",
    "run",
    "score",
    "user_manifest",
    "weighted_mean",
    "whole_scale",
]

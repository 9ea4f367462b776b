"""The episode store: recording, reading, editing, checking and repairing datasets of episodes."""

from retouch.episodes.arrays import Arrays
from retouch.episodes.check import check
from retouch.episodes.edits import Edit, exclude, include, relabel, trim, undo
from retouch.episodes.forget import forget
from retouch.episodes.merge import merge
from retouch.episodes.reader import Dataset
from retouch.episodes.repair import RepairSummary, repair
from retouch.episodes.schema import (
    KINDS,
    OUTCOMES,
    SCHEMA_VERSION,
    ControlSource,
    DatasetInfo,
    EpisodeInfo,
    Feature,
    standard_features,
)
from retouch.episodes.summary import DatasetSummary, EpisodeSummary, Segment, describe, show
from retouch.episodes.writer import DatasetWriter, EpisodeWriter

__all__ = [
    "KINDS",
    "OUTCOMES",
    "SCHEMA_VERSION",
    "Arrays",
    "ControlSource",
    "Dataset",
    "DatasetInfo",
    "DatasetSummary",
    "DatasetWriter",
    "Edit",
    "EpisodeInfo",
    "EpisodeSummary",
    "EpisodeWriter",
    "Feature",
    "RepairSummary",
    "Segment",
    "check",
    "describe",
    "exclude",
    "forget",
    "include",
    "merge",
    "relabel",
    "repair",
    "show",
    "standard_features",
    "trim",
    "undo",
]

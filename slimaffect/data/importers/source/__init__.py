"""What every importer reads with: files confined to a folder, bounded text, numbers, videos and images."""

from slimaffect.data.importers.source.affect import Rows, constant, refuse_scale, usable
from slimaffect.data.importers.source.media import Places, Still, Videos, duration_s, numbered, sequence
from slimaffect.data.importers.source.notes import Notes, shown
from slimaffect.data.importers.source.tables import Table, read_arff, read_json, read_table
from slimaffect.data.importers.source.tree import Tree

__all__ = [
    "Notes",
    "Places",
    "Rows",
    "Still",
    "Table",
    "Tree",
    "Videos",
    "constant",
    "duration_s",
    "numbered",
    "read_arff",
    "read_json",
    "read_table",
    "refuse_scale",
    "sequence",
    "shown",
    "usable",
]

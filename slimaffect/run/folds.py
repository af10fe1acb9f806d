"""What a run holds out: sites, or groups of subjects in their place."""

from dataclasses import replace
from pathlib import Path

from slimaffect.data import Prepared, read_dataset
from slimaffect.data.settings import SYNTHETIC
from slimaffect.evaluate.folds import refuse_few_sites
from slimaffect.evaluate.groups import SubjectGroups, in_groups, refuse_few_subjects
from slimaffect.recipe import Recipe


def refuse_unfit(recipe: Recipe) -> None:
    """Say before hours of decoding that a dataset has too few sites, or too few subjects for the groups.

    Raises:
        DataError: the recipe's folds cannot be made, or there is no dataset.
    """
    if recipe.data.source == SYNTHETIC:
        return
    sources = read_dataset(Path(recipe.data.source).expanduser()).sources
    subjects = len({source.subject for source in sources})
    if isinstance(recipe.folds, SubjectGroups):
        refuse_few_subjects(subjects, recipe.folds)
    else:
        refuse_few_sites(tuple(sorted({source.site for source in sources})), subjects)


def in_folds(prepared: Prepared, recipe: Recipe) -> Prepared:
    """Let groups stand where sites stood, where the recipe asks for them; the dataset's own sites stay on record.

    Raises:
        DataError: there are fewer usable subjects than groups.
    """
    if not isinstance(recipe.folds, SubjectGroups):
        return prepared
    return replace(prepared, clips=in_groups(prepared.clips, recipe.folds))

"""What a search found, in the report."""

import io

from rich.console import Console

from slimaffect.report.searches import search_sentences
from slimaffect.report.terminal import print_report
from slimaffect.result import LedgerEntry


def told(frozen: dict, free: list[str], killed: int = 0) -> dict:
    return {
        "settings": ["rates", "weight_decay", "augmentation"],
        "frozen": frozen,
        "free": free,
        "started": 60 + killed,
        "pruned": 12,
        "failed": 1,
        "killed": killed,
        "full_trainings": 4.2,
        "spent": {"cpu_s": 150.0},
        "validation_ccc": 0.512,
    }


def test_how_many_settings_remain_of_how_many(result):
    """Over all folds, each task once; pruned, failed and killed trials are told."""
    every = ["rates", "weight_decay", "augmentation"]
    searches = [told({"weight_decay": 0.02}, every[:1] + every[2:]), told({}, every, killed=2)]
    ledger = [
        LedgerEntry(key=str(number), step="tune", variants=["tiny-fp32"], found={"tune": one})
        for number, one in enumerate(searches)
    ]
    tuned = result.model_copy(update={"ledger": [*ledger, ledger[0]]})
    (sentence,) = search_sentences(tuned)
    assert sentence.startswith("`tiny-fp32`: 2 searches left 2 to 3 of 3 settings free")
    assert "weight_decay" in sentence
    assert "122 trainings were started, of which 24 pruned, 2 failed and 2 were killed and done again" in sentence
    assert "4.2 full trainings and 2 min 30 s of CPU a search" in sentence
    console = Console(file=io.StringIO(), width=200)
    print_report(console, [tuned])
    assert "2 to 3 of 3 settings free" in console.file.getvalue()


def test_without_a_search_there_is_nothing_to_say(result):
    """Older results have no such field."""
    assert search_sentences(result) == []

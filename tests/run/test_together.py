"""Two runs of one recipe at once in one folder share the work; another recipe goes on from where theirs are alike.

The finished run that the other tests look at was made by two at once: all that they assert holds for that.
"""

import json

from slimaffect.data import prepare
from slimaffect.execute import Plan
from slimaffect.recipe import load_recipe
from slimaffect.run import Places
from slimaffect.run.experiment import all_tasks


def test_each_task_was_done_once_by_one_of_the_two(finished):
    """Both heard of every task that it is done; it was tried once, and no lease and no half-done work is left."""
    tries = {entry["key"]: entry["attempts"] for entry in finished.result["ledger"]}
    assert {len(attempts) for attempts in tries.values()} == {1}
    files = (finished.result_folder / "ledger").glob("*.jsonl")
    stories = [[json.loads(line) for line in file.read_text().splitlines()] for file in files]
    together = [story for story in stories if not story[0]["reused"]]  # a later run finds all of it done
    assert len(together) == 2
    for story in together:
        assert {line["key"] for line in story if line["what"] == "finished"} == tries.keys()
        assert story[-1]["why"] == ""
    assert not [*finished.folder.rglob("*.lease"), *finished.folder.rglob("*.partial")]


def test_another_recipe_takes_what_is_alike_as_it_is(finished):
    """With another last step, training, distillation and the baseline are found, and only what differs is planned."""
    other = finished.folder / "other.yaml"
    other.write_text(finished.recipe.read_text().replace("[fp32, int8]}, calibration_clips: 8}", "[fp16]}}"))
    recipe, places = load_recipe(str(other)), Places.choose(cache=finished.folder / "cache" / "slimaffect")
    plan = Plan(all_tasks(recipe, prepare(recipe.data, places.cache, workers=1)), places.tasks)
    assert {task.step for task in plan.waiting.values()} == {"quantise", "deploy"}
    assert {record["step"] for record in plan.records.values()} == {"train", "distill", "deploy"}

"""What a broken recipe is told: the line, what is wrong, what would be right, and nothing else."""

from pathlib import Path

import pytest

from slimaffect.errors import RecipeError
from slimaffect.recipe import load_recipe

TRAIN = "steps:\n  - train: {epochs: 2}\n"

BROKEN = {
    # name: (text, line, fragment of the message)
    "unknown section": ("dat: synthetic\n" + TRAIN, 1, "unknown section `dat`. Did you mean `data`?"),
    "unknown key in a section": (
        TRAIN + "evaluate:\n  replicas: 300\n",
        4,
        "Did you mean `replicates`? Allowed: seeds,",
    ),
    "unknown key two levels down": (
        "data:\n  clip:\n    frame: 3\n" + TRAIN,
        3,
        "`frame` in `clip`. Did you mean `frames`?",
    ),
    "unknown key in a step": ("steps:\n  - train:\n      epoch: 2\n", 3, "`epoch` in `train`. Did you mean `epochs`?"),
    "unknown step": (TRAIN + "  - distil: {student: tiny}\n", 3, "no step `distil`. Did you mean `distill`?"),
    "unknown step, nothing like it": (TRAIN + "  - zzz\n", 3, "no step `zzz`. Steps: "),
    "unknown shape": (
        TRAIN + "model: refrence\n",
        3,
        "`model` is the text `refrence`; it must be one of reference, small",
    ),
    "suggested shape": (TRAIN + "model: refrence\n", 3, "Did you mean `reference`?"),
    "unknown student": (TRAIN + "  - distill: {student: tinny}\n", 3, "Did you mean `tiny`?"),
    "unknown word": (
        TRAIN + "  - quantise: {to: int9}\n",
        3,
        "`to` is the text `int9`; it must be one of fp32, fp16, bf16, int8",
    ),
    "unknown kind of CNN": (
        "model:\n  cnn:\n    kind: plan\n" + TRAIN,
        3,
        "`kind` is the text `plan`; it must be one of plain, resnet",
    ),
    "no kind of CNN": ("model:\n  cnn: {widths: [8]}\n" + TRAIN, 2, "`kind` is missing in `cnn`"),
    "a cut that no widths reach": (
        TRAIN + "  - prune: {until: {macs: 0.05}}\n",
        3,
        "asks for 309,971 of 6,199,424, but with widths in multiples of 16 the least is 688,672",
    ),
    "a cut that no widths of the student reach": (
        TRAIN + "  - distill: {student: micro}\n  - prune: {until: {macs: 0.25}}\n",
        4,
        "asks for 54,664 of 218,656",
    ),
    "missing setting": ("model:\n  features: 8\n" + TRAIN, 1, "`cnn` is missing in `model`"),
    "item of a list": (
        "model:\n  cnn:\n    kind: plain\n    widths:\n      - 8\n      - x\n" + TRAIN,
        6,
        "item 2 in `widths`",
    ),
    "text for a number": (
        "steps:\n  - train:\n      epochs: twelve\n",
        3,
        "`epochs` is the text `twelve`; it must be a whole number",
    ),
    "a value below its key": ("steps:\n  - train:\n      epochs:\n        twelve\n", 4, "it must be a whole number"),
    "quoted number": ("steps: [{train: {epochs: '12'}}]", 1, "Write it without quotes"),
    "true for a number": (
        TRAIN + "evaluate: {replicates: true}\n",
        3,
        "`replicates` is `true`; it must be a whole number",
    ),
    "yes for a number": (TRAIN + "deploy: {threads: yes}\n", 3, "`threads` is the text `yes`"),
    "no for a switch": (
        "model: {cnn: {kind: plain, widths: [8], residual: no}}\n" + TRAIN,
        1,
        "`residual` is the text `no`; it must be true or false",
    ),
    "broken number": ("steps: [{train: {epochs: 2.5}}]", 1, "`epochs` is `2.5`; it must be a whole number"),
    "number for text": ("about: 12\n" + TRAIN, 1, 'it must be text. Write "12" in quotes'),
    "list for text": ("about: [a]\n" + TRAIN, 1, "`about` is a list; it must be text"),
    "mapping for a list": (
        TRAIN + "evaluate: {seeds: {a: 1}}\n",
        3,
        "`seeds` is a mapping; it must be a list of whole numbers",
    ),
    "list for a step's settings": ("steps:\n  - train: [12]\n", 2, "`train` is a list; it must be a mapping with"),
    "out of bounds": (TRAIN + "evaluate:\n  margin: -1\n", 4, "`margin` is `-1`; it must be greater than 0"),
    "out of bounds in a union": (TRAIN + "execution: {workers: 0}\n", 3, "`workers` is `0`; it must be greater than 0"),
    "empty list": (TRAIN + "evaluate: {seeds: []}\n", 3, "`seeds` is an empty list; it must have at least 1 item"),
    "empty section": (TRAIN + "evaluate:\n", 3, "`evaluate` is `null`; it must be a mapping with seeds"),
    "equal seeds": (TRAIN + "evaluate: {seeds: [1, 1]}\n", 3, "each seed may stand there once"),
    "pixels disagree": (
        "data:\n  pixels: 64\nmodel:\n  pixels: 32\n  cnn: {kind: plain, widths: [8]}\n" + TRAIN,
        4,
        "the model reads `32` pixels and `data` prepares `64`",
    ),
    "a student's pixels disagree": (
        TRAIN
        + "  - distill:\n      student:\n        sweep:\n        - tiny\n        - {cnn: {kind: plain, widths: [8]}, pixels: 32}\n",
        7,
        "the model reads `32` pixels and `data` prepares `48`",
    ),
    "mistyped synthetic": ("data: synthetc\n" + TRAIN, 1, "no dataset `synthetc`. Did you mean `synthetic`?"),
    "not a number": (TRAIN + "evaluate: {margin: .nan}\n", 3, "`.nan` is no finite number"),
    "no steps": ("about: nothing\n", 1, "there are no steps. Begin with `- train: {}`"),
    "empty steps": ("steps: []\n", 1, "there are no steps"),
    "steps is a word": ("steps: train\n", 1, "`steps` is the text `train`; it must be a list"),
    "a step is a number": (TRAIN + "  - 3\n", 3, "a step is `3`"),
    "an empty step": (TRAIN + "  -\n", 3, "a step is `null`"),
    "two steps behind one dash": (TRAIN + "    quantise: {}\n", 3, "`quantise` stands in the same item as `train`"),
    "settings not indented": ("steps:\n  - train:\n    epochs: 2\n", 3, "`epochs` stands beside `train`. Indent it"),
    "quantise before train": (
        "steps:\n  - quantise: {}\n  - train\n",
        2,
        "`quantise` stands before any `train` (line 3)",
    ),
    "step after the last": (
        TRAIN + "  - quantise: {}\n\n  - distill: {student: tiny}\n",
        5,
        "after `quantise` (line 3)",
    ),
    "distill without train": (
        "steps:\n  - distill: {student: tiny}\n",
        2,
        "`distill` needs a `train` before it, and the recipe has none",
    ),
    "distill before train": (
        "steps:\n  - distill: {student: tiny}\n  - train\n",
        2,
        "`distill` stands before any `train` (line 3)",
    ),
    "empty sweep": (TRAIN + "  - quantise:\n      to:\n        sweep: []\n", 5, "a sweep of nothing"),
    "sweep of a word": (
        TRAIN + "  - quantise: {to: {sweep: int8}}\n",
        3,
        "`sweep` is the text `int8`; it must be a list",
    ),
    "sweep with neighbours": (
        TRAIN + "  - quantise: {to: {sweep: [int8], from: fp32}}\n",
        3,
        "`from` stands beside `sweep`",
    ),
    "the same twice in a sweep": (
        TRAIN + "  - quantise:\n      to:\n        sweep:\n        - int8\n        - int8\n",
        7,
        "twice",
    ),
    "wrong value in a sweep": (
        TRAIN + "  - quantise:\n      to:\n        sweep:\n        - int8\n        - int9\n",
        7,
        "int9",
    ),
    "wrong value in a nested sweep": (
        "steps:\n- train\n- sweep:\n  - distill: {student: tiny}\n  - quantise:\n      to: {sweep: [int8,\n        int9]}\n",
        7,
        "`int9`",
    ),
    "sweep outside steps": ("evaluate:\n  margin: {sweep: [0.1, 0.2]}\n" + TRAIN, 2, "a sweep stands outside `steps`"),
    "far too many variants": (
        "steps:\n" + "  - train: {epochs: {sweep: [1, 2, 3, 4, 5, 6, 7, 8, 9]}}\n" * 9,
        1,
        "the sweeps stand for 387,420,489 variants; 256 are the most",
    ),
    "equal keys": ("about: a\n" + TRAIN + "about: b\n", 4, "`about` is written twice: on line 1 and on line 4"),
    "equal keys in a step": ("steps:\n  - train:\n      epochs: 2\n      epochs: 3\n", 4, "on line 3 and on line 4"),
    "equal keys on one line": ("steps: [{train: {epochs: 2, epochs: 3}}]", 1, "`epochs` is written twice on this line"),
    "1 for a switch": (
        "model: {cnn: {kind: plain, widths: [8], residual: 1}}\n" + TRAIN,
        1,
        "`residual` is `1`; it must be true or false",
    ),
    "merge": ("steps:\n  - train: {<<: {epochs: 2}}\n", 2, "`<<` merges are not read"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_recipe_is_told_its_line_and_what_would_be_right(name: str, tmp_path: Path) -> None:
    """One mistake gives one fault, at its line, with what is wrong and what is allowed; the exit code is 2."""
    text, line, fragment = BROKEN[name]
    file = tmp_path / "broken.yaml"
    file.write_text(text)
    with pytest.raises(RecipeError) as caught:
        load_recipe(file)
    assert [fault.where for fault in caught.value.faults] == [f"{file}:{line}"], caught.value
    assert fragment in str(caught.value)
    assert caught.value.exit_code == 2


def test_all_faults_come_at_once(tmp_path: Path) -> None:
    """Faults of every section and step are reported together, in the order of their lines."""
    file = tmp_path / "broken.yaml"
    file.write_text(
        "dat: x\nmodel: refrence\nevaluate: {margin: -1, seed: 3}\nsteps:\n  - quantise: {to: int9}\n"
        "  - trian: {}\n  - distill: {student: tiny, epochs: true, epoch: 2}\n  - quantise: {to: {sweep: []}}\n"
    )
    with pytest.raises(RecipeError) as caught:
        load_recipe(file)
    assert [int(fault.where.rpartition(":")[2]) for fault in caught.value.faults] == [1, 2, 3, 3, 5, 6, 7, 7, 7, 8]


def test_what_is_missing_for_another_fault_is_not_told_twice(tmp_path: Path) -> None:
    """A wrong value of a required key is one fault, not also a missing key."""
    file = tmp_path / "broken.yaml"
    file.write_text("model:\n  cnn: {kind: plain, widths: 8}\n  features: x\n" + TRAIN)
    with pytest.raises(RecipeError) as caught:
        load_recipe(file)
    assert [fault.where[-2:] for fault in caught.value.faults] == [":2", ":3"]


def test_values_taken_for_others_are_told_beside_other_faults(tmp_path: Path) -> None:
    """`true` for 1 is told even where a required setting is wrong as well."""
    file = tmp_path / "broken.yaml"
    file.write_text(
        "steps:\n- train\n- distill:\n    student: tinny\n    epochs: true\n    augment: {flip: '1'}\n    epoch: on\n"
    )
    with pytest.raises(RecipeError) as caught:
        load_recipe(file)
    assert [fault.where[-2:] for fault in caught.value.faults] == [":4", ":5", ":6", ":7"]


def test_many_faults_fit_on_a_screen(tmp_path: Path) -> None:
    """Twenty faults are shown, and how many more there are."""
    file = tmp_path / "broken.yaml"
    file.write_text(TRAIN + "".join(f"unknown{n}: 1\n" for n in range(33)))
    with pytest.raises(RecipeError) as caught:
        load_recipe(file)
    assert len(caught.value.faults) == 21
    assert str(caught.value).endswith("... and 13 more faults")

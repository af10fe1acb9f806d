"""result.json: the contract that others read."""

import json
import math
from pathlib import Path

import pytest

from slimaffect.errors import ResultError
from slimaffect.evaluate.scores import Scores, SiteScores
from slimaffect.evaluate.versus import Versus
from slimaffect.result import (
    RecipeRecord,
    Result,
    Variant,
    VariantScores,
    json_schema,
    read_result,
    scores_record,
    write_result,
    write_schema,
)

ROOT = Path(__file__).parent.parent


@pytest.fixture
def result() -> Result:
    """A small result."""
    return Result(recipe=RecipeRecord(name="baseline"), baseline="baseline", variants=[Variant(name="baseline")])


@pytest.fixture
def scores() -> Scores:
    """Scores with a gap."""
    site = SiteScores(ccc=0.4, ccc_valence=0.5, ccc_arousal=0.3, pcc=0.6, rmse=0.2, sagr=0.7, subjects=5, frames=900)
    empty = SiteScores(*[math.nan] * 6, subjects=1, frames=0)
    return Scores(0.4, 0.5, 0.3, 0.6, 0.2, 0.7, {"bonn": site, "cadiz": empty}, "bonn", 2, False, 0.0, (0.39, 0.41))


def test_a_result_comes_back_as_it_was(result, tmp_path):
    """Written whole, with its schema first named, and read from the file or its folder."""
    path = write_result(result, tmp_path / "run" / "result.json")
    assert read_result(path) == read_result(path.parent) == result
    assert json.loads(path.read_text())["schema"] == "slimaffect.result/1"
    assert [one.name for one in path.parent.iterdir()] == ["result.json"]


def test_the_names_are_those_of_the_contract(result, tmp_path):
    """Every name that others rely on is there, null where nothing was measured."""
    found = json.loads(write_result(result, tmp_path / "result.json").read_text())
    assert set(found) >= {"schema", "recipe", "environment", "baseline", "variants", "ledger", "problems"}
    expected = {"name", "steps", "precision", "bundle", "scores", "deploy", "cost", "pareto"}
    assert set(found["variants"][0]) >= expected
    assert found["variants"][0]["deploy"] is None
    parts = json_schema()["$defs"]
    assert set(parts["Deploy"]["properties"]) >= {
        "runtime",
        "clip_ms",
        "cpu_s_per_clip",
        "energy_j_per_clip",
        "size_mb",
        "parameters",
        "macs_per_frame",
    }
    assert set(parts["VariantScores"]["properties"]) >= {
        "ccc",
        "ccc_interval",
        "ccc_valence",
        "ccc_arousal",
        "pcc",
        "rmse",
        "sagr",
        "sites",
        "worst_site",
        "versus_baseline",
    }
    assert set(parts["VersusBaseline"]["properties"]) >= {"delta", "interval", "margin", "non_inferior"}
    assert set(parts["Cost"]["properties"]) >= {"cpu_s", "joules", "provenance", "examples", "trainings"}


def test_nan_becomes_null_wherever_it_hides(result, tmp_path):
    """In a number, in an interval, and deep in a field that this version does not know."""
    hidden = Variant(
        name="x", scores=VariantScores(ccc=math.nan, ccc_interval=(math.nan, 1.0)), flags=[], odd={"deep": [math.inf]}
    )  # pyright: ignore[reportCallIssue]
    path = write_result(result.model_copy(update={"variants": [hidden]}), tmp_path / "result.json")
    found = json.loads(path.read_text(), parse_constant=pytest.fail)["variants"][0]
    assert (found["scores"]["ccc"], found["scores"]["ccc_interval"], found["odd"]) == (None, None, {"deep": [None]})


def test_unknown_fields_survive(result, tmp_path):
    """A newer version's extra field is read, kept and written again."""
    path = write_result(result, tmp_path / "result.json")
    path.write_text(path.read_text().replace('"baseline": "baseline"', '"baseline": "baseline", "later": {"a": 1}'))
    again = write_result(read_result(path), tmp_path / "again.json")
    assert json.loads(again.read_text())["later"] == {"a": 1}


def test_every_minor_version_is_read(result, tmp_path):
    """A newer one with fields in every part, and an older one without: both open, and say which they are."""
    path = write_result(result, tmp_path / "result.json")
    told = json.loads(path.read_text())
    newer = told | {"schema_minor": 99, "later": 1}
    newer["variants"][0] |= {"colour": "blue", "deploy": {"watts": 3.0}}
    path.write_text(json.dumps(newer))
    assert read_result(path).schema_minor == 99
    assert read_result(path).variants[0].deploy.model_extra == {"watts": 3.0}
    path.write_text(json.dumps({key: value for key, value in told.items() if key != "schema_minor"}))
    assert read_result(path).schema_minor == 0


def test_the_published_schema_is_that_of_the_records():
    """docs/schema/result-1.json is what `slim results schema` writes."""
    assert json.loads((ROOT / "docs/schema/result-1.json").read_text()) == json_schema()


def test_the_reference_result_fits_the_published_schema(result, tmp_path):
    """So does a fresh one; checked by a validator of JSON Schema that knows nothing of us."""
    jsonschema = pytest.importorskip("jsonschema")
    schema = jsonschema.Draft202012Validator(json_schema())
    schema.validate(json.loads((ROOT / "results/reference/distill/result.json").read_text()))
    schema.validate(json.loads(write_result(result, tmp_path / "result.json").read_text()))
    assert list(schema.iter_errors({"schema": "slimaffect.result/2"}))


def test_lists_of_numbers_stand_on_a_line(result, tmp_path):
    """So that a file with intervals and curves can be read; text with brackets and ends of line stays as it is."""
    odd = result.model_copy(update={"numbers": [0.5, None, -2e-05], "text": "[\n1,\n2\n]", "deep": [[1, 2], ["a"]]})
    path = write_result(odd, tmp_path / "result.json")
    assert '"numbers": [0.5, null, -2e-05]' in path.read_text()
    assert read_result(path).model_extra == {
        "numbers": [0.5, None, -2e-05],
        "text": "[\n1,\n2\n]",
        "deep": [[1, 2], ["a"]],
    }


def test_equal_results_are_equal_files(result, tmp_path):
    """Keys are sorted, so that a difference in a diff is a difference in the result."""
    one, two = (write_result(result, tmp_path / name).read_bytes() for name in ("a.json", "b.json"))
    assert one == two
    assert one.endswith(b"}\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "its schema is None"),
        ('{"schema": "slimaffect.result/2"}', "its schema is 'slimaffect.result/2', and this version of slimaffect reads 'slimaffect.result/1'"),
        ('{"schema": "slimaffect.result/1", "recipe": {"name": "x"}, "baseline": 3, "variants": [{"name": "x", "cost": {"cpu_s": "much"}}]}', "baseline: Input should be a valid string; variants.0.cost.cpu_s"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_result_says_why(tmp_path, text, words):
    """Damaged, foreign, of another version, or with fields that do not fit: the fault is named."""
    (tmp_path / "result.json").write_text(text)
    with pytest.raises(ResultError) as caught:
        read_result(tmp_path)
    assert words in str(caught.value)
    assert "result.json" in str(caught.value)


def test_a_missing_result_says_how_to_make_one(tmp_path):
    """The message names the command."""
    with pytest.raises(ResultError, match=r"there is no result here(?s:.*)slim run"):
        read_result(tmp_path / "nothing.json")


def test_a_failed_write_keeps_the_old_result(result, tmp_path):
    """What cannot be written leaves the file as it was, and no scrap beside it."""
    path = write_result(result, tmp_path / "result.json")
    before = path.read_bytes()
    with pytest.raises(Exception, match="serialize"):
        write_result(result.model_copy(update={"bad": object()}), path)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_scores_become_their_record(scores):
    """Names carry over, NaN becomes None, and single subjects stay out unless given."""
    versus = Versus(-0.01, (-0.02, 0.0), 0.03, non_inferior=True, power=0.9)
    found = scores_record(scores, interval=(0.3, 0.5), versus=versus)
    assert (found.ccc, found.ccc_interval, found.worst_site, found.seeds, found.undefined) == (
        0.4,
        (0.3, 0.5),
        "bonn",
        2,
        2,
    )
    assert found.sites["cadiz"].ccc is None
    assert found.sites["bonn"].ccc_of_subjects is None
    assert found.versus_baseline.interval == (-0.02, 0.0)
    shown = scores_record(scores, subjects={"bonn": {"b1": 0.2, "b2": math.nan}, "cadiz": {}})
    assert shown.sites["bonn"].ccc_of_subjects == {"b1": 0.2, "b2": None}


def test_the_schema_is_a_json_schema(tmp_path):
    """It is exported for other tools and requires what every result has."""
    found = json.loads(write_schema(tmp_path / "result.schema.json").read_text())
    assert found["$schema"].startswith("https://json-schema.org/")
    assert set(found["required"]) >= {"recipe", "baseline", "variants"}
    assert found["properties"]["schema"]["const"] == "slimaffect.result/1"

"""One recipe, from drawn videos to result, bundles and report, through the command a person types."""

import hashlib
import json
import subprocess
import sys

import pytest

VARIANTS = ["baseline", "fp32", "int8"]
SITES = ["S1", "S3"]


def by_name(result: dict) -> dict:
    return {variant["name"]: variant for variant in result["variants"]}


def test_result_keeps_its_contract(finished):
    """Every promised name is there, and what was not measured is null."""
    result = finished.result
    assert result["schema"] == "slimaffect.result/1"
    assert {"recipe", "environment", "baseline", "variants", "ledger", "problems"} <= result.keys()
    assert [variant["name"] for variant in result["variants"]] == VARIANTS
    assert result["baseline"] == "baseline"
    for variant in result["variants"]:
        assert {
            "ccc",
            "ccc_interval",
            "ccc_valence",
            "ccc_arousal",
            "pcc",
            "rmse",
            "sagr",
            "sites",
            "worst_site",
        } <= variant["scores"].keys()
        assert sorted(variant["scores"]["sites"]) == SITES
        deploy = variant["deploy"]
        assert deploy["clip_ms"]["p50"] > 0
        assert deploy["clip_ms"]["n"] >= 20
        assert deploy["cpu_s_per_clip"] > 0
        assert deploy["energy_j_per_clip"]["provenance"] in {"modelled", "measured"}
        assert deploy["size_mb"] > 0
        assert deploy["parameters"] > 0
        assert deploy["macs_per_frame"] > 0
        assert variant["cost"]["cpu_s"] > 0
        assert variant["cost"]["examples"] > 0
        assert isinstance(variant["pareto"]["latency"], bool)


def test_mean_is_over_sites(finished):
    """The CCC of a variant is the plain mean of its sites, and the worst site is the lowest of them."""
    for variant in finished.result["variants"]:
        sites = {name: site["ccc"] for name, site in variant["scores"]["sites"].items()}
        assert variant["scores"]["ccc"] == pytest.approx(sum(sites.values()) / len(sites))
        assert variant["scores"]["worst_site"] == min(sites, key=sites.get)


def test_variants_share_what_their_steps_share(finished):
    """Training and distillation stand in the ledger once per fold and once for all sites, whatever the variants."""
    ledger = finished.result["ledger"]
    count = {
        step: sum(entry["step"] == step for entry in ledger) for step in ("train", "distill", "quantise", "deploy")
    }
    folds = len(SITES) + 1
    assert count == {"train": folds, "distill": folds, "quantise": 2 * folds, "deploy": 3 * folds}
    assert len({entry["key"] for entry in ledger}) == len(ledger)


def test_cost_is_the_sum_of_its_tasks(finished):
    """A variant's bill is that of every task behind it; the int8 student's includes its teacher."""
    result = finished.result
    for variant in result["variants"]:
        spent = sum(entry["cpu_s"] for entry in result["ledger"] if variant["name"] in entry["variants"])
        assert variant["cost"]["cpu_s"] == pytest.approx(spent)
    assert by_name(result)["int8"]["cost"]["cpu_s"] > by_name(result)["baseline"]["cost"]["cpu_s"]


def test_bundles_are_whole_and_need_no_torch(finished):
    """Each bundle's files match their hashes, and it answers in a process without torch."""
    for variant in finished.result["variants"]:
        bundle = finished.result_folder / variant["bundle"]
        written = json.loads((bundle / "bundle.json").read_text())
        for name, facts in written["files"].items():
            assert hashlib.sha256((bundle / name).read_bytes()).hexdigest() == facts["sha256"]
    program = (
        "import sys, numpy; from slimaffect.runtime import Predictor;"
        f"predictor = Predictor.load({str(bundle)!r});"
        "affect = predictor.clip(numpy.zeros((16, 3, 32, 32), numpy.uint8));"
        "assert affect.shape == (16, 2) and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_results_hold_no_face(finished):
    """Nothing under a result is a video, a crop or a picture other than the plot."""
    kinds = {path.suffix for path in finished.result_folder.rglob("*") if path.is_file()}
    assert kinds <= {
        ".json",
        ".html",
        ".png",
        ".onnx",
        ".engine",
        ".jsonl",
        ".yaml",
        ".csv",
        ".sha256",
        ".svg",
        ".md",
        ".tex",
    }
    assert [path.name for path in finished.result_folder.rglob("*.png")] == ["pareto.png"]


def test_second_run_takes_all_from_the_cache(finished):
    """Run again, nothing is done twice, and the scores are the same to the last digit."""
    before = finished.result
    again = finished("run", "smallest.yaml")
    assert again.returncode == 0, again.stderr
    after = finished.result
    assert all(entry["reused"] for entry in after["ledger"])
    assert [v["scores"] for v in after["variants"]] == [v["scores"] for v in before["variants"]]
    assert [entry["attempts"] for entry in after["ledger"]] == [entry["attempts"] for entry in before["ledger"]]


def test_dry_run_does_nothing(slim):
    """The plan names the variants and says that the data comes first; no result appears."""
    told = slim("run", "smallest.yaml", "--dry-run")
    assert told.returncode == 0, told.stderr
    assert all(name in told.stdout for name in VARIANTS)
    assert "not prepared yet" in told.stdout
    assert not (slim.folder / "results").exists()


def test_report_of_a_finished_run(finished, tmp_path):
    """`slim report` draws the page again from result.json alone."""
    told = finished("report", str(finished.result_folder), "--to", str(tmp_path / "page"))
    assert told.returncode == 0, told.stderr
    assert (tmp_path / "page" / "report.html").stat().st_size > 10_000

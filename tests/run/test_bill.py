"""After a run: its bill, its bundles on the bench, and what the machine can measure."""

import json


def test_a_run_is_billed_and_its_variants_repay_or_not(finished):
    """The result holds sums of its ledger, and for each variant when it has repaid its cost; no CO2 unasked."""
    result = finished.result
    assert result["bill"]["tasks"] == len(result["ledger"])
    assert result["bill"]["cpu_s"] > 0
    assert result["bill"]["carbon"]["co2e_g"] is None
    others = [one for one in result["variants"] if one["name"] != result["baseline"]]
    assert all(one["repaid"]["unit"] == "cpu_s" for one in others)
    against = [one["scores"]["versus_baseline"] for one in others]
    assert all(one["looked_at"] == len(others) for one in against)
    assert all(set(one["of_sites"]) == set(others[0]["scores"]["sites"]) for one in against)
    told = finished("bill", str(finished.result_folder), "--clips-per-day", "1000", "--region", "SWE")
    assert told.returncode == 0
    assert "Our World in Data, SWE 2024" in told.stdout
    wrong = finished("bill", str(finished.result_folder), "--region", "SWEDEN")
    assert wrong.returncode == 1
    assert "--region 'SWEDEN' is no country" in wrong.stderr


def test_a_bundle_is_put_on_the_bench(finished):
    """`slim bench` on a bundle: one fresh process is no verdict, and the record is of the schema."""
    bundle = next(iter((finished.result_folder / "bundles").iterdir()))
    told = finished("bench", str(bundle), "--processes", "1", "--seconds", "0.5", "--json", "bench.json")
    assert told.returncode == 0, told.stderr
    assert "no verdict: 1 process(es), 5 are needed" in told.stdout
    record = json.loads((finished.folder / "bench.json").read_text())["records"][0]
    assert record["schema"] == "slimaffect.energy/1"
    assert record["identity"]["frames_per_unit"] == 16
    wrong = finished("bench", str(bundle), "--scenario", "server")
    assert wrong.returncode == 2


def test_the_doctor_looks_at_everything(finished):
    """Runtimes, torch's device, each way to know joules, and the cache: found, or what to do."""
    told = finished("doctor")
    assert told.returncode == 0
    for word in ("ONNX Runtime", "OpenVINO", "torch", "NVML", "RAPL", "zeus", "CPU-seconds model", "cache", "bfloat16"):
        assert word in told.stdout

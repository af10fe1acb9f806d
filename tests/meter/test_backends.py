"""Each back-end is found, or says why not and what to do; what is not there is never 0 J."""

import json
import socket
import subprocess
import sys
from types import SimpleNamespace

import pytest

from slimaffect.errors import EnergyError
from slimaffect.meter.cpu import cpu_power
from slimaffect.meter.nvml import NoGpu, Nvml, nvml_counters, visible
from slimaffect.meter.probe import backends
from slimaffect.meter.zeus import ZeusGpu, ZeusSoc, soc_mj, zeus_counters


def test_a_gpu_is_read_in_joules(machines):
    """Millijoules of NVML become joules; the GPU tells what the record needs."""
    (gpu,) = nvml_counters({}, machines.nvml_of(read_j=lambda _: 1234.5))
    assert (gpu.domain, gpu.read_j(), gpu.power_w(), gpu.scope) == ("gpu:0", 1234.5, 300.0, "device")
    assert gpu.flags == ("part_time_sensor",)
    assert gpu.facts()["power_limit_w"] == 700
    assert gpu.facts()["throttle_reasons"] == 0


@pytest.mark.parametrize(
    ("name", "flagged"),
    [("NVIDIA A100-SXM4-80GB", True), ("NVIDIA GeForce RTX 4090", False), ("Tesla V100-SXM2-16GB", False)],
)
def test_part_time_sensors_are_known_by_name(machines, name, flagged):
    """A100, H100 and their families look at a part of each period; others are not accused."""
    assert ("part_time_sensor" in Nvml(0, nvml=machines.nvml_of(names=(name,))).flags) is flagged


def test_a_slice_bills_the_whole_gpu_and_says_so(machines):
    """With MIG the counter is the whole GPU's, whether it is reached by its number or by a slice's UUID."""
    nvml = machines.nvml_of(mig=(0,))
    for which in (0, "MIG-abc"):
        gpu = Nvml(which, nvml=nvml)
        assert gpu.scope == "whole_gpu"
        assert "mig_whole_gpu" in gpu.flags


@pytest.mark.parametrize("hidden", ["", "-1", "NoDevFiles"])
def test_hidden_gpus_are_a_reason_and_not_0(machines, hidden):
    """CUDA_VISIBLE_DEVICES that hides every GPU is told with its cure; no list that would add up to 0 J."""
    with pytest.raises(NoGpu, match="hides every GPU") as reason:
        nvml_counters({"CUDA_VISIBLE_DEVICES": hidden}, machines.nvml_of())
    assert "unset" in reason.value.cure


def test_visible_gpus_are_those_cuda_would_use():
    """What follows a word that CUDA does not know is ignored, as CUDA does."""
    assert visible({"CUDA_VISIBLE_DEVICES": "1,0"}, 2) == [1, 0]
    assert visible({"CUDA_VISIBLE_DEVICES": "1,x,0"}, 2) == [1]
    assert visible({"CUDA_VISIBLE_DEVICES": "1,5,0"}, 2) == [1]


@pytest.mark.parametrize(
    ("fault", "cure"),
    [
        ("NVML Shared Library Not Found", "install NVIDIA's driver"),
        ("Driver Not Loaded", "docker run --gpus all"),
        ("Insufficient Permissions", "/dev/nvidia"),
        ("Unknown Error", "nvidia-smi"),
    ],
)
def test_a_driver_that_fails_says_what_to_do(machines, fault, cure):
    """Every reason that NVML gives comes with a cure."""
    told = backends({}, nvml=machines.nvml_of(fault=fault), device=SimpleNamespace())[0]
    assert not told.found
    assert told.why == fault
    assert cure in told.cure


def test_an_old_gpu_without_a_counter_is_named(machines):
    """Before Volta there is no energy counter: refused with the reason, not read as 0."""
    with pytest.raises(NoGpu) as reason:
        nvml_counters({}, machines.nvml_of(lacks=("nvmlDeviceGetTotalEnergyConsumption",)))
    assert "Volta" in reason.value.cure


def test_rapl_without_permission_tells_its_cure(tmp_path, machines):
    """A zone that cannot be read is named with its cure; no zone at all is named as such."""
    zone = tmp_path / "intel-rapl:0"
    zone.mkdir()
    (zone / "name").write_text("package-0\n")
    told = backends({}, tmp_path, machines.nvml_of(), SimpleNamespace())[1]
    assert "No such file" in told.why
    assert "udev" in told.cure
    none = backends({}, tmp_path / "none", machines.nvml_of(), SimpleNamespace())[1]
    assert "virtual machine" in none.why
    assert none.counters == ()


def test_every_backend_is_listed_and_the_model_is_called_modelled(machines, tmp_path):
    """Four ways, the best first; the model is always there, and never measured."""
    told = backends({}, tmp_path, machines.nvml_of(mig=(0,)), SimpleNamespace())
    assert [one.provenance for one in told] == ["measured", "missing", "missing", "modelled"]
    assert "bills the whole GPU" in told[0].note
    assert "wrong by a factor of 0.4 to 2.5" in told[3].note
    assert all(one.found or (one.why and one.cure) for one in told)


class AMDGPUs:
    def __len__(self):
        return 2

    def supports_get_total_energy_consumption(self, index):
        return index == 1

    def get_total_energy_consumption(self, index):
        return 1000 * (index + 1)


class Jetson:
    def get_total_energy_consumption(self):
        return SimpleNamespace(cpu_energy_mj=1.0, gpu_energy_mj=2.0, total_energy_mj=5000.0)


def refuse():
    raise RuntimeError("No observable SoC was found")


def test_zeus_reads_amd_gpus_and_chips():
    """AMD's counters are measured, a Jetson's integrated power is sampled; what cannot be read is left out."""
    found, why = zeus_counters(SimpleNamespace(get_gpus=AMDGPUs, get_soc=Jetson))
    assert why == ""
    assert [(one.domain, one.source, one.provenance, one.read_j()) for one in found] == [
        ("gpu:1", "zeus.amd", "measured", 2.0),
        ("soc", "zeus.jetson", "sampled", 5.0),
    ]
    assert isinstance(found[0], ZeusGpu)
    assert isinstance(found[1], ZeusSoc)


def test_zeus_without_a_device_says_why():
    """Nothing found is a reason, never an empty sum."""
    found, why = zeus_counters(SimpleNamespace(get_gpus=refuse, get_soc=refuse))
    assert found == []
    assert "No observable SoC" in why


def test_apple_parts_add_up_once():
    """Clusters lie inside the CPU's total: only parts beside each other are summed; none at all is missing."""
    told = SimpleNamespace(cpu_total_mj=10, efficiency_cluster_mj=[4], dram_mj=3, gpu_mj=2, gpu_sram_mj=None, ane_mj=0)
    assert soc_mj(told) == 15
    with pytest.raises(ValueError, match="tells of no energy"):
        soc_mj(SimpleNamespace())


def test_power_of_a_thread_is_the_users_then_the_files_then_a_constant(tmp_path):
    """The user's word goes before the machine's file, and that before the constant with its wide band."""
    file = tmp_path / "power.json"
    assert (cpu_power({}, file).watts, cpu_power({}, file).band) == (4.0, (0.4, 2.5))
    file.write_text(json.dumps({"watts_per_thread": 6.2, "how": "wall meter"}))
    assert cpu_power({}, file).origin == "wall meter"
    assert cpu_power({}, file).band == (0.8, 1.2)
    assert cpu_power({"SLIMAFFECT_WATTS_PER_THREAD": "9"}, file).watts == 9


def test_a_power_that_cannot_be_is_refused(tmp_path):
    """Words, nothing and a kilowatt are no power of a thread; the message names where it stands."""
    with pytest.raises(EnergyError, match="SLIMAFFECT_WATTS_PER_THREAD says 'lots'"):
        cpu_power({"SLIMAFFECT_WATTS_PER_THREAD": "lots"})
    (tmp_path / "power.json").write_text('{"watts": 3}')
    with pytest.raises(EnergyError, match=r"power.json says None; the watts of one busy thread lie between"):
        cpu_power({}, tmp_path / "power.json")
    (tmp_path / "power.json").write_text("{")
    with pytest.raises(EnergyError, match="cannot be read"):
        cpu_power({}, tmp_path / "power.json")


def test_the_probe_asks_no_network(monkeypatch, machines, tmp_path):
    """Sockets refused: every back-end still answers."""
    monkeypatch.setattr(socket, "socket", refuse)
    assert len(backends({}, tmp_path, machines.nvml_of(), SimpleNamespace())) == 4


def test_importing_the_meter_loads_nothing_heavy():
    """Neither torch nor zeus, numpy or scipy comes with it: what deploys measures itself with it."""
    program = "import sys, slimaffect.meter; print([n for n in ('torch', 'zeus', 'numpy', 'scipy', 'pydantic') if n in sys.modules])"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"

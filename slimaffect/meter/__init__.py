"""Seconds, CPU-seconds and joules of a block of code, and where the joules come from.

A hardware counter makes a joule `measured`, integrated power `sampled`; CPU-seconds times a constant make it
`modelled`; otherwise it is `missing`, and never 0. Clock and counters are arguments, so that tests own the time.
"""

from slimaffect.meter.counter import Counter, Provenance, of_rank
from slimaffect.meter.cpu import BAND, WATTS_PER_THREAD, CpuPower, cpu_power, machine_cpu_s, peak_mb, tree_cpu_s
from slimaffect.meter.meter import Meter, found_counters, meter_of
from slimaffect.meter.nvml import Nvml
from slimaffect.meter.reading import Domain, Reading

__all__ = [
    "BAND",
    "WATTS_PER_THREAD",
    "Counter",
    "CpuPower",
    "Domain",
    "Meter",
    "Nvml",
    "Provenance",
    "Reading",
    "cpu_power",
    "found_counters",
    "machine_cpu_s",
    "meter_of",
    "of_rank",
    "peak_mb",
    "tree_cpu_s",
]

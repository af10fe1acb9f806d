"""Machines of known power: a clock that moves when told, GPUs whose counter is known, and NVML as it would tell them."""

from types import SimpleNamespace


class Clock:
    """Seconds that pass when work is done."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class KnownCounter:
    """A counter of a machine of known power, renewed every `update_s`."""

    provenance, scope, rel_sys, source = "measured", "device", 0.05, "nvml"

    def __init__(self, clock, power, update_s=0.1, domain="gpu:0", offset_s=0.0, flags=()):
        self.clock, self.power, self.update_s, self.domain, self.flags = clock, power, update_s, domain, flags
        self.offset_s, self._at, self._joules = offset_s, clock(), 0.0

    def integrate(self):
        """Add the energy since the last look: power is constant between two moves of the clock."""
        now = self.clock()
        self._joules += self.power() * (now - self._at)
        self._at = now

    def read_j(self):
        return self._told() if self.update_s else self._exact()

    def _exact(self):
        return self._joules

    def _told(self):
        step = int((self.clock() + self.offset_s) / self.update_s)
        if step != getattr(self, "_step", None):
            self._step, self._shown = step, self._joules
        return self._shown


class Busy:
    """A device that draws one power at work and another at rest; its clock, and counters that see it."""

    def __init__(self, idle_w=100.0, busy_w=300.0, **counter):
        self.clock, self.idle_w, self.busy_w, self.watts = Clock(), idle_w, busy_w, idle_w
        self.counter = KnownCounter(self.clock, lambda: self.watts, **counter)

    def run(self, seconds, watts=None):
        self._pass(seconds, self.busy_w if watts is None else watts)

    def sleep(self, seconds):
        self._pass(seconds, self.idle_w)

    def _pass(self, seconds, watts):
        """In small pieces, so that the counter's steps fall where they should."""
        pieces = max(1, round(seconds / 0.001))
        for _ in range(pieces):
            self.watts = watts
            self.clock.now += seconds / pieces
            self.counter.integrate()
            self.counter.read_j()


class NvmlError(Exception):
    pass


def nvml_of(*, names=("NVIDIA H200",), read_j=lambda _: 1000.0, power_w=lambda _: 300.0, mig=(), fault=None, lacks=()):
    """Make a module that answers as pynvml does."""

    def refuse(*_):
        raise NvmlError(fault)

    def init():
        if fault:
            refuse()

    def lacking(name, answer):
        def ask(*arguments):
            if name in lacks:
                raise NvmlError("Not Supported")
            return answer(*arguments)

        return ask

    def by_uuid(uuid):
        if uuid.startswith("MIG-"):
            return ("slice", 0)
        if uuid.removeprefix("GPU-").isdigit():
            return int(uuid.removeprefix("GPU-"))
        raise NvmlError("Not Found")

    calls = {
        "nvmlInit": init,
        "nvmlDeviceGetCount": lambda: len(names),
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetHandleByUUID": by_uuid,
        "nvmlDeviceGetDeviceHandleFromMigDeviceHandle": lambda handle: handle[1],
        "nvmlDeviceGetIndex": lambda handle: handle,
        "nvmlDeviceGetName": lambda handle: names[handle].encode(),
        "nvmlDeviceGetMigMode": lambda handle: [int(handle in mig), 0],
        "nvmlDeviceGetTotalEnergyConsumption": lambda handle: round(1e3 * read_j(handle)),
        "nvmlDeviceGetPowerUsage": lambda handle: 1e3 * power_w(handle),
        "nvmlDeviceGetComputeRunningProcesses": lambda _: [1],
        "nvmlSystemGetDriverVersion": lambda: "580.0",
        "nvmlDeviceGetEnforcedPowerLimit": lambda _: 700_000,
        "nvmlDeviceGetClockInfo": lambda *_: 1980,
        "nvmlDeviceGetTemperature": lambda *_: 45,
        "nvmlDeviceGetCurrentClocksThrottleReasons": lambda _: 0,
    }
    named = {name: lacking(name, answer) for name, answer in calls.items()}
    return SimpleNamespace(**named, NVMLError=NvmlError, NVML_CLOCK_SM=1, NVML_CLOCK_MEM=2, NVML_TEMPERATURE_GPU=0)

"""What the machine can do at best, and how far each part of a job's time is from it.

The parts are those of --timings. What is timed within one readout would cost more than it tells: of
the fused kernels the shares come from test/bench, each run alone on data like a camera's."""

import json
import statistics
import subprocess

from .processes import counters_row
from .table import missing, row
from .tasks import stop

PROGRAMS = ("machine", "zfits", "calib", "reco", "forest")
TO_NS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}
GROUP = "machine"

PIXELS, GAINS, SAMPLES = 1855, 2, 40
SYMBOLS = GAINS * PIXELS * SAMPLES
# A readout's baselines are 80 bytes anywhere in 30 MB: 2.25 lines on average.
BASELINE_LINES = GAINS * PIXELS * (2 * SAMPLES / 64 + 1)
# Kernels that make up a part; how often each runs in an event whose gains are both read out.
KERNELS = {
    "correct DRS4": (("correct_readouts/dispatched", 2), ("find_time_lapses/1500", 2)),
    "gain and charge": (("extract_charges/dispatched", 1),),
    "clean and parametrise": (("clean_and_parametrise/100", 1 / 64),),
}


def measure_machine(context, samples):
    folder = context.alisio.parent / "test/bench"
    for _ in range(min(3, context.runs)):
        for name in PROGRAMS:
            program = folder / f"bench_{name}"
            if not program.exists():
                continue
            words = [program, "--benchmark_format=json", "--benchmark_min_time=0.05"]
            result = subprocess.run(words, capture_output=True, text=True, check=False)
            if result.returncode != 0:
                stop(f"{program} failed:\n{result.stderr}", 7)
            for item in json.loads(result.stdout)["benchmarks"]:
                if item.get("error_occurred"):
                    continue
                sample = {"ns": item["cpu_time"] * TO_NS[item["time_unit"]], "label": item.get("label", "")}
                for rate in ("bytes_per_second", "items_per_second"):
                    if rate in item:
                        sample[rate] = item[rate]
                samples.add(f"kernel/{item['name']}", sample)
    samples.add("counters", counters_row(context).__dict__)


def best(samples, kernel, what="ns"):
    values = samples.values(f"kernel/{kernel}", what)
    if not values:
        return None
    return min(values) if what == "ns" else max(values)


def machine_rows(context, samples):
    if not any(key.startswith("kernel/") for key in samples.content):
        if not context.asked("machine"):
            return []
        return [missing(GROUP, "all", "test/bench is not built (-DALISIO_BUILD_BENCHMARKS=ON)")]
    rows = []
    for what, kernel, value, scale, unit in (
        ("memory, read", "read_memory", "bytes_per_second", 1e-9, "GB/s"),
        ("memory, written", "write_memory", "bytes_per_second", 1e-9, "GB/s"),
        ("lines at random places of 30 MB", "read_random_lines", "items_per_second", 1e-6, "M/s"),
        ("SHA-256", "hash_sha256", "bytes_per_second", 1e-6, "MB/s"),
        ("inflate, zlib, in the cache", "undo_in_cache/zlib", "bytes_per_second", 1e-6, "MB/s"),
        ("inflate, zstd, in the cache", "undo_in_cache/zstd", "bytes_per_second", 1e-6, "MB/s"),
        ("Huffman symbols, in the cache", "undo_in_cache/huffman16", "items_per_second", 1e-6, "M/s"),
    ):
        values = [scale * v for v in samples.values(f"kernel/{kernel}", value)]
        if values:
            rows.append(row(GROUP, what, values, unit))
        else:
            rows.append(missing(GROUP, what, "no such kernel is built"))
    for key in samples.content:
        if key.startswith("kernel/predict/"):
            values = [1e-3 * v for v in samples.values(key, "items_per_second")]
            label = samples.of(key)[0]["label"]
            rows.append(row(GROUP, f"forest of 50 trees, {label}", values, "k events/s"))
    for counted in samples.of("counters")[-1:]:
        rows.append(row(GROUP, counted["what"], counted["ours"], counted["unit"], remark=counted["remark"]))
    return rows


def floors(samples):
    """Return the least time of a part, µs an event, and what it is."""
    found = {}
    if rate := best(samples, "undo_in_cache/huffman16", "items_per_second"):
        found["decode waveforms"] = (1e6 * SYMBOLS / rate, "Huffman symbols from the cache")
    if rate := best(samples, "read_random_lines", "items_per_second"):
        found["correct DRS4"] = (1e6 * BASELINE_LINES / rate, "baselines at random lines")
    if rate := best(samples, "read_memory", "bytes_per_second"):
        found["gain and charge"] = (1e6 * 4 * PIXELS * SAMPLES / rate, "one gain's samples read once")
        found["align times"] = (1e6 * 8 * PIXELS / rate, "charges and times read once")
        found["clean and parametrise"] = found["align times"]
    return found


def part_rows(_, samples):
    """The parts of R0 to DL1 with one thread, beside their floors and their kernels."""
    rows = []
    known = floors(samples)
    sha256 = best(samples, "hash_sha256", "bytes_per_second")
    for name in ("simulated", "synthetic"):
        key = f"r0/{name}/1 thread/large"
        for (stage, part), seconds in samples.parts(key).items():
            events = samples.of(key)[0]["events"]
            us = [1e6 * s / events for s in seconds]
            remarks = []
            typical = statistics.median(us)
            floor = next((f for start, f in known.items() if part.startswith(start)), None)
            if part in ("hash inputs", "hash products") and sha256:
                side = "inputs" if part == "hash inputs" else "outputs"
                size = sum(file.get("size", 0) for file in samples.of(key)[0]["stages"][0][side])
                floor = (1e6 * size / sha256 / events, "SHA-256")
            if floor:
                remarks.append(f"{typical / floor[0]:.1f} × its floor of {floor[0]:.0f} µs: {floor[1]}")
            alone = [
                f"{kernel} {1e-3 * times * ns:.0f} µs"
                for kernel, times in KERNELS.get(part, ())
                if (ns := best(samples, kernel))
            ]
            if alone:
                remarks.append("kernels alone: " + ", ".join(alone))
            rows.append(row(f"parts of {stage}, {name} night, 1 thread", part, us, "µs/event",
                            remark="; ".join(remarks)))  # fmt: skip
    return rows

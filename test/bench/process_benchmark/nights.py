"""Whether cost grows linearly: nights of 1, 10 and 100 small subruns, and many runs planned and
passed over again."""

import os
import re
import shutil
import statistics
import subprocess
import time

from . import inputs
from .table import at_most, missing, row
from .tasks import MB, prepare, stop

SIZES = (1, 10, 100)
EVENTS = 20


def run_night(context, folder, *more):
    """Return wall and CPU seconds of a night with all its jobs, and the peak memory of the greatest
    process."""
    words = [context.alisio, "night", inputs.DATE, "--config", folder / "alisio.yaml", *more]
    begin = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        stop(f"failed with {process.returncode}: {words}", 7)
    return {
        "wall_s": time.perf_counter() - begin,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "max_rss_bytes": usage.ru_maxrss * 1024,
    }


def simulate(context, folder, runs, subruns, events):
    words = [context.alisio, "simulate", "--output", folder, "--date", inputs.DATE]
    prepare(words + ["--runs", runs, "--subruns", subruns, "--events", events])


def measure_linear(context, samples):
    for subruns in SIZES:
        folder = context.scratch / f"subruns{subruns}"
        simulate(context, folder, 1, subruns, EVENTS)
        samples.add(f"linear/{subruns}", run_night(context, folder, "--jobs", 1))
        shutil.rmtree(folder)
    measure_large_night(context, samples)


def measure_large_night(context, samples):
    """A night of many runs: planned from nothing with all its subruns; processed with as many of
    them as --night-subruns says, and passed over again."""
    runs, subruns = 20, 150
    done = min(context.night_subruns, subruns)
    folder = context.data / f"night{done}"
    if not folder.exists():
        simulate(context, folder, runs, done, 8)
    whole = context.scratch / "whole"
    (whole / "R0").mkdir(parents=True)
    link_subruns(folder / "R0" / inputs.DATE, whole / "R0" / inputs.DATE, subruns)
    (whole / "monitoring").symlink_to(folder / "monitoring")
    shutil.copy(folder / "alisio.yaml", whole)
    for _ in range(context.runs):
        samples.add("linear/plan", run_night(context, whole, "--plan"))
    samples.add("linear/first pass", {"subruns": runs * done, **run_night(context, folder)})
    for _ in range(context.runs):
        samples.add("linear/second pass", {"subruns": runs * done, **run_night(context, folder)})


def link_subruns(source, target, subruns):
    """Make a night's folder in which every data run has so many subruns: the later ones are links to
    the earlier ones, which a plan, that opens the first of a run only, does not tell apart."""
    target.mkdir()
    by_run = {}
    for file in sorted(source.iterdir()):
        stream, run, subrun = re.fullmatch(r"LST-1\.(\d)\.Run(\d+)\.(\d+)\.fits\.fz", file.name).groups()
        by_run.setdefault(run, {}).setdefault(int(subrun), []).append((stream, file))
    for run, known in by_run.items():
        for subrun in range(subruns if len(known) > 1 else 1):
            for stream, file in known[subrun % len(known)]:
                os.link(file.resolve(), target / f"LST-1.{stream}.Run{run}.{subrun:04}.fits.fz")


def linear_rows(context, samples):
    if "linear/1" not in samples:
        return []
    group = "cost of a night"
    cpu = {n: samples.values(f"linear/{n}", "cpu_s") for n in SIZES}
    memory = {n: max(samples.values(f"linear/{n}", "max_rss_bytes")) / MB for n in SIZES}

    def slope(a, b):
        return [(y - x) / (b - a) for x, y in zip(cpu[a], cpu[b])]

    early, late = slope(1, 10), slope(10, 100)
    growth = [y / x for x, y in zip(early, late)]
    rows = [
        row(group, "a subrun more, from 1 to 10", early, "CPU s", None, None, f"{EVENTS} events each"),
        row(group, "a subrun more, from 10 to 100", late, "CPU s"),
        row(group, "growth of the latter", growth, "", at_most(1.1)),
        row(group, "peak memory, 1 subrun", [memory[1]], "MB"),
        row(group, "peak memory, 100 subruns : 1", [memory[100] / memory[1]], "", at_most(1.1)),
    ]
    if "linear/plan" in samples:
        rows.append(row(group, "plan of 20 runs × 150 subruns", samples.values("linear/plan", "wall_s"), "s",
                        at_most(1)))  # fmt: skip
    second = samples.of("linear/second pass")
    if second:
        # What a process costs to start stands in both; the rest grows with the subruns.
        start = statistics.median(samples.values("start/--version", "wall_s") or [0])
        count = second[0]["subruns"]
        scaled = [start + (sample["wall_s"] - start) * 3000 / count for sample in second]
        remark = "" if count == 3000 else f"3000/{count} times what {count} subruns take"
        what = "second pass, nothing to do, 3000 subruns"
        rows.append(row(group, what, scaled, "s", at_most(2), None, remark))
        rows.append(row(group, "peak memory of the second pass",
                        [s["max_rss_bytes"] / MB for s in second], "MB"))  # fmt: skip
    elif context.asked("linear"):
        rows.append(missing(group, "second pass", "the night did not end", "≤ 2"))
    return rows

"""Commands that are measured as whole processes, and what the kernel counted of them."""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MB = 1024 * 1024


def stop(message, code):
    print(f"benchmark: {message}", file=sys.stderr)
    sys.exit(code)


def prepare(words):
    """Run a command whose product others are measured with."""
    result = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        stop(f"failed with {result.returncode}: {words}\n{result.stderr[-2000:]}", 7)
    return result.stdout


class Task:
    """A command to measure. Every run gets an empty folder, put where the words say {folder}, and
    a path in it that does not exist, {out}.

    A command of ours that writes its report to {folder}/report.json has its stages kept, with the
    parts of their time; one that prints a last line of JSON has that kept."""

    def __init__(self, key, words, events=0, runs=None):
        self.key = key
        self.words = [str(word) for word in words]
        self.events = events
        self.runs = runs

    def run(self, scratch):
        """Run once. @returns wall_s, cpu_s, max_rss_bytes, and what the command told."""
        out = Path(tempfile.mkdtemp(dir=scratch))
        places = {"{out}": str(out / "products"), "{folder}": str(out)}
        words = [re.sub("{out}|{folder}", lambda m: places[m[0]], word) for word in self.words]
        with open(out / "log", "w+", encoding="utf-8", errors="replace") as log:
            begin = time.perf_counter()
            # Some of the peer's programs write records into the folder that they run in.
            process = subprocess.Popen(
                words, cwd=out, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - begin
            process.returncode = os.waitstatus_to_exitcode(status)
            log.seek(0)
            lines = log.readlines()
        if process.returncode != 0:
            stop(f"failed with {process.returncode}: {' '.join(words)}\n{''.join(lines[-10:])}", 7)
        sample = {
            "events": self.events,
            "wall_s": wall,
            "cpu_s": usage.ru_utime + usage.ru_stime,
            "max_rss_bytes": usage.ru_maxrss * 1024,
        }
        if (out / "report.json").exists():
            sample["stages"] = json.loads((out / "report.json").read_text("utf-8"))["activities"]
        if lines and lines[-1].startswith("{"):
            sample["told"] = json.loads(lines[-1])
        shutil.rmtree(out)
        return sample


class Samples:
    """All that was measured: for each key, one dictionary a run."""

    def __init__(self, content=None):
        self.content = content or {}

    def add(self, key, sample):
        self.content.setdefault(key, []).append(sample)

    def __contains__(self, key):
        return key in self.content

    def of(self, key):
        return self.content.get(key, [])

    def values(self, key, what):
        return [sample[what] for sample in self.of(key) if what in sample]

    def median(self, key, what):
        values = self.values(key, what)
        return statistics.median(values) if values else None

    def parts(self, key):
        """Return the seconds of each part of the last stage's time, a list over runs."""
        parts = {}
        for sample in self.of(key):
            for stage in sample.get("stages", []):
                for part in stage["timings"]:
                    parts.setdefault((stage["stage"], part["part"]), []).append(part["seconds"])
        return parts


def measure(tasks, runs, scratch, samples):
    """Run all tasks in turn, again and again: a busy minute slows all of them alike."""
    for number in range(runs):
        for task in tasks:
            if task.runs is None or number < task.runs:
                samples.add(task.key, task.run(scratch))
                print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)


def rates(samples, small, large, what="wall_s"):
    """Return the marginal rate of each round, events/s: what a long subrun runs at. The difference
    of events over the difference of seconds takes start-up out."""
    found = []
    for a, b in zip(samples.of(small), samples.of(large)):
        seconds = b[what] - a[what]
        if seconds > 0:
            found.append((b["events"] - a["events"]) / seconds)
    return found


def ratios(ours, theirs):
    """Return the ratios of two lists, round by round; the median stands for rounds not run."""
    if not ours or not theirs:
        return []
    typical = statistics.median(theirs)
    return [a / (theirs[i] if i < len(theirs) else typical) for i, a in enumerate(ours)]

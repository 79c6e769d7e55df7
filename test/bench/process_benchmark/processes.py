"""Whole processes: start-up, constants, R0 to DL1 (and DL2), the sample night."""

import re
import statistics
import subprocess
from pathlib import Path

from . import inputs
from .inputs import constants_of, ours_r0, simulated, synthetic, theirs_r0
from .table import at_least, at_most, missing, row
from .tasks import MB, Task, measure, prepare, rates, ratios

PEER_CODE = Path(__file__).parent / "peer_code.py"


# --- start-up ---


def subcommands(context):
    """Return the names of the subcommands, as `alisio --help` lists them."""
    listed = prepare([context.alisio, "--help"]).split("Commands:\n")[1].split("\n\n")[0]
    return [line.split()[0] for line in listed.splitlines()]


def measure_start(context, samples):
    tasks = [Task("start/true", ["true"])]
    tasks += [Task("start/--version", [context.alisio, "--version"])]
    for name in subcommands(context):
        words = [context.alisio, name] + (["merge"] if name == "prov" else []) + ["--help"]
        tasks.append(Task(f"start/{name}", words))
    measure(tasks, max(21, context.runs), context.scratch, samples)


def start_rows(context, samples):
    if "start/true" not in samples:
        return []
    group = "start-up"
    ms = {
        key.split("/")[1]: [1e3 * value for value in samples.values(key, "wall_s")]
        for key in samples.content
        if key.startswith("start/")
    }
    nothing = ms.pop("true")
    slowest = max(ms, key=lambda name: statistics.median(ms[name]))
    quickest = min(ms, key=lambda name: statistics.median(ms[name]))
    remark = f"of {len(ms)} commands' --help, spawning included"
    return [
        row(group, f"slowest: {slowest}", ms[slowest], "ms", at_most(5), remark=remark),
        row(group, f"quickest: {quickest}", ms[quickest], "ms", at_most(5)),
        row(group, "/bin/true, for comparison", nothing, "ms"),
    ]


# --- R0 to DL1 ---


def data_sets(context):
    """Return the subruns, small and large, by the name of their data."""
    sizes = (context.events // 5, context.events)
    sets = {"simulated": [simulated(context, size, 2) for size in sizes]}
    tool = context.shared and context.shared / "tools/synthetic_night.py"
    if context.peer_bin and tool and tool.exists():
        sets["synthetic"] = [synthetic(context, size, 2) for size in sizes]
    return sets


def r0_tasks(context):
    for name, subruns in data_sets(context).items():
        for size, subrun in zip(("small", "large"), subruns):

            def task(what, words, runs=None):
                return Task(f"r0/{name}/{what}/{size}", words, subrun.events, runs)

            yield task("1 thread", ours_r0(context, subrun))
            if context.peer_bin:
                decode = [context.peer_bin / "python", PEER_CODE, "decode", *subrun.streams()]
                yield task("reader", decode)
            yield task("2 threads", ours_r0(context, subrun, 2))
            if context.shared:
                more = ["--dl2", "--models", inputs.models(context)]
                yield task("with DL2", ours_r0(context, subrun, 1, more))
            if context.peer_bin:
                yield task("lstchain", theirs_r0(context, subrun), context.peer_runs)


def measure_r0(context, samples):
    measure(list(r0_tasks(context)), context.runs, context.scratch, samples)


def mb(samples, key):
    return [value / MB for value in samples.values(key, "max_rss_bytes")]


def r0_rows(context, samples):
    rows = []
    for name in ("simulated", "synthetic"):
        if f"r0/{name}/1 thread/large" in samples:
            rows += rows_of_data_set(f"R0 → DL1, {name} night", f"r0/{name}", samples)
        elif context.asked("r0-to-dl1"):
            reason = "its tool needs --peer-bin's Python and --shared"
            rows.append(missing(f"R0 → DL1, {name} night", "all", reason))
    return rows


def rows_of_data_set(group, key, samples):
    def marginal(who, what="wall_s"):
        return rates(samples, f"{key}/{who}/small", f"{key}/{who}/large", what)

    one, two, reader, peer = map(marginal, ("1 thread", "2 threads", "reader", "lstchain"))
    rows = [
        row(group, "marginal rate, 1 thread", one, "events/s", at_least(2300), peer, "peer: lstchain"),
        row(group, "marginal rate, 2 threads", two, "events/s"),
        row(group, "marginal CPU time, 1 thread", inverse_ms(marginal("1 thread", "cpu_s")), "ms/event",
            None, inverse_ms(marginal("lstchain", "cpu_s")), "hashing included; peer: lstchain"),
    ]  # fmt: skip
    if reader:
        rows.insert(1, row(group, "1 thread : reader alone", ratios(one, reader), "", at_least(3), reader,
                           "peer: protozfits decoding only, events/s"))  # fmt: skip
    if peer:
        rows.insert(2, row(group, "1 thread : lstchain", ratios(one, peer), ""))
    rows.append(row(group, "2 threads : 1 thread", ratios(two, one), "", at_least(1.8)))
    alone = samples.values(f"{key}/1 thread/large", "wall_s")
    if with_dl2 := samples.values(f"{key}/with DL2/large", "wall_s"):
        what = "R0 → DL1 → DL2 : R0 → DL1, whole process"
        rows.append(row(group, what, ratios(with_dl2, alone), "", at_most(1.1)))
        marginals = ratios(one, marginal("with DL2"))
        rows.append(row(group, "the same, marginal", marginals, "", at_most(1.1)))
    large = f"{key}/1 thread/large"
    rows.append(row(group, "peak memory, 1 thread", mb(samples, large), "MB", at_most(350),
                    mb(samples, f"{key}/lstchain/large")))  # fmt: skip
    extra = [b - a for a, b in zip(mb(samples, large), mb(samples, f"{key}/2 threads/large"))]
    rows.append(row(group, "peak memory of the second thread", extra, "MB", at_most(100)))
    return rows + provenance_rows(group, key, samples)


def inverse_ms(found):
    return [1e3 / rate for rate in found]


def provenance_rows(group, key, samples):
    """Share of recording in a job's time, and the rate of hashing raw data beside it."""

    def share(part):
        return [
            100 * seconds_of(sample).get(part, 0) / sample["stages"][0]["wall_s"]
            for sample in samples.of(f"{key}/1 thread/large")
        ]

    hashing = []
    for a, b in zip(samples.of(f"{key}/1 thread/small"), samples.of(f"{key}/1 thread/large")):
        # The constants, which a night hashes once for all its jobs, are the same in both.
        seconds = seconds_of(b).get("hash inputs", 0) - seconds_of(a).get("hash inputs", 0)
        if seconds > 0:
            hashing.append((input_bytes(b) - input_bytes(a)) / seconds / 1e6)
    return [
        row(group, "provenance capture", share("record provenance"), "% of wall", at_most(1)),
        row(group, "hashing of raw data, beside the work", hashing, "MB/s", remark="marginal"),
        row(group, "waiting for hashes", share("wait for hashes"), "% of wall"),
    ]


def seconds_of(sample):
    """Return the seconds of each part of the first stage."""
    return {part["part"]: part["seconds"] for part in sample["stages"][0]["timings"]}


def input_bytes(sample):
    return sum(file.get("size", 0) for file in sample["stages"][0]["inputs"])


# --- the sample night ---


def measure_sample(context, samples):
    night = context.shared / "data/night"
    raw = night / "R0/20221215/LST-1.1.Run11220.0000.fits.fz"
    constants = constants_of(context.shared / "data/calibration", night / "monitoring")
    subrun = inputs.Subrun(raw, constants, 200)
    tasks = [
        Task(f"sample/{threads} threads", ours_r0(context, subrun, threads), 200) for threads in (1, 2)
    ]
    if context.peer_bin:
        tasks.append(Task("sample/lstchain", theirs_r0(context, subrun), 200, context.peer_runs))
    measure(tasks, context.runs, context.scratch, samples)


def sample_rows(_, samples):
    rows = []
    for who in ("1 threads", "2 threads"):
        if f"sample/{who}" in samples:
            ours, theirs = (samples.values(f"sample/{name}", "wall_s") for name in (who, "lstchain"))
            rows.append(row("sample night, 200 events, whole process", who.replace("1 threads", "1 thread"),
                            ours, "s", None, theirs))  # fmt: skip
    return rows


# --- constants, re-cleaning, data check ---


def constants_commands(context):
    """Yield name, command, and the peer's command where there is one."""
    alisio, peer, shared = context.alisio, context.peer_bin, context.shared
    night = context.scratch / "calibration"
    prepare(
        [alisio, "simulate", "--output", night, "--date", inputs.DATE, "--subruns", 1]
        + ["--events", context.events, "--calibration-events", 1000]
    )
    drs4_run, calibration_run, data_run = sorted((night / "R0" / inputs.DATE).glob("LST-1.1.Run*"))
    constants = constants_of(night / "monitoring")
    pedestal, time = constants["--drs4-pedestal"], constants["--time-calibration"]
    summary = constants["--run-summary"]

    words = [alisio, "drs4-pedestal", "--input", drs4_run, "--output-dir", "{out}"]
    theirs = None
    if peer:
        theirs = [peer / "lstchain_create_drs4_pedestal_file", f"--input={drs4_run}"]
        theirs += ["--output={out}.h5", "--no-progress"]
    yield "drs4-pedestal", words, theirs

    words = [alisio, "time-calibration", "--input", calibration_run, "--output-dir", "{out}"]
    tool = shared / "tools/peer_time_calibration.py" if shared else None
    theirs = None
    if peer and tool and tool.exists():
        theirs = [peer / "python", tool, "--input-file", calibration_run, "--output-file", "{out}.h5"]
        theirs += ["--pedestal-file", pedestal, "--run-summary-path", summary, "--no-progress"]
    yield "time-calibration", words + ["--drs4-pedestal", pedestal, "--run-summary", summary], theirs

    sample, skip = 400, 100
    words = [alisio, "camera-calibration", "--input", calibration_run, "--output-dir", "{out}"]
    words += ["--drs4-pedestal", pedestal, "--time-calibration", time, "--run-summary", summary]
    for key in ("PedestalIntegrator.sample_size", "FlasherFlatFieldCalculator.sample_size"):
        words += ["--set", f"camera_calibration.{key}={sample}"]
    words += ["--set", f"camera_calibration.CalibrationHDF5Writer.events_to_skip={skip}"]
    theirs = None
    if peer:
        theirs = [peer / "lstchain_create_calibration_file", f"--input_file={calibration_run}"]
        theirs += ["--output_file={out}.h5", f"--pedestal_file={pedestal}"]
        theirs += [f"--time_calibration_file={time}", f"--run_summary_file={summary}"]
        theirs += ["--LSTEventSource.default_trigger_type=tib", f"--events_to_skip={skip}"]
        theirs += [f"--FlasherFlatFieldCalculator.sample_size={sample}"]
        theirs += [f"--PedestalIntegrator.sample_size={sample}"]
        theirs += [f"--config={inputs.onsite_configuration(peer)}"]
    yield "camera-calibration", words, theirs

    dl1 = context.scratch / "dl1"
    subrun = inputs.Subrun(data_run, constants, context.events)
    made = ours_r0(context, subrun)
    prepare([str(word).replace("{out}", str(dl1)).replace("{folder}", str(dl1)) for word in made])
    file = next(dl1.glob("dl1_*.h5"))
    words = [alisio, "dl1ab", "--input", file, "--output-dir", "{out}"]
    yield "dl1ab", words, peer and [peer / "lstchain_dl1ab", "-f", file, "-o", "{out}.h5"]

    words = [alisio, "check-dl1", "--input", file, "--output-dir", "{out}"]
    theirs = None
    if peer:
        theirs = [peer / "lstchain_check_dl1", "--input-file", file, "--output-dir", "{folder}"]
        theirs += ["--max-cores", 1, "--omit-pdf", "--batch"]
    yield "check-dl1", words, theirs


def measure_constants(context, samples):
    tasks = []
    for name, words, theirs in constants_commands(context):
        tasks.append(Task(f"constants/{name}", words))
        if theirs:
            tasks.append(Task(f"constants/{name}/lstchain", theirs, runs=context.peer_runs))
    measure(tasks, context.runs, context.scratch, samples)


def constants_rows(context, samples):
    rows = []
    for key in samples.content:
        if key.startswith("constants/") and key.count("/") == 1:
            ours, theirs = samples.values(key, "cpu_s"), samples.values(f"{key}/lstchain", "cpu_s")
            rows.append(row("constants, dl1ab, data check", key.split("/")[1], ours, "CPU s", None, theirs))
    return rows


# --- hardware counters ---


def counters_row(context, group="machine"):
    """Return instructions per cycle of R0 to DL1, or why they are not known."""
    what = "instructions a cycle, R0 → DL1, 1 thread"
    subrun = simulated(context, context.events, 2)
    places = {"{out}": f"{context.scratch}/counted", "{folder}": str(context.scratch)}
    words = [
        re.sub("{out}|{folder}", lambda m: places[m[0]], str(word))
        for word in ours_r0(context, subrun)
    ]
    try:
        command = ["perf", "stat", "-x", ";", "-e", "instructions,cycles"] + words
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return missing(group, what, "there is no perf")
    counts = [line.split(";")[0] for line in result.stderr.splitlines() if ";" in line]
    if len(counts) < 2 or not all(count.isdigit() for count in counts[:2]):
        return missing(group, what, "perf reaches no hardware counters here")
    return row(group, what, [int(counts[0]) / int(counts[1])], "")

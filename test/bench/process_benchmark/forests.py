"""DL1 to DL2: whole processes, the forests alone, and opening the models."""

import json
import subprocess
import time
from pathlib import Path

from . import inputs
from .processes import PEER_CODE
from .table import at_least, at_most, missing, row
from .tasks import MB, Task, measure, ratios

N_EVENTS = 53000
INTERPOLATION = "random_forest_zd_interpolation"
KINDS = ("interpolate_energy", "interpolate_direction", "interpolate_gammaness")


def command(context, dl1, interpolate):
    words = [context.alisio, "dl1-to-dl2", "--input", dl1, "--models", inputs.models(context)]
    words += ["--output-dir", "{out}", "--report", "{folder}/report.json"]
    for kind in KINDS:
        words += ["--set", f"{INTERPOLATION}.{kind}={'true' if interpolate else 'false'}"]
    return words


def measure_dl2(context, samples):
    dl1, events = inputs.dl1_parameters(context, N_EVENTS)
    saved = inputs.saved_models(context)
    tasks = []
    for interpolate in (False, True):
        name = "with interpolation" if interpolate else "without interpolation"
        tasks.append(Task(f"dl2/{name}", command(context, dl1, interpolate), events))
        if not context.peer_bin:
            continue
        configuration = context.scratch / f"{name.split()[0]}.json"
        configuration.write_text(json.dumps({INTERPOLATION: dict.fromkeys(KINDS, interpolate)}))
        words = [context.peer_bin / "lstchain_dl1_to_dl2", "-f", dl1, "-p", saved, "-o", "{out}"]
        words += ["-c", configuration]
        tasks.append(Task(f"dl2/{name}/lstchain", words, events, context.peer_runs))
        if not interpolate:
            words = [context.peer_bin / "python", PEER_CODE, "forests", dl1, saved, configuration, "{out}"]
            tasks.append(Task("dl2/scikit-learn", words, events, context.peer_runs))
    measure(tasks, context.runs, context.scratch, samples)
    samples.add("dl2/sharing", shared_memory(context, dl1))


def shared_memory(context, dl1):
    """Run two processes at a time. @returns resident and proportional size of the models' mapping
    in one of them, at the moment when most of it was resident; nothing seen: zeros."""
    models = inputs.models(context)
    processes = []
    for number in range(2):
        out = context.scratch / f"sharing{number}"
        words = [str(word).replace("{out}", str(out)).replace("{folder}", str(context.scratch / str(number)))
                 for word in command(context, dl1, False)]  # fmt: skip
        (context.scratch / str(number)).mkdir(exist_ok=True)
        processes.append(subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    seen = {"rss_bytes": 0, "pss_bytes": 0, "file_bytes": models.stat().st_size}
    while all(process.poll() is None for process in processes):
        both = [mapping_of(process.pid, models) for process in processes]
        if min(rss for rss, _ in both) > seen["rss_bytes"]:
            seen["rss_bytes"], seen["pss_bytes"] = min(both)
        time.sleep(0.01)
    for process in processes:
        process.wait()
    return seen


def mapping_of(pid, file):
    """Return Rss and Pss of the mappings of a file in a process, bytes."""
    rss = pss = 0
    inside = False
    try:
        for line in Path(f"/proc/{pid}/smaps").read_text("utf-8").splitlines():
            words = line.split()
            if not words[0].endswith(":"):
                inside = words[-1] == str(file)
            elif inside and words[0] == "Rss:":
                rss += 1024 * int(words[1])
            elif inside and words[0] == "Pss:":
                pss += 1024 * int(words[1])
    except (OSError, IndexError):
        pass
    return rss, pss


def dl2_rows(_, samples):
    rows = []
    for name, limit in (("without interpolation", 0.8), ("with interpolation", 1.5)):
        key = f"dl2/{name}"
        if key not in samples:
            continue
        group = f"DL1 → DL2, {samples.of(key)[0]['events']} events"
        peer = f"{key}/lstchain"
        rows.append(row(group, f"CPU time {name}", samples.values(key, "cpu_s"), "s", at_most(limit),
                        samples.values(peer, "cpu_s"), "whole process"))  # fmt: skip
        rows.append(row(group, f"wall time {name}", samples.values(key, "wall_s"), "s", None,
                        samples.values(peer, "wall_s")))  # fmt: skip
    if rows:
        rows += forest_rows(samples) + model_rows(samples)
    return rows


def forest_rows(samples):
    group = "forests"
    key = "dl2/without interpolation"
    seconds = samples.parts(key)
    reconstruct = seconds.get(("dl1_to_dl2", "reconstruct"), [])
    events = [stage["events"] for sample in samples.of(key) for stage in sample["stages"]]
    ours = [1e-3 * n / s for n, s in zip(events, reconstruct)]
    told = samples.values("dl2/scikit-learn", "told")
    theirs = [1e-3 * t["rows"] / t["predict_s"] for t in told]
    what = "all models, part `reconstruct`, 1 thread"
    rows = [row(group, what, ours, "k events/s", None, theirs, "peer: scikit-learn, same models and rows")]
    if theirs:
        rows.append(row(group, "forests : scikit-learn", ratios(ours, theirs), "", at_least(6)))
    else:
        rows.append(missing(group, "forests : scikit-learn", "needs --peer-bin", "≥ 6"))
    return rows


def model_rows(samples):
    group = "models"
    seconds = samples.parts("dl2/without interpolation")

    def milliseconds(part):
        return [1e3 * s for s in seconds.get(("dl1_to_dl2", part), [])]

    told = samples.values("dl2/scikit-learn", "told")
    rows = [
        row(group, "open", milliseconds("open models"), "ms", at_most(5),
            [1e3 * t["load_s"] for t in told], "peer: joblib.load of all"),
        row(group, "check their hash", milliseconds("verify models"), "ms"),
    ]
    what = "own share of the models' memory"
    for seen in samples.of("dl2/sharing")[-1:]:
        if seen["rss_bytes"]:
            share = seen["pss_bytes"] / seen["rss_bytes"]
            remark = f"{seen['rss_bytes'] / MB:.0f} MB resident in each of two processes; 0.5: all shared"
            rows.append(row(group, what, [share], "", at_most(0.55), None, remark))
        else:
            rows.append(missing(group, what, "no two processes were seen at once"))
    return rows

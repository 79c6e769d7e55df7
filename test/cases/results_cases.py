"""Results are what the stage versions say: a changed result needs a raised version.

The identity of a job holds the version of its stage (lib/stage/description.cpp). If a change of the
program changes what a stage computes and the version stays, nights are not remade that should be.
This case holds the data hashes of a small simulated night against results.json; if a change is
meant, raise the stage's version and store what the failing case prints.
"""

import json
from pathlib import Path

from harness import expect

STORED = Path(__file__).with_name("results.json")


def case_results_fit_stage_versions(case):
    night = case.simulated(events=40, seed=5)
    report = night.folder / "report.json"
    models = Path(__file__).resolve().parents[2] / "cfg/models/simulated.forest"
    words = night.stage_words(night.folder / "out")
    case.run(*words, "--report", report, "--dl2", "--models", models).ends("done")
    found = {
        activity["stage"]: {
            "version": activity["stage_version"],
            "data_hash": activity["outputs"][0]["data_hash"],
        }
        for activity in json.loads(report.read_text("utf-8"))["activities"]
    }
    stored = json.loads(STORED.read_text("utf-8"))
    expect(
        found == stored,
        "results changed; if that is meant, raise the version of each stage whose hash differs and "
        f"store in {STORED.name}:\n{json.dumps(found, indent=2)}",
    )

def case_timings_of_a_job(case):
    night = case.simulated(events=40, seed=5)
    report = night.folder / "report.json"
    words = night.stage_words(night.folder / "out")
    outcome = case.run(*words, "--threads", 1, "--timings", "--report", report).ends("done")
    for part in ("decode waveforms", "correct DRS4", "gain and charge", "muons", "hash inputs"):
        expect(part in outcome.out, f"no line for '{part}':\n{outcome.out}")
    activity = json.loads(report.read_text("utf-8"))["activities"][0]
    seconds = {item["part"]: item["seconds"] for item in activity["timings"]}
    # Inputs are hashed beside the work; all else is done one after the other by one thread.
    total = sum(value for part, value in seconds.items() if part != "hash inputs")
    expect(0 < total <= activity["wall_s"], f"parts overlap: {seconds}, {activity['wall_s']}")
    expect("timings" not in case.run(*words, "--overwrite").ends("done").out, "not asked for")

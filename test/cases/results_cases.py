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

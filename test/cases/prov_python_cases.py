"""Records of Python scripts (scripts/alisio_provenance.py) join those of the pipeline."""

import json
import pathlib
import sys

from harness import DATE, expect, one_file

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
from alisio_provenance import Activity  # noqa: E402

DEFINITION = {"activities": {"spectrum": {
    "usage": [{"role": "Events", "entityName": "DL2File", "value": "dl2"}],
    "generation": [{"role": "Spectrum", "entityName": "SpectrumFile", "value": "spectrum"}]}}}


def case_python_scripts_join_the_record(case):
    """What a script made of a DL2 file leads back to the raw files, in documents and in the index."""
    night = case.simulated()
    night.process().ends("done")
    dl2 = one_file(night.folder / "DL2", "dl2_LST-1.Run*.0000.h5")
    journal = dl2.parent / "log/journal/analysis"
    result = case.folder / "spectrum \"of\" Crab.txt"
    with Activity("spectrum", run=night.run_number, date=DATE, journal=journal,
                  parameters={"energy_min_tev": 0.05}, configuration={"model": "log parabola"},
                  definition=DEFINITION, data_root=night.folder) as activity:
        activity.used(dl2, port="dl2")
        result.write_text("1 2 3\n", "utf-8")
        activity.generated(result, port="spectrum")
    try:
        with Activity("spectrum", run=night.run_number, date=DATE, journal=journal,
                      definition=DEFINITION) as failing:
            failing.used(dl2, port="dl3")
        expect(False, "an unknown port was recorded")
    except ValueError as problem:
        expect("dl3" in str(problem), f"the problem is not named: {problem}")

    case.run("prov", "merge", "--journals", journal, "--lineage-journals", night.folder, "--stage",
             "spectrum", "--run", night.run_number, "-o", case.folder / "told").ends("done")
    document = json.loads(one_file(case.folder / "told", "spectrum_*_prov.json").read_text("utf-8"))
    names = {facts["prov:label"] for facts in document["activity"].values()}
    expect({"spectrum", "dl1_to_dl2", "r0_to_dl1"} <= names, f"it tells {names}")

    case.run("prov", "index", "--config", night.config).ends("done")
    found = case.run("prov", "show", result, "--config", night.config, "--json").ends("done")
    makers = [one.get("made_by", {}).get("activity") for one in json.loads(found.out)["used"]]
    expect("dl1_to_dl2" in makers, f"what it used came from {makers}")
    failed = case.run("prov", "find", "--activity", "spectrum", "--status", "failed", "--config",
                      night.config, "--json").ends("done")
    expect(failing.id in failed.out, "the failed activity is not found")

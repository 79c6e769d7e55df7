"""Provenance of subruns, runs, observations and nights, and of other programs' records."""

import json
import os
import pathlib
import subprocess
import sys

from harness import Skipped, expect, one_file

root = pathlib.Path(__file__).resolve().parents[2]
shared = pathlib.Path(os.environ.get("ALISIO_SHARED", root.parent / "shared"))


def validated(documents):
    """Check documents with the independent validator, if it is there."""
    python = os.environ.get("ALISIO_PEER_PYTHON", sys.executable)
    validator = shared / "tools/validate_prov.py"
    if not validator.exists() or subprocess.run([python, "-c", "import prov.model"], check=False,
                                                capture_output=True).returncode != 0:
        return False
    done = subprocess.run(
        [python, validator, "--profile", "pipeline", "--strict", "--files", "all", *documents],
        capture_output=True, text=True, check=False, timeout=300)
    expect(done.returncode == 0, done.stdout[-4000:] + done.stderr)
    return True


def case_every_grain_of_a_night(case):
    """A night tells itself; every grain and the short record are whole documents, twice the same."""
    night = case.simulated(runs=2, subruns=2, events=30)
    night.process().ends("done")
    log = next(night.folder.glob("DL1/*/*/log"))
    date = log.parents[1].name
    told = log / f"night_{date}_prov.json"
    expect(told.exists(), f"the night's document is missing in {log}")
    document = json.loads(told.read_text("utf-8"))
    names = {facts["prov:label"] for facts in document["activity"].values()}
    expect({"r0_to_dl1", "dl1_to_dl2"} <= names, f"activities of the night: {names}")
    bundles = [facts for facts in document["entity"].values()
               if isinstance(facts["prov:type"], dict)]
    expect(bundles, "the night names no document of a run")
    before = told.read_bytes()
    night.process().ends("done")
    expect(told.read_bytes() == before, "an idle pass changed the night's document")

    run = next(log.glob("r0_to_dl1_*_prov.json")).name.split("_")[3]
    output = case.folder / "documents"
    journals = ["--journals", log / "journal", "--output-dir", output, "--no-graphs"]
    of_run = ["--stage", "dl1_to_dl2", "--run", int(run)]
    for words in (
        [*of_run, "--subrun", 1],
        [*of_run, "--grain", "subrun"],
        of_run,
        ["--date", date],
        ["--date", date, "--grain", "run"],
        ["--date", date, "--grain", "subrun"],
        ["--date", date, "--source", "Crab", "--runs", int(run)],
        ["--date", date, "--source", "Short", "--runs", int(run), "--short"],
        ["--date", date, "--source", "Dl2", "--runs", int(run), "--pipeline-stage", "dl2"],
    ):
        case.run("prov", "merge", *journals, *words).ends("done")
    documents = sorted(output.glob("*.json"))
    expect(len(documents) == 9, f"documents: {documents}")
    validated([told, *documents])
    case.run("prov", "merge", *journals, *of_run, "--grain", "night").complains("night")
    case.run("prov", "merge", *journals, "--date", date, "--source", "Crab").complains("--runs")


def case_records_of_other_programs(case):
    """Records of LSTOSA become journals, broken lines or not, and tell a night."""
    sample = shared / "data/lstosa_provenance/prov.log"
    if not sample.exists():
        raise Skipped(f"{sample} is absent")
    broken = case.folder / "prov.log"
    text = sample.read_text("utf-8")
    broken.write_text(text + text[:-40].splitlines()[-1][:-60] + "\n", "utf-8")
    output = case.folder / "journals"
    case.run("prov", "import", broken, "--output-dir", output).says("46 activities", "1 broken")
    journal = one_file(output, "imported_*.log")
    content = journal.read_bytes()
    case.run("prov", "import", broken, "--output-dir", output).ends("done")
    expect(journal.read_bytes() == content, "importing again changed the journal")
    words = ["--journals", output, "--output-dir", case.folder / "out", "--no-graphs"]
    case.run("prov", "merge", *words, "--date", "20200117").says("46 jobs")
    case.run("prov", "merge", *words, "--stage", "calibrate_charge", "--run", 1809).ends("done")
    empty = case.folder / "empty.log"
    empty.write_text("nothing\n", "utf-8")
    case.run("prov", "import", empty, "--output-dir", output).complains("no activity")

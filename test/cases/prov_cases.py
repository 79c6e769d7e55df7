"""Provenance over the whole way: from a DL2 file to the raw files of the calibration runs."""

import json

from harness import DATE, expect, one_file
from simulated_night_cases import first_stream, make_constants, simulate


def follow_back(document, start):
    """Return the ids of all that the elements came from: by use, generation and membership."""
    steps = (
        ("used", "prov:activity", "prov:entity"),
        ("wasGeneratedBy", "prov:entity", "prov:activity"),
        ("hadMember", "prov:collection", "prov:entity"),
    )
    found, to_follow = set(), list(start)
    while to_follow:
        at = to_follow.pop()
        for relation, source, target in steps:
            for facts in document.get(relation, {}).values():
                if facts[source] == at and facts[target] not in found:
                    found.add(facts[target])
                    to_follow.append(facts[target])
    return found


def named(document, section, label):
    return [key for key, facts in document[section].items() if facts["prov:label"] == label]


def case_dl1_leads_back_to_calibration_runs(case):
    """Constants made by hand, journals beside them: the merged document names their raw files."""
    night = simulate(case, "--calibration-events", 200, "--events", 30, "--seed", 3)
    drs4, time, charge = make_constants(case, night)
    output = case.folder / "DL1"
    case.run(
        *("r0-to-dl1", "--input", first_stream(night, 11220), "--output-dir", output),
        *("--drs4-pedestal", drs4, "--time-calibration", time, "--calibration", charge),
        *("--date", DATE, "--note", "charge_calibration=the only one"),
    ).ends("done")
    log = output / "log"
    words = ["--stage", "r0_to_dl1", "--run", 11220, "--output-dir", log, "--no-graphs"]
    case.run("prov", "merge", "--journals", log, *words).ends("done")
    document = json.loads((log / "r0_to_dl1_11220_prov.json").read_text("utf-8"))
    product = named(document, "entity", "DL1Collection")
    expect(len(product) == 1, f"one DL1 collection is expected, not {product}")
    found = follow_back(document, product)
    for label in ("drs4_pedestal", "time_calibration", "camera_calibration"):
        ids = named(document, "activity", label)
        expect(len(ids) == 1 and ids[0] in found, f"the way back misses {label}: {ids}")
    paths = {document["entity"].get(one, {}).get("filepath", "") for one in found}
    for run in (11218, 11219, 11220):
        for stream in range(1, 5):
            name = f"LST-1.{stream}.Run{run:05d}.0000.fits.fz"
            expect(any(path.endswith(name) for path in paths), f"{name} is not on the way back")
    reasons = [facts["choice"] for facts in document["used"].values() if "choice" in facts]
    expect(reasons == ["the only one"], f"why the calibration was chosen: {reasons}")
    verdict = document["entity"][named(document, "entity", "CoefficientsCalibrationFile")[0]]
    expect(verdict.get("quality"), f"the verdict of the gates is missing: {verdict}")
    case.run("prov", "verify", log).ends("done")

    # The way back stays when the journals of the constants are gone.
    before = (log / "r0_to_dl1_11220_prov.json").read_bytes()
    for journal in (drs4.parent / "log").glob("*.log"):
        journal.unlink()
    case.run("prov", "merge", "--journals", log, *words).ends("done")
    after = (log / "r0_to_dl1_11220_prov.json").read_bytes()
    expect(before == after, "the document changed with the journals of the constants")


def case_verify_needs_documents(case):
    """A folder without documents is not verified, however well it looks."""
    empty = case.folder / "empty"
    empty.mkdir()
    case.run("prov", "verify", empty).ends("missing input").complains("no provenance document", empty)
    night = case.simulated(runs=1, subruns=2, events=40)
    case.run(*night.stage_words(case.folder / "out", 0)).ends("done")
    journals = case.folder / "out" / "log"
    case.run("prov", "verify", journals).ends("missing input").complains(journals)
    one_file(journals, "*.log")

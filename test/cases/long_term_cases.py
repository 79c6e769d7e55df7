"""alisio long-term: tables and trends of runs over nights, from files of lstchain."""

import csv
import json
import shutil

from harness import expect
from show_cases import reference

CHECK = "datacheck_dl1_LST-1.Run03002.0000.h5"
MUONS = "muons_LST-1.Run11220.0000.fits"


def inputs(case, runs=(3002, 3003)):
    """A folder with the same check as several runs, and the muon rings of the first."""
    folder = case.folder / "checks"
    folder.mkdir()
    for run in runs:
        shutil.copyfile(reference("images", CHECK), folder / CHECK.replace("03002", f"{run:05d}"))
    shutil.copyfile(reference("dl1", MUONS), folder / MUONS.replace("11220", "03002"))
    return folder


def case_long_term_of_checks_of_lstchain(case):
    """The numbers below are those that lstchain_longterm_dl1_check gives of the same files."""
    out, report = case.folder / "out", case.folder / "report.json"
    said = case.run("long-term", "20200124", "20200126", "--input-dir", inputs(case), "--output-dir",
                    out, "--report", report)
    said.ends("done").says("2 runs")
    with open(out / "longterm_dl1_check.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    expect([row["runnumber"] for row in rows] == ["3002", "3003"], f"runs: {rows}")
    first = rows[0]
    expect(first["num_cosmics"] == "284" and first["num_pedestals"] == "7", f"{first}")
    expect(first["night"] == "20200125", f"night of the evening: {first['night']}")
    expect(abs(float(first["ped_charge_mean [p.e.]"]) - 2.474705) < 1e-5, f"{first}")
    expect(rows[1]["mu_effi_mean"] == "", "a run without muon file has no efficiency")
    html = (out / "longterm_dl1_check.html").read_text("utf-8")
    expect("too few runs" in html and "2020-01-24" in html and "http" not in html.split("<body")[0],
           "the page")
    page = out / "longterm_dl1_check.html"
    case.run("show", out / "longterm_dl1_check.csv").ends("done").says("long-term table", "2")
    case.run("show", page).ends("done").says("HTML page", "Long-term check")
    facts = json.loads(case.run("show", out / "longterm_dl1_check.h5", "--json").ends("done").out)
    expect(facts["runs"] == [3002, 3003] and facts["level"] == "long-term check", f"{facts}")
    expect(facts["made_by"]["activity"] == "long_term", f"{facts['made_by']}")
    activity = json.loads(report.read_text("utf-8"))["activities"][0]
    ports = sorted(used["port"] for used in activity["inputs"])
    expect(ports == ["dl1_datacheck", "dl1_datacheck", "muons"], f"ports: {ports}")


def case_long_term_goes_around_broken_files(case):
    folder, out = inputs(case, (3002, 3003, 3004)), case.folder / "out"
    broken = folder / CHECK.replace("03002", "03003")
    broken.write_bytes(broken.read_bytes()[:30000])
    said = case.run("long-term", "20200101", "20200131", "--input-dir", folder, "--output-dir", out)
    said.ends("incomplete").complains("03003").says("2 runs", "nights")
    text = (out / "longterm_dl1_check.csv").read_text("utf-8")
    expect(len(text.splitlines()) == 3, f"rows: {text}")
    html = (out / "longterm_dl1_check.html").read_text("utf-8")
    expect("Left out: run 03003" in html, "the page does not name the file")


def case_long_term_of_nothing(case):
    folder, out = inputs(case), case.folder / "out"
    said = case.run("long-term", "20210101", "20210131", "--input-dir", folder, "--output-dir", out)
    said.ends("missing input").complains("2021-01-01")
    expect(not (out / "longterm_dl1_check.h5").exists(), "a table of nothing")
    case.run("long-term", "20210201", "20210131", "--input-dir", folder, "--output-dir", out).ends("usage")
    case.run("long-term", "20210101", "--output-dir", out).ends("usage").complains("to")
    absent = case.folder / "absent"
    said = case.run("long-term", "20210101", "20210131", "--input-dir", absent, "--output-dir", out)
    said.ends("missing input").complains(absent)
    said = case.run("long-term", "20210101", "20210131", "--output-dir", out, "--set",
                    f"paths.products={case.folder}")
    said.ends("missing input").complains("--input-dir")


def case_long_term_dry_run(case):
    folder, out = inputs(case), case.folder / "out"
    said = case.run("long-term", "20200124", "20200126", "--input-dir", folder, "--output-dir", out,
                    "--dry-run")
    said.ends("done")
    expect(not (out / "longterm_dl1_check.h5").exists(), "a dry run wrote a product")

"""alisio report: a night, a run, comparison, missing and damaged files."""

import json
import os
import re
import shutil

from harness import DATE, expect, expect_no_fragments, one_file


def checked_run(case, subruns=2):
    """Return a folder with the data checks and muon files of a simulated run."""
    night = case.simulated(events=60)
    output = case.folder / "DL1"
    for subrun in range(subruns):
        case.run(*night.stage_words(output, subrun)).ends("done")
    return night, output


def text_of(page):
    """The words of a page, without its markup, style and script."""
    html = page.read_text(encoding="utf-8")
    html = re.sub(r"<(style|script)\b.*?</\1>", " ", html, flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def numbers_of(page):
    html = page.read_text(encoding="utf-8")
    return json.loads(html.split('id="numbers">', 1)[1].split("</script>", 1)[0])


def case_report_of_a_run(case):
    """All that the data check holds is there, and the report is recorded like any product."""
    _, checks = checked_run(case)
    report = case.folder / "job.json"
    case.run("report", "11220", "--input-dir", checks, "--output-dir", case.folder / "out",
             "--report", report).ends("done")
    page = one_file(case.folder / "out", "report_Run11220.html")
    text = text_of(page)
    for words in ("Run 11220", "1 run with 2 subruns, 120 events", "Quality gates",
                  "There is no run summary", "Muon rings"):
        expect(words in text, f"'{words}' is not in the report")
    titles = {plot["title"] for plot in numbers_of(page)["plots"]}
    for title in ("Rate per subrun", "Mean charge of pedestals", "Mean charge of flat-fields",
                  "Pixel charge", "Pulses above 30 p.e. in cosmics", "Time of flat-fields",
                  "Image centroids, all", "Width", "Time gradient", "Time between events"):
        expect(title in titles, f"there is no plot '{title}'")
    activity = json.loads(report.read_text())["activities"][0]
    expect(activity["stage"] == "night_report" and activity["exit_code"] == 0,
           f"recorded: {activity}")
    ports = {file["port"] for file in activity["inputs"]}
    expect({"dl1_datacheck", "muons"} <= ports, f"inputs: {ports}")
    expect([f["port"] for f in activity["outputs"]] == ["night_report"], "outputs of the record")
    expect_no_fragments(case.folder / "out")


def case_report_of_a_night(case):
    """Missing subruns count against the run summary; a reference is compared with."""
    night, checks = checked_run(case, subruns=1)
    summary = one_file(night.folder, f"RunSummary_{DATE}.ecsv")
    first = one_file(checks, "datacheck_*.0000.h5")
    case.run("report", DATE, "--input-dir", checks, "--run-summary", summary,
             "--output-dir", case.folder / "out", "--reference", first).ends("done")
    page = one_file(case.folder / "out", f"report_{DATE}.html")
    text = text_of(page)
    for words in (f"Night {DATE}", "1 / 2", "missing subruns", "bad", "Reference: datacheck_dl1",
                  "(+0.0 %)", "PEDCALIB", "DRS4", "not judged"):
        expect(words in text, f"'{words}' is not in the report")
    maps = [p for p in numbers_of(page)["plots"] if p["kind"] == "camera"]
    expect(any("reference" in p for p in maps), "no map can show its difference")


def case_report_names_what_it_cannot_read(case):
    """A damaged file is named in the log and in the report, which goes on and is no "passed"."""
    _, checks = checked_run(case)
    damaged = one_file(checks, "datacheck_*.0001.h5")
    damaged.write_bytes(damaged.read_bytes()[:3000])
    job = case.folder / "job.json"
    words = ["report", "11220", "--report", job, "--output-dir", case.folder / "out"]
    case.run(*words, "--input-dir", checks).ends("incomplete").says(damaged.name).complains(
        "1 file could not be read")
    expect("not measured" in quality_in(job) and "data_check" in quality_in(job),
           f"quality: {quality_in(job)}")
    text = text_of(one_file(case.folder / "out", "report_Run11220.html"))
    expect(damaged.name in text and "Not read" in text, "the report does not name the file")
    expect("1 subrun, 60 events" in text, "the good file is not reported on")
    # Where nothing can be read, nothing is judged.
    case.run(*words, "--input", damaged).ends("incomplete").says("quality not measured: data_check")
    expect(quality_in(job) == "not measured: data_check", f"quality: {quality_in(job)}")


def quality_in(job):
    """What the record of a report says of the gates."""
    return json.loads(job.read_text("utf-8"))["activities"][0]["outputs"][0]["quality"]


def case_report_of_other_data(case):
    """Files of another run or night than the report's are refused, whatever tells it."""
    _, checks = checked_run(case, subruns=1)
    check, muons = one_file(checks, "datacheck_*.h5"), one_file(checks, "muons_*.fits")
    out = case.folder / "out"
    words = ["--output-dir", out]

    def refuse(*subject, told):
        case.run("report", *subject, *words).ends("usage").complains(*told)
        expect(not list(out.glob("*.html")), "a report of other data")

    refuse("--run", 11221, "--input", check, told=[check, "11220", "11221"])
    refuse("20240116", "--input-dir", checks, told=[check, DATE, "20240116"])
    refuse("20240116", "--muons", muons, told=[muons, DATE])
    refuse("11220", "--date", "20240116", "--input", check, told=[check, DATE])
    # What nobody can read is known by its folder.
    stored = case.folder / "DL1" / "20240117" / check.name
    stored.parent.mkdir()
    stored.write_bytes(check.read_bytes()[:3000])
    refuse(DATE, "--input", stored, told=[stored, "20240117"])
    # A clock that is wrong costs no night its report.
    shutil.copy2(check, stored)
    case.run("report", "20240117", "--input", stored, *words).ends("done").says("warning", DATE)
    # A copy under the name of another run is told by what it holds.
    other = stored.with_name(check.name.replace("11220", "11221"))
    shutil.copy2(check, other)
    case.run("report", "11221", "--input", other, *words).ends("incomplete").says("is of run 11220")


def case_report_of_nothing(case):
    """Nothing to report on, wrong words and absent files end with one line and no file."""
    empty = case.folder / "empty"
    empty.mkdir()
    out = case.folder / "out"
    words = ["--output-dir", out]
    case.run("report", DATE, "--input-dir", empty, *words).ends("missing input").complains(
        "no data checks", "check-dl1")
    case.run("report", "7", "--input-dir", empty, *words).ends("missing input").complains("this run")
    case.run("report", DATE, "--input-dir", empty / "no", *words).ends("missing input").complains(
        "cannot be listed")
    case.run("report", *words).ends("usage").complains("the night or the run is missing")
    case.run("report", "2024-13-99", *words).ends("usage")
    case.run("report", DATE, "--date", "20240116", *words).ends("usage").complains("two different")
    case.run("report", DATE, "--input-dir", empty, "--reference", "nowhere.h5", *words).ends(
        "missing input").complains("neither a file nor a date")
    expect(not list(out.glob("*.html")) if out.exists() else True, "a report of nothing")


def case_report_without_chromium(case):
    """A PDF that nothing can print is refused before work; one that can be is made."""
    _, checks = checked_run(case, subruns=1)
    out = case.folder / "out"
    case.run("report", "11220", "--input-dir", checks, "--output-dir", out, "--pdf",
             env={"PATH": "/nowhere", **cfg_environment()}).ends("resource").complains("Chromium")
    expect(not list(out.glob("report_*")), "a report beside a refused PDF")
    if shutil.which("chromium"):
        case.run("report", "11220", "--input-dir", checks, "--output-dir", out, "--pdf").ends("done")
        expect(one_file(out, "report_Run11220.pdf").read_bytes().startswith(b"%PDF"), "no PDF")


def cfg_environment():
    """Where the program finds its data, if the environment says so."""
    return {key: os.environ[key] for key in ("ALISIO_CFG", "HOME") if key in os.environ}

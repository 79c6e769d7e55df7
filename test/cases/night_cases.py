"""A night from end to end: complete, repeatable, repairable, killable."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from harness import DATE, EXIT, Failed, changed, data_hashes, expect, flip_byte, replace_file


def case_night(case):
    """A night is processed; a second run does nothing and touches nothing."""
    night = case.simulated()
    night.process().ends("done").says(night.run_number, "2 done")
    night.expect_complete()
    before = night.state_of_products()
    documents = {path: path.read_bytes() for path in night.documents().values()}
    said = night.process().ends("done")
    summary = json.loads(night.process("--json").ends("done").out)
    expect(summary["complete"] and summary["jobs_run"] == 0, f"something was run again:\n{said}")
    expect(night.state_of_products() == before, "a run with nothing to do changed a product")
    for path, content in documents.items():
        expect(path.read_bytes() == content, f"a run with nothing to do changed {path}")
    night.process("--plan").ends("done").says("nothing to run")


def case_night_r1v1(case):
    night = case.simulated(format="r1v1")
    night.process().ends("done")
    night.expect_complete()
    case.run("show", night.raw(1, 0)).ends("done").says("R1v1", night.run_number)


def case_records_of_products(case):
    """What products and documents say holds, until a product is altered."""
    night = case.simulated()
    night.process().ends("done")
    log = night.product("DL1", 0).parent / "log"
    case.run("prov", "verify", log).ends("done")
    facts = json.loads(case.run("show", "--json", night.product("DL1", 0)).ends("done").out)
    expect(facts["runs"] == [night.run_number] and facts["events"] == 40, f"wrong facts: {facts}")
    expect(facts["made_by"]["activity"] == "r0_to_dl1", f"wrong maker: {facts['made_by']}")
    expect(
        any(item["file"] == night.raw(1, 0).name for item in facts["made_by"]["inputs"]),
        f"the raw file is not among the inputs: {facts['made_by']}",
    )
    image = case.folder / "shower.svg"
    case.run("show", night.product("DL1", 0), "--output", image).ends("done")
    expect("<svg" in image.read_text("utf-8"), "no camera image was drawn")
    altered = night.product("DL1", 0)
    replace_file(altered, altered.read_bytes() + b"x")
    case.run("prov", "verify", log).ends("incomplete").says(altered.name)


def case_deleted_product(case):
    """A deleted DL1 is made again, and nothing that has the same data."""
    night = case.simulated()
    night.process().ends("done")
    before = night.state_of_products()
    deleted = night.product("DL1", 1)
    deleted.unlink()
    plan = json.loads(night.process("--plan", "--json").ends("done").out)
    fates = {
        subrun["subrun"]: (subrun["r0_to_dl1"]["status"], subrun["dl1_to_dl2"]["status"])
        for run in plan["runs"]
        for subrun in run["subruns"]
    }
    expect(fates[0] == ("done", "done"), f"subrun 0 hangs on nothing that changed: {plan}")
    expect(fates[1][0] == "to_run" or fates[1][0] == "to run", f"subrun 1 is not planned: {plan}")
    expect(not deleted.exists(), "--plan made a product")
    night.process().ends("done")
    after = night.state_of_products()
    expect(set(after) == set(before), "the deleted product is not back")
    remade = sorted(str(path) for path in after if after[path][0] != before[path][0])
    expect(remade == [str(deleted)], f"expected {deleted} alone to be remade, not {remade}")


def case_altered_product(case):
    """An altered DL2 is made again, and nothing else."""
    night = case.simulated()
    night.process().ends("done")
    before = night.state_of_products()
    altered = night.product("DL2", 0)
    replace_file(altered, altered.read_bytes()[:-1] + b"?")
    night.process().ends("done")
    after = night.state_of_products()
    remade = sorted(str(path) for path in after if after[path] != before[path])
    expect(remade == [str(altered)], f"expected {altered} alone to be remade, not {remade}")
    case.run("show", altered).ends("done")


def case_changed_configuration(case):
    """A changed threshold makes everything anew, a changed number of jobs nothing."""
    night = case.simulated()
    night.process().ends("done")
    before = night.state_of_products()
    text = night.config.read_bytes()
    replace_file(night.config, text + b"night:\n  jobs: 1\n")
    night.process().ends("done")
    expect(night.state_of_products() == before, "the number of jobs changed products")
    replace_file(night.config, text + b"tailcut:\n  picture_thresh: 6\n")
    night.process().ends("done")
    after = night.state_of_products()
    same = [str(path) for path in after if after[path][0] == before[path][0]]
    expect(not same, f"made with another threshold and kept: {same}")


def case_absent_run(case):
    """A run of the summary whose files are not there is told, and fails nothing."""
    night = case.simulated(runs=2)
    for stream in (1, 2, 3, 4):
        for subrun in (0, 1):
            night.raw(stream, subrun, night.run_number + 1).unlink(missing_ok=True)
    gone = sorted({path.name.split(".Run")[1][:5] for path in night.r0().glob("*.fits.fz")})
    expect(f"{night.run_number:05d}" in gone, f"the wrong run was removed: {gone}")
    night.process().ends("incomplete").says(night.run_number + 1, "no files")
    night.expect_complete()
    for subrun in (0, 1):
        words = ("veto", f"{night.run_number + 1}.{subrun}", DATE, "--config", night.config)
        case.run(*words, "--reason", "the disk was lost").ends("done")
    night.process().ends("done")


def case_two_productions(case):
    """Productions live side by side."""
    night = case.simulated()
    night.process("--prod-id", "one").ends("done")
    before = night.state_of_products()
    night.process("--prod-id", "two", "--no-dl2").ends("done")
    after = night.state_of_products()
    expect(len(before) == 4 and len(after) == 6, f"expected 4, then 6 products: {sorted(after)}")
    expect(all(after[path] == before[path] for path in before), "one production changed the other")


def case_dry_run(case):
    """A dry run records the whole night as planned, computes nothing, and is in nobody's way."""
    night = case.simulated()
    night.process("--dry-run").ends("done").says("nothing was computed")
    expect(not night.all_products(), f"a dry run made {night.all_products()}")
    documents = night.documents(dry_run=True)
    for stage in ("r0_to_dl1", "dl1_to_dl2"):
        name = f"{stage}_{night.run_number:05d}_prov.json"
        expect(name in documents, f"{name} is missing, there are {sorted(documents)}")
        expect("planned" in documents[name].read_text("utf-8"), f"{name} does not say 'planned'")
    night.process().ends("done")
    night.expect_complete()
    before = {path: path.read_bytes() for path in night.documents().values()}
    night.process("--dry-run").ends("done")
    for path, content in before.items():
        expect(path.read_bytes() == content, f"a dry run wrote over the record {path}")


def case_json_is_one_document(case):
    """With --json a night prints one document of one shape: run, walked through, held, closed."""
    night = case.simulated()

    def told(*words):
        said = night.process(*words, "--json").ends("done")
        document = json.loads(said.out)
        for key in ("telescope", "date", "prod_id", "complete", "jobs_run", "wall_s", "notes", "runs",
                    "troubles"):
            expect(key in document, f"{words}: '{key}' is not told:\n{said}")
        return document

    dry = told("--dry-run")
    expect(dry["dry_run"]["jobs"] > 0 and dry["complete"] and dry["jobs_run"] == 0, f"{dry}")
    expect(Path(dry["dry_run"]["provenance_folder"]).is_dir(), f"{dry['dry_run']}")
    document = json.loads(
        case.run("reprocess", DATE, "--config", night.config, "--dry-run", "--json").ends("done").out
    )
    expect(document[0]["night"]["dry_run"]["jobs"] == dry["dry_run"]["jobs"], f"{document}")
    first = told()
    case.run("close", DATE, "--config", night.config).ends("done")
    for words in ((), ("--pass",)):
        closed = told(*words)
        expect(closed["jobs_run"] == 0 and closed["complete"], f"{closed}")
        expect(closed["runs"] == first["runs"], f"{closed['runs']} is not {first['runs']}")
        expect(Path(closed["closed"]["seal"]["file"]).is_file(), f"{closed['closed']}")
        expect("is closed since" in closed["notes"][-1], f"{closed['notes']}")
    lock = night.folder / "state" / f"LST-1_{DATE}_{first['prod_id']}.lock"
    with open(lock, "r+", encoding="utf-8") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        passing = told("--pass")
    expect("is being processed by" in passing["notes"][-1], f"{passing['notes']}")


def case_same_data_for_any_threads(case):
    """One thread, two threads, and once more: the same data, in DL1 and DL2."""
    night = case.simulated(events=100)
    models = next((case.folder / "night").rglob("*.forest"), None)
    plan = json.loads(night.process("--plan", "--json").ends("done").out)
    models = models or plan["runs"][0]["models"]["file"]
    hashes = []
    for number, threads in enumerate((1, 2, 2)):
        output = case.folder / f"out{number}"
        report = case.folder / f"report{number}.json"
        words = [*night.stage_words(output), "--threads", threads, "--report", report]
        case.run(*words, "--dl2", "--models", models).ends("done")
        hashes.append(data_hashes(report))
    kinds = {name.split("_")[0] for name in hashes[0]}
    expect({"dl1", "dl2", "muons"} <= kinds, f"products missing in the report: {hashes[0]}")
    expect(hashes[0] == hashes[1], f"1 and 2 threads differ: {hashes[0]} {hashes[1]}")
    expect(hashes[1] == hashes[2], f"two equal runs differ: {hashes[1]} {hashes[2]}")
    report = case.folder / "apart.json"
    apart = case.folder / "apart"
    dl1 = next((case.folder / "out0").glob("dl1_*.h5"))
    words = ["dl1-to-dl2", "--input", dl1, "--models", models]
    case.run(*words, "--output-dir", apart, "--report", report).ends("done")
    for name, data_hash in data_hashes(report).items():
        expect(data_hash == hashes[0][name], f"{name} differs from the one made in one pass")


def case_drive_log_ends_early(case):
    """Events outside the drive log have no pointing; that is a warning and no failure."""
    night = case.simulated()
    words = night.stage_words(case.folder / "out")
    log = words[words.index("--drive-log") + 1]
    lines = log.read_bytes().splitlines(keepends=True)
    start = next(i for i, line in enumerate(lines) if line.strip() and not line.startswith(b"#"))
    short = case.folder / log.name
    short.write_bytes(b"".join(lines[: start + 2]))
    said = case.run(*changed(words, "--drive-log", short)).ends("done")
    expect("warn" in said.err.lower() and "drive log" in said.err, f"no warning:\n{said}")
    product = next((case.folder / "out").glob("dl1_*.h5"))
    facts = json.loads(case.run("show", "--json", product).ends("done").out)
    expect(facts["events"] == 40, f"events were lost: {facts['events']}")
    for row in facts["rows"]:
        expect(row["alt_tel"] is None, f"a pointing from nowhere: {row}")


def case_drive_log_grows(case):
    """What is added to the drive log makes nothing again; other pointings in a subrun's time do."""
    night = case.simulated()
    night.process().ends("done")
    logs = [next((night.folder / "monitoring").rglob(f"{kind}_log_*.txt"))
            for kind in ("DrivePosition", "BendingModelCorrection")]
    kept = [log.read_bytes() for log in logs]
    for log, content in zip(logs, kept):
        words = content.splitlines()[-1].split()
        later = [str(float(words[0]) + 1000).encode(), *words[1:]]
        replace_file(log, content + b" ".join(later) + b"\n")
    night.process("--plan").ends("done").says("nothing to run")
    shutil.rmtree(night.folder / "state")
    case.run("state", "rebuild", DATE, "--config", night.config).ends("done")
    night.process("--plan").ends("done").says("nothing to run")
    moved = []
    for line in kept[0].splitlines():
        time_s, azimuth, zenith = line.split()
        moved.append(b"%s %f %s\n" % (time_s, float(azimuth) + 1, zenith))
    replace_file(logs[0], b"".join(moved))
    night.process("--plan").ends("done").says("pointing changed")
    for log in logs:
        log.unlink()
    night.process("--plan").ends("done").says("nothing to run")
    night.product("DL1", 0).unlink()
    night.process("--plan").ends("done").says("there is no drive log")


def start_night(night):
    command = [str(night.case.alisio), "night", DATE, "--config", str(night.config)]
    return subprocess.Popen(
        [*command, "--jobs", "1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def wait_for(condition, what, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failed(f"waited {seconds} s for {what}")
        time.sleep(0.005)


def stop_in_second_job(night, number):
    """Start a night, one job at a time, and send a signal to its head alone in the second job."""
    process = start_night(night)
    try:
        wait_for(
            lambda: any(night.folder.glob(f"DL1/{DATE}/*/log/jobs/*.0001.log"))
            or process.poll() is not None,
            "the second job",
        )
        expect(process.poll() is None, "the night ended before its second job began")
        os.kill(process.pid, number)
        return process.wait(timeout=60)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def case_killed_night(case):
    """A night killed in the middle continues when run again."""
    night = case.simulated(subruns=4)
    stop_in_second_job(night, signal.SIGKILL)
    expect(len(night.products("DL1")) < 4, "all was done before the signal came: test nothing")
    first = [night.product("DL1", 0), night.product("DL2", 0)]
    before = [path.stat().st_mtime_ns for path in first]
    night.process().ends("done")
    night.expect_complete(subruns=4)
    after = [path.stat().st_mtime_ns for path in first]
    expect(after == before, "the products of a job that had ended are made again")


def case_interrupted_night(case):
    """A night that is told to stop ends its jobs, says so, and continues when run again."""
    night = case.simulated(subruns=4)
    code = stop_in_second_job(night, signal.SIGTERM)
    expect(code in (130, 143), f"expected exit code 130 (interrupted), got {code}")
    expect(len(night.products("DL1")) < 4, "all was done before the signal came: test nothing")
    night.process().ends("done")
    night.expect_complete(subruns=4)


def case_night_whose_terminal_is_closed(case):
    """A connection that breaks ends a night as a person would, unless it was started with nohup."""
    night = case.simulated(subruns=4)
    code = stop_in_second_job(night, signal.SIGHUP)
    expect(code == 130, f"expected exit code 130 (interrupted), got {code}")
    for log in night.folder.glob(f"DL1/{DATE}/*/log/jobs/*.0001.log"):
        log.unlink()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        code = stop_in_second_job(night, signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    expect(code == 0, f"a night under nohup ends with {code}")
    night.expect_complete(subruns=4)


def case_two_nights_at_once(case):
    """A night that is being processed is left alone."""
    night = case.simulated(subruns=4)
    first = start_night(night)
    try:
        wait_for(lambda: list(night.folder.rglob("*.part-*")) or night.products(), "work to begin")
        os.kill(first.pid, signal.SIGSTOP)
        said = night.process()
        expect(said.code == EXIT["resource"], f"expected exit code 6 (lock held):\n{said}")
        said.complains(str(first.pid))
        night.process("--pass").ends("done")
        os.kill(first.pid, signal.SIGCONT)
        expect(first.wait(timeout=120) == 0, "the first night failed")
    finally:
        if first.poll() is None:
            os.kill(first.pid, signal.SIGCONT)
            first.kill()
            first.wait()
    night.expect_complete(subruns=4)


RAW = {"without_constants": True, "without_run_summary": True, "calibration_events": 600}


def plan_of(night, *words):
    return json.loads(night.process("--plan", "--json", *words).ends("done").out)


def summary_of(night, reason, *words):
    return json.loads(night.process("--json", *words).ends(reason).out)


def constants_of(night, date="*"):
    """Return the constants below the calibration tree by name."""
    tree = night.folder / "monitoring" / "PixelCalibration" / "Cat-A"
    found = [path for path in tree.glob(f"*/{date}/*/*.h5") if not path.is_symlink()]
    return {path.name: path for path in found}


def remove_run(night, run):
    for path in night.r0().glob(f"*.Run{run:05d}.*"):
        path.unlink()


def case_night_of_raw_files(case):
    """Nothing but raw files: run summary and constants are made first, and made once."""
    night = case.simulated(**RAW)
    plan = plan_of(night)
    expect(plan["run_summary"]["status"] == "to run", f"no run summary is planned: {plan}")
    charge = plan["runs"][0]["charge_calibration"]
    expect(charge["made_first"] and charge["run"] == 11219, f"wrong constants: {charge}")
    expect(not constants_of(night), "--plan made constants")
    summary = summary_of(night, "done")
    night.expect_complete()
    made = constants_of(night, DATE)
    names = {
        "drs4_pedestal.Run11218.0000.h5",
        "time_calibration.Run11219.0000.h5",
        "calibration_filters_52.Run11219.0000.h5",
    }
    expect(set(made) == names, f"expected {names}, found {made}")
    expect(list(night.folder.rglob(f"RunSummary_{DATE}.ecsv")), "no run summary was made")
    expect(not summary["failed_gates"], f"good runs fail their gates: {summary['failed_gates']}")
    facts = json.loads(case.run("show", "--json", night.product("DL1", 0)).ends("done").out)
    inputs = {item["file"] for item in facts["made_by"]["inputs"]}
    expect(names <= inputs, f"DL1 was made with {inputs}")
    before = night.state_of_products() | {path: path.stat().st_mtime_ns for path in made.values()}
    expect(summary_of(night, "done")["jobs_run"] == 0, "a second run has something to do")
    after = night.state_of_products() | {path: path.stat().st_mtime_ns for path in made.values()}
    expect(after == before, "a second run changed something")


def case_night_in_a_linked_folder(case):
    """Raw data on another disk, with a link in the place of the night's folder, are the same data."""
    night = case.simulated(**RAW)
    place = night.folder / "R0" / DATE
    elsewhere = night.folder / "elsewhere"
    place.rename(elsewhere)
    place.symlink_to(elsewhere)
    expect(summary_of(night, "done")["jobs_run"] > 0, "nothing was done")
    expect(summary_of(night, "done")["jobs_run"] == 0, "a second run has something to do")


def case_night_of_calibration_runs(case):
    """A night without data runs makes its constants."""
    night = case.simulated(**RAW)
    remove_run(night, night.run_number)
    summary = summary_of(night, "done")
    expect(summary["complete"], f"not complete: {summary}")
    expect(len(constants_of(night, DATE)) == 3, f"constants are missing: {constants_of(night)}")
    expect(not night.all_products(), "products of no data run")


def case_night_of_data_runs(case):
    """A night without calibration runs is served by an earlier one; how old it is, is said."""
    night = case.simulated()
    for folder in (night.folder / "monitoring" / "PixelCalibration" / "Cat-A").glob(f"*/{DATE}"):
        folder.rename(folder.with_name("20240112"))
    night.process("--plan").ends("done").says("3 nights earlier")
    night.process().ends("done")
    night.expect_complete()
    names = night.product("DL1", 0).parent / "log" / "journal"
    records = "".join(path.read_text("utf-8") for path in names.rglob("*.log"))
    expect("3 nights earlier" in records, "the age of the constants is not recorded")
    replace_file(night.config, night.config.read_bytes() + b"calibration:\n  look_back_days: 2\n")
    night.process("--plan", "--prod-id", "other").ends("done").says("no charge calibration at or")


def case_night_with_two_calibration_runs(case):
    """Each data run is served by the calibration run before it."""
    night = case.simulated(runs=2, calibration_runs=2, **RAW)
    night.process().ends("done")
    plan = plan_of(night)
    chosen = {run["run"]: run["charge_calibration"]["run"] for run in plan["runs"]}
    calibrations = [run["run"] for run in plan["calibration_runs"] if run["type"] == "PEDCALIB"]
    expect(len(calibrations) == 2, f"expected two calibration runs: {plan}")
    for run, calibration in chosen.items():
        nearest = max(number for number in calibrations if number < run)
        expect(calibration == nearest, f"run {run} is served by {calibration}, not {nearest}")
    expect(len(set(chosen.values())) == 2, f"one calibration run serves all: {chosen}")


def case_night_with_failed_calibration(case):
    """A calibration run that cannot be read is told; the data run takes the one before it."""
    night = case.simulated(calibration_runs=2, **RAW)
    plan = plan_of(night)
    damaged = plan["runs"][0]["charge_calibration"]["run"]
    first = night.raw(1, 0, damaged)
    flip_byte(first, first.stat().st_size * 9 // 10)
    said = night.process().ends("incomplete").says(f"{damaged:05d}", "passed over")
    expect(len(night.products("DL2")) == 2, f"the data run was not processed:\n{said}")
    charge = plan_of(night, "--pass")["runs"][0]["charge_calibration"]
    expect(charge["run"] != damaged, f"still served by the damaged run: {charge}")
    summary = summary_of(night, "incomplete", "--pass")
    expect(summary["jobs_run"] == 0, f"a pass tries again what cannot be read: {summary}")


def case_night_with_bad_calibration(case):
    """Constants that fail their gates are made, told, and not used, unless somebody accepts them."""
    night = case.simulated(calibration_runs=2, fault=["11220=lamp-off"], **RAW)
    summary = summary_of(night, "done")
    faults = {fault["run"]: fault["gates"] for fault in summary["failed_gates"]}
    expect(set(faults) == {11220}, f"expected run 11220 to fail its gates: {faults}")
    charge = plan_of(night)["runs"][0]["charge_calibration"]
    expect(charge["run"] == 11219, f"the data run is served by {charge}")
    expect(any("11220" in text for text in charge["passed_over"]), f"nothing is said: {charge}")
    summary_of(night, "done", "--accept", "11220")
    charge = plan_of(night, "--accept", "11220")["runs"][0]["charge_calibration"]
    expect(charge["run"] == 11220 and "accepted" in charge["reason"], f"not accepted: {charge}")


def case_night_passes_over_stray_names(case):
    """Names that only resemble those of raw data, constants and nights stop nothing."""
    night = case.simulated()
    (night.r0() / "LST-1.1.Run99999999999.0000.fits.fz").touch()
    (night.r0() / "LST-1.1.Run11220.99999999999.fits.fz").touch()
    pedestals = night.folder / "monitoring/PixelCalibration/Cat-A/drs4_baseline"
    (pedestals / "99999999").mkdir()
    for folder in pedestals.glob(f"{DATE}/*"):
        (folder / "drs4_pedestal.Run99999999999.0000.h5").touch()
    plan = night.process("--plan").ends("done")
    expect("9999" not in plan.out, f"a stray name is planned for:\n{plan}")


def case_night_cleans_again(case):
    """Cat-B constants, cleaning levels and re-cleaned DL1, as configured."""
    night = case.simulated(events=300)
    steps = b"steps:\n  cat_b: true\n  tailcuts: true\n  dl1ab: true\n"
    replace_file(night.config, night.config.read_bytes() + steps)
    night.process().ends("done")
    cleaned = sorted(night.folder.glob(f"DL1/{DATE}/*/tailcut*/dl1_*.????.h5"))
    expect(len(cleaned) == 2, f"expected two re-cleaned DL1 files, found {cleaned}")
    folder = cleaned[0].parent.name
    expect(
        len(list(night.folder.glob(f"DL2/{DATE}/*/{folder}/dl2_*.????.h5"))) == 2, f"no DL2 in {folder}"
    )
    expect(list(night.folder.rglob("cat_B_calibration_filters_52.*.h5")), "no Cat-B constants")
    expect(summary_of(night, "done")["jobs_run"] == 0, "a second run has something to do")

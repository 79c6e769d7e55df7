"""Run summaries from raw files: types, bad runs, overrides, files that somebody edited."""

import json
import os
import shutil

from harness import (
    DATE,
    changed,
    data_hashes,
    expect,
    expect_no_fragments,
    one_file,
    replace_file,
)


def summary_file(folder):
    return folder / f"RunSummary_{DATE}.ecsv"


def make(case, night, folder, *words):
    return case.run(
        "run-summary", DATE, "--r0", night.folder / "R0", "--output-dir", folder, *words
    )


def rows_of(file):
    """Return {run: {column: text}}."""
    lines = [line for line in file.read_text("utf-8").splitlines() if not line.startswith("#")]
    names = lines[0].split(",")
    rows = [dict(zip(names, line.split(","))) for line in lines[1:]]
    return {int(row["run_id"]): row for row in rows}


def identity_of(report):
    return json.loads(report.read_text("utf-8"))["activities"][0]["identity"]


def case_run_summary_of_a_night(case):
    """Types, subruns and reference times are those that were simulated; made twice, it is equal."""
    night = case.simulated(without_constants=True, events=120)
    folder = case.folder / "summaries"
    make(case, night, folder).ends("done")
    rows = rows_of(summary_file(folder))
    names = [path.name for path in night.r0().glob("LST-1.1.*.fits.fz")]
    runs = {int(name.split(".Run")[1][:5]) for name in names}
    expect(set(rows) == runs, f"runs {sorted(rows)}, the files are of {sorted(runs)}")
    for run, row in rows.items():
        expect(
            int(row["n_subruns"]) == sum(f".Run{run:05d}." in name for name in names),
            f"subruns of run {run}: {row}",
        )
        expect(row["data_format"] == "ProtoR1.CameraEvent", str(row))
        expect(row["dragon_reference_source"] == "ucts", str(row))
        expect(row["dragon_reference_time"] == row["ucts_timestamp"], str(row))
    expect(rows[night.run_number]["run_type"] == "DATA", str(rows[night.run_number]))
    types = sorted(row["run_type"] for row in rows.values())
    expect(types == ["DATA", "DRS4", "PEDCALIB"], f"types {types}")
    first = summary_file(folder).read_bytes()
    make(case, night, folder).ends("done")
    expect(summary_file(folder).read_bytes() == first, "made again, it differs")


def case_run_summary_serves_r0_to_dl1(case):
    """DL1 with this summary is DL1 with the simulated one."""
    night = case.simulated()
    folder = case.folder / "summaries"
    make(case, night, folder).ends("done")
    theirs = rows_of(next((night.folder / "monitoring").rglob(f"RunSummary_{DATE}.ecsv")))
    ours = rows_of(summary_file(folder))[night.run_number]
    for column in ("n_subruns", "data_format", "dragon_reference_time", "dragon_reference_counter"):
        expect(ours[column] == theirs[night.run_number][column], f"{column}: {ours}, {theirs}")
    hashes = []
    for words in (
        night.stage_words(case.folder / "DL1"),
        changed(night.stage_words(case.folder / "DL1"), "--run-summary", summary_file(folder)),
    ):
        report = case.folder / "report.json"
        case.run(*words, "--report", report).ends("done")
        hashes.append(data_hashes(report))
    expect(hashes[0] == hashes[1], f"the summaries give other DL1: {hashes}")


def case_run_summary_of_bad_runs(case):
    """A run that cannot be read is listed as ERROR with its file and cause; the others are read."""
    night = case.simulated(events=120)
    good = night.run_number
    streams = {s: night.raw(s, 0).read_bytes() for s in (1, 2, 3, 4)}

    def put(run, stream, content):
        (night.r0() / f"LST-1.{stream}.Run{run:05d}.0000.fits.fz").write_bytes(content)

    for stream, content in streams.items():
        put(20001, stream, content[: len(content) // 3])
        put(20003, stream, b"")
        if stream != 1:
            put(20002, stream, content)
        put(20004, stream, night.raw(stream, 1).read_bytes())  # begins with a later event
    later = night.r0() / "LST-1.1.Run20005.0003.fits.fz"
    later.write_bytes(night.raw(1, 1).read_bytes())
    folder = case.folder / "summaries"
    said = make(case, night, folder).ends("done")
    rows = rows_of(summary_file(folder))
    expect(rows[good]["run_type"] == "DATA", f"{rows[good]}\n{said}")
    for run in range(20001, 20006):
        expect(rows[run]["run_type"] == "ERROR", f"{rows[run]}\n{said}")
        expect(rows[run]["dragon_reference_time"] == "-1", str(rows[run]))
    for words in (
        ("run 20001", "LST-1.1.Run20001.0000.fits.fz"),
        ("run 20002", "stream 1 of its first subrun is missing"),
        ("run 20003", "LST-1.1.Run20003.0000.fits.fz"),
        ("run 20004", "the first event is number", "not 1"),
        ("run 20005", "its first subrun is missing"),
    ):
        lines = [line for line in said.err.splitlines() if "warning" in line]
        expect(
            any(all(word in line for word in words) for line in lines), f"no warning {words}:\n{said}"
        )


def case_run_summary_override(case):
    """An override corrects the table and is recorded; a wrong one is refused and changes nothing."""
    night = case.simulated()
    folder = case.folder / "summaries"
    folder.mkdir()
    override = folder / f"RunSummary_{DATE}.override.yaml"
    report = case.folder / "report.json"
    make(case, night, folder, "--report", report).ends("done")
    before = identity_of(report)
    override.write_text(f"runs:\n  {night.run_number}: {{run_type: PEDCALIB}}\n", encoding="utf-8")
    make(case, night, folder, "--report", report).ends("done")
    expect(rows_of(summary_file(folder))[night.run_number]["run_type"] == "PEDCALIB", "no override")
    expect(identity_of(report) != before, "the override is not part of the identity")
    inputs = json.loads(report.read_text("utf-8"))["activities"][0]["inputs"]
    expect(
        any(i["port"] == "run_summary_override" and i["sha256"] for i in inputs), f"inputs {inputs}"
    )
    kept = summary_file(folder).read_bytes()
    for content, told in (
        ("runs: {99: {run_type: DATA}}\n", "run 99 is not of this night"),
        (f"runs: {{{night.run_number}: {{run_tipe: DATA}}}}\n", "run_tipe"),
        ("runs: [1\n", override.name),
    ):
        override.write_text(content, encoding="utf-8")
        make(case, night, folder).ends("configuration").complains(override.name, told)
        expect(summary_file(folder).read_bytes() == kept, "a refused override changed the summary")
    make(case, night, folder, "--override", case.folder / "none.yaml").ends("missing input")


def case_override_that_is_removed(case):
    """A night makes its summary again without the override that it was made with."""
    night = case.simulated(runs=2, without_run_summary=True)
    folder = night.folder / "monitoring" / "RunSummary"
    override = folder / f"RunSummary_{DATE}.override.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    override.write_text(f"runs:\n  {night.run_number}: {{run_type: ERROR}}\n", encoding="utf-8")
    night.process("--no-dl2")
    expect(rows_of(summary_file(folder))[night.run_number]["run_type"] == "ERROR", "no override")
    override.unlink()
    night.process("--plan").ends("done").says(f"{override.name} is no longer an input")
    night.process("--no-dl2")
    expect(rows_of(summary_file(folder))[night.run_number]["run_type"] == "DATA", "it is still corrected")
    expect(len(night.products("DL1")) == 4, "the run is not processed as what it is")


def case_run_summary_keeps_the_work_of_others(case):
    """A summary that was edited is replaced only if that is asked for, and then kept beside."""
    night = case.simulated()
    folder = case.folder / "summaries"
    make(case, night, folder).ends("done")
    file = summary_file(folder)
    edited = file.read_bytes().replace(b",DATA,", b",DRS4,")
    foreign = edited.replace(b"alisio_", b"lstchain_")
    for number, content in ((1, edited), (2, foreign), (3, b"notes\n")):
        replace_file(file, content)
        make(case, night, folder).ends("usage").complains(file.name, "--overwrite")
        expect(file.read_bytes() == content, "the file was replaced without being asked to")
        make(case, night, folder, "--overwrite").ends("done")
        expect(rows_of(file)[night.run_number]["run_type"] == "DATA", "not made again")
        copy = folder / f"{file.name}.{number}"
        expect(copy.read_bytes() == content, f"{copy} does not hold what was there")


def case_run_summary_forgets_nothing(case):
    """What a summary knows and the raw files no longer tell is taken over, and on record."""
    night = case.simulated(runs=2, subruns=2)
    folder = case.folder / "summaries"
    report = case.folder / "report.json"
    first, second = night.run_number, night.run_number + 1
    later = [path for path in night.r0().iterdir() if f".Run{second:05d}." in path.name]
    away = case.folder / "away"
    away.mkdir()
    for path in later:
        shutil.move(path, away)
    make(case, night, folder).ends("done")
    file = summary_file(folder)
    known = file.read_bytes()
    facts = rows_of(file)[first]
    for stream in range(1, 5):
        night.raw(stream, 1).unlink()
    for path in later:
        shutil.move(away / path.name, path)
    said = make(case, night, folder, "--report", report).ends("done")
    said.says(f"run {first} has 2 subruns, not 1", f"{file.name}.1")
    rows = rows_of(file)
    expect(rows[first]["n_subruns"] == "2" and rows[second]["n_subruns"] == "2", f"{rows}")
    before = folder / f"{file.name}.1"
    expect(before.read_bytes() == known, "what was known is not kept")
    inputs = json.loads(report.read_text("utf-8"))["activities"][0]["inputs"]
    expect(str(before) in [i["path"] for i in inputs], f"inputs {inputs}")
    replace_file(night.raw(1, 0), b"cut")
    make(case, night, folder).ends("done").says("cannot be read now, is DATA")
    expect(rows_of(file)[first] == facts, f"{rows_of(file)[first]}")
    for path in later:
        path.unlink()
    make(case, night, folder).ends("done").says(f"run {second:05d}, whose raw files are gone")
    expect(rows_of(file)[second] == rows[second], "a run was forgotten")
    override = folder / f"RunSummary_{DATE}.override.yaml"
    override.write_text(f"runs: {{{first}: {{run_type: ERROR}}}}\n", encoding="utf-8")
    make(case, night, folder).ends("done")
    expect(rows_of(file)[first]["run_type"] == "ERROR", "the override is not heard")
    override.unlink()
    make(case, night, folder, "--overwrite").ends("done").says("forgotten: run")
    rows = rows_of(file)
    expect(second not in rows and rows[first]["n_subruns"] == "1", f"{rows}")


def case_run_summary_changes_with_the_files(case):
    """A further subrun makes another job and another table; a dry run makes nothing."""
    night = case.simulated()
    folder = case.folder / "summaries"
    report = case.folder / "report.json"
    second = night.raw(1, 1)
    away = case.folder / second.name
    shutil.move(second, away)
    make(case, night, folder, "--report", report).ends("done")
    before = identity_of(report)
    expect(rows_of(summary_file(folder))[night.run_number]["n_subruns"] == "1", "subruns")
    shutil.move(away, second)
    os.utime(second)
    make(case, night, folder, "--report", report).ends("done")
    expect(identity_of(report) != before, "a further subrun does not change the identity")
    expect(rows_of(summary_file(folder))[night.run_number]["n_subruns"] == "2", "subruns")
    dry = case.folder / "dry"
    make(case, night, dry, "--dry-run").ends("done")
    expect(not summary_file(dry).exists(), "a dry run made a summary")


def case_run_summary_without_files(case):
    """No such night, no raw files, a folder that cannot be written: one line each."""
    night = case.simulated()
    words = ["run-summary", "20010101", "--r0", night.folder / "R0", "--output-dir", case.folder]
    case.run(*words).ends("missing input").complains("20010101", "--r0")
    (night.folder / "R0" / "20010101").mkdir()
    case.run(*words).ends("missing input").complains("there are no raw files of LST-1")
    case.run("run-summary").ends("usage").complains("the date is missing")
    case.run("run-summary", "yesterday").ends("usage").complains("yesterday")
    blocked = case.folder / "blocked"
    blocked.write_text("a file", encoding="utf-8")
    make(case, night, blocked).ends("resource").complains("blocked")
    expect_no_fragments(case.folder)


def activities_of(night):
    """Return how often each stage was begun, and what each run's DL1 says that it took."""
    counts, runs, parts = {}, {}, {}
    for journal in night.folder.rglob("log/journal/**/*.log"):
        for line in journal.read_text("utf-8").splitlines():
            record = json.loads(line[line.index("{") :])
            if record.get("name") == "r0_to_dl1":
                runs[record["activity_id"]] = int(record["observation_run"])
            if "activity_id" in record and "name" in record:
                counts[record["name"]] = counts.get(record["name"], 0) + 1
            if record.get("port") == "run_summary" and record.get("activity_id") in runs:
                parts.setdefault(runs[record["activity_id"]], set()).add(record.get("part"))
    return counts, parts


def begun_since(night, before):
    """Return how often stages were begun since, those that gather all of a night left out."""
    counts = activities_of(night)[0]
    more = {stage: count - before.get(stage, 0) for stage, count in counts.items()}
    names = ("r0_to_dl1", "drs4_pedestal", "time_calibration", "camera_calibration", "run_summary")
    return {stage: more[stage] for stage in names if more.get(stage)}


def case_run_summary_that_grows(case):
    """A run that is added makes nothing again of the others, and a row that changes its run alone."""
    night = case.simulated(
        runs=3, without_constants=True, without_run_summary=True, calibration_events=400
    )
    late = {run: sorted(night.r0().glob(f"*.Run{run:05d}.*")) for run in (11221, 11222)}
    for file in sum(late.values(), []):
        file.rename(night.folder / file.name)
    night.process().ends("done")
    for files in late.values():
        for file in files:
            (night.folder / file.name).rename(file)
        night.process().ends("done")
    counts, parts = activities_of(night)
    made = begun_since(night, {})
    expect(
        made
        == {
            "r0_to_dl1": 6,
            "drs4_pedestal": 1,
            "time_calibration": 1,
            "camera_calibration": 1,
            "run_summary": 3,
        },
        f"something was made again: {made}",
    )
    for run in (11220, 11221, 11222):
        said = parts[run]
        expect(len(said) == 1 and min(said).startswith(f"rows {run} "), f"run {run} took {said}")

    config = ("--config", night.config)
    check = json.loads(case.run("prov", "check", "--json", *config).out)
    altered = [gap for gap in check["gaps"] if gap["kind"] == "input changed since"]
    expect(not altered, f"inputs are said to be others: {altered}")
    first = night.product("DL1", 0, run=11220)
    case.run("prov", "show", first, *config).ends("done").says("part rows 11220 ")
    plan = json.loads(case.run("prov", "rerun", first, "--json", *config).ends("done").out)
    altered = [text for text in plan["changes"] if "RunSummary" in text]
    expect(not altered, f"would not be made as it was: {altered}")
    summary = one_file(night.folder / "monitoring/RunSummary", f"RunSummary_{DATE}.ecsv")
    came = case.run("prov", "impact", summary, "--level", "DL1", "--as", "files", *config).out
    for run in (11220, 11221, 11222):
        expect(str(night.product("DL1", 0, run)) in came, f"of run {run} nothing came:\n{came}")
    case.run("prov", "verify", first.parent / "log").ends("done")
    case.run("prov", "verify", "--night", DATE, *config).ends("done")

    shutil.rmtree(night.folder / "state")
    case.run("state", "rebuild", DATE, *config).ends("done")
    night.process("--plan").ends("done").says("nothing to run")
    time = int(rows_of(summary)[11221]["dragon_reference_time"]) + 1
    override = summary.with_name(f"RunSummary_{DATE}.override.yaml")
    override.write_text(f"runs: {{11221: {{dragon_reference_time: {time}}}}}\n", "utf-8")
    night.process().ends("done")
    made = begun_since(night, counts)
    expect(made == {"r0_to_dl1": 2, "run_summary": 1}, f"of one changed row came {made}")


def with_columns_reversed(text):
    lines = text.splitlines()
    described = [line for line in lines if line.startswith("# - {name:")]
    expect(len(described) > 5, f"no columns are described:\n{text}")
    turned = iter(reversed(described))
    told = []
    for line in lines:
        if line in described:
            line = next(turned)
        elif not line.startswith("#"):
            line = ",".join(reversed(line.split(",")))
        told.append(line + "\n")
    return "".join(told)


def case_run_summary_of_others_that_grows(case):
    """One that this night does not make counts by its rows too, however it is written."""
    night = case.simulated(runs=2)
    # The report would read all of it.
    replace_file(night.config, night.config.read_bytes() + b"steps: {report: false}\n")
    summary = one_file(night.folder, f"RunSummary_{DATE}.ecsv")
    whole = summary.read_text("utf-8")
    lines = whole.splitlines(keepends=True)
    replace_file(summary, "".join(line for line in lines if not line.startswith("11221")).encode())
    others = sorted(night.r0().glob("*.Run11221.*"))
    kept = [(file, file.rename(night.folder / file.name)) for file in others]
    night.process().ends("done")
    counts, _ = activities_of(night)
    replace_file(summary, whole.encode())
    for file, aside in kept:
        aside.rename(file)
    night.process().ends("done")
    made = begun_since(night, counts)
    expect(made == {"r0_to_dl1": 2}, f"of one more row came {made}")
    log = night.product("DL1", 0, run=11220).parent / "log"
    case.run("prov", "verify", log).ends("done")
    replace_file(summary, with_columns_reversed(whole).encode())
    night.process("--plan").ends("done").says("nothing to run")
    case.run("close", DATE, "--config", night.config).ends("done")
    said = case.run("verify-seal", DATE, "--config", night.config).ends("done")
    expect("is not what it was" not in said.out + said.err, f"an input is said to be altered:\n{said}")
    case.run("reopen", DATE, "--config", night.config, "--reason", "a row was wrong").ends("done")

    counts, before = activities_of(night)
    time = rows_of(summary)[11220]["dragon_reference_time"]
    lines = [
        line.replace(time, str(int(time) + 1)) if line.startswith("11220") else line
        for line in lines
    ]
    replace_file(summary, "".join(lines).encode())
    night.process().ends("done")
    made = begun_since(night, counts)
    expect(made == {"r0_to_dl1": 2}, f"of one changed row came {made}")
    after = activities_of(night)[1]
    expect(len(after[11220]) == 2 and after[11221] == before[11221], f"rows taken: {after}")

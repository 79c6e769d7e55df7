"""What operators see and decide: status, veto, hold, discard, retry."""

import json
import os
import shutil
import subprocess
import time

from harness import DATE, expect, flip_byte, one_file, replace_file
from night_cases import wait_for


def left_open(night):
    """Return the night, which no pass closes: nights of the past would be closed at once."""
    replace_file(night.config, night.config.read_bytes() + b"closing:\n  auto: false\n")
    return night


def status(night, reason, *words):
    return night.case.run("status", DATE, "--config", night.config, *words).ends(reason)


def decide(night, *words, **options):
    return night.case.run(*words, DATE, "--config", night.config, **options)


def case_status(case):
    """Status tells of a night before, with and after a failure, by exit code, text and JSON."""
    night = case.simulated(subruns=3)
    case.run("status", DATE, "--config", night.config).ends("missing input").complains("alisio night")
    told = json.loads(case.run("status", DATE, "--json", "--config", night.config).ends("missing input").out)
    expect(told["on_record"] is False and told["nights"] == [], f"{told}")
    first = night.raw(1, 1)
    whole = first.read_bytes()
    flip_byte(first, first.stat().st_size * 9 // 10)
    night.process().ends("incomplete")
    said = status(night, "incomplete", "--why")
    said.says("not complete", "missing of 11220: DL1 0001", "bad input", "    | ", "do: ")
    advised = f"alisio discard {night.run_number}.0001 {DATE} --config {night.config} --reason "
    said.says(advised)
    told = json.loads(status(night, "incomplete", "--json").out)
    failed = [job for job in told["jobs"] if job.get("in_trouble")]
    expect(len(failed) == 1 and failed[0]["failure"]["class"] == "bad input", f"{failed}")
    lines = [line.split() for line in status(night, "incomplete", "--table", "lstosa").out.splitlines()]
    expect(all(len(line) == 19 for line in lines), f"not LSTOSA's 19 columns: {lines}")
    expect(lines[-1][10] == "FAILED" and lines[-1][13] == "66", f"{lines[-1]}")
    # Without a date: last night, which is not this one.
    case.run("status", "--config", night.config).ends("missing input").says("2024-01-15", "not complete")
    told = json.loads(case.run("status", "--json", "--config", night.config).ends("missing input").out)
    expect([one["date"] for one in told["nights"]] == ["2024-01-15"], f"{told}")
    status(night, "usage", "--run", "3").complains("not of this night")
    first.write_bytes(whole)
    night.process().ends("done")
    status(night, "done").says(": complete", "nobody works on it")
    start = time.monotonic()
    status(night, "done")
    expect(time.monotonic() - start < 5, "status takes long")


def case_status_of_a_night_in_part(case):
    """What a pass was not asked for is left, and status does not call the night complete."""
    night = left_open(case.simulated())
    night.process("--no-dl2").ends("done").says("--no-dl2")
    status(night, "incomplete").says("not complete", "can still run", "--no-dl2")
    expect(not json.loads(status(night, "incomplete", "--json").out)["complete"], "JSON disagrees")
    night.process().ends("done")
    said = status(night, "done").says(": complete")
    expect("--no-dl2" not in said.out, f"{said}")
    night.process("--no-dl2").ends("done")
    status(night, "done").says(": complete")


def case_discarded_subrun(case):
    """A bad subrun is left out, its products set aside and noted as invalidated, and taken back."""
    night = left_open(case.simulated(subruns=3))
    night.process().ends("done")
    place = f"{night.run_number}.1"
    product = night.product("DL1", 1)
    decide(night, "discard", place).ends("usage").complains("the reason is missing")
    decide(night, "discard", night.run_number, "--reason", "x").ends("usage").complains("RUN.SUBRUN")
    decide(night, "discard", f"{night.run_number}.77", "--reason", "x").ends("usage").complains("0077")
    said = decide(night, "discard", place, "--reason", "clouds", "--author", "crew").ends("done")
    said.says("discarded by crew", "set aside")
    expect(not product.exists() and list(product.parent.glob(product.name + ".discarded-*")), f"{said}")
    status(night, "incomplete").says("not complete", "since: the next pass follows it")
    decide(night, "discard", place, "--reason", "again").ends("usage").complains("already", "clouds")
    night.process("--pass").ends("done").says("2 of 3, 1 discarded", "discarded by crew")
    expect(len(night.products("DL1")) == 2, "the discarded subrun was made again")
    expect("next pass follows" not in status(night, "done").out, "it was followed")
    told = status(night, "done", "--json").out
    expect("missing_subruns" not in told, f"what was discarded counts as missing: {told}")
    merged = next(night.folder.glob(f"DL1/{DATE}/*/dl1_*.Run{night.run_number:05d}.h5"))
    facts = json.loads(case.run("show", "--json", merged).ends("done").out)
    expect(facts["events"] == 80, f"the run still holds the discarded subrun: {facts['events']}")
    aside = next(product.parent.glob(product.name + ".discarded-*"))
    case.run("prov", "show", product.name, "--config", night.config).ends("done").says(
        "invalidated   by discard of crew", ": clouds"
    )
    verify = ("prov", "verify", "--night", DATE, "--config", night.config)
    case.run(*verify).ends("done")
    expect("set aside" not in night.process("--pass").ends("done").err, "set aside twice")
    decide(night, "discard", place, "--undo", "--reason", "was the moon").ends("done").says(product)
    expect(product.exists() and not aside.exists(), "the product did not come back")
    product.rename(aside)
    case.run(*verify).ends("incomplete").says(product.name)
    aside.rename(product)
    night.process("--pass").ends("done")
    facts = json.loads(case.run("show", "--json", merged).ends("done").out)
    expect(facts["events"] == 120, f"the run lacks the subrun: {facts['events']}")
    told = json.loads(case.run("prov", "show", product, "--json", "--config", night.config).out)
    expect("invalidated" not in told["file"], f"it is valid again: {told['file']}")


def case_decision_before_the_first_pass(case):
    """A veto before anything was processed is obeyed, and taken for nothing else."""
    night = left_open(case.simulated(subruns=2))
    decide(night, "veto", f"{night.run_number}.1", "--reason", "the lamp was on").ends("done")
    said = night.process("--pass").ends("done").says("vetoed")
    expect("knows nothing" not in said.err, f"{said}")
    expect(len(night.products("DL1")) == 1, "the vetoed subrun was made")


def case_decisions_outlive_the_state(case):
    """A state that is lost or goes back to a copy knows again what operators decided since."""
    night = left_open(case.simulated(subruns=3))
    state = night.folder / "state"
    decide(night, "veto", f"{night.run_number}.1", "--reason", "the lamp was on").ends("done")
    shutil.rmtree(state)
    decide(night, "veto", f"{night.run_number}.0", "--reason", "clouds").ends("done")
    said = night.process("--pass").ends("done").says("1 decision")
    expect("made anew" not in said.err, f"{said}")
    expect(len(night.products("DL1")) == 1, "a vetoed subrun was made")
    decide(night, "unveto", f"{night.run_number}.0").ends("done")
    night.process("--pass").ends("done")
    case.run("state", "backup", "--config", night.config).ends("done")
    decide(night, "discard", f"{night.run_number}.2", "--reason", "clouds").ends("done")
    night.process("--pass").ends("done").says("1 discarded")
    case.run("state", "rollback", "--config", night.config).ends("done")
    night.process("--pass").ends("done").says("1 discarded")
    expect(len(night.products("DL1")) == 1, "the discarded subrun was made again")
    decide(night, "discard", f"{night.run_number}.2", "--undo", "--reason", "x").ends("done")
    case.run("prov", "verify", "--night", DATE, "--config", night.config).ends("done")


def case_discard_in_the_making(case):
    """What is discarded while it is being made is set aside, and no record misses it."""
    night = left_open(case.simulated(subruns=2, events=400))
    process = subprocess.Popen([str(case.alisio), "night", DATE, "--config", str(night.config), "--jobs", "2"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    log = f"DL1/{DATE}/*/log/jobs/r0_to_dl1_*.0001.log"
    wait_for(lambda: list(night.folder.glob(log)), "the second subrun to begin")
    decide(night, "discard", f"{night.run_number}.1", "--reason", "clouds").ends("done")
    expect(process.wait(timeout=120) == 0, "the night failed")
    expect(len(night.products("DL1")) == 1, "the discarded subrun was kept")
    case.run("prov", "verify", "--night", DATE, "--config", night.config).ends("done")


def case_another_state_decides_nothing(case):
    """With a state that the products do not belong to, nothing is decided, removed or rebuilt."""
    night = left_open(case.simulated(subruns=2))
    night.process().ends("done")
    other = night.config.with_name("other.yaml")
    text = night.config.read_text("utf-8")
    expect("state: state" in text, text)
    other.write_text(text.replace("state: state", "state: state2"), "utf-8")
    place = f"{night.run_number}.0"
    for words in (["veto", place, DATE, "--reason", "x"], ["discard", place, DATE, "--reason", "x"],
                  ["hold", DATE, "--reason", "x"], ["retry", place, DATE], ["state", "rebuild"],
                  ["close", DATE], ["clean", DATE, "--execute", "--older-than", "0"]):
        case.run(*words, "--config", other).ends("usage").complains("another state's")
    expect(not other.with_name("state2").exists(), "a state was made")
    case.run("doctor", "--config", other).says("another state's")
    night.process().ends("done")


def case_vetoed_and_held(case):
    """A vetoed run is no part of the night; a held night waits; nonsense is refused in one line."""
    night = case.simulated(runs=2)
    run = night.run_number
    decide(night, "veto", run, "--reason", "test of the drive").ends("done")
    decide(night, "veto", "99", "--reason", "x").ends("usage").complains("not of this night")
    decide(night, "veto", "crab", "--reason", "x").ends("usage").complains("neither a date")
    decide(night, "hold", "--reason", "disk in repair").ends("done").says("the night held by")
    night.process("--pass").ends("incomplete").says("disk in repair", "vetoed")
    expect(not night.all_products(), "something was made while the night was held")
    expect(not (night.folder / "seals").exists(), "a night that is held was closed")
    left_open(night)
    decide(night, "release", run).ends("usage").complains("is not held")
    decide(night, "release").ends("done")
    night.process("--pass").ends("done").says("test of the drive")
    expect(len(night.products("DL2")) == 2, "not one run was made")
    status(night, "done").says("vetoed by", "complete")
    decide(night, "unveto", run, "--reason", "it was good").ends("done")
    night.process("--pass").ends("done")
    expect(len(night.products("DL2")) == 4, "the run was not made after its veto was taken back")


def case_bytes_that_are_no_text(case):
    """Latin-1 from an operator's terminal or a library stops no pass, no closing and no look."""
    night = case.simulated(runs=2)
    latin = os.fsdecode(b"calibraci\xf3n\x1b[2J")
    stage = night.folder / "stage"
    stage.write_bytes(
        b"#!/bin/sh\ncase \"$*\" in *r0-to-dl1*Run%05d.0001*)\n" % night.run_number
        + b"  printf 'fichero da\\361ado \\033[31m \\377\\n' >&2; exit 5;;\nesac\n"
        + f'exec {case.alisio} "$@"\n'.encode()
    )
    stage.chmod(0o755)
    left_open(night)
    decide(night, "veto", night.run_number + 1, "--reason", latin, "--author", latin).ends("done")
    for _ in range(2):
        said = night.process("--pass", "--executable", stage).ends("incomplete")
        said.says("fichero da\ufffdado", "vetoed by calibraci\ufffdn")
        expect("\x1b[2J" not in said.out and "\x1b[31m" not in said.out, "the terminal is told what to do")
    expect(len(night.products("DL2")) == 1, "the good subrun was not made")
    told = json.loads(status(night, "incomplete", "--json").out)
    expect(any("\ufffdado" in job.get("log_tail", "") for job in told["jobs"]), f"{told}")
    said = status(night, "incomplete", "--why")
    expect("\x1b[31m" not in said.out, "the terminal is told what to do")
    words = ("close", DATE, "--config", night.config, "--json", "--force", "--reason", latin)
    expect(json.loads(case.run(*words).ends("done").out)["closed"], "not closed")
    words = ("reopen", DATE, "--config", night.config, "--reason", latin)
    case.run(*words).ends("done")


def case_scheduled_pass_without_data(case):
    """A cloudy night is nothing to do for cron; a disk that is away is an error."""
    night = case.simulated()
    words = ("night", "--pass", "--config", night.config)
    case.run(*words).ends("done").says("has no raw data: nothing to do")
    night.process("--run", night.run_number, "--no-dl2").ends("done")
    case.run("night", "--config", night.config).ends("missing input")
    (night.folder / "R0").rename(night.folder / "R0.away")
    case.run(*words).ends("missing input").complains("mounted")


def case_veto_of_the_only_constants(case):
    """Data that were made with constants which are vetoed since are open until there are others."""
    night = left_open(case.simulated())
    night.process().ends("done")
    before = night.state_of_products()
    pedestal = int(one_file(night.folder / "monitoring", "drs4_pedestal*.h5").name.split(".Run")[1][:5])
    decide(night, "veto", pedestal, "--reason", "the lid was open").ends("done")
    said = night.process().ends("incomplete").says("vetoed by", "the lid was open", "no DRS4 pedestal")
    expect("Nothing to do" not in said.out, f"{said}")
    status(night, "incomplete").says("no DRS4 pedestal", "the lid was open")
    said = night.process("--plan").ends("done").says("passed over")
    expect(night.state_of_products() == before, "products changed")
    decide(night, "unveto", pedestal).ends("done")
    night.process().ends("done").says("Nothing to do")
    expect(night.state_of_products() == before, "what is current again was made again")


def case_vetoed_subrun_that_is_to_be_made_again(case):
    """It stays while it is current; to be made again, it is not, and leaves the run's products."""
    night = left_open(case.simulated())
    night.process().ends("done")
    merged = next(night.folder.glob(f"DL1/{DATE}/*/dl1_*.Run{night.run_number:05d}.h5"))

    def events():
        return json.loads(case.run("show", "--json", merged).ends("done").out)["events"]

    before = night.state_of_products()[night.product("DL1", 1)]
    decide(night, "veto", f"{night.run_number}.1", "--reason", "car lights").ends("done").says("current")
    night.process("--pass").ends("done")
    expect(events() == 80, "what was vetoed left the run though it is current")
    words = ("--from", "r0_to_dl1", "--redo", "drive mended", "--config", night.config)
    case.run("reprocess", DATE, *words).ends("done")
    status(night, "done").says("vetoed by")
    expect(events() == 40, "what is not made again is in the run's product")
    expect(night.state_of_products()[night.product("DL1", 1)] == before, "the vetoed subrun was made")
    told = json.loads(night.process("--pass", "--json").ends("done").out)
    expect(told["jobs_run"] == 0 and events() == 40, f"the next pass changes its mind: {told}")
    decide(night, "unveto", f"{night.run_number}.1").ends("done")
    night.process("--pass").ends("done")
    expect(events() == 80, "the subrun did not come back")
    expect(night.state_of_products()[night.product("DL1", 1)] != before, "it was not made again")


def case_run_that_is_no_data_run_any_more(case):
    """A run whose type an override corrects leaves what is merged of the night."""
    night = left_open(case.simulated(runs=2, without_run_summary=True))
    night.process("--no-dl2").ends("done")
    override = night.folder / "monitoring" / "RunSummary" / f"RunSummary_{DATE}.override.yaml"
    override.write_text(f"runs:\n  {night.run_number + 1}: {{run_type: PEDCALIB}}\n", "utf-8")
    # It is no calibration run either, which its job says; what is merged of the night is made.
    night.process("--no-dl2")
    told = json.loads(case.run("status", DATE, "--config", night.config, "--json").out)
    merges = {job["stage"]: job["status"] for job in told["jobs"]
              if job["run"] == 0 and job["stage"].startswith("merge_")}
    expect(merges == {"merge_muons": "done", "merge_datacheck": "done"}, f"{merges}")


def case_lost_journals(case):
    """Night, status and closing agree on journals that are gone, and what they advise helps."""
    night = left_open(case.simulated())
    night.process().ends("done")
    for log in night.folder.glob(f"DL1/{DATE}/*/log"):
        shutil.rmtree(log)
    advice = f"alisio reprocess {DATE} --from r0_to_dl1 --redo REASON"
    night.process().ends("incomplete").says("could not be merged", "journals are lost", advice)
    status(night, "incomplete").says("not complete", advice)
    case.run("close", DATE, "--config", night.config).ends("incomplete").says(advice)
    words = advice.replace("REASON", "journals").split()[1:]
    case.run(*words, "--config", night.config).ends("done")
    status(night, "done").says(": complete")
    case.run("close", DATE, "--config", night.config).ends("done")


def case_veto_that_comes_late(case):
    """A veto tells what it comes too late for."""
    night = left_open(case.simulated())
    said = decide(night, "veto", f"{night.run_number}.1", "--reason", "x").ends("done")
    expect("done or under way" not in said.out, f"{said}")
    decide(night, "unveto", f"{night.run_number}.1").ends("done")
    night.process("--no-dl2").ends("done")
    decide(night, "veto", f"{night.run_number}.1", "--reason", "x").ends("done").says(
        "done or under way", "alisio discard"
    )


def case_retry(case):
    """What failed for good is tried again by passes only when told to."""
    night = case.simulated()
    left_open(night)
    first = night.raw(1, 1)
    flip_byte(first, first.stat().st_size * 9 // 10)
    decide(night, "retry").ends("usage").complains("has failed")
    night.process("--pass").ends("incomplete")
    told = json.loads(night.process("--pass", "--json").ends("incomplete").out)
    expect(told["jobs_run"] == 0, f"tried again: {told}")
    decide(night, "retry", "--stage", "nonsense").ends("usage")
    decide(night, "retry", f"{night.run_number}.0").ends("usage").complains("has failed")
    decide(night, "retry", "--stage", "r0_to_dl1").ends("done").says("1 failed job")
    told = json.loads(night.process("--pass", "--json").ends("incomplete").out)
    expect(told["jobs_run"] >= 1, f"not tried again: {told}")
    decide(night, "retry").ends("done")


def case_reprocess(case):
    """Nights by hand: ranges, a stage and all after it again, and why it was is in the provenance."""
    night = case.simulated()
    words = ("reprocess", "20240114..20240116", "--config", night.config)
    said = case.run(*words).ends("done")
    said.says("2024-01-14  no raw data", "2024-01-15  complete", "2024-01-16  no raw data")
    before = night.state_of_products()
    case.run(*words, "--from", "dl1_to_dl2").ends("usage").complains("the reason is missing")
    case.run(*words, "--from", "dl2", "--redo", "x").ends("usage")
    case.run(*words, "--from", "dl1_to_dl2", "--redo", "x", "--no-dl2").ends("usage").complains("--no-dl2")
    case.run("reprocess", DATE, "--config", night.config, "--dry-run").ends("done").says("dry run")
    case.run("reprocess", "20240116..20240114").ends("usage").complains("ends before it begins")
    again = (*words, "--from", "dl1_to_dl2", "--redo", "new models", "--author", "crew")
    case.run(*again, "--plan").ends("done").says("to be made again by crew: new models")
    expect(night.state_of_products() == before, "--plan changed something")
    case.run(*again).ends("done")
    after = night.state_of_products()
    for path in night.products("DL2"):
        expect(after[path][0] != before[path][0], f"{path} was not made again")
    for path in night.products("DL1"):
        expect(after[path] == before[path], f"{path} was made again")
    records = "".join(
        path.read_text("utf-8") for path in night.folder.glob(f"DL1/{DATE}/*/log/journal/*/*.log")
    )
    expect("to be made again by crew: new models" in records, "the reason is not recorded")
    case.run(*again).ends("done")
    expect(night.state_of_products() == after, "the same command makes it once more")


def case_decisions_about_a_closed_night(case):
    """A closed night is sealed: nothing of it is decided, set aside or made again until reopened."""
    night = case.simulated()
    night.process("--pass").ends("done")
    told = json.loads(status(night, "done", "--json").out)
    expect(told["closed_at"], f"a pass over a night of the past did not close it: {told}")
    before = night.state_of_products()
    place = f"{night.run_number}.1"
    decide(night, "discard", place, "--reason", "clouds").ends("usage").complains("is closed", "reopen")
    decide(night, "veto", night.run_number, "--reason", "x").ends("usage").complains("is closed")
    words = ("reprocess", DATE, "--config", night.config, "--from", "dl1_to_dl2", "--redo", "x")
    case.run(*words).ends("incomplete").says("is closed", "reopen")
    expect(night.state_of_products() == before, "a closed night changed")
    lines = [line.split() for line in status(night, "done", "--table", "lstosa").out.splitlines()]
    expect(lines[-1][7] == "Closed", f"{lines[-1]}")
    status(night, "done").says("closed since")


def case_undoing_a_discard_is_gone_on_with(case):
    """Killed between its steps, `discard --undo` said again gives back what is left."""
    night = case.simulated()
    night.process().ends("done")
    place = f"{night.run_number}.1"
    decide(night, "discard", place, "--reason", "clouds").ends("done")
    aside = sorted(night.folder.rglob("*.discarded-*"))
    expect(len(aside) > 1, f"set aside: {aside}")
    decide(night, "discard", place, "--undo", "--reason", "x").ends("done")
    again = aside[0]
    product = again.with_name(again.name.split(".discarded-")[0])
    product.rename(again)
    decide(night, "discard", place, "--undo", "--reason", "x").ends("done").says(product)
    expect(product.exists() and not again.exists(), "it stays aside")
    decide(night, "discard", place, "--undo", "--reason", "x").ends("usage").complains("not discarded")

"""The state database: rebuilt from the files, copied, rolled back, checked."""

import json
import shutil
import sqlite3

from harness import DATE, expect, flip_byte, one_file, replace_file

VOLATILE = {"id", "journal", "ended_at", "wall_s", "cpu_s", "max_rss_bytes", "attempts"}


def rows(database, table):
    """Return the rows of a table as a sorted list of texts, without what no journal tells alike."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    if table == "job_file":
        found = connection.execute(
            "SELECT stage, run, subrun, output, port, path, job_file.sha256, data_hash, quality "
            "FROM job_file JOIN job ON job.id = job"
        )
    else:
        found = connection.execute(f"SELECT * FROM {table}")
    texts = sorted(
        json.dumps({key: row[key] for key in row.keys() if key not in VOLATILE}) for row in found
    )
    connection.close()
    return texts


def expect_same_rows(before, after, table):
    old, new = rows(before, table), rows(after, table)
    for one, other in zip(old, new):
        expect(one == other, f"{table} was\n{one}\nand is\n{other}")
    expect(len(old) == len(new), f"{table} had {len(old)} rows and has {len(new)}")


def case_state_rebuild(case):
    """A lost state is made anew from journals, files and seals; nothing is left to do."""
    night = case.simulated(without_constants=True, without_run_summary=True, calibration_events=600)
    replace_file(night.raw(1, 1), b"no raw data")
    night.process().ends("incomplete")
    state = night.folder / "state/alisio.sqlite"
    kept = night.folder / "kept.sqlite"
    case.run("state", "backup", kept, "--config", night.config).ends("done")
    nowhere = night.folder / "no/such/disk"
    case.run("state", "backup", nowhere / "x", "--config", night.config).ends("usage").complains("mounted")
    expect(not nowhere.parent.exists(), "folders were made")
    state.unlink()
    for part in ("-wal", "-shm"):
        state.with_name(state.name + part).unlink(missing_ok=True)
    case.run("state", "rebuild", "--config", night.config).ends("done").says("jobs")
    for table in ("configuration", "job", "job_file", "file"):
        expect_same_rows(kept, state, table)
    before = night.state_of_products()
    summary = json.loads(night.process("--json", "--pass").out)
    expect(night.state_of_products() == before, "a product was made again")
    expect(summary["jobs_run"] == 0, f"something was tried: {summary}")


def case_state_rebuild_of_closed(case):
    """A closed night is closed in a rebuilt state, one that was reopened is open."""
    night = case.simulated()
    night.process().ends("done")
    case.run("close", DATE, "--config", night.config).ends("done")
    state = night.folder / "state/alisio.sqlite"
    replace_file(state, b"no database, whatever its name says")
    case.run("state", "rebuild", DATE, "--config", night.config).ends("done").says("damaged")
    one_file(night.folder / "state", "alisio.sqlite.damaged-*Z")
    told = json.loads(case.run("status", DATE, "--json", "--config", night.config).ends("done").out)
    expect(told["complete"] and told["closed_at"], f"who looks on does not know it: {told}")
    night.process("--pass").ends("done").says("is closed since")
    case.run("verify-seal", DATE, "--config", night.config).ends("done")
    case.run("reopen", DATE, "--config", night.config, "--reason", "late data").ends("done")
    case.run("state", "rebuild", DATE, "--config", night.config).ends("done")
    summary = json.loads(night.process("--json").ends("done").out)
    expect(summary["jobs_run"] == 0, f"something was made again: {summary}")
    product = night.product("DL1", 0)
    flip_byte(product, product.stat().st_size - 1)
    case.run("state", "rebuild", DATE, "--config", night.config).ends("incomplete").says(product.name)


def case_lost_state_of_a_closed_night(case):
    """A pass with a new or an older state makes nothing again over sealed products: it reads the disk."""
    night = case.simulated()
    words = ("--config", night.config)
    night.process("--pass").ends("done").says("is closed: ")
    seal = one_file(night.folder / "seals", "seal_*.json")
    before = night.state_of_products()
    state = night.folder / "state"
    open_state = night.folder / "open.sqlite"
    case.run("reopen", DATE, *words, "--reason", "x").ends("done")
    case.run("state", "backup", open_state, *words).ends("done")
    night.process("--pass").ends("done").says("is closed: ")
    for kept in (None, open_state):
        shutil.rmtree(state)
        if kept:
            state.mkdir()
            shutil.copyfile(kept, state / "alisio.sqlite")
        night.process("--pass").ends("done").says("knows nothing of", "is closed since")
        expect(night.state_of_products() == before, "something was made again")
        case.run("verify-seal", "--seal", seal, *words).ends("done")
        expect(len(list((night.folder / "seals").rglob("seal_*.json"))) == 2, "it was sealed again")
    shutil.rmtree(state)
    words = ("reprocess", DATE, *words, "--from", "dl1_to_dl2", "--redo", "x")
    case.run(*words).ends("incomplete").says("is closed", "reopen")
    expect(night.state_of_products() == before, "something was made again")


def case_lost_state_of_an_open_night(case):
    """What was done before the state was lost is found done; a damaged one is named with its remedy."""
    night = case.simulated()
    night.process().ends("done")
    before = night.state_of_products()
    shutil.rmtree(night.folder / "state")
    told = json.loads(night.process("--json").ends("done").out)
    expect(night.state_of_products() == before, "something was made again")
    expect(told["complete"], f"{told}")
    state = night.folder / "state/alisio.sqlite"
    for content in (b"no database, whatever its name says", b"SQLite format 3\0" + bytes(5000)):
        replace_file(state, content)
        for suffix in ("-wal", "-shm"):
            state.with_name(state.name + suffix).unlink(missing_ok=True)
        for words in (("night", DATE, "--pass"), ("status", DATE), ("state", "backup")):
            case.run(*words, "--config", night.config).ends("bad input").complains("alisio state rebuild")


def case_state_rebuild_of_decisions(case):
    """Decisions, cleaned products and merges outlive a lost state: nothing is done, or told, anew."""
    night = case.simulated(subruns=3, runs=2)
    text = night.config.read_bytes()
    replace_file(night.config, text + b"clean:\n  intermediate: [dl2_subrun]\nclosing:\n  auto: false\n")
    words = ("--config", night.config, "--author", "crew", "--reason", "clouds")
    run, other = night.run_number, night.run_number + 1
    case.run("hold", other, DATE, *words).ends("done")
    case.run("release", other, DATE, *words).ends("done")
    night.process().ends("done")
    case.run("discard", f"{run}.1", DATE, *words).ends("done")
    case.run("veto", other, DATE, *words).ends("done")
    case.run("hold", DATE, *words).ends("done")
    case.run("release", DATE, *words).ends("done")
    night.process("--pass").ends("done")
    case.run("close", DATE, "--config", night.config).ends("done")
    case.run("clean", DATE, "--config", night.config, "--older-than", "0", "--execute").ends("done")
    case.run("reopen", DATE, "--config", night.config, "--reason", "late data").ends("done")
    night.process("--pass").ends("done")
    state = night.folder / "state/alisio.sqlite"
    kept = night.folder / "kept.sqlite"
    case.run("state", "backup", kept, "--config", night.config).ends("done")
    state.unlink()
    for part in ("-wal", "-shm"):
        state.with_name(state.name + part).unlink(missing_ok=True)
    case.run("state", "rebuild", "--config", night.config).ends("done").says("4 decisions")
    expect_same_rows(kept, state, "decision")
    expect_same_rows(kept, state, "merge")
    cleaned = [row for row in rows(kept, "cleaned") if '"product"' in row]
    expect(cleaned and cleaned == rows(state, "cleaned"), f"cleaned: {rows(state, 'cleaned')}")
    documents = {path: path.stat().st_mtime_ns for path in night.documents().values()}
    summary = json.loads(night.process("--json", "--pass").ends("done").out)
    expect(summary["jobs_run"] == 0, f"something was done again: {summary['jobs_run']}")
    expect(not night.products("DL2"), "what was cleaned was made again")
    after = {path: path.stat().st_mtime_ns for path in night.documents().values()}
    expect(documents == after, "documents were merged again")
    case.run("state", "rebuild", "--config", night.config).ends("done")
    expect_same_rows(kept, state, "decision")


def case_state_rollback(case):
    """The state goes back to its last copy; what it was is kept; damage is told."""
    night = case.simulated()
    folder = night.folder / "state"
    words = ("--config", night.config)
    case.run("state", "check", *words).ends("missing input")
    case.run("state", "rollback", *words).ends("missing input")
    night.process("--no-dl2").ends("done")
    case.run("state", "check", *words).ends("done").says("sound")
    case.run("state", "backup", *words).ends("done")
    before = rows(folder / "alisio.sqlite", "job")
    night.process().ends("done")
    expect(rows(folder / "alisio.sqlite", "job") != before, "nothing was done since")
    case.run("state", "rollback", *words).ends("done").says(
        "before-rollback", f"alisio state rebuild {DATE}")
    expect(rows(folder / "alisio.sqlite", "job") == before, "this is not the copy's state")
    one_file(folder, "alisio.sqlite.before-rollback-*")
    case.run("state", "check", *words).ends("done")
    connection = sqlite3.connect(folder / "alisio.sqlite")
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("DELETE FROM job WHERE stage = 'r0_to_dl1'")
    connection.execute("DROP TABLE verdict")
    connection.commit()
    connection.close()
    case.run("state", "check", *words).ends("incomplete").says("verdict", "job_file")
    copies = sorted(folder.glob("alisio.sqlite.v*"))
    old = folder / "alisio.sqlite.v7-20200101T000000.000000Z"
    shutil.copyfile(copies[0], old)
    for _ in range(7):
        case.run("state", "backup", *words).ends("done")
    expect(len(list(folder.glob("alisio.sqlite.v*"))) == 6, "old copies are not dropped")
    expect(old.exists(), "the copy from before an upgrade was dropped")
    case.run("state", "rebuild", "oops", *words).ends("usage")
    case.run("state", "rebuild", "20200229", *words).ends("missing input").complains("2020-02-29")
    for dates in ((DATE,), ()):
        case.run("state", "rebuild", *dates, "--prod-id", "nope", *words).ends("missing input").complains(
            "--prod-id nope", "no journal")
    (night.folder / "DL1/20240110").mkdir()
    case.run("state", "rebuild", *words).ends("done").says("2024-01-10", "left out", "2024-01-15")
    expect(len(list(folder.glob("alisio.sqlite.v*"))) == 6, "a mistyped date made a copy")
    # By their times: the number of the schema comes before, and may have two digits.
    last = max(folder.glob("alisio.sqlite.v*"), key=lambda path: path.name.rpartition("-")[2])
    case.run("state", "rollback", "--to", last, *words).ends("done").says(last)
    case.run("state", "rollback", *words).ends("done").says(old)
    case.run("state", "rollback", "--to", folder / "nothing", *words).ends("missing input")
    connection = sqlite3.connect(old)
    connection.execute("DELETE FROM job")
    connection.commit()
    connection.close()
    case.run("state", "rollback", "--to", last, *words).ends("done")
    case.run("state", "rollback", "--to", old, *words).ends("done").says(
        "does not know all", f"alisio state rebuild {DATE}")
    before = (folder / "alisio.sqlite").read_bytes()
    old.write_bytes(last.read_bytes()[:9000])
    case.run("state", "rollback", "--to", old, *words).ends("bad input").complains(old, "damaged")
    case.run("state", "rollback", "--to", night.config, *words).ends("bad input")
    expect((folder / "alisio.sqlite").read_bytes() == before, "the state went back all the same")

"""Questions to the provenance of a simulated night, compared with answers worked out otherwise."""

import json
import os
import sqlite3

from harness import DATE, expect, flip_byte, one_file

PREFIX = "__PROV__"


def records_of(folder):
    """Return the records of all journals below a folder."""
    records = []
    for path in sorted(folder.rglob("log/journal/**/*.log")):
        for line in path.read_text("utf-8").splitlines():
            parts = line.split(PREFIX)
            if len(parts) == 3:
                records.append(json.loads(parts[2]))
    return records


def files_from(folder, cause):
    """Walk the journals: the paths of all files that came from a file, by any number of steps."""
    paths, uses, makes = {}, {}, {}
    for record in records_of(folder):
        if "filepath" in record:
            paths[record["entity_id"]] = record["filepath"]
        if "used_id" in record:
            uses.setdefault(record["used_id"], set()).add(record["activity_id"])
        if "generated_id" in record:
            makes.setdefault(record["activity_id"], set()).add(record["generated_id"])
    to_follow = [entity for entity, path in paths.items() if path == str(cause)]
    expect(to_follow, f"{cause} is not in the journals")
    found = set()
    while to_follow:
        for activity in uses.get(to_follow.pop(), ()):
            for entity in makes.get(activity, ()):
                if entity in paths and entity not in found:
                    found.add(entity)
                    to_follow.append(entity)
    return {paths[entity] for entity in found}


def ask(case, night, *words):
    return case.run("prov", *words, "--config", night.config)


def indexed(case, night):
    ask(case, night, "index").ends("done")


def answer(outcome):
    return json.loads(outcome.out)


def case_prov_tampered_calibration_is_named(case):
    """One byte of a calibration file: verify names it and nothing else, at every thoroughness."""
    night = case.simulated()
    night.process().ends("done")
    indexed(case, night)
    calibration = one_file(night.folder / "monitoring", "calibration_filters*.h5")
    for mode in ("--fast", "--full"):
        found = answer(ask(case, night, "verify", "--night", DATE, mode, "--json").ends("done"))
        expect(found["files"] > 10 and not found["mismatches"], f"before: {found}")
    flip_byte(calibration, calibration.stat().st_size // 2)
    for mode in (["--fast"], ["--sample", 0.1], ["--full"]):
        outcome = ask(case, night, "verify", "--night", DATE, *mode, "--json").ends("incomplete")
        wrong = [(one["path"], one["problem"]) for one in answer(outcome)["mismatches"]]
        expect(wrong == [(str(calibration), "content differs")], f"{mode} names {wrong}")
    report = answer(ask(case, night, "check", "--night", DATE, "--json").ends("incomplete"))
    changed = [gap["about"] for gap in report["gaps"] if gap["kind"] == "input changed since"]
    expect(changed == [str(calibration)], f"check names {changed}")
    # Only the time set back hides it from --fast; its bytes never.
    os.utime(calibration, (0, 0))
    ask(case, night, "verify", "--night", DATE, "--full").ends("incomplete").says(calibration.name)


def case_prov_find_lists_what_came_from_a_file(case):
    """Files that came from a calibration: as a walk over the journals finds them."""
    night = case.simulated(runs=2)
    night.process().ends("done")
    indexed(case, night)
    calibration = one_file(night.folder / "monitoring", "calibration_filters*.h5")
    expected = files_from(night.folder, calibration)
    expect(len(expected) > 8, f"too little came from it: {expected}")
    words = ("find", "--used", calibration, "--files", "--json")
    found = {one["path"] for one in answer(ask(case, night, *words).ends("done"))["files"]}
    expect(found == expected, f"only one of both: {sorted(found ^ expected)}")
    words = ("--run", night.run_number, "--subrun", 1, "--activity", "r0_to_dl1", "--json")
    one_subrun = answer(ask(case, night, "find", *words).ends("done"))["activities"]
    expect(len(one_subrun) == 1, f"one activity is expected: {one_subrun}")
    ask(case, night, "find", "--status", "failed").ends("incomplete")
    ask(case, night, "find", "--file", "x' OR '1'='1").ends("incomplete")
    ask(case, night, "find", "--status", "sad").ends("usage").complains("sad")


def case_prov_diff_names_the_changed_configuration(case):
    """Another production with another threshold: diff names the threshold and what it changed."""
    night = case.simulated()
    night.process("--prod-id", "v1").ends("done")
    content = night.config.read_text("utf-8")
    night.config.write_text(content + "tailcut:\n  picture_thresh: 6\n", "utf-8")
    night.process("--prod-id", "v2").ends("done")
    indexed(case, night)
    run = night.run_number
    outcome = ask(case, night, "diff", f"{run}@v1", f"{run}@v2", "--json").ends("incomplete")
    differences = answer(outcome)["differences"]
    causes = {(one["kind"], one["key"]) for one in differences if one["kind"] != "output"}
    expect(
        all(kind == "configuration" and key.endswith("picture_thresh") for kind, key in causes)
        and causes,
        f"besides the threshold: {sorted(causes)}",
    )
    outputs = {one["activity"] for one in differences if one["kind"] == "output"}
    expect("r0_to_dl1" in outputs, f"outputs that differ: {sorted(outputs)}")
    ask(case, night, "diff", f"{run}@v1", f"{run}@v1").ends("done")
    ask(case, night, "diff", str(run), f"{run}@v1").ends("usage").complains("2 productions")


def case_prov_notes_and_orphans(case):
    """A note is in the index at once and again after a rebuild; stray and lost files are told."""
    night = case.simulated()
    night.process().ends("done")
    indexed(case, night)
    product = night.product("DL2", 0)
    ask(case, night, "note", product, "it's \"odd\"; DROP TABLE note", "--author", "a").ends("done")
    for rebuild in ([], ["--rebuild"]):
        ask(case, night, "index", *rebuild).ends("done")
        with sqlite3.connect(night.folder / "state" / "provenance.sqlite") as index:
            texts = [row[0] for row in index.execute("SELECT text FROM note")]
        expect(texts == ["it's \"odd\"; DROP TABLE note"], f"notes after {rebuild}: {texts}")
    ask(case, night, "note", product, "").ends("usage").complains("says nothing")
    folder = product.parent
    ask(case, night, "orphans").ends("usage").complains("the folder is missing", "give DIR")
    ask(case, night, "orphans", folder).ends("done")
    product.rename(product.with_name("renamed.h5"))
    (folder / "stray.h5").write_bytes(b"of nobody")
    told = answer(ask(case, night, "orphans", folder, "--json").ends("incomplete"))
    expect(told["files_without_record"] == [str(folder / "stray.h5")], f"{told}")
    expect([one["path"] for one in told["records_without_file"]] == [str(product)], f"{told}")
    # The renamed file is known by its content.
    ask(case, night, "diff", folder / "renamed.h5", night.product("DL2", 1)).ends("incomplete")


def case_prov_orphans_behind_links(case):
    """Products below a symbolic link are known, by whatever way their folder is named."""
    night = case.simulated()
    disk = case.folder / "disk"
    disk.mkdir()
    (night.folder / "DL2").symlink_to(disk)
    night.process().ends("done")
    indexed(case, night)
    folder = night.product("DL2", 0).parent
    other = case.folder / "other"
    other.symlink_to(disk)
    for asked in (folder, folder.resolve(), night.folder / "DL2", other):
        ask(case, night, "orphans", asked).ends("done").says(", 0 without a record")
    (folder / "stray.h5").write_bytes(b"of nobody")
    for asked in (night.folder / "DL2", other):
        told = answer(ask(case, night, "orphans", asked, "--json").ends("incomplete"))
        expect(told["files_without_record"] == [str(asked / folder.relative_to(night.folder / "DL2") / "stray.h5")],
               f"{told}")

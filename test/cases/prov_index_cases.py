"""The index of provenance: what SQL finds in it is what a walk over the journals finds.

The walk here is written for this test and shares no code with the program.
"""

import json
import random
import shutil
import sqlite3
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from harness import DATE, expect

ROOT = Path(__file__).resolve().parent.parent.parent
PREFIX = "__PROV__"
BACK = """
WITH RECURSIVE up(e) AS (
  SELECT ? UNION
  SELECT u.entity FROM up JOIN entity n ON n.id = up.e JOIN used u ON u.activity = n.generated_by)
SELECT entity.uuid FROM up JOIN entity ON entity.id = up.e"""
FORTH = """
WITH RECURSIVE down(e) AS (
  SELECT ? UNION
  SELECT n.id FROM down JOIN used u ON u.entity = down.e JOIN entity n ON n.generated_by = u.activity)
SELECT entity.uuid FROM down JOIN entity ON entity.id = down.e"""


def archive(case, runs=4, subruns=6):
    """The journals of a small archive."""
    folder = case.folder / "archive"
    if not folder.exists():
        subprocess.run([sys.executable, ROOT / "scripts" / "make-provenance-archive", folder,
                        "--nights", "2", "--runs", str(runs), "--subruns", str(subruns)], check=True)
    return folder


class Journals:
    """What the journals say, read in the plainest way."""

    def __init__(self, folder):
        self.used, self.ended, makers = defaultdict(set), {}, defaultdict(set)
        for file in folder.rglob("*.log"):
            for line in file.read_text().splitlines():
                record = json.loads(line.split(PREFIX, 2)[2])
                activity = record.get("activity_id")
                if "used_id" in record:
                    self.used[activity].add(record["used_id"])
                elif "generated_id" in record:
                    makers[record["generated_id"]].add(activity)
                elif "endTime" in record and record["status"] == "completed":
                    self.ended[activity] = record["endTime"]
        self.maker = {}
        for entity, activities in makers.items():
            done = [(self.ended[a], a) for a in activities if a in self.ended]
            if done:
                self.maker[entity] = max(done)[1]
        self.made, self.users = defaultdict(set), defaultdict(set)
        for entity, activity in self.maker.items():
            self.made[activity].add(entity)
        for activity, entities in self.used.items():
            for entity in entities:
                self.users[entity].add(activity)

    def walk(self, start, step):
        found, todo = {start}, [start]
        while todo:
            for entity in step(todo.pop()):
                if entity not in found:
                    found.add(entity)
                    todo.append(entity)
        return found

    def back(self, start):
        return self.walk(start, lambda e: self.used[self.maker[e]] if e in self.maker else ())

    def forth(self, start):
        return self.walk(start, lambda e: set().union(*(self.made[a] for a in self.users[e])))


def case_sql_lineage_is_that_of_the_journals(case):
    folder = archive(case)
    index = case.folder / "index.sqlite"
    case.run("prov", "index", "--journals", folder, "--index", index).ends("done")
    journals = Journals(folder)
    connection = sqlite3.connect(index)
    rows = dict(connection.execute("SELECT uuid, id FROM entity"))
    chance = random.Random(3)
    for entity in chance.sample(sorted(rows), min(100, len(rows))):
        for sql, walk in ((BACK, journals.back), (FORTH, journals.forth)):
            found = {row[0] for row in connection.execute(sql, (rows[entity],))}
            expect(found == walk(entity),
                   f"{entity}: SQL finds {len(found)} entities, the walk {len(walk(entity))}")
    connection.close()


def case_an_index_is_updated_and_made_anew(case):
    folder = archive(case)
    index = case.folder / "grown.sqlite"
    call = ["prov", "index", "--index", index, "--json"]
    first = json.loads(case.run(*call, "--journals", folder / "monitoring").ends("done").out)
    second = json.loads(case.run(*call, "--journals", folder).ends("done").out)
    expect(second["unchanged"] == first["journals"], f"read again: {second}")
    third = json.loads(case.run(*call, "--journals", folder).ends("done").out)
    expect(third["journals"] == 0 and third["activities"] == 0, f"read again: {third}")
    fresh = json.loads(case.run(*call, "--journals", folder, "--rebuild").ends("done").out)
    for key in ("activities", "entities", "flows"):
        expect(fresh[key] == first[key] + second[key], f"{key}: {first} {second} {fresh}")
    expect(not list(case.folder.glob(".grown*")), "a temporary file stays behind")

    whole = index.read_bytes()
    index.write_bytes(whole[: len(whole) // 2])
    outcome = case.run(*call, "--journals", folder)
    outcome.ends("bad input")
    expect("prov index --rebuild" in outcome.err, f"no remedy is named:\n{outcome}")
    expect(outcome.err.count("\n") == 1, f"more than one line:\n{outcome}")
    case.run(*call, "--journals", folder, "--rebuild").ends("done")


def case_what_is_no_index_is_left_alone(case):
    """Neither a text nor another database becomes an index, whatever the option."""
    night = case.simulated()
    night.process().ends("done")
    journals = next((night.folder / "DL1").rglob("log"))
    for foreign in (night.config, night.folder / "state/alisio.sqlite"):
        before = foreign.read_bytes()
        for more in ([], ["--rebuild"]):
            said = case.run("prov", "index", "--index", foreign, "--journals", journals, *more)
            said.ends("bad input").complains(foreign, "no index of provenance", "move this one away")
            expect("--rebuild" not in said.err, f"{said}")
        expect(foreign.read_bytes() == before, f"{foreign} was changed")
    night.process().ends("done")


def case_two_processes_index_at_once(case):
    folder = archive(case)
    index = case.folder / "shared.sqlite"
    parts = sorted(folder.glob("DL1/*")) + [folder]
    running = [subprocess.Popen([case.alisio, "prov", "index", "--index", index, "--journals", part],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
               for part in parts]
    for process in running:
        out, err = process.communicate(timeout=120)
        expect(process.returncode == 0, f"exit code {process.returncode}: {err}")
    alone = case.folder / "alone.sqlite"
    case.run("prov", "index", "--index", alone, "--journals", folder).ends("done")
    contents = []
    for file in (index, alone):
        connection = sqlite3.connect(file)
        contents.append([sorted(connection.execute(f"SELECT * FROM {view}")) for view in
                         ("voprov_activity", "voprov_entity", "voprov_used",
                          "voprov_wasgeneratedby")])
        connection.close()
    expect(contents[0] == contents[1], "two writers leave another index than one")


def case_merged_journals_stand_in_for_lost_ones(case):
    folder = archive(case)
    tree = case.folder / "lost"
    shutil.copytree(folder, tree)
    config = tree / "alisio.yaml"
    config.write_text("paths: {products: ., calibration: monitoring/PixelCalibration}\n")
    before = json.loads(case.run("prov", "index", "--config", config, "--json").ends("done").out)
    expect(Path(before["index"]) == tree / "state/provenance.sqlite", f"elsewhere: {before['index']}")
    for journal in sorted(tree.rglob("journal")):
        lines = sorted(line for file in journal.rglob("*.log")
                       for line in file.read_text().splitlines(keepends=True))
        (journal.parent / "r0_to_dl1_10002_prov.log").write_text("".join(lines))
        shutil.rmtree(journal)
    after = json.loads(case.run("prov", "index", "--config", config, "--json", "--rebuild")
                       .ends("done").out)
    for key in ("activities", "entities", "flows"):
        expect(after[key] == before[key], f"{key}: {before} {after}")


def case_prov_index_of_a_night_on_another_disk(case):
    """A night's folder may be a link; another name of a folder is not a second one."""
    night = case.simulated()
    night.process().ends("done")
    folder = night.folder / "DL1" / DATE
    elsewhere = case.folder / "disk3"
    elsewhere.mkdir()
    folder.rename(elsewhere / DATE)
    folder.symlink_to(elsewhere / DATE)
    (night.folder / "DL1/again").symlink_to(folder)
    (night.folder / "DL2/log").symlink_to(night.product("DL1", 0).parent / "log")
    (night.folder / "DL1/round").symlink_to(night.folder)
    words = ("prov", "index", "--config", night.config, "--rebuild", "--json")
    told = json.loads(case.run(*words).ends("done").out)
    expect(told["journals"] > 0, f"{told}")
    (night.folder / "DL2/log").unlink()
    again = json.loads(case.run(*words).ends("done").out)
    expect(again["journals"] == told["journals"], f"with a link {told}, without {again}")
    case.run("prov", "show", night.product("DL1", 0), "--config", night.config).ends("done").says("r0_to_dl1")
    shutil.rmtree(night.folder / "state")
    case.run("state", "rebuild", "--config", night.config).ends("done")
    before = night.state_of_products()
    night.process().ends("done")
    expect(night.state_of_products() == before, "the night was made again")

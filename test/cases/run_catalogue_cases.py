"""What a night's runs observed, from a site's own program; and the program that asks MongoDB."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from harness import expect

SCRIPT = Path(__file__).resolve().parents[2] / "scripts/run-catalogue-from-mongodb"
# 2024-01-15, 22:00 UTC
EVENING_S = 1705356000
PYMONGO = '''
"""Stands in for pymongo: documents from a file, and the few questions that are asked."""
import json, os

class errors:
    class PyMongoError(Exception):
        pass

class Collection(list):
    def find(self, query):
        tests = {"$gte": lambda a, b: a >= b, "$lt": lambda a, b: a < b, "$lte": lambda a, b: a <= b}
        return [one for one in self if all(
            tests[name](one[key], value) for key, terms in query.items() for name, value in terms.items())]

class MongoClient:
    def __init__(self, server, **options):
        if server != "tcu.example.org":
            raise errors.PyMongoError(f"{server}: no\\nservers found")
    def __enter__(self):
        return self
    def __exit__(self, *unused):
        pass
    def __getitem__(self, name):
        assert name == "lst1_obs_summary", name
        documents = json.load(open(os.environ["FAKE_MONGODB"]))
        return {key: Collection(value) for key, value in documents.items()}
'''


def pointing(start, stop, name, ra, dec):
    return {"tstart": start, "tstop": stop,
            "data": {"structure": [{"target": {"name": name, "source_ra": ra, "source_dec": dec}}]}}


def fake_database(case, run=11220):
    """Return an environment in which the script finds a database."""
    (case.folder / "python").mkdir()
    (case.folder / "python/pymongo.py").write_text(PYMONGO, "utf-8")
    documents = {
        "camera": [
            {"run_number": run, "kind": "DATA", "tstart": EVENING_S, "tstop": EVENING_S + 1200},
            {"run_number": run + 1, "kind": "DATA", "tstart": EVENING_S + 1300, "tstop": None},
            {"run_number": run + 2, "kind": "DATA", "tstart": EVENING_S + 9000, "tstop": EVENING_S + 9100},
            {"run_number": run + 3, "kind": "DATA", "tstart": EVENING_S + 20000, "tstop": EVENING_S + 20100},
            {"run_number": 1, "kind": "DATA", "tstart": EVENING_S - 86400, "tstop": EVENING_S - 86000},
            {"kind": "DATA", "tstart": EVENING_S},
        ],
        "telescope": [
            pointing(EVENING_S - 5000, EVENING_S + 10, "the one before", 10, 20),
            pointing(EVENING_S - 100, EVENING_S + 1250, "Crab, wobble", 83.63, 22.01),
            pointing(EVENING_S + 1260, EVENING_S + 8000, "Mrk421", 166.1, 38.2),
            pointing(EVENING_S + 8900, EVENING_S + 9500, "Desconocido", "N/A", "N/A"),
            {"tstart": EVENING_S + 20000, "tstop": EVENING_S + 20100, "data": {}},
        ],
    }
    (case.folder / "mongodb.json").write_text(json.dumps(documents), "utf-8")
    return os.environ | {"PYTHONPATH": str(case.folder / "python"),
                         "FAKE_MONGODB": str(case.folder / "mongodb.json")}


def ask(environment, *words):
    return subprocess.run([sys.executable, SCRIPT, *words], capture_output=True, text=True, check=False,
                          env=environment)


def case_run_catalogue_from_mongodb(case):
    """The collections of the telescope control become a catalogue; what is odd is left out and named."""
    there = fake_database(case)
    said = ask(there, "--server", "tcu.example.org", "2024-01-15")
    expect(said.returncode == 0, said.stderr)
    rows = [line for line in said.stdout.splitlines() if line[0].isdigit()]
    expect(rows == ["11220,Crab_ wobble,83.63,22.01", "11221,Mrk421,166.1,38.2"], said.stdout)
    expect("11222, 11223" in said.stderr, said.stderr)
    said = ask(there, "--server", "tcu.example.org", "20240117")
    expect(said.returncode == 0 and not [line for line in said.stdout.splitlines() if line[0].isdigit()],
           said.stdout)
    away = ask(there, "--server", "elsewhere", "20240115")
    expect(away.returncode == 6 and len(away.stderr.splitlines()) == 1 and not away.stdout, away.stderr)
    expect(ask(there, "--server", "x", "tomorrow").returncode == 2, "no date is a date")
    without = ask(os.environ | {"PYTHONPATH": "", "PYTHONNOUSERSITE": "1"}, "--help")
    expect(without.returncode == 0 and "catalogue_command" in without.stdout, without.stderr)


def case_models_by_the_database(case):
    """Models follow what the database says, the answer is kept and recorded, and asked for no more."""
    night = case.simulated()
    there = fake_database(case, night.run_number)
    sets = night.folder / "sets/nsb_tuning_0.00"
    sets.mkdir(parents=True)
    models = next((Path(__file__).resolve().parents[2] / "cfg/models").glob("*.forest"))
    for line in ("dec_2276", "dec_6166"):
        shutil.copy(models, sets / f"{line}.forest")
    config = night.config.read_text("utf-8")
    plain = 'dl2:\n  models: ""'
    expect(plain in config, config)
    asks = json.dumps([sys.executable, str(SCRIPT), "--server", "tcu.example.org", "{date}"])
    night.config.write_text(
        config.replace(plain, "dl2:\n  choice: by_declination_and_nsb\n  models: sets")
        + f"night: {{catalogue_command: {asks}}}\n", "utf-8")

    def process(*words, env=there):
        return case.run("night", "20240115", "--config", night.config, *words, env=env)

    process().ends("done")
    shown = json.loads(case.run("show", "--json", night.product("DL2", 0)).ends("done").out)["made_by"]
    used = {entry["file"]: entry for entry in shown["inputs"]}
    expect("dec_2276.forest" in used and "RunCatalog_LST-1_20240115.ecsv" in used, f"{shown}")
    document = next(path for path in (night.product("DL2", 0).parent / "log").glob("dl1_to_dl2_*_prov.json"))
    text = document.read_text("utf-8")
    expect("RunCatalogueFile" in text and "pointing of Crab_ wobble by RunCatalog" in text, document)
    copies = [path for path in document.parent.rglob("RunCatalog*")]
    expect(copies, "the catalogue is not kept beside the document")
    # The database goes away: nothing is asked, nothing changes.
    process("--pass", env=os.environ | {"FAKE_MONGODB": "/nowhere"}).ends("done").says("Nothing to do")

"""The record of a file in every form, read back by other programs where they are there."""

import json
import os
import shutil
import socket
import subprocess
import sys
import xml.etree.ElementTree as tree

from harness import DATE, Skipped, expect, one_file, replace_file
from prov_merge_cases import validated

FORMATS = {"json": ".json", "provn": ".provn", "xml": ".xml", "votable": ".vot",
           "ro-crate": ".crate.json", "jsonl": ".jsonl", "svg": ".svg", "pdf": ".pdf"}
COMPARE = """
import sys
from prov.model import ProvDocument
first = ProvDocument.deserialize(open(sys.argv[1]), format="json")
with open(sys.argv[2], "rb") as file:
    second = ProvDocument.deserialize(file, format="xml")
sys.exit(0 if first == second else "XML tells something else than JSON")
"""


def case_export_in_every_form(case):
    """From the index and from a document, also for the public."""
    night = case.simulated()
    night.process().ends("done")
    case.run("prov", "index", "--config", night.config).ends("done")
    document = one_file(night.folder / "DL2", f"dl1_to_dl2_{night.run_number:05d}_prov.json")
    for name, what in (("file", night.product("DL2", 0)), ("document", document)):
        made = {}
        for form, ending in FORMATS.items():
            made[form] = case.folder / (name + ending)
            case.run("prov", "export", what, "--format", form, "-o", made[form], "--config",
                     night.config).ends("done")
        told = json.loads(made["json"].read_text("utf-8"))
        labels = {facts["prov:label"] for facts in told["activity"].values()}
        expect({"r0_to_dl1", "dl1_to_dl2"} <= labels, f"{name} tells {labels}")
        for form in ("xml", "votable", "svg"):
            tree.parse(made[form])
        lines = made["jsonl"].read_text("utf-8").splitlines()
        expect(len(lines) == len(told["activity"]), f"{len(lines)} lines of {len(told['activity'])}")
        expect(all(json.loads(line)["used"] for line in lines), "a line without its inputs")
        expect(made["pdf"].read_bytes().startswith(b"%PDF-"), "no PDF")
        python = os.environ.get("ALISIO_PEER_PYTHON", sys.executable)
        if validated([document]):
            done = subprocess.run([python, "-c", COMPARE, made["json"], made["xml"]], check=False,
                                  capture_output=True, text=True, cwd=case.folder)
            expect(done.returncode == 0, done.stderr)
        public = case.run("prov", "export", what, "--public", "--config", night.config).ends("done")
        for secret in (str(case.folder), socket.gethostname(), "Environment"):
            expect(f"{secret}" not in public.out.replace("urn:", ""), f"{secret} is in the public form")
    forth = case.run("prov", "export", night.raw(1, 0), "--direction", "forth", "--config",
                     night.config).ends("done")
    expect(night.product("DL2", 0).name in forth.out, "forth does not lead to DL2")


def case_export_of_what_was_discarded(case):
    """What was discarded is told as invalidated, by which action of whom, until it is taken back."""
    night = case.simulated()
    replace_file(night.config, night.config.read_bytes() + b"closing:\n  auto: false\n")
    night.process().ends("done")
    run = night.run_number
    documents = [path for path in night.documents().values() if path.suffix == ".json"]
    before = {path: path.read_bytes() for path in documents}
    discard = ("discard", f"{run}.1", DATE, "--config", night.config, "--author", "crew")
    product = night.product("DL2", 1)
    case.run(*discard, "--reason", "clouds").ends("done")
    night.process().ends("done")
    document = one_file(night.folder / "DL2", f"dl1_to_dl2_{run:05d}_prov.json")
    for name, what in (("file", product), ("document", document)):
        made = {form: case.folder / (name + ending) for form, ending in FORMATS.items()}
        for form, path in made.items():
            case.run("prov", "export", what, "--format", form, "-o", path, "--config",
                     night.config).ends("done")
        told = json.loads(made["json"].read_text("utf-8"))
        relations = list(told["wasInvalidatedBy"].values())
        expect(relations and all(one["reason"] == "clouds" for one in relations), f"{relations}")
        activity = relations[0]["prov:activity"]
        expect(told["activity"][activity]["prov:label"] == "discard", f"{told['activity'][activity]}")
        agents = [one["prov:agent"] for one in told["wasAssociatedWith"].values()
                  if one["prov:activity"] == activity]
        expect([told["agent"][agent]["prov:label"] for agent in agents] == ["crew"], f"{agents}")
        expect(f"wasInvalidatedBy({relations[0]['prov:entity']}" in made["provn"].read_text("utf-8"),
               "not in PROV-N")
        expect("prov:wasInvalidatedBy>" in made["xml"].read_text("utf-8"), "not in PROV-XML")
        expect('TABLE name="WasInvalidatedBy"' in made["votable"].read_text("utf-8"), "not in VOTable")
        python = os.environ.get("ALISIO_PEER_PYTHON", sys.executable)
        if validated([document]):
            done = subprocess.run([python, "-c", COMPARE, made["json"], made["xml"]], check=False,
                                  capture_output=True, text=True, cwd=case.folder)
            expect(done.returncode == 0, done.stderr)
    case.run(*discard, "--undo", "--reason", "the moon").ends("done")
    night.process().ends("done")
    said = case.run("prov", "export", product, "--config", night.config).ends("done")
    expect("wasInvalidatedBy" not in said.out, "it is valid again")
    for path, content in before.items():
        if path.name == document.name:
            expect(path.read_bytes() == content, f"{path} is not what it was")


def case_export_refuses(case):
    """Unknown formats, models and things, and documents that are none."""
    night = case.simulated()
    night.process().ends("done")
    case.run("prov", "index", "--config", night.config).ends("done")
    dl2 = night.product("DL2", 0)

    def export(*words):
        return case.run("prov", "export", *words, "--config", night.config)

    export().ends("usage").complains("document")
    export(dl2, "--format", "jsno").ends("usage").complains("json")
    export(dl2, "--model", "w4c").ends("usage").complains("w3c")
    export(dl2, "--direction", "up").ends("usage").complains("forth")
    document = one_file(night.folder / "DL2", f"dl1_to_dl2_{night.run_number:05d}_prov.json")
    export(document, "--direction", "forth").ends("usage").complains("--direction")
    export(dl2, "--format", "ro-crate", "-o", str(case.folder / "crate") + "/").ends("done")
    expect((case.folder / "crate/ro-crate-metadata.json").exists(), "no crate in the folder")
    export(case.folder / "nothing.h5").ends("incomplete").complains("nothing.h5")
    export(dl2, "-o", case.folder / "x.weird").ends("usage").complains("x.weird", "--format")
    broken = case.folder / "broken_prov.json"
    broken.write_text("{\"entity\": ", "utf-8")
    for form in FORMATS:
        export(broken, "--format", form).ends("bad input").complains("broken_prov.json")


def case_documents_are_not_written_over(case):
    """What is made of a document or a product does not take its place, by whatever name."""
    night = case.simulated()
    night.process().ends("done")
    case.run("prov", "index", "--config", night.config).ends("done")
    document = case.folder / "own_prov.json"
    document.write_bytes(one_file(night.folder / "DL2", f"dl1_to_dl2_{night.run_number:05d}_prov.json")
                         .read_bytes())
    link, drawing = case.folder / "link.json", case.folder / "drawing.svg"
    link.symlink_to(document)
    drawing.symlink_to(document)
    dl2 = night.product("DL2", 0)
    before = [path.read_bytes() for path in (document, dl2)]
    for words in (["export", document, "--public", "-o", document], ["export", document, "-o", link],
                  ["export", dl2, "--format", "json", "-o", dl2, "--config", night.config],
                  ["graph", document, "-o", drawing]):
        case.run("prov", *words).ends("usage").complains("made of it", "--output")
    expect([path.read_bytes() for path in (document, dl2)] == before, "it was written over")


def case_documents_are_searched_in_postgresql(case):
    """JSON Lines in a jsonb column: any key can be asked, by an index."""
    folder = "/usr/lib/postgresql/15/bin"
    if not os.path.exists(f"{folder}/initdb") or not shutil.which("su"):
        raise Skipped("PostgreSQL is not installed")
    night = case.simulated()
    night.process().ends("done")
    lines = case.folder / "night.jsonl"
    told = one_file(night.folder / "DL1", f"night_{DATE}_prov.json")
    case.run("prov", "export", told, "-o", lines).ends("done")
    place = case.folder / "pg"
    place.mkdir()
    as_user = []
    if os.geteuid() == 0:
        shutil.chown(place, "postgres")
        case.folder.chmod(0o755)
        as_user = ["su", "postgres", "-s", "/bin/sh", "-c"]

    def shell(command, text=None):
        done = subprocess.run([*as_user, command] if as_user else ["sh", "-c", command],
                              capture_output=True, text=True, check=False, timeout=120, cwd=place,
                              input=text)
        expect(done.returncode == 0, f"{command}: {done.stderr}")
        return done.stdout.strip()

    shell(f"{folder}/initdb -D {place}/data -A trust -E UTF8 --no-sync >/dev/null")
    shell(f"{folder}/pg_ctl -D {place}/data -w -l {place}/log "
          f"-o '-k {place} -c listen_addresses= -F' start >/dev/null")
    try:
        query = f"{folder}/psql -h {place} -d postgres -qtA -v ON_ERROR_STOP=1"
        rows = "".join(line.replace("\\", "\\\\") + "\n"
                       for line in lines.read_text("utf-8").splitlines())
        shell(query, "CREATE TABLE record (activity jsonb);\nCREATE INDEX ON record USING gin "
              f"(activity);\nCOPY record FROM STDIN;\n{rows}\\.\n")
        found = shell(query, "SELECT activity->>'label' FROM record WHERE activity @> "
                      "'{\"used\": [{\"label\": \"DL1Collection\"}]}' ORDER BY 1;")
        expect("dl1_to_dl2" in found.splitlines(), f"found {found}")
        plan = shell(query, "SET enable_seqscan = off; EXPLAIN SELECT 1 FROM record WHERE activity "
                     "@> '{\"status\": \"completed\"}';")
        expect("Index" in plan, f"no index is used: {plan}")
    finally:
        shell(f"{folder}/pg_ctl -D {place}/data -m immediate stop >/dev/null")

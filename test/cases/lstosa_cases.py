"""What LSTOSA left behind: its configuration and the histories of its nights."""

import json
import subprocess
import sys
from pathlib import Path

from harness import DATE, expect, one_file

SCRIPT = Path(__file__).resolve().parents[2] / "scripts/migrate-lstosa-config"
SEQUENCER = """[LST1]
BASE: /site/data
R0_DIR: %(BASE)s/R0G
RAW_R0_DIR: %(BASE)s/R0
DRIVE_DIR: %(BASE)s/monitoring/DrivePositioning
DL1_DIR: %(BASE)s/DL1
ANALYSIS_DIR: %(BASE)s/running_analysis
DL2_DIR: /elsewhere/DL2
PROD_ID: v0.9.6
A_KEY_OF_THE_FUTURE: 3
[lstchain]
apply_catB_calibration: True
store_image_dl1ab: False
max_tries: 3
[SLURM]
PARTITION_DATA: short, long
MEMSIZE_DATA: 6GB
WALLTIME: 1:15:00
ACCOUNT: dpps
[database]
tcu_db: tcu.example.org
[mail]
recipient: crew@example.org
[PROVENANCE]
HASH_METHOD: md5
"""


def migrate(file):
    return subprocess.run([sys.executable, SCRIPT, file], capture_output=True, text=True, check=False)


def case_migrate_lstosa_config(case):
    """A sequencer.cfg becomes a configuration that passes, each key translated or explained."""
    file = case.folder / "sequencer.cfg"
    file.write_text(SEQUENCER, "utf-8")
    said = migrate(file)
    expect(said.returncode == 0, said.stderr)
    ours = case.folder / "alisio.yaml"
    ours.write_text(said.stdout, "utf-8")
    read = json.loads(case.run("config", "--config", ours).ends("done").out)
    expect(read["paths"]["r0g"] == "/site/data/R0G", f"{read['paths']}")
    expect(read["prod_id"] == "v0.9.6" and read["night"]["retries"] == 2, f"{said.stdout}")
    expect(read["steps"]["cat_b"] and not read["dl1ab"]["store_images"], f"{said.stdout}")
    expect(read["night"]["executor"] == "slurm" and read["slurm"]["partition"] == "short,long"
           and read["slurm"]["account"] == "dpps" and read["slurm"]["job_time"] == 75
           and read["slurm"]["scratch"].endswith("/alisio_jobs"), f"{read['slurm']}")
    expect(read["notify"]["mail"] == "crew@example.org", f"{read['notify']}")
    expect(read["night"]["catalogue_command"] == ["run-catalogue-from-mongodb", "--server", "tcu.example.org", "{date}"],
           f"{read['night']}")
    for key in ("DL1_DIR", "DL2_DIR", "A_KEY_OF_THE_FUTURE", "MEMSIZE_DATA", "HASH_METHOD"):
        expect(f".{key} = " in said.stdout, f"{key} is not explained:\n{said.stdout}")
    expect("NOT KEPT" in said.stdout and "UNKNOWN" in said.stdout, said.stdout)
    file.write_text("no configuration", "utf-8")
    expect(migrate(file).returncode == 5, "a stranger's file is taken")
    file.write_text(SEQUENCER[:60], "utf-8")
    expect(migrate(file).returncode == 5, f"a cut file is taken: {migrate(file).stdout}")
    file.write_text(SEQUENCER.replace("1:15:00", "soon"), "utf-8")
    expect("WALLTIME" in migrate(file).stderr, "a wrong time limit is taken")
    expect(migrate(case.folder / "absent.cfg").returncode == 4, "an absent file is taken")


def history(folder, run, subrun, *codes):
    programs = ("lstchain_data_r0_to_dl1", "lstchain_dl1ab", "lstchain_check_dl1")
    lines = [
        f"{run:05d}.{subrun:04d} {program} v0.9.6 2024-01-16 09:40 None lstchain.json {code}\n"
        for program, code in zip(programs, codes)
    ]
    (folder / f"sequence_LST1_{run:05d}.{subrun:04d}.history").write_text("".join(lines), "utf-8")


def case_import_lstosa(case):
    """A night of LSTOSA counts as done after its histories were read, and stays as it is."""
    night = case.simulated()
    working = night.folder / "running_analysis" / DATE / "v0.9.6"
    products = night.folder / "DL1" / DATE / "v0.9.6" / "tailcut84"
    words = ("state", "import-lstosa", DATE, "--prod-id", "v0.9.6", "--config", night.config)
    case.run(*words).ends("missing input").says("no histories")
    working.mkdir(parents=True)
    products.mkdir(parents=True)
    history(working, 11220, 0, 0, 0, 0)
    case.run(*words).ends("missing input").says("nothing of this night is done", "paths.products")
    history(working, 11220, 1, 0, 10)
    history(working, 11221, 0, 0, 0, 0)
    (working / "sequence_LST1_11221.0001.history").touch()
    for name in ("dl1_LST-1.Run11220.0000.h5", "dl1_LST-1.Run11220.0001.h5", "dl1_LST-1.Run11220.h5"):
        (products / name).write_bytes(name.encode())
    said = case.run(*words).ends("done").says("1 subruns are done by LSTOSA", "is closed: 3 products")
    said.says("11220.0001: ended with code 10", "11221.0000: its DL1 file is not there", "11221.0001")
    before = {path: path.read_bytes() for path in night.folder.rglob("DL1/**/*.h5")}
    status = case.run("status", DATE, "--prod-id", "v0.9.6", "--config", night.config).ends("incomplete")
    status.says("11220.0001", "ended with code 10")
    said = night.process("--pass", "--prod-id", "v0.9.6").ends("incomplete").says("is closed since")
    said.says("without 11220.0001: ended with code 10")
    expect(before == {path: path.read_bytes() for path in night.folder.rglob("DL1/**/*.h5")}, "touched")
    seal = ("verify-seal", DATE, "--prod-id", "v0.9.6", "--config", night.config)
    case.run(*seal).ends("done").says("holds")
    case.run(*words).ends("usage").says("is closed since")
    (products / "dl1_LST-1.Run11220.h5").write_bytes(b"another")
    case.run(*seal).ends("incomplete").says("dl1_LST-1.Run11220.h5")
    one_file(night.folder / "seals", "seal_*.json")

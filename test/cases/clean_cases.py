"""Housekeeping: what closed nights need no more goes, by order, recorded, and nothing else."""

import json
import os
import signal
import subprocess
import time

from harness import DATE, expect, one_file, replace_file


def closed_night(case, intermediate, **options):
    night = case.simulated(**options)
    text = night.config.read_bytes()
    replace_file(night.config, text + b"clean:\n  intermediate: [" + intermediate + b"]\n")
    night.process().ends("done")
    return night


def is_clean_build(case):
    """Products of a build with uncommitted changes cannot be proven to be had again."""
    return "uncommitted" not in case.run("--version").out


def case_clean(case):
    """Products that a merged file holds and logs go, noted as invalidated; a pass remakes nothing."""
    night = closed_night(case, b"dl2_subrun")
    words = ("clean", DATE, "--config", night.config, "--older-than", "0")
    case.run("clean", "--config", night.config).ends("usage").complains("--all")
    case.run(*words).ends("incomplete").says("not closed")
    case.run("clean", "20230101", "--config", night.config).ends("missing input").complains("record")
    case.run("close", DATE, "--config", night.config).ends("done")
    case.run("clean", "--all", "--config", night.config).ends("done").says(": 0 files")
    first = night.product("DL2", 0)
    links = list((night.folder / "running_analysis").rglob(first.name))
    expect(links and links[0].is_symlink(), f"no link to {first.name}")
    case.run(*words).ends("done").says("may go", first.name, "holds its events")
    expect(first.exists(), "removed without --execute")
    case.run("clean", "20240101..20240131", "--config", night.config, "--older-than", "0", "--execute",
             "--author", "crew").ends("done").says("removed")
    expect(not night.products("DL2"), "the products are there still")
    expect(len(night.products("DL1")) == 2, "a product that is not intermediate was removed")
    expect(not links[0].is_symlink(), "a link leads nowhere")
    expect(not list(night.folder.glob(f"DL?/{DATE}/*/log/jobs/*.log")), "logs were kept")
    told = json.loads(case.run(*words, "--json").ends("done").out)
    expect(told[0]["files"] == [] and told[0]["bytes"] == 0, f"{told}")

    case.run("status", DATE, "--config", night.config).ends("done").says("complete", "cleaned, last by crew")
    case.run("verify-seal", DATE, "--config", night.config).ends("done").says(
        "holds", f"{first.name} was removed by crew"
    )
    said = case.run("archive", DATE, "--to", case.folder / "archive", "--config", night.config).ends("done")
    said.says(f"{first.name} was removed by crew", "0 not archived")
    seal = one_file(case.folder / "archive/seals", "seal_*.json")
    case.run("verify-seal", "--seal", seal, "--root", case.folder / "archive").ends("done").says("crew")
    case.run("prov", "show", first, "--config", night.config).ends("done").says("invalidated   by clean of crew")
    raw = night.raw(1, 0)
    case.run("prov", "impact", raw, "--config", night.config).ends("done").says("invalidated")

    case.run("reopen", DATE, "--config", night.config, "--reason", "late data").ends("done")
    summary = json.loads(night.process("--json").ends("done").out)
    expect(summary["jobs_run"] == 0, f"it was made again: {summary['jobs_run']}")
    merged = one_file(night.folder / "DL2", f"dl2_LST-1.Run{night.run_number:05d}.h5")
    merged.unlink()
    night.process().ends("done")
    expect(merged.exists() and len(night.products("DL2")) == 2, "what was needed was not made again")
    case.run("close", DATE, "--config", night.config).ends("done")


def case_clean_what_can_be_made_again(case):
    """Only a product whose inputs and program are as recorded goes."""
    night = closed_night(case, b"dl1_subrun")
    case.run("close", DATE, "--config", night.config).ends("done")
    night.raw(3, 1).unlink()
    first, second = night.product("DL1", 0), night.product("DL1", 1)
    words = ("clean", DATE, "--config", night.config, "--older-than", "0", "--execute")
    said = case.run(*words).ends("done").says(f"{second}: it cannot be made again", "R0")
    expect(second.exists(), "what cannot be made again was removed")
    if is_clean_build(case):
        expect(not first.exists(), f"{said}")
        case.run("verify-seal", DATE, "--config", night.config).ends("done").says("can be made again")
    else:
        said.says("it would not be made as it was: software")
        expect(first.exists(), f"{said}")


def case_clean_of_what_one_pass_made(case):
    """DL2 that was made together with DL1 stays if the raw data are gone: DL1 alone is not enough."""
    night = closed_night(case, b"dl2_subrun")
    case.run("close", DATE, "--config", night.config).ends("done")
    merged = one_file(night.folder / "DL2", f"dl2_LST-1.Run{night.run_number:05d}.h5")
    merged.unlink()
    night.raw(3, 1).unlink()
    said = case.run("clean", DATE, "--config", night.config, "--older-than", "0", "--execute").ends("done")
    said.says(f"{night.product('DL2', 1)}: it cannot be made again", night.raw(3, 1).name)


def case_killed_cleaning(case):
    """Cleaning is killed again and again; the next one finishes, and nothing is missed or told twice."""
    night = closed_night(case, b"dl2_subrun, muons", subruns=4)
    case.run("close", DATE, "--config", night.config).ends("done")
    words = [case.alisio, "clean", DATE, "--config", str(night.config), "--older-than", "0", "--execute"]
    for step in range(8):
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.02 + 0.03 * step)
        process.send_signal(signal.SIGKILL)
        process.wait()
    case.run(*words[1:]).ends("done")
    expect(not night.products("DL2"), "products are left")
    case.run("verify-seal", DATE, "--config", night.config).ends("done")
    said = case.run("prov", "show", f"dl2_LST-1.Run{night.run_number:05d}.0000.h5", "--config", night.config)
    expect(said.ends("done").out.count("invalidated by clean (alisio") == 1, f"{said}")
    case.run("reopen", DATE, "--config", night.config, "--reason", "x").ends("done")
    expect(json.loads(night.process("--json").ends("done").out)["jobs_run"] == 0, "made again")


def case_clean_what_cannot_be_removed(case):
    """A folder that cannot be written, and a night that is being processed, are told; nothing breaks."""
    night = closed_night(case, b"dl2_subrun")
    case.run("close", DATE, "--config", night.config).ends("done")
    first = night.product("DL2", 0)
    words = ("clean", DATE, "--config", night.config, "--older-than", "0", "--execute")
    if os.geteuid() != 0:
        first.parent.chmod(0o555)
        case.run(*words).ends("incomplete").says("cannot be removed", first.parent)
        first.parent.chmod(0o755)
    replace_file(first, first.read_bytes() + b"?")
    case.run(*words).ends("done").says(f"{first}: it is not as recorded")
    expect(first.exists(), "an altered product was removed")
    replace_file(night.config, night.config.read_bytes().replace(b"dl2_subrun", b"r0g_subrun"))
    case.run(*words).ends("configuration").complains("clean.intermediate", "r0g_subrun", "dl1_subrun")

"""Options that name a file to write: what is there already, and is not theirs, stays."""

import os
import stat
import subprocess
from pathlib import Path

from harness import DATE, Skipped, changed, expect, one_file

MODELS = Path(__file__).resolve().parents[2] / "cfg/models/simulated.forest"


def dl2_words(night, output):
    return ["dl1-to-dl2", "--input", night.product("DL1", 0), "--models", MODELS, "--output-dir", output]


def case_reports_replace_reports_only(case):
    """A report is written over an older one; never over an input, a configuration or a product."""
    night = case.simulated()
    night.process().ends("done")
    words = dl2_words(night, case.folder / "out")
    report = case.folder / "report.json"
    for _ in range(2):
        case.run(*words, "--report", report).ends("done")
    product = one_file(case.folder / "out", "dl2_*.h5")
    link = case.folder / "link.json"
    link.symlink_to(night.config)
    kept = [night.product("DL1", 0), product, night.config, link, MODELS]
    before = [path.read_bytes() for path in kept]
    for path in kept:
        case.run(*words, "--config", night.config, "--report", path).ends("usage").complains(
            path, "--report", "is no report"
        )
    expect([path.read_bytes() for path in kept] == before, "a report took the place of something else")
    product.unlink()
    case.run(*words, "--report", product).ends("usage").complains("is one of the job's outputs")
    expect(product.read_bytes()[1:4] == b"HDF", "the report took the place of the product")


def case_devices_are_written_into(case):
    """A device stays one, and what it refuses is an error."""
    night = case.simulated()
    night.process().ends("done")
    document = one_file(night.folder / "DL2", f"dl1_to_dl2_{night.run_number:05d}_prov.json")
    # As /dev/stdout, which a test must not put at risk.
    own = case.folder / "stdout"
    own.symlink_to("/proc/self/fd/1")
    said = case.run("prov", "export", document, "--format", "provn", "-o", own).ends("done")
    expect(said.out.startswith("document"), f"{said}")
    log = case.folder / "log"
    log.write_text("first\n", "utf-8")
    with open(log, "ab") as out:
        subprocess.run([case.alisio, "prov", "export", document, "--format", "provn", "-o", own],
                       stdout=out, check=True)
    expect(log.read_text("utf-8").startswith("first\ndocument"), log.read_text("utf-8")[:100])
    expect(own.is_symlink(), "the name of the output is gone")
    full = case.folder / "full"
    try:
        os.mknod(full, stat.S_IFCHR | 0o600, os.makedev(1, 7))
    except PermissionError as reason:
        raise Skipped("only root makes devices") from reason
    for words in (["prov", "export", document, "--format", "svg", "-o", full],
                  [*dl2_words(night, case.folder / "out"), "--report", full]):
        case.run(*words).ends("resource").complains(full, "space")
        expect(stat.S_ISCHR(full.stat().st_mode), "the device is gone")
    product = case.folder / "out" / night.product("DL2", 0).name
    product.unlink()
    full.rename(product)
    case.run(*dl2_words(night, case.folder / "out")).ends("resource").complains("character device")
    expect(stat.S_ISCHR(product.stat().st_mode), "the device is gone")


def case_closed_standard_files(case):
    """Log lines do not land in files that were opened in place of what the caller had closed."""
    night = case.simulated()
    night.process().ends("done")
    output = case.folder / "out"
    words = " ".join(f"'{word}'" for word in [case.alisio, *dl2_words(night, output), "--timings"])
    for closed in ("2>&-", "<&- 2>&-"):
        said = subprocess.run(["bash", "-c", f"{words} {closed}"], stdout=subprocess.DEVNULL, check=False)
        expect(said.returncode == 0, f"{said}")
    said = subprocess.run(["bash", "-c", f"{words} >&-"], stderr=subprocess.PIPE, text=True, check=False)
    expect(said.returncode == 6 and "output could be written" in said.stderr, f"{said}")
    for journal in (output / "log").rglob("*.log"):
        for line in journal.read_text("utf-8").splitlines():
            expect("__PROV__" in line, f"{journal} holds '{line}'")
    case.run("show", one_file(output, "dl2_*.h5")).ends("done")


def case_notes_go_into_journals(case):
    """Notes are not appended to what is no journal."""
    night = case.simulated()
    night.process().ends("done")
    case.run("prov", "index", "--config", night.config).ends("done")
    product, notes = night.product("DL2", 0), case.folder / "notes.log"
    note = ["prov", "note", product, "odd", "--config", night.config, "--notes"]
    for _ in range(2):
        case.run(*note, notes).ends("done")
    for other in (night.config, product):
        before = other.read_bytes()
        case.run(*note, other).ends("usage").complains(other, "no journal")
        expect(other.read_bytes() == before, f"a note was appended to {other}")


def case_numbers_out_of_range(case):
    """A number that means nothing is refused, not left out."""
    document = case.folder / "x_prov.json"
    document.write_text("{}", "utf-8")
    out = case.folder / "x.svg"
    for words in (["prov", "find", "--run", "-1"], ["prov", "find", "--subrun", "-7"],
                  ["prov", "graph", document, "-o", out, "--nodes", "-1"],
                  ["prov", "graph", document, "-o", out, "--width", "-5"], ["web", "--nodes", "-1"],
                  ["simulate", "--output", case.folder / "sim", "--seed", "-1"],
                  ["simulate", "--output", case.folder / "sim", "--threads", "-2"]):
        case.run(*words, timeout=20).ends("usage").complains(words[-2])


def case_notes_on_unknown_ports(case):
    night = case.simulated()
    night.process().ends("done")
    case.run(*dl2_words(night, case.folder / "out"), "--note", "nope=x").ends("usage").complains(
        "nope", "dl1_subrun", "models"
    )


def case_commands_of_impact_are_quoted(case):
    night = case.simulated()
    night.process().ends("done")
    odd = case.folder / "an odd; folder"
    odd.mkdir()
    config = odd / "alisio.yaml"
    text = night.config.read_text("utf-8").replace("products: .", f"products: {night.folder}")
    config.write_text(text.replace("state: state", f"state: {night.folder}/state"), "utf-8")
    case.run("prov", "index", "--config", config).ends("done")
    said = case.run("prov", "impact", "--run", night.run_number, "--as", "commands", "--config", config)
    said.ends("done").says(f"--config '{config}'")


def case_merge_of_another_night(case):
    """Files of a night are not merged under the date of another."""
    night = case.simulated()
    night.process().ends("done")
    folder = night.product("DL1", 0).parent
    for given in (["--input-dir", folder], ["--input", one_file(folder, f"muons_*{night.run_number:05d}.fits")]):
        case.run("merge", *given, "--night", "20240116", "--output-dir", case.folder / "out").ends(
            "usage").complains(DATE, "20240116")
    case.run("merge", "--input-dir", folder, "--night", DATE, "--output-dir", case.folder / "out").ends("done")


def case_configuration_that_is_no_file(case):
    """What never ends is not read, what never begins is not waited for."""
    pipe = case.folder / "pipe"
    os.mkfifo(pipe)
    for odd in (pipe, "/dev/zero"):
        case.run("config", "--config", odd, timeout=20).ends("configuration").complains(odd, "name a file")

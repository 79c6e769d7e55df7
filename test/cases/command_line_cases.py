"""The command line: help, version, and mistakes that people make."""

import subprocess
from pathlib import Path

from harness import DATE, expect

COMMANDS = ("simulate", "r0-to-dl1", "dl1-to-dl2", "night", "prov", "show", "config")


def case_help_everywhere(case):
    overview = case.run("--help").ends("done")
    for command in COMMANDS:
        overview.says(command)
        said = case.run(command, "--help").ends("done")
        expect("Usage: alisio " + command in said.out, f"no usage line:\n{said}")
    case.run("--version").ends("done").says("alisio", "(")


def case_output_that_is_not_taken(case):
    """Half an answer is no answer, unless the reader wanted no more."""
    if not Path("/dev/full").exists():
        return
    with open("/dev/full", "wb") as full:
        said = subprocess.run([case.alisio, "config"], stdout=full, stderr=subprocess.PIPE,
                              text=True, check=False)
    expect(said.returncode == 6 and "output could be written" in said.stderr, f"{said}")
    words = f"{case.alisio} config --help-keys | head -n 1; echo ${{PIPESTATUS[0]}}"
    said = subprocess.run(["bash", "-c", words], capture_output=True, text=True, check=False)
    expect(said.stdout.endswith("\n0\n") and not said.stderr, f"{said}")


def case_unknown_command(case):
    case.run("nigth").ends("usage").complains("nigth", "night")


def case_unknown_option(case):
    said = case.run("r0-to-dl1", "--ouput-dir", "x").ends("usage")
    said.complains("--ouput-dir", "did you mean '--output-dir'?")
    case.run("night", DATE, "--confg", "x").ends("usage").complains("--config")


def case_missing_option(case):
    case.run("r0-to-dl1").ends("usage").complains("--input")
    case.run("close").ends("usage").complains("date")
    case.run("night", "20241332").ends("usage").complains("20241332")


def case_empty_option(case):
    """An empty shell variable does not mean that the option is left out."""
    for option in ("--redo", "--prod-id", "--config"):
        case.run("reprocess", DATE, option, "").ends("usage").complains(f"{option} is empty")


def case_unknown_config_key(case):
    config = case.folder / "alisio.yaml"
    config.write_text("telescope: 1\ntailcut:\n  picture_tresh: 8\n", "utf-8")
    said = case.run("night", DATE, "--config", config).ends("configuration")
    said.complains(f"{config}:3", "picture_tresh", "picture_thresh")


def case_wrong_config_value(case):
    config = case.folder / "alisio.yaml"
    config.write_text("tailcut:\n  picture_thresh: eight\n", "utf-8")
    said = case.run("night", DATE, "--config", config).ends("configuration")
    said.complains(f"{config}:2", "picture_thresh")
    for key, value in (("filters", "a/b"), ("filters", "..")):
        config.write_text(f"camera_calibration:\n  {key}: {value}\n", "utf-8")
        said = case.run("night", DATE, "--config", config).ends("configuration")
        said.complains(f"{config}:2", key)
    config.write_text("closing:\n  gates: require\n  allowed_missing_subruns: 120 %\n", "utf-8")
    for command in (("config",), ("night", DATE), ("status", DATE)):
        said = case.run(*command, "--config", config).ends("configuration")
        said.complains(f"{config}:3", "allowed_missing_subruns", "120 %")
    said = case.run("doctor", "--config", config).ends("incomplete")
    said.says("fail  configuration", f"{config}:3", "allowed_missing_subruns")
    config.write_text("steps:\n  data_check: false\ngates:\n  on_failure: stop\n", "utf-8")
    said = case.run("night", DATE, "--config", config).ends("configuration")
    said.complains("gates.on_failure", "data_check")


def case_printed_config_loads_again(case):
    """What config prints is a configuration file."""
    first = case.run("config", "--set", "clean.logs_days=.inf").ends("done").out
    printed = case.folder / "printed.yaml"
    printed.write_text(first, "utf-8")
    again = case.run("config", "--config", printed).ends("done").out
    expect(again == first, f"another configuration:\n{again}")
    case.run("config", "--help-keys").ends("done").says("default {intensity: [0.0, .inf]")


def case_unreadable_config(case):
    broken = case.folder / "broken.yaml"
    broken.write_text("tailcut: [8, 4\nnight:\n", "utf-8")
    case.run("night", DATE, "--config", broken).ends("configuration").complains(broken)
    missing = case.folder / "missing.yaml"
    said = case.run("night", DATE, "--config", missing)
    expect(said.code in (3, 4), f"expected exit code 3 or 4:\n{said}")
    said.complains(missing)
    folder = case.folder / "folder.yaml"
    folder.mkdir()
    said = case.run("night", DATE, "--config", folder)
    expect(said.code in (3, 4), f"expected exit code 3 or 4:\n{said}")
    said.complains(folder)

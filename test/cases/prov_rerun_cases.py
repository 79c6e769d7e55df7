"""Products are made again from their records, and compared."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

from harness import DATE, Night, expect, flip_byte, one_file, replace_file

MODELS = Path(__file__).resolve().parents[2] / "cfg/models/simulated.forest"


def rerun(case, night, product, *words):
    return case.run("prov", "rerun", product, "--config", night.config, *words)


def made_again(case, night, product, folder):
    # A build with uncommitted changes is another program, as far as records can tell.
    outcome = rerun(case, night, product, "--execute", "--into", case.folder / folder,
                    "--accept-changes", "--json").ends("done")
    return {result["role"]: result for result in json.loads(outcome.out)["results"]}


def case_products_are_made_again(case):
    """DL1 with muons and checks, DL2, cleaning levels and merges come out equal."""
    night = case.simulated(events=60)
    night.process().ends("done")
    case.run("prov", "index", "--config", night.config).ends("done")
    before = night.state_of_products()
    merged = one_file(night.folder / "DL2", f"dl2_LST-1.Run{night.run_number:05d}.h5")
    for name, product in (("dl1", night.product("DL1", 0)), ("dl2", night.product("DL2", 1)),
                          ("merged", merged)):
        results = made_again(case, night, product, name)
        expect(results and all(one["status"] == "equal" for one in results.values()),
               f"{product.name}: {results}")
        expect(all(one["compared"] == "data hash" for one in results.values()), f"by: {results}")
    expect(len(made_again(case, night, night.product("DL1", 0), "dl1_again")) >= 3,
           "muons and checks were not made again")
    after = night.state_of_products()
    expect(after == before, f"touched: {[path for path in before if after.get(path) != before[path]]}")


def case_rerun_takes_the_recorded_configuration(case):
    """A configuration file that changed since is not believed: the recorded settings are."""
    night = case.simulated()
    recorded = night.config.read_bytes()
    replace_file(night.config, recorded + b"tailcut: {picture_thresh: 7.5}\n")
    night.process().ends("done")
    case.run("prov", "index", "--config", night.config).ends("done")
    replace_file(night.config, recorded + b"tailcut: {picture_thresh: 9.0}\n")
    for kept in (night.folder / "state/jobs").rglob("configuration_*.yaml"):
        replace_file(kept, night.config.read_bytes())
    results = made_again(case, night, night.product("DL1", 0), "again")
    expect(all(one["status"] == "equal" for one in results.values()), f"{results}")
    expect((case.folder / "again/alisio.yaml").exists(), "the recorded settings are not there")


def case_rerun_knows_where_commands_write(case):
    """Options that name places of products are those that `prov rerun` leads elsewhere."""
    text = case.run("--help").ends("done").out
    commands = re.findall(r"^  ([a-z][a-z0-9-]+) ", text, re.MULTILINE)
    expect("r0-to-dl1" in commands and "merge" in commands, f"commands: {commands}")
    places = set()
    for command in commands:
        places |= set(re.findall(r"--([a-z0-9-]*(?:output|journal)-dir)\b",
                                 case.run(command, "--help").out))
    expect(places == {"output-dir", "dl2-output-dir", "journal-dir"}, f"places: {places}")


def case_rerun_refuses(case):
    """Changed and missing inputs, folders that hold something, and what nobody made."""
    night = case.simulated()
    night.process().ends("done")
    case.run("prov", "index", "--config", night.config).ends("done")
    dl1, dl2 = night.product("DL1", 0), night.product("DL2", 0)
    rerun(case, night, dl2, "--execute").ends("usage").complains("--into")
    rerun(case, night, dl2, "--execute", "--into", dl2.parent).ends("usage").complains("not empty")
    rerun(case, night, night.raw(1, 0)).ends("incomplete").complains(night.raw(1, 0).name)
    alone = case.folder / "alone"
    case.run("dl1-to-dl2", "--input", dl1, "--models", MODELS, "--output-dir", alone, "--config",
             night.config).ends("done")
    of_dl1 = (alone / dl2.name, "--journals", alone / "log")
    rerun(case, night, *of_dl1).ends("done").says("same", dl1.name)
    flip_byte(dl1, dl1.stat().st_size // 2)
    outcome = rerun(case, night, *of_dl1, "--execute", "--into", case.folder / "changed")
    outcome.ends("incomplete").complains(dl1.name, "changed")
    dl1.unlink()
    rerun(case, night, *of_dl1).ends("incomplete").says("missing", dl1.name)
    outcome = rerun(case, night, *of_dl1, "--execute", "--into", case.folder / "missing",
                    "--accept-changes")
    outcome.ends("incomplete").complains(dl1.name, "missing")


def case_rerun_looks_at_all_that_the_command_reads(case):
    """DL2 that was made in one pass with DL1 needs the raw data and the constants, and no DL1."""
    night = case.simulated(events=60)
    night.process().ends("done")
    case.run("prov", "index", "--config", night.config).ends("done")
    dl1, dl2 = night.product("DL1", 0), night.product("DL2", 0)
    constants = one_file(night.folder / "monitoring", "calibration_filters*.h5")
    drive_log = one_file(night.folder / "monitoring", "DrivePosition_log_*.txt")
    plan = json.loads(rerun(case, night, dl2, "--json").ends("done").out)
    named = {Path(one["path"]).name: one["state"] for one in plan["inputs"]}
    expect(named.pop(dl1.name) == "made again", f"{plan['inputs']}")
    expect({night.raw(stream, 0).name for stream in range(1, 5)} | {constants.name, drive_log.name}
           <= {name for name, state in named.items() if state == "same"}, f"{named}")

    raw = night.raw(3, 0)
    raw.rename(case.folder / raw.name)
    for product in (dl1, dl2):
        rerun(case, night, product).ends("incomplete").says("in the way", raw.name, "missing")
    rerun(case, night, dl2, "--execute", "--into", case.folder / "no_raw", "--accept-changes").ends(
        "incomplete").complains("cannot be made again", raw.name)
    (case.folder / raw.name).rename(raw)

    recorded = constants.read_bytes()
    flip_byte(constants, len(recorded) // 2)
    rerun(case, night, dl2, "--execute", "--into", case.folder / "changed").ends(
        "incomplete").complains("would not be made as it was", constants.name)
    replace_file(constants, recorded)

    dl1.unlink()
    rerun(case, night, dl2).ends("done").says("again", dl1.name)
    results = made_again(case, night, dl2, "no_dl1")
    expect(results and all(one["status"] == "equal" for one in results.values()), f"{results}")


def case_rerun_in_a_tree_that_moved(case):
    """The command reads its inputs where they stand now, with the settings of all that it makes."""
    night = case.simulated(events=60)
    replace_file(night.config, night.config.read_bytes() + b"tailcut: {picture_thresh: 7.5}\n")
    night.process().ends("done")
    old = str(night.folder.resolve())
    moved = Night(case, night.folder.rename(case.folder / "moved"))
    replace_file(moved.config,
                 moved.config.read_bytes() + f"provenance: {{moved_from: ['{old}']}}\n".encode())
    case.run("prov", "index", "--rebuild", "--config", moved.config).ends("done")
    merged = one_file(moved.folder / "DL2", f"dl2_LST-1.Run{moved.run_number:05d}.h5")
    plan = json.loads(rerun(case, moved, moved.product("DL2", 0), "--json").ends("done").out)
    expect(not any(old in word for word in plan["command"]), f"the old place: {plan['command']}")
    for name, product in (("dl2", moved.product("DL2", 0)), ("merged", merged)):
        results = made_again(case, moved, product, name)
        expect(results and all(one["status"] == "equal" for one in results.values()), f"{results}")
    for kept in (moved.folder / "state/jobs").rglob("configuration_*.yaml"):
        kept.unlink()
    results = made_again(case, moved, moved.product("DL2", 0), "recorded_settings")
    expect(results and all(one["status"] == "equal" for one in results.values()), f"{results}")
    expect((case.folder / "recorded_settings/alisio.yaml").exists(), "the settings are not there")


def case_rerun_in_an_archive(case):
    """What an archive holds the inputs of is made again there; of the rest it is told what lacks."""
    night = case.simulated(events=60)
    night.process().ends("done")
    case.run("close", DATE, "--config", night.config).ends("done")
    to = case.folder / "archive"
    case.run("archive", DATE, "--to", to, "--config", night.config).ends("done")
    raw = night.raw(1, 0)
    night.folder.rename(case.folder / "gone")
    archived = SimpleNamespace(config=to / "archive.yaml")
    case.run("prov", "index", "--config", archived.config).ends("done")
    merged = one_file(to / "DL2", f"dl2_LST-1.Run{night.run_number:05d}.h5")
    results = made_again(case, archived, merged, "merged")
    expect(results and all(one["status"] == "equal" for one in results.values()), f"{results}")
    rerun(case, archived, one_file(to / "DL2", "dl2_*.0000.h5")).ends("incomplete").says(
        "in the way", raw.name, "missing")


def case_rerun_tells_what_cannot_be_placed(case):
    """A path of the command that no record explains is told, and nothing is promised."""
    night = case.simulated()
    night.process().ends("done")
    for journal in (night.folder / "DL1").rglob("log/journal/**/*.log"):
        lines = journal.read_text("utf-8").splitlines(keepends=True)
        replace_file(journal, "".join(
            line for line in lines if "r0_to_dl1:" not in line).encode("utf-8"))
    case.run("prov", "index", "--rebuild", "--config", night.config).ends("done")
    dl2, raw = night.product("DL2", 0), night.raw(1, 0)
    rerun(case, night, dl2).ends("done").says(f"changed: the command reads {raw}")
    raw.unlink()
    rerun(case, night, dl2).ends("incomplete").says(f"in the way: the command names {raw}")

"""Products are made again from their records, and compared."""

import json
import re

from harness import expect, flip_byte, one_file, replace_file


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
    rerun(case, night, dl2).ends("done").says("same", dl1.name)
    flip_byte(dl1, dl1.stat().st_size // 2)
    outcome = rerun(case, night, dl2, "--execute", "--into", case.folder / "changed")
    outcome.ends("incomplete").complains(dl1.name, "changed")
    dl1.unlink()
    rerun(case, night, dl2).ends("incomplete").says("missing", dl1.name)
    outcome = rerun(case, night, dl2, "--execute", "--into", case.folder / "missing",
                    "--accept-changes")
    outcome.ends("incomplete").complains(dl1.name, "missing")

"""drs4-pedestal and time-calibration: what they make of simulated runs, and of bad input."""

import json
import os
import re
import shutil

from harness import (
    DATE,
    changed,
    data_hashes,
    expect,
    expect_no_fragments,
    one_file,
    replace_file,
    unit_named,
)

PEDESTAL_RUN, CALIBRATION_RUN = 11218, 11219
RUN_OF = {"drs4-pedestal": PEDESTAL_RUN, "time-calibration": CALIBRATION_RUN}
PRODUCT_OF = {
    "drs4-pedestal": f"drs4_pedestal.Run{PEDESTAL_RUN}.0000.h5",
    "time-calibration": f"time_calibration.Run{CALIBRATION_RUN}.0000.h5",
}


def words_of(case, night, command, output):
    """Return the arguments of a command; the time calibration gets a pedestal made before."""
    words = [command, "--input", night.raw(1, 0, RUN_OF[command]), "--output-dir", output]
    if command == "drs4-pedestal":
        return words
    made = case.folder / "made"
    pedestal = made / PRODUCT_OF["drs4-pedestal"]
    if not pedestal.exists():
        case.run(*words_of(case, night, "drs4-pedestal", made)).ends("done")
    return [*words, "--drs4-pedestal", pedestal]


def refuse(case, words, reason, *told):
    """Expect one clear line, the exit code, and nothing left behind."""
    output = words[words.index("--output-dir") + 1]
    case.run(*words).ends(reason).complains(*told)
    if output.is_dir():
        expect(not list(output.glob("*.h5")), f"a failed job left {list(output.glob('*.h5'))}")
        expect_no_fragments(output)


def copy_of_run(case, night, run, name):
    """Return stream 1 of a copy of a run in a folder of its own, free to be damaged."""
    folder = case.folder / name
    folder.mkdir()
    for stream in range(1, 5):
        shutil.copy(night.raw(stream, 0, run), folder)
    return folder / night.raw(1, 0, run).name


def drop_events(path):
    """Make the table of events empty."""
    content = path.read_bytes()
    start, data, _, _ = unit_named(content, "Events")
    header = content[start:data]
    for key in (b"NAXIS2  ", b"ZNAXIS2 "):
        header = re.sub(rb"(?<=%b= )( *\d+)" % key, lambda m: b"0".rjust(len(m[0])), header)
    replace_file(path, content[:start] + header + content[data:])


def case_constants_of_simulated_runs(case):
    """The product is the same for any number of threads, and says how its gates were passed."""
    night = case.simulated(without_constants=True)
    report = case.folder / "report.json"
    for command, product in PRODUCT_OF.items():
        output = case.folder / "out"
        words = words_of(case, night, command, output)
        case.run(*words, "--report", report).ends("done")
        expect((output / product).exists(), f"no {product}")
        expect_no_fragments(output)
        journal = "".join(path.read_text("utf-8") for path in (output / "log").glob("*.log"))
        expect(product in journal, f"{product} is not in the journal")
        expect('"quality":"' in journal, "the journal holds no verdict of the quality gates")
        hashes = data_hashes(report)
        again = changed(words, "--output-dir", case.folder / "threads")
        case.run(*again, "--threads", 3, "--report", report).ends("done")
        expect(data_hashes(report) == hashes, f"{command}: three threads make another file")


def case_constants_refuse_bad_input(case):
    """Each fault of an input gives one clear line, an exit code and no product."""
    night = case.simulated(without_constants=True)
    output = case.folder / "out"
    for command, run in RUN_OF.items():
        words = words_of(case, night, command, output)
        absent = case.folder / "LST-1.1.Run00001.0000.fits.fz"
        refuse(case, changed(words, "--input", absent), "missing input", absent.name)
        product = next((night.folder / "monitoring").rglob("DrivePosition*.txt"))
        named = case.folder / f"LST-1.1.Run00002.{run % 10:04d}.fits.fz"
        shutil.copy(product, named)
        refuse(case, changed(words, "--input", named), "bad input", named.name)
        cut = copy_of_run(case, night, run, f"cut-{command}")
        os.truncate(cut, cut.stat().st_size // 2)
        refuse(case, changed(words, "--input", cut), "bad input", cut.name)
        empty = copy_of_run(case, night, run, f"empty-{command}")
        for stream in range(1, 5):
            drop_events(empty.with_name(empty.name.replace("LST-1.1", f"LST-1.{stream}")))
        refuse(case, changed(words, "--input", empty), "bad input", empty.name)
        refuse(case, [*words, "--max-events", 0], "usage", "--max-events")
        case.run(*words, "--threads", 0).ends("usage").says("--threads must be")


def case_constants_refuse_the_wrong_run(case):
    """A flat-field run shows no baseline, random triggers show no delays."""
    night = case.simulated(without_constants=True)
    output = case.folder / "out"
    pedestal = words_of(case, night, "drs4-pedestal", output)
    flatfield = night.raw(1, 0, CALIBRATION_RUN)
    refuse(case, changed(pedestal, "--input", flatfield), "bad input", "flat-fields", flatfield.name)
    time = words_of(case, night, "time-calibration", output)
    random = night.raw(1, 0, PEDESTAL_RUN)
    refuse(case, changed(time, "--input", random), "bad input", "flat-field", random.name)
    wrong = night.config
    refuse(case, changed(time, "--drs4-pedestal", wrong), "bad input", wrong.name)
    absent = case.folder / "none.h5"
    refuse(case, changed(time, "--drs4-pedestal", absent), "missing input", absent.name)
    without = [word for word in time if word != "--drs4-pedestal"][:-1]
    refuse(case, without, "usage", "--drs4-pedestal")


def case_constants_need_a_place_to_go(case):
    """A file in place of the output folder is refused, and stays."""
    night = case.simulated(without_constants=True)
    blocked = case.folder / "a-file"
    blocked.write_text("no folder", encoding="utf-8")
    for command in RUN_OF:
        words = words_of(case, night, command, blocked / "out")
        said = case.run(*words).ends("resource")
        said.complains("a-file")
        expect(blocked.read_text("utf-8") == "no folder", "the file in the way was changed")


def case_constants_of_dead_pixels(case):
    """Missing modules and few events are warned of and flagged; the product is there."""
    night = case.simulated(
        without_constants=True,
        fault=[f"{PEDESTAL_RUN}=missing-modules", f"{CALIBRATION_RUN}=missing-modules"],
    )
    output = case.folder / "out"
    said = case.run(*words_of(case, night, "drs4-pedestal", output)).ends("done")
    said.says("channels have no data")
    said = case.run(*words_of(case, night, "time-calibration", output)).ends("done")
    said.says("channels have no pulse")
    short = case.folder / "short"
    words = words_of(case, night, "drs4-pedestal", short)
    said = case.run(*words, "--max-events", 20).ends("done")
    said.says("capacitors were never read out", "quality gates failed", "empty_capacitors")
    words = words_of(case, night, "time-calibration", short)
    case.run(*words, "--max-events", 20).ends("done").says("quality gates failed")
    for product in PRODUCT_OF.values():
        expect((short / product).exists(), f"no {product}")


def case_constants_of_a_night_read_whole_runs(case):
    """As by hand with --all-subruns; subruns that come later are taken in."""
    night = case.simulated(
        without_constants=True, subruns=1, calibration_subruns=2, calibration_events=500
    )
    made = {
        "camera-calibration": f"calibration/{DATE}/v*/*.h5",
        "time-calibration": f"drs4_time_sampling_from_FF/{DATE}/v*/*.h5",
        "drs4-pedestal": f"drs4_baseline/{DATE}/v*/*.h5",
    }

    def product(name):
        (found,) = (night.folder / "monitoring/PixelCalibration/Cat-A").glob(made[name])
        return found

    def data_hash(file):
        said = case.run("prov", "show", file, "--json", "--config", night.config).ends("done")
        return json.loads(said.out)["file"]["data_hash"]

    second = [night.raw(stream, 1, CALIBRATION_RUN) for stream in range(1, 5)]
    for file in second:
        file.rename(case.folder / file.name)
    night.process().ends("done")
    first = data_hash(product("camera-calibration"))
    for file in second:
        (case.folder / file.name).rename(file)
    said = night.process("--dry-run", "--plan").ends("done")
    night.process().ends("done")
    told = json.loads(case.run("show", "--json", product("camera-calibration")).ends("done").out)
    raw = {item["file"] for item in told["made_by"]["inputs"] if item["role"] == "Raw run"}
    expect(len(raw) == 8, f"the run was not read whole: {raw}\n{said}")
    expect(data_hash(product("camera-calibration")) != first, "nothing was made again")
    by_hand = case.folder / "by_hand"
    common = ["--input", night.raw(1, 0, CALIBRATION_RUN), "--output-dir", by_hand, "--all-subruns",
              "--drs4-pedestal", product("drs4-pedestal"),
              "--run-summary", one_file(night.folder / "monitoring/RunSummary", "*.ecsv")]  # fmt: skip
    report = case.folder / "report.json"
    times = ("--time-calibration", product("time-calibration"))
    for name, more in (("time-calibration", ()), ("camera-calibration", times)):
        case.run(name, *common, *more, "--config", night.config, "--report", report).ends("done")
        ours = {product(name).name: data_hash(product(name))}
        expect(data_hashes(report) == ours, f"by hand {data_hashes(report)}, the night {ours}")

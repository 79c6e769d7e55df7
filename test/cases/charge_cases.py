"""camera-calibration and cat-b: what they make of simulated runs, and of bad input."""

import os
import re
import shutil

from harness import changed, data_hashes, expect, expect_no_fragments

SKIP = "camera_calibration.CalibrationHDF5Writer.events_to_skip"
RUN = 11219


def words_of(case, night, output, skip=0):
    """Return the arguments of camera-calibration for the night's calibration run."""
    constants = case.simulated_constants
    return [
        "camera-calibration", "--input", night.raw(1, 0, RUN), "--output-dir", output,
        "--drs4-pedestal", constants["drs4_pedestal"],
        "--time-calibration", constants["time_calibration"],
        "--set", f"{SKIP}={skip}",
    ]  # fmt: skip


def prepared(case, **options):
    """Return a night with raw calibration runs; its DRS4 constants are made by the program."""
    night = case.simulated(without_constants=True, **options)
    folder = case.folder / "made"
    case.run(
        "drs4-pedestal", "--input", night.raw(1, 0, 11218), "--output-dir", folder
    ).ends("done")
    pedestal = next(folder.glob("drs4_pedestal.*.h5"))
    case.run(
        "time-calibration", "--input", night.raw(1, 0, RUN), "--output-dir", folder,
        "--drs4-pedestal", pedestal,
    ).ends("done")  # fmt: skip
    case.simulated_constants = {
        "drs4_pedestal": pedestal,
        "time_calibration": next(folder.glob("time_calibration.*.h5")),
    }
    return night


def product(folder):
    return folder / f"calibration_filters_52.Run{RUN}.0000.h5"


def refuse(case, words, reason, *told):
    output = words[words.index("--output-dir") + 1]
    case.run(*words).ends(reason).complains(*told)
    if output.exists() and output.is_dir():
        expect(not list(output.glob("*.h5")), "a failed job left a product")
        expect_no_fragments(output)


def case_charge_calibration_of_a_simulated_run(case):
    """The product is the same for any number of threads; a short run is warned of."""
    night = prepared(case)
    output = case.folder / "out"
    words = words_of(case, night, output)
    report = case.folder / "report.json"
    said = case.run(*words, "--report", report).ends("done")
    said.says("were asked for; they give the constants")
    expect(product(output).exists(), "no product")
    hashes = data_hashes(report)
    again = case.folder / "threads"
    case.run(*changed(words, "--output-dir", again), "--threads", 3, "--report", report).ends("done")
    expect(data_hashes(report) == hashes, "three threads make another file than one")
    # Of a run shorter than what is usually skipped, a tenth is, but a number that is said counts.
    brief = case.folder / "brief"
    case.run(*words_of(case, night, brief, skip="null")).ends("done").says("a short run", "left out")
    expect(product(brief).exists(), "no product of a short run")
    refuse(case, words_of(case, night, case.folder / "none", skip=10**6), "bad input")
    # DL1 is made with it.
    dl1 = case.folder / "dl1"
    constants = case.simulated_constants
    case.run(
        "r0-to-dl1", "--input", night.raw(1, 0), "--output-dir", dl1, "--interleaved",
        "--drs4-pedestal", constants["drs4_pedestal"], "--calibration", product(output),
        "--time-calibration", constants["time_calibration"],
    ).ends("done")  # fmt: skip
    expect(len(list(dl1.glob("dl1_*.h5"))) == 1, "no DL1")
    expect(len(list(dl1.glob("interleaved/interleaved_LST-1.*.h5"))) == 1, "no interleaved events")
    expect_no_fragments(dl1)


def case_charge_calibration_refuses_bad_input(case):
    """Each fault gives one clear line, an exit code and no product."""
    night = prepared(case)
    output = case.folder / "out"
    words = words_of(case, night, output)
    absent = case.folder / "LST-1.1.Run00001.0000.fits.fz"
    refuse(case, changed(words, "--input", absent), "missing input", absent.name)
    refuse(case, changed(words, "--drs4-pedestal", absent), "missing input", absent.name)
    wrong = case.simulated_constants["time_calibration"]
    refuse(case, changed(words, "--drs4-pedestal", wrong), "bad input", wrong.name)
    # The run of random triggers has neither flat-fields nor pedestals.
    pedestals = night.raw(1, 0, 11218)
    refuse(case, changed(words, "--input", pedestals), "bad input", "0 flat-field", pedestals.name)
    cut = case.folder / night.raw(1, 0, RUN).name
    for stream in range(1, 5):
        shutil.copy(night.raw(stream, 0, RUN), case.folder)
    os.truncate(cut, cut.stat().st_size // 2)
    refuse(case, changed(words, "--input", cut), "bad input", cut.name)
    refuse(
        case, [*words, "--ffactor-systematics", wrong], "bad input", "B_term", wrong.name
    )
    blocked = case.folder / "a-file"
    blocked.write_text("no folder", encoding="utf-8")
    said = case.run(*changed(words, "--output-dir", blocked / "out"))
    expect(said.code != 0, f"a file is no folder:\n{said}")


def case_cat_b_of_a_simulated_run(case):
    """Rows as samples fill; a run that fills none gives one row, with a warning."""
    night = case.simulated(events=120)
    output = case.folder / "DL1"
    for subrun in range(2):
        case.run(*night.stage_words(output, subrun), "--interleaved").ends("done")
    files = sorted(output.glob("interleaved/interleaved_LST-1.*.h5"))
    expect(len(files) == 2, f"interleaved files: {files}")
    words = night.stage_words(output)
    calibration = words[words.index("--calibration") + 1]
    folder = case.folder / "Cat-B"
    words = ["cat-b", "--input", *files, "--calibration", calibration, "--output-dir", folder]
    case.run(*words).ends("done").says("they give the constants", "1 row of")
    name = f"cat_B_calibration_filters_52.Run{night.run_number:05d}.h5"
    expect((folder / name).exists(), "no product")
    small = []
    for block in ("PedestalIntegrator", "FlasherFlatFieldCalculator"):
        small += ["--set", f"cat_b.{block}.sample_size=2"]
    said = case.run(*words, *small).ends("done")
    rows = int(re.search(r"(\d+) rows of Cat-B", said.out + said.err)[1])
    expect(rows > 1, f"{rows} rows")

    bad = case.folder / "bad"
    words = changed(words, "--output-dir", bad)
    refuse(case, changed(words, "--input", case.folder / files[0].name), "missing input", "Run")
    dl1 = next(output.glob("dl1_*.h5"))
    refuse(case, ["cat-b", "--input", dl1, *words[4:]], "bad input", dl1.name)
    refuse(case, ["cat-b", "--input", files[0], files[0], *words[4:]], "bad input", "twice")
    other = case.folder / files[1].name.replace(f"{night.run_number:05d}", "00077")
    shutil.copy(files[1], other)
    refuse(case, ["cat-b", "--input", files[0], other, *words[4:]], "bad input", "one run")
    cut = case.folder / files[0].name
    shutil.copy(files[0], cut)
    os.truncate(cut, cut.stat().st_size // 2)
    refuse(case, ["cat-b", "--input", cut, *words[4:]], "bad input", cut.name)

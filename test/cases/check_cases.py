"""check-dl1, and the data check in the passes of r0-to-dl1 and dl1ab: one result, and bad input."""

from harness import changed, data_hashes, expect, expect_no_fragments

EVENTS = 120


def check_of(case, dl1, output, *words):
    """Run check-dl1 and return the data hash of its product."""
    report = case.folder / "check.json"
    case.run("check-dl1", "--input", dl1, "--output-dir", output, *words, "--report", report).ends(
        "done"
    )
    (name,) = data_hashes(report)
    expect(name == dl1.name.replace("dl1_", "datacheck_dl1_"), f"product: {name}")
    return data_hashes(report)[name]


def checks_in(report):
    return [v for name, v in data_hashes(report).items() if name.startswith("datacheck_dl1_")]


def case_data_check_in_the_pass_and_after_it(case):
    """r0-to-dl1, dl1ab and check-dl1 make the same check of the same events, with any threads."""
    night = case.simulated(events=EVENTS)
    made, report = case.folder / "DL1", case.folder / "report.json"
    words = night.stage_words(made)
    case.run(*words, "--report", report).ends("done")
    (in_pass,) = checks_in(report)
    dl1 = next(made.glob("dl1_*.h5"))
    expect(check_of(case, dl1, case.folder / "one") == in_pass, "check-dl1 differs from the pass")
    same = check_of(case, dl1, case.folder / "three", "--threads", 3)
    expect(same == in_pass, "three threads make another check than one")
    case.run(*changed(words, "--output-dir", case.folder / "two"), "--threads", 3,
             "--report", report).ends("done")
    expect(checks_in(report) == [in_pass], "r0-to-dl1 with three threads makes another check")
    without = check_of(case, dl1, case.folder / "ringless", "--muons-dir", case.folder)
    expect(without != in_pass, "the muon rings are not in the check")

    again = case.folder / "dl1ab"
    case.run("dl1ab", "--input", dl1, "--output-dir", again, "--no-pedestal-cleaning", "--set",
             "tailcut.picture_thresh=12", "--report", report).ends("done")
    (after_dl1ab,) = checks_in(report)
    expect(after_dl1ab != without, "another cleaning makes the same check")
    same = check_of(case, again / dl1.name, case.folder / "four")
    expect(same == after_dl1ab, "check-dl1 differs from the pass of dl1ab")

    bare = case.folder / "bare"
    case.run(*changed(words, "--output-dir", bare), "--no-data-check").ends("done")
    expect(not list(bare.glob("datacheck*")), "a check though there should be none")
    case.run("dl1ab", "--input", dl1, "--output-dir", bare / "b", "--no-data-check").ends("done")
    expect(not list(bare.glob("b/datacheck*")), "a check of dl1ab though there should be none")


def case_check_dl1_of_several_subruns(case):
    """Several inputs are several activities; one that fails is told and leaves nothing."""
    night = case.simulated(events=40)
    made = case.folder / "DL1"
    for subrun in (0, 1):
        case.run(*night.stage_words(made, subrun), "--no-data-check", "--no-muons").ends("done")
    files = sorted(made.glob("dl1_*.h5"))
    output = case.folder / "checks"
    case.run("check-dl1", "--input", *files, "--output-dir", output).ends("done")
    names = [path.name for path in sorted(output.glob("*.h5"))]
    expect(names == ["datacheck_" + path.name for path in files], f"checks: {names}")

    files[0].write_bytes(files[0].read_bytes()[:100_000])
    case.run("check-dl1", "--input", *files, "--output-dir", case.folder / "part").ends(
        "bad input").complains(files[0])
    left = [path.name for path in sorted((case.folder / "part").glob("*.h5"))]
    expect(left == names[1:], f"checks beside a damaged file: {left}")
    expect_no_fragments(case.folder / "part")


def case_dead_pixels_are_unusable(case):
    """Pixels that died after the calibration run fail the gate, in the pass and after it."""
    # As many events as a mean flat-field charge of each pixel needs.
    night = case.simulated(events=EVENTS, fault=["11220=dead-pixels"])
    made = case.folder / "DL1"
    case.run(*night.stage_words(made)).ends("done").says("unusable_pixels 0.", "at most 0.1")
    dl1 = next(made.glob("dl1_*.h5"))
    again = case.folder / "again"
    case.run("check-dl1", "--input", dl1, "--output-dir", again).ends("done").says(
        "unusable_pixels 0.", "at most 0.1")
    case.run("dl1ab", "--input", dl1, "--output-dir", case.folder / "dl1ab").ends("done").says(
        "unusable_pixels 0.", "at most 0.1")


def case_check_dl1_refuses(case):
    """No images, no DL1, nothing, the same subrun twice: one line, and no product."""
    night = case.simulated(events=40)
    made, output = case.folder / "DL1", case.folder / "out"
    case.run(*night.stage_words(made)).ends("done")
    dl1 = next(made.glob("dl1_*.h5"))
    bare = case.folder / "bare"
    case.run("dl1ab", "--input", dl1, "--output-dir", bare, "--no-image").ends("done")

    def refused(path, reason, *told):
        case.run("check-dl1", "--input", path, "--output-dir", output).ends(reason).complains(*told)
        expect(not list(output.glob("*.h5")), f"a product of {path}")
        if output.exists():
            expect_no_fragments(output)

    refused(bare / dl1.name, "bad input", bare / dl1.name, "no images")
    name = "dl1_LST-1.Run00001.0000.h5"
    (case.folder / name).write_bytes(b"")
    refused(case.folder / name, "bad input", case.folder / name)
    (case.folder / name).write_text("event_id,intensity\n1,2\n")
    refused(case.folder / name, "bad input", case.folder / name)
    constants = next((case.folder / "night").rglob("calibration_filters*.h5"))
    (case.folder / name).write_bytes(constants.read_bytes())
    refused(case.folder / name, "bad input", case.folder / name, "no DL1")
    refused(case.folder / "dl1_LST-1.Run00002.0000.h5", "missing input", "Run00002")
    refused(constants, "bad input", constants.name, "run and subrun")
    case.run("check-dl1", "--input", dl1, bare / dl1.name, "--output-dir", output).ends(
        "usage").complains(dl1.name)
    case.run("check-dl1", "--output-dir", output).ends("usage").complains("--input")
    case.run("check-dl1", "--input", dl1).ends("usage").complains("--output-dir")


def case_check_dl1_dry_run(case):
    """A dry run names the product and makes none; the input need not be there."""
    output, report = case.folder / "out", case.folder / "report.json"
    dl1 = case.folder / "dl1_LST-1.Run11220.0003.h5"
    case.run("check-dl1", "--input", dl1, "--output-dir", output, "--dry-run", "--report",
             report).ends("done")
    expect("datacheck_dl1_LST-1.Run11220.0003.h5" in report.read_text("utf-8"), "not planned")
    expect(not list(output.glob("*.h5")), "a product of a dry run")

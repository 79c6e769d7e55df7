"""dl1ab, find-tailcuts and find-pedestals: what they make of a simulated run, and of bad input."""

import json
import os

from harness import changed, data_hashes, expect, expect_no_fragments

EVENTS = 120


def dl1_of(case, subruns=1):
    """Return DL1 files of a simulated run, with images."""
    night = case.simulated(events=EVENTS)
    output = case.folder / "DL1"
    for subrun in range(subruns):
        case.run(*night.stage_words(output, subrun)).ends("done")
    files = sorted(output.glob("dl1_*.h5"))
    expect(len(files) == subruns, f"DL1 files: {files}")
    return files


def refuse(case, words, reason, *told):
    """Run a command and expect that it ends for this reason and leaves no product."""
    output = words[words.index("--output-dir") + 1]
    before = sorted(output.glob("*.*")) if output.exists() else []
    said = case.run(*words).ends(reason).complains(*told)
    after = sorted(output.glob("*.*")) if output.exists() else []
    expect(before == after, f"products of a failed job: {after}")
    if output.exists():
        expect_no_fragments(output)
    return said


def facts_of(case, path, *words):
    return json.loads(case.run("show", path, "--json", *words).ends("done").out)


def hash_of(case, *words):
    """Run dl1ab and return the data hash of its product."""
    report = case.folder / "report.json"
    case.run("dl1ab", *words, "--report", report).ends("done")
    hashes = [value for name, value in data_hashes(report).items() if name.startswith("dl1_")]
    expect(len(hashes) == 1 and hashes[0], f"hashes: {hashes}")
    return hashes[0]


def case_dl1ab_of_a_run(case):
    """The same options change nothing; others change the parameters; images may be left out."""
    (dl1,) = dl1_of(case)
    plain = case.folder / "plain"
    words = ["--input", dl1, "--output-dir"]
    # The standard chain without pedestals is that of r0-to-dl1: the same parameters come out.
    same = hash_of(case, *words, plain, "--no-pedestal-cleaning")
    expect(facts_of(case, plain / dl1.name)["events"] == EVENTS, "events were lost")
    columns = lambda path: facts_of(case, path, "--rows", EVENTS)["rows"]  # noqa: E731
    expect(columns(plain / dl1.name) == columns(dl1), "other parameters from the same images")
    # Threads, and a second time, change nothing.
    again = hash_of(case, *words, case.folder / "threads", "--no-pedestal-cleaning", "--threads", 3)
    expect(again == same, "three threads make another file than one")

    strict = ["--no-pedestal-cleaning", "--set", "tailcut.picture_thresh=30"]
    hash_of(case, *words, case.folder / "strict", *strict)
    pairs = zip(columns(case.folder / "strict" / dl1.name), columns(dl1))
    fewer = [a["n_pixels"] < b["n_pixels"] for a, b in pairs if b["n_pixels"] > 0]
    expect(any(fewer), "a higher threshold leaves as many pixels")

    bare = case.folder / "bare"
    hash_of(case, *words, bare, "--no-image", "--no-pedestal-cleaning")
    size = (bare / dl1.name).stat().st_size
    expect(size < dl1.stat().st_size / 3, "the images are still there")
    expect(columns(bare / dl1.name) == columns(dl1), "other parameters without images")
    refuse(case, ["dl1ab", "--input", bare / dl1.name, "--output-dir", case.folder / "no"],
           "bad input", bare / dl1.name, "no images")
    # Of a product of its own it says what it is.
    said = case.run("dl1ab", "--input", plain / dl1.name, "--output-dir", case.folder / "twice")
    said.ends("done").says("already")


def case_dl1ab_takes_the_runs_levels(case):
    """The file of find-tailcuts counts before --set, block by block; lstchain fills its blocks."""
    (dl1,) = dl1_of(case)
    words = ["--input", dl1, "--output-dir"]
    levels = case.folder / "dl1ab_Run11220.json"
    said = {"picture_thresh": 30, "boundary_thresh": 4, "keep_isolated_pixels": False,
            "min_number_picture_neighbors": 2}
    levels.write_text(json.dumps({"tailcut": said, "unknown": 1}), "utf-8")
    plain = ["--no-pedestal-cleaning"]
    by_file = hash_of(case, *words, case.folder / "a", *plain, "--tailcuts", levels,
                      "--set", "tailcut.picture_thresh=20")
    by_key = hash_of(case, *words, case.folder / "b", *plain, "--set", "tailcut.picture_thresh=30",
                     "--set", "tailcut.delta_time=null",
                     "--set", "tailcut.use_only_main_island=true")
    expect(by_file == by_key, "the run's levels were not taken")
    modified = {"tailcut": said, "image_modifier": {"increase_nsb": True}}
    levels.write_text(json.dumps(modified), "utf-8")
    for option in ("--tailcuts", "--config"):
        refuse(case, ["dl1ab", *words, case.folder / "c", *plain, option, levels], "configuration",
               "image_modifier.increase_nsb", "lstchain_dl1ab")
    levels.write_text('{"tailcut": {"picture_tresh": 30}}', "utf-8")
    refuse(case, ["dl1ab", *words, case.folder / "c", "--tailcuts", levels], "configuration",
           "picture_tresh", "picture_thresh")
    levels.write_text('{"tailcut": ', "utf-8")
    refuse(case, ["dl1ab", *words, case.folder / "c", "--tailcuts", levels], "configuration",
           levels.name)
    refuse(case, ["dl1ab", *words, case.folder / "c", "--tailcuts", case.folder / "none.json"],
           "missing input", "none.json")


def case_dl1ab_bad_input(case):
    (dl1,) = dl1_of(case)
    output = case.folder / "out"
    words = ["dl1ab", "--input", dl1, "--output-dir", output]
    refuse(case, changed(words, "--input", case.folder / "dl1_LST-1.Run00001.0000.h5"),
           "missing input", "dl1_LST-1.Run00001.0000.h5")
    refuse(case, changed(words, "--output-dir", dl1.parent), "usage", "own input")
    expect(dl1.stat().st_size > 0, "the input is gone")
    cut = case.folder / "cut" / dl1.name
    cut.parent.mkdir()
    cut.write_bytes(dl1.read_bytes()[: dl1.stat().st_size // 2])
    refuse(case, changed(words, "--input", cut), "bad input", cut)
    # A kind of file that is no DL1, under a name that says DL1.
    other = case.folder / "other" / dl1.name
    other.parent.mkdir()
    constants = next((case.folder / "night").rglob("drs4_pedestal*.h5"))
    other.write_bytes(constants.read_bytes())
    refuse(case, changed(words, "--input", other), "bad input", other)
    refuse(case, [*words, "--cat-b", constants], "bad input", constants.name, "/tel_1/calibration")
    refuse(case, [*words, "--cat-b", case.folder / "none.h5"], "missing input", "none.h5")
    refuse(case, [*words, "--set", "tailcuts_clean_with_pedestal_threshold.boundary_thresh=0"],
           "configuration", "boundary_thresh")
    twice = [*words, "--input", cut]
    refuse(case, twice, "usage", dl1.name)
    if os.geteuid() != 0:
        output.mkdir()
        output.chmod(0o500)
        refuse(case, words, "resource", output)
    blocked = case.folder / "a file"
    blocked.write_text("x", "utf-8")
    case.run(*changed(words, "--output-dir", blocked / "out")).ends("resource")


def case_dl1ab_doubts_constants(case):
    """Levels that are none and Cat-A for Cat-B are refused, those of another run are warned of."""
    (dl1,) = dl1_of(case)
    words = ["dl1ab", "--input", dl1, "--output-dir", case.folder / "out"]
    levels = case.folder / "dl1ab_Run11999.json"
    for text in ("", "hello: world\n"):
        levels.write_text(text, "utf-8")
        case.run(*words, "--tailcuts", levels).ends("bad input").complains(levels, "no cleaning level")
    levels.write_text('{"tailcut": {"picture_thresh": 9}}', "utf-8")
    case.run(*words, "--tailcuts", levels).ends("done").says("run 11999", "run 11220")
    cat_a = next((case.folder / "night").rglob("calibration_filters*.h5"))
    case.run(*words, "--cat-b", cat_a).ends("usage").complains(cat_a, "Cat-A")


def case_dl1ab_with_the_calibration_as_cat_b(case):
    """Cat-B tables go into the product; charges are not corrected twice."""
    (dl1,) = dl1_of(case)
    catb = case.folder / "cat_B_calibration_filters_52.Run11220.h5"
    catb.write_bytes(next((case.folder / "night").rglob("calibration_filters*.h5")).read_bytes())
    first = case.folder / "first"
    words = ["dl1ab", "--input", dl1, "--output-dir", first, "--cat-b", catb]
    case.run(*words).ends("done")
    product = first / dl1.name
    # No interval has fewer than no unusable pixels.
    none = case.run(*changed(words, "--output-dir", case.folder / "none"), "--max-unusable-pixels", 0)
    none.ends("done").says("1 of 1 intervals")
    second = changed(changed(words, "--input", product), "--output-dir", case.folder / "second")
    refuse(case, second, "bad input", product, "Cat-B")
    case.run(*second[:-2]).ends("done").says("already")


def case_find_tailcuts_of_a_run(case):
    files = dl1_of(case, subruns=2)
    words = ["find-tailcuts", "--input-dir", files[0].parent, "--run", 11220, "--output-dir",
             case.folder / "levels"]
    night_run = int(files[0].name.split("Run")[1][:5])
    words = changed(words, "--run", night_run)
    product = case.folder / "levels" / f"dl1ab_Run{night_run:05d}.json"
    # A short run: the standard levels, and a warning.
    case.run(*words).ends("done").says("warning", "pedestal events")
    content = json.loads(product.read_text("utf-8"))
    block = "tailcuts_clean_with_pedestal_threshold"
    expect(content[block]["picture_thresh"] == 8 and content["tailcut"] == {}, f"{content}")
    expect(content["find_tailcuts_result"]["measured"] is False, f"{content}")
    # Unless it is to fail.
    product.unlink()
    refuse(case, [*words, "--set", "find_tailcuts.standard_if_not_measurable=false"], "bad input",
           f"run {night_run}", "pedestal")
    expect(not product.exists(), "a product of a failed job")
    few = ["--set", "find_tailcuts.min_pedestal_events=2"]
    report = case.folder / "report.json"
    case.run(*words, *few, "--report", report).ends("done")
    content = json.loads(product.read_text("utf-8"))
    result = content["find_tailcuts_result"]
    expect(result["measured"] and result["subruns_used"] == 2, f"{result}")
    expect(1 < result["pedestal_charge_quantile"] < 12, f"{result}")
    expect(content[block]["boundary_thresh"] * 2 == content[block]["picture_thresh"], f"{content}")
    # The product is what dl1ab takes.
    case.run("dl1ab", "--input", *files, "--output-dir", case.folder / "dl1ab", "--tailcuts",
             product).ends("done")
    # As files, in any order, the same; files of two runs are refused.
    by_files = ["find-tailcuts", "--input", files[1], files[0], "--output-dir",
                case.folder / "levels2", *few]
    case.run(*by_files).ends("done")
    expect((case.folder / "levels2" / product.name).read_text("utf-8")
           == product.read_text("utf-8"), "another result from the same files")
    other = case.folder / "dl1_LST-1.Run00007.0000.h5"
    other.write_bytes(files[0].read_bytes())
    refuse(case, ["find-tailcuts", "--input", files[0], other, "--output-dir",
                  case.folder / "levels3"], "usage", "another run")
    refuse(case, ["find-tailcuts", "--input", files[0], files[1], files[0], "--output-dir",
                  case.folder / "levels3"], "usage", "same subrun", "once")


def case_find_tailcuts_bad_input(case):
    output = case.folder / "out"
    empty = case.folder / "empty"
    empty.mkdir()
    refuse(case, ["find-tailcuts", "--input-dir", empty, "--run", 5, "--output-dir", output],
           "missing input", empty, "00005")
    refuse(case, ["find-tailcuts", "--input-dir", case.folder / "none", "--run", 5, "--output-dir",
                  output], "missing input", "none")
    refuse(case, ["find-tailcuts", "--input-dir", empty, "--output-dir", output], "usage", "--run")
    refuse(case, ["find-tailcuts", "--output-dir", output], "usage", "--input")
    bad = case.folder / "dl1_LST-1.Run00005.0000.h5"
    bad.write_bytes(b"no table at all")
    refuse(case, ["find-tailcuts", "--input", bad, "--output-dir", output], "bad input", bad)


def case_find_pedestals_of_a_subrun(case):
    (dl1,) = dl1_of(case)
    output = case.folder / "ids"
    words = ["find-pedestals", "--input", dl1, "--output-dir", output]
    case.run(*words).ends("done")
    product = output / dl1.name.replace("dl1_LST-1.", "pedestal_ids_")
    expect(product.exists(), f"no {product}")
    # A short subrun holds fewer than the ten that are dropped for safety: keep them.
    said = case.run(*words, "--set", "find_pedestals.brightest_dropped=0").ends("done")
    said.says("pedestal events", "100 Hz")
    refuse(case, [*words, "--set", "find_pedestals.frequency=-5"], "configuration", "frequency")
    absent = changed(words, "--input", case.folder / "dl1_LST-1.Run00001.0000.h5")
    refuse(case, absent, "missing input", "Run00001")
    bad = case.folder / dl1.name
    bad.write_bytes(dl1.read_bytes()[:5000])
    refuse(case, changed(words, "--input", bad), "bad input", bad)


def case_dry_run_of_the_dl1_tools(case):
    """A dry run names the products and makes none; the inputs need not be there."""
    for words, name in (
        (["dl1ab"], "dl1_LST-1.Run00003.0000.h5"),
        (["find-tailcuts"], "dl1ab_Run00003.json"),
        (["find-pedestals"], "pedestal_ids_Run00003.0000.h5"),
    ):
        output = case.folder / words[0]
        report = case.folder / "report.json"
        case.run(*words, "--input", case.folder / "dl1_LST-1.Run00003.0000.h5", "--output-dir",
                 output, "--dry-run", "--report", report).ends("done")
        expect(name in report.read_text("utf-8"), f"{name} is not planned")
        expect(not (output / name).exists(), f"{name} was made")

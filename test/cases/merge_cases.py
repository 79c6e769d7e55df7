"""alisio merge: files of the subruns of a run, or of the runs of a night, in one."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from harness import data_hashes, expect, expect_no_fragments, replace_file

EVENTS = 60
RUN = 11220
MODELS = next((Path(__file__).resolve().parents[2] / "cfg" / "models").glob("*.forest"))


def subruns(case, count=2):
    """Return a folder with the DL1, muon and data-check files of the subruns of a run."""
    night = case.simulated(events=EVENTS, subruns=max(2, count))
    output = case.folder / "DL1"
    for subrun in range(count):
        case.run(*night.stage_words(output, subrun)).ends("done")
    return output


def facts(case, path, *words):
    return json.loads(case.run("show", path, "--json", *words).ends("done").out)


def rename_as(folder, source, target):
    (folder / f"dl1_LST-1.Run{RUN}.{source:04d}.h5").rename(
        folder / f"dl1_LST-1.Run{RUN}.{target:04d}.h5")


def refuse(case, words, reason, *told):
    output = words[words.index("--output-dir") + 1]
    case.run("merge", *words).ends(reason).complains(*told)
    if output.exists():
        expect(not list(output.glob("*.h5")) and not list(output.glob("*.fits")),
               "a product of a failed merge")
        expect_no_fragments(output)


def case_merge_of_a_run(case):
    """Every kind that is there, in the order of subruns however they are given."""
    folder = subruns(case)
    merged = case.folder / "merged"
    report = case.folder / "report.json"
    case.run("merge", "--input-dir", folder, "--run", RUN, "--output-dir", merged,
             "--expected-subruns", 2, "--report", report).ends("done")
    names = sorted(path.name for path in merged.glob("*Run*"))
    expect(names == [f"datacheck_dl1_LST-1.Run{RUN}.h5", f"dl1_LST-1.Run{RUN}.h5",
                     f"muons_LST-1.Run{RUN}.fits"], f"{names}")
    dl1 = merged / f"dl1_LST-1.Run{RUN}.h5"
    parts = [folder / f"dl1_LST-1.Run{RUN}.{subrun:04d}.h5" for subrun in (0, 1)]
    expect(facts(case, dl1)["events"] == 2 * EVENTS, "events were lost")
    rows = [row for part in parts for row in facts(case, part, "--rows", EVENTS)["rows"]]
    expect(facts(case, dl1, "--rows", 2 * EVENTS)["rows"] == rows, "other rows than the parts have")
    # In another order, the same.
    words = ["--output-dir", case.folder / "again", "--report", report]
    case.run("merge", "--input", *reversed(parts), *words).ends("done")
    again = list(data_hashes(report).values())
    case.run("merge", "--input", *parts, "--output-dir", case.folder / "third", "--report",
             report).ends("done")
    expect(again == list(data_hashes(report).values()), "the order of the inputs shows")
    # It is made into DL2 like its parts.
    case.run("dl1-to-dl2", "--input", dl1, "--models", MODELS, "--output-dir", case.folder / "DL2").ends("done")
    # A poorer file replaces it only if that is said.
    case.run("merge", "--input", parts[0], "--output-dir", merged).ends("usage").complains(dl1)
    expect(facts(case, dl1)["events"] == 2 * EVENTS, "a whole file was replaced by a part of it")
    # With images, and of a night.
    case.run("merge", "--input", *parts, "--with-images", "--output-dir",
             case.folder / "images").ends("done")
    with_images = case.folder / "images" / dl1.name
    # It is cleaned anew as its parts are; what the constants were is known of each part alone.
    again = case.folder / "DL1b"
    case.run("dl1ab", "--input", with_images, "--no-pedestal-cleaning", "--output-dir", again).ends("done")
    case.run("dl1ab", "--input", *parts, "--no-pedestal-cleaning", "--output-dir", again).ends("done")
    rows = [row for part in parts for row in facts(case, again / part.name, "--rows", EVENTS)["rows"]]
    expect(facts(case, again / dl1.name, "--rows", 2 * EVENTS)["rows"] == rows, "other rows than the parts")
    size = with_images.stat().st_size
    expect(size > 5 * dl1.stat().st_size, "no images in the merged file")
    case.run("merge", "--input-dir", merged, "--night", "20240115", "--output-dir",
             merged).ends("done")
    for name in ("muons_LST-1.20240115.fits", "datacheck_dl1_LST-1.20240115.h5"):
        expect((merged / name).exists(), f"{name} was not made")
    expect_no_fragments(merged)


def case_merge_replaces_what_was_made_anew(case):
    """Fewer events of the same subruns are no loss: cuts have changed. A missing subrun is one."""
    folder = subruns(case)
    parts = [folder / f"dl1_LST-1.Run{RUN}.{subrun:04d}.h5" for subrun in (0, 1)]
    level2 = case.folder / "DL2"

    def make(*more):
        for part in parts:
            case.run("dl1-to-dl2", "--input", part, "--models", MODELS, "--output-dir", level2,
                     "--overwrite", *more).ends("done")

    make()
    words = ["merge", "--input-dir", level2, "--run", RUN, "--output-dir", case.folder / "merged"]
    case.run(*words).ends("done")
    merged = case.folder / "merged" / f"dl2_LST-1.Run{RUN}.h5"
    before = facts(case, merged)["events"]
    make("--set", "events_filters.intensity=[300, .inf]")
    case.run(*words).ends("done")
    after = facts(case, merged)["events"]
    expect(0 < after < before, f"{before} events, then {after}")
    make()
    (level2 / f"dl2_LST-1.Run{RUN}.0000.h5").unlink()
    case.run(*words).ends("usage").complains(merged)
    expect(facts(case, merged)["events"] == after, "a subrun was lost")


def case_merge_loses_no_subrun(case):
    """What a merged file is made of is not lost by another merge, whatever its kind."""
    folder = subruns(case)
    merged = case.folder / "merged"
    words = ["merge", "--output-dir", merged, "--input"]
    for pattern in ("muons_*", "datacheck_*", "dl1_*"):
        parts = sorted(folder.glob(pattern))
        case.run(*words, *parts).ends("done")
        product = merged / parts[0].name.replace(".0000", "")
        whole = product.read_bytes()
        case.run(*words, parts[1]).ends("usage").complains(product, f"{RUN}.0000", "--overwrite")
        expect(product.read_bytes() == whole, f"{product.name} was replaced by a part of it")
        case.run(*words, *parts).ends("done")
        case.run(*words, parts[0], "--overwrite").ends("done")
        case.run(*words, *parts).ends("done")
        # What cannot be read holds nothing to lose.
        product.write_bytes(whole[:2000])
        case.run(*words, parts[1]).ends("done")


def case_merge_tells_what_is_missing(case):
    """A gap in the subruns is warned of and told in the product; the rest is merged."""
    folder = subruns(case, count=3)
    for source, target in ((2, 3), (1, 2)):
        rename_as(folder, source, target)
    merged = case.folder / "merged"
    words = ["merge", "--input-dir", folder, "--kind", "dl1", "--output-dir", merged]
    case.run(*words).ends("done").says("warning", "lacks subruns 1")
    case.run(*words, "--expected-subruns", 6).ends("done").says("lacks subruns 1, 4-5")
    product = merged / f"dl1_LST-1.Run{RUN}.h5"
    expect(facts(case, product)["events"] == 3 * EVENTS, "rows of the others were lost")
    expect(b"1, 4-5" in product.read_bytes(), "the product does not say what it lacks")
    words += ["--expected-subruns", 6, "--left-out-subruns"]
    case.run(*words, "1,5").ends("done").says("lacks subruns 4")
    expect(b"WITHOUT_SUBRUNS" in product.read_bytes(), "the product does not say what was left out")
    case.run(*words, "0,3").ends("done")
    expect(b"WITHOUT_SUBRUNS" not in product.read_bytes(), "what is there is said to be left out")
    case.run(*words, "1,x").ends("usage").complains("left-out-subruns")


def case_merge_names_what_is_bad(case):
    """A damaged or odd file stops the merge, unless it may be left out."""
    folder = subruns(case)
    good, bad = (folder / f"dl1_LST-1.Run{RUN}.{subrun:04d}.h5" for subrun in (0, 1))
    whole = bad.read_bytes()
    merged = case.folder / "merged"
    words = ["--input", good, bad, "--output-dir", merged]
    replace_file(bad, whole[: len(whole) // 2])
    refuse(case, words, "bad input", bad)
    said = case.run("merge", *words, "--leave-out-bad").ends("done")
    said.says("left out", bad.name, "lacks subruns 1")
    product = merged / good.name.replace(".0000", "")
    expect(facts(case, product)["events"] == EVENTS, "other events than those of the good file")
    expect(bad.name.encode() in product.read_bytes(), "the product does not say what was left out")
    shutil.rmtree(merged)
    # A file of other columns (DL2 under the name of DL1) and one without tables.
    replace_file(bad, b"no table at all")
    refuse(case, words, "bad input", bad)
    replace_file(bad, whole.replace(b"0.12.3", b"0.10.7"))
    refuse(case, words, "bad input", bad, "version")
    # One made with another configuration.
    replace_file(bad, whole.replace(b'"picture_thresh":8', b'"picture_thresh":6'))
    refuse(case, words, "bad input", bad, "configuration")
    expect(good.exists() and bad.exists(), "an input is gone")
    # A copy of a subrun under the name of another, and of another run.
    replace_file(bad, good.read_bytes())
    refuse(case, words, "bad input", bad, good.name)
    replace_file(bad, whole)
    other = folder / f"dl1_LST-1.Run{RUN + 1}.0000.h5"
    shutil.copy2(good, other)
    refuse(case, ["--input", other, "--output-dir", merged], "bad input", other, f"run {RUN}")
    elsewhere = case.folder / "elsewhere"
    elsewhere.mkdir()
    shutil.copy2(good, elsewhere)
    refuse(case, ["--input", good, elsewhere / good.name, "--output-dir", merged], "usage",
           good.name)
    refuse(case, ["--input", good, folder / "none.h5", "--output-dir", merged], "usage", "none.h5")
    refuse(case, ["--input", folder / f"dl1_LST-1.Run{RUN}.0009.h5", "--output-dir", merged],
           "missing input", "0009")
    refuse(case, ["--input-dir", folder, "--run", 7, "--output-dir", merged], "missing input",
           folder)
    refuse(case, ["--input-dir", folder, "--kind", "dl3", "--output-dir", merged], "usage", "dl3")
    refuse(case, ["--input-dir", folder, "--expected-subruns", -1, "--output-dir", merged], "usage",
           "expected-subruns")


def case_killed_merge(case):
    """A merge that is killed leaves nothing half-made, and the earlier file as it was."""
    count = 5
    folder = subruns(case, count=count)
    merged = case.folder / "merged"
    words = ["merge", "--input-dir", folder, "--kind", "dl1", "--with-images", "--output-dir", merged]
    for pause in (0.03, 0.06, 0.12):
        process = subprocess.Popen([str(case.alisio), *map(str, words)], stderr=subprocess.DEVNULL,
                                   env=os.environ)
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.wait()
        product = merged / f"dl1_LST-1.Run{RUN}.h5"
        if product.exists():
            expect(facts(case, product)["events"] == count * EVENTS, "a part of a file")
            product.unlink()
    case.run(*words).ends("done")
    expect(facts(case, merged / f"dl1_LST-1.Run{RUN}.h5")["events"] == count * EVENTS, "events lost")


def case_merge_dry_run(case):
    folder = subruns(case, count=1)
    merged = case.folder / "merged"
    case.run("merge", "--input-dir", folder, "--output-dir", merged, "--dry-run").ends("done")
    expect(not list(merged.glob("*.h5")), "a dry run made a product")

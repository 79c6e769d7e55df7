"""Compare alisio check-dl1 with lstchain_check_dl1, and let lstchain merge and plot our files.

Takes the reference DL1 files (run 3002: edge cases of cleaning; runs 11220 and 17000: from R0) and a
fresh synthetic subrun of --events events. Layout, counts and histograms must be equal. lstchain adds
single-precision numbers up in single precision: means and spreads are compared with it to 2e-4, and
to 1e-6 with the same rules in double precision. It fills hist_psi in radians: that one is compared
with the angles of DL1. The speed is that of whole processes, in processor time.
"""

import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import tables
from compare import Comparison, arguments, peer, run, table

PARAMETERS = "/dl1/event/telescope/parameters/LST_LSTCam"
IMAGES = "/dl1/event/telescope/image/LST_LSTCam"
CLASSES = ("pedestals", "flatfield", "cosmics")
# Tables of the Earth's orientation of different age, deg.
SKY = {"tel_ra": 1e-4, "tel_dec": 1e-4}
FASTER = 50


def add_options(parser):
    parser.add_argument("--seed", type=int, default=77)
    parser.add_argument("--events", type=int, default=2000, help="of the synthetic subrun")


def classes(parameters):
    """Return which events are in which class."""
    flatfield = (parameters["event_type"] == 0) & (parameters["intensity"] > 50000)
    flatfield &= parameters["concentration_pixel"] < 0.005
    pedestals = parameters["event_type"] == 2
    return {"pedestals": pedestals, "flatfield": flatfield, "cosmics": ~(pedestals | flatfield)}


def moments(images, mask, name):
    """Return means and spreads of a class by lstchain's rules, summed in double precision."""
    charge = images["image"][mask]
    exact = charge.astype(np.float64)
    found = {"charge_mean": exact.mean(axis=0), "charge_stddev": exact.std(axis=0)}
    if name == "pedestals":
        return found
    time = np.where(charge > 1, images["peak_time"][mask], np.float32(np.nan))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        relative = time - np.nanmedian(time, axis=1)[:, None]
        bright = np.where(charge > 30, relative, np.float32(np.nan))
        for column, values in (("time{}", time), ("relative_time{}", relative),
                               ("time{}_above_030_pe", bright)):
            if column == "time{}_above_030_pe" and name != "cosmics":
                continue
            values = values.astype(np.float64)
            found[column.format("_mean")] = np.nanmean(values, axis=0)
            found[column.format("_stddev")] = np.nanstd(values, axis=0)
    return found


def attributes(file, path):
    """Return the attributes of a table that readers look at."""
    with tables.open_file(str(file)) as opened:
        node = opened.get_node(path)
        found = {name: node._v_attrs[name] for name in node._v_attrs._v_attrnames}
    wanted = ("CLASS", "VERSION", "TITLE", "NROWS", "FIELD_", "CTAFIELD_")
    return {name: str(value) for name, value in found.items()
            if name.startswith(wanted) and not name.endswith("_DESC")}


def compare_files(compare, name, ours, theirs, dl1):
    parameters, images = table(dl1, PARAMETERS), table(dl1, IMAGES)
    with tables.open_file(str(theirs)) as opened:
        groups = {node._v_name for node in opened.iter_nodes("/dl1datacheck")}
        tag = opened.root.dl1datacheck.used_trigger_tag[:]
    with tables.open_file(str(ours)) as opened:
        own = {node._v_name for node in opened.iter_nodes("/dl1datacheck")}
        compare.truth(f"{name}: used_trigger_tag",
                      list(opened.root.dl1datacheck.used_trigger_tag[:]) == list(tag))
    compare.truth(f"{name}: tables", own == groups, f"{own ^ groups}" if own != groups else "")
    for path in sorted(own & groups - {"used_trigger_tag"}):
        label = f"{name}: {path}"
        node = f"/dl1datacheck/{path}"
        mine, other = table(ours, node), table(theirs, node)
        compare.truth(f"{label}: columns and types", mine.dtype == other.dtype)
        if mine.dtype.names != other.dtype.names:
            continue
        a, b = attributes(ours, node), attributes(theirs, node)
        different = sorted(key for key in a.keys() | b.keys() if a.get(key) != b.get(key))
        compare.truth(f"{label}: attributes", not different, str(different) if different else "")
        for column in other.dtype.names:
            what = f"{label}.{column}"
            if path == "histogram_binning":
                compare.column(what, mine[column], other[column], 1e-14, 1e-15)
            elif column in SKY:
                compare.column(what, mine[column], other[column], 0, SKY[column])
            elif mine[column].dtype == np.float32:
                compare.column(what, mine[column], other[column], 2e-4, 2e-4)
            elif column not in ("num_nearby_stars", "hist_psi"):
                compare.column(what, mine[column], other[column])
        if path == "histogram_binning":
            continue
        mask = classes(parameters)[path]
        psi = np.histogram(np.rad2deg(parameters["psi"][mask]), np.linspace(-100, 100, 101))[0]
        compare.column(f"{label}.hist_psi in degrees", mine["hist_psi"][0], psi)
        for column, values in moments(images, mask, path).items():
            compare.column(f"{label}.{column} in double precision", mine[column][0], values,
                           1e-6, 1e-6)


def main():
    inputs = arguments(__doc__, add_options)
    compare = Comparison("check")
    compare.width = 70
    reference, work = inputs.shared / "data" / "reference", inputs.work
    fresh = work / "dl1" / "dl1_LST-1.Run03005.0001.h5"
    if not fresh.exists():
        run([sys.executable, inputs.shared / "tools" / "synthetic_dl1_images.py", fresh.parent,
             3005, 1, inputs.events, inputs.seed], cwd=work)
    files = {"edge cases": reference / "images" / "dl1_LST-1.Run03002.0000.h5",
             "first subrun": reference / "dl1" / "dl1_LST-1.Run11220.0000.h5",
             "second subrun": reference / "dl1" / "dl1_LST-1.Run11220.0001.h5",
             "R1v1": reference / "dl1_r1v1" / "dl1_LST-1.Run17000.0000.h5",
             "fresh": fresh}
    ours, theirs = work / "ours", work / "theirs"
    for folder in (ours, theirs):
        folder.mkdir(exist_ok=True)
    for name, dl1 in files.items():
        check = dl1.name.replace("dl1_", "datacheck_dl1_", 1)
        mine = run([inputs.alisio, "check-dl1", "--input", dl1, "--output-dir", ours])
        if not (theirs / check).exists() or name == "fresh":
            other = run([peer("lstchain_check_dl1"), "--input-file", dl1, "--output-dir", theirs,
                         "--max-cores", 1, "--omit-pdf", "--batch"], cwd=work)
        compare_files(compare, name, ours / check, theirs / check, dl1)
        if name == "fresh":
            print(f"{inputs.events} events: lstchain {other.seconds:.2f} s, alisio "
                  f"{mine.seconds:.3f} s, {other.seconds / mine.seconds:.0f} times faster")
            compare.truth(f"at least {FASTER} times faster",
                          other.seconds >= FASTER * mine.seconds)
    golden = reference / "images" / "datacheck_dl1_LST-1.Run03002.0000.h5"
    compare_files(compare, "golden", ours / golden.name, golden, files["edge cases"])

    # lstchain merges our files of a run and plots the result.
    merged = ours / "datacheck_dl1_LST-1.Run11220.h5"
    pdf = merged.with_suffix(".pdf")
    for old in (merged, pdf):
        old.unlink(missing_ok=True)
    for muons in (reference / "dl1").glob("muons*.fits"):
        shutil.copyfile(muons, ours / muons.name)
    said = run([peer("lstchain_check_dl1"), "--input-file",
                ours / "datacheck_dl1_LST-1.Run11220.0*.h5", "--output-dir", ours, "--batch"],
               cwd=work, expect_code=None)
    compare.truth("lstchain merges our files", merged.exists(), said.err[-300:])
    compare.truth("lstchain plots our files", said.code == 0 and Path(pdf).exists(),
                  said.err[-300:])
    sys.exit(compare.finish())


if __name__ == "__main__":
    main()

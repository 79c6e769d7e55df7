"""Compare alisio dl1ab with lstchain_dl1ab, on DL1 with pedestals, Cat-B and a run's own levels.

Takes the reference DL1 files (run 3002: edge cases of cleaning; run 11220: from R0), and a Cat-B file
of two intervals made from the camera calibration. `--speed` cleans 1200 events with both programs.
"""

import json
import shutil
import sys

import numpy as np
import tables
from compare import Comparison, arguments, peer, run, table

PARAMETERS = "/dl1/event/telescope/parameters/LST_LSTCam"
IMAGES = "/dl1/event/telescope/image/LST_LSTCam"
CATB = "/dl1/monitoring/telescope/catB/"
EXACT = {"n_pixels", "n_islands", "calibration_id", "event_type", "obs_id", "event_id"}
# (relative, absolute)
LOOSE = {
    "width": (1e-9, 1e-8),
    "width_uncertainty": (1e-9, 1e-8),
    "wl": (1e-9, 1e-7),
    "concentration_cog": (1e-6, 0),
    "concentration_core": (1e-6, 0),
    "concentration_pixel": (1e-6, 0),
    "leakage_intensity_width_1": (1e-6, 0),
    "leakage_intensity_width_2": (1e-6, 0),
    "time_gradient": (1e-6, 1e-9),
    "intercept": (1e-6, 0),
}


def datasets(path):
    with tables.open_file(str(path)) as file:
        return {node._v_pathname for node in file.walk_nodes("/", "Leaf")}


def compare_files(compare, name, ours, theirs):
    mine, other = table(ours, PARAMETERS), table(theirs, PARAMETERS)
    compare.truth(f"{name}: columns and types", mine.dtype == other.dtype)
    if mine.dtype.names != other.dtype.names or mine.shape != other.shape:
        return
    for column in other.dtype.names:
        label = f"{name}: {column}"
        if mine[column].dtype.kind != "f" or column in EXACT:
            compare.column(label, mine[column], other[column])
            continue
        relative, absolute = LOOSE.get(column, (1e-9, 1e-12))
        # Three points are fitted exactly by every pair: rounding decides.
        where = other["n_pixels"] > 3 if column in ("time_gradient", "intercept") else None
        compare.column(label, mine[column], other[column], relative, absolute, where)
    # Our record of provenance is in our products, and in what lstchain makes of them.
    own, others = (datasets(file) - {p for p in datasets(file) if p.startswith("/provenance/")}
                   for file in (ours, theirs))
    compare.truth(f"{name}: the same datasets", own == others, str(sorted(own ^ others) or ""))
    for path in sorted(own & others):
        if path in (PARAMETERS, "/source_filenames/filenames"):
            continue
        mine, other = table(ours, path), table(theirs, path)
        # lstchain calls the row number of the flat-field table pedestal_id.
        names = {n: n for n in other.dtype.names}
        if path == CATB + "flatfield":
            names["pedestal_id"] = "flatfield_id"
        missing = [n for n in names.values() if n not in mine.dtype.names]
        equal = [n for n, m in names.items() if n not in missing and np.array_equal(
            mine[m], other[n], equal_nan=mine[m].dtype.kind == "f")]
        bad = sorted(set(names) - set(equal))
        compare.truth(f"{name}: {path}", not missing and not bad, f"differ: {bad}" if bad else "")


def make_catb(calibration, output, times):
    """A Cat-B file of two intervals: factors near 1, small pedestals and times, some dead pixels."""
    random = np.random.default_rng(5)
    shutil.copyfile(calibration, output)
    with tables.open_file(str(output), "a") as file:
        for name in ("calibration", "pedestal", "flatfield"):
            node = file.get_node("/tel_1", name)
            rows = np.repeat(node.read()[:1], 2)
            shape = (2, 2, 1855)
            if name == "calibration":
                rows["time_min"] = [times[0] - 1, np.median(times)]
                rows["dc_to_pe"] = random.normal(1.02, 0.05, shape)
                rows["pedestal_per_sample"] = random.normal(0.02, 0.02, shape)
                rows["time_correction"] = random.normal(0, 0.3, shape)
                rows["unusable_pixels"] = random.random(shape) < [[[0.01]], [[0.05]]]
            elif name == "pedestal":
                rows["charge_mean"] = random.normal(2, 0.3, shape)
                rows["charge_std"] = random.gamma(4, 0.6, shape)
            node.remove_rows(0, node.nrows) if node.nrows > 1 else None
            node.append(rows)
            if node.nrows > 2:
                node.remove_rows(0, node.nrows - 2)
    return output


def repeated(source, output, times):
    """A DL1 file with the events of another one several times."""
    with tables.open_file(str(source)) as old, tables.open_file(str(output), "w") as new:
        old.copy_children("/", new.root, recursive=True)
        for path in (PARAMETERS, IMAGES):
            rows = old.get_node(path).read()
            for _ in range(times - 1):
                new.get_node(path).append(rows)
    return output


def main():
    inputs = arguments(
        __doc__, lambda parser: parser.add_argument("--speed", action="store_true")
    )
    compare = Comparison("dl1ab")
    reference = inputs.shared / "data" / "reference"
    work = inputs.work
    edge = reference / "images" / "dl1_LST-1.Run03002.0000.h5"
    night = reference / "dl1" / "dl1_LST-1.Run11220.0000.h5"
    times = table(edge, PARAMETERS)["trigger_time"]
    calibration = next((inputs.shared / "data" / "calibration").glob("calibration_filters*.h5"))
    catb = make_catb(calibration, work / "cat_B_calibration_filters_52.Run03002.h5", times)
    levels = work / "dl1ab_Run03002.json"
    block = {"picture_thresh": 12, "boundary_thresh": 6, "sigma": 2.5, "keep_isolated_pixels": False,
             "min_number_picture_neighbors": 2, "use_only_main_island": True, "delta_time": 2}
    levels.write_text(json.dumps({
        "tailcuts_clean_with_pedestal_threshold": block,
        "dynamic_cleaning": {"apply": True, "threshold": 200, "fraction_cleaning_intensity": 0.05},
        "tailcut": {}, "find_tailcuts_result": {"additional_nsb": 0.1}}), encoding="utf-8")

    cases = {
        "pedestals": (edge, [], []),
        "levels": (edge, ["--tailcuts", levels], ["-c", levels]),
        "plain": (edge, ["--no-pedestal-cleaning", "--no-image"],
                  ["--no-pedestal-cleaning", "--no-image"]),
        "catb": (edge, ["--cat-b", catb, "--max-unusable-pixels", 60],
                 ["--catB-calibration-file", catb, "--max-unusable-pixels", 60]),
        "night": (night, [], []),
    }
    for name, (source, own_words, peer_words) in cases.items():
        folder = work / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        theirs = folder / "lstchain.h5"
        run([peer("lstchain_dl1ab"), "-f", source, "-o", theirs, *peer_words])
        run([inputs.alisio, "dl1ab", "--input", source, "--output-dir", folder, *own_words])
        compare_files(compare, name, folder / source.name, theirs)

    # lstchain reads ours as it reads its own.
    again = work / "again.h5"
    again.unlink(missing_ok=True)
    run([peer("lstchain_dl1ab"), "-f", work / "pedestals" / edge.name, "-o", again])
    compare_files(compare, "lstchain on ours", work / "pedestals" / edge.name, again)
    models = inputs.shared / "data" / "models" / "small"
    for name in ("lstchain.h5", edge.name):
        shutil.copyfile(work / "catb" / name, work / f"dl1_{name.split('.')[0]}.h5")
    tables_of = {}
    for name in ("dl1_lstchain.h5", f"dl1_{edge.name.split('.')[0]}.h5"):
        (work / name.replace("dl1", "dl2", 1)).unlink(missing_ok=True)
        run([peer("lstchain_dl1_to_dl2"), "-f", work / name, "-p", models, "-o", work])
        tables_of[name] = table(work / name.replace("dl1", "dl2", 1),
                                "/dl2/event/telescope/parameters/LST_LSTCam")
    other, mine = tables_of.values()
    for column in ("event_id", "reco_energy", "gammaness", "reco_disp_norm"):
        # The models cut at thresholds that rounding may cross for images of three pixels.
        few = other["n_pixels"] > 3
        compare.column(f"DL2 of ours by lstchain: {column}", mine[column], other[column], 1e-9, 0, few)

    if inputs.speed:
        many = repeated(edge, work / "dl1_LST-1.Run03002.0001.h5", 4)
        for name in ("many", "many.h5"):
            shutil.rmtree(work / name, ignore_errors=True)
        (work / "many.h5").unlink(missing_ok=True)
        other = run([peer("lstchain_dl1ab"), "-f", many, "-o", work / "many.h5"])
        mine = run([inputs.alisio, "dl1ab", "--input", many, "--output-dir", work / "many"])
        print(f"1200 events: lstchain {other.seconds:.2f} s, alisio {mine.seconds:.3f} s, "
              f"{other.seconds / mine.seconds:.0f} times (processor time)")
        compare.truth("at least 30 times faster", other.seconds >= 30 * mine.seconds)
    sys.exit(compare.finish())


if __name__ == "__main__":
    main()

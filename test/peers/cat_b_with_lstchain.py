#!/usr/bin/env python3
"""Compare interleaved-event files and alisio cat-b with lstchain's.

alisio r0-to-dl1 --interleaved makes the interleaved events of the sample run, which must be those
that lstchain_data_r0_to_dl1 made. Then lstchain_create_cat_B_calibration_file and alisio cat-b make
constants of both sets of files: four files that must agree to 1e-12.
"""

import sys
from pathlib import Path

from camera_calibration_with_lstchain import compare_files
from compare import Comparison, arguments, first_stream, peer, run, table

RUN = 11220
DATE = "20221215"
SUBRUNS = 2
TABLES = {
    "/r1/event/telescope/tel_001": {"event_time"},
    "/dl1/event/telescope/images/tel_001": set(),
    "/dl1/event/subarray/trigger": set(),
    "/dl1/event/telescope/trigger": set(),
    # The target log is not read.
    "/configuration/observation/observation_block":
        {"subarray_pointing_lat", "subarray_pointing_lon"},
}


def add_options(parser):
    parser.add_argument("--sample-size", type=int, default=7, help="events of each kind")


def catb_configuration():
    import lstchain

    return Path(lstchain.__file__).parent / "data" / "catB_camera_calibration_param.json"


def make_interleaved(given, folder):
    sample = given.shared / "data" / "night"
    constants = given.shared / "data" / "calibration"
    files = []
    for subrun in range(SUBRUNS):
        run(
            [given.alisio, "r0-to-dl1", "--interleaved", "--input",
             first_stream(sample, RUN, subrun), "--output-dir", folder, "--drs4-pedestal",
             constants / "drs4_pedestal.Run11218.0000.h5", "--calibration",
             constants / "calibration_filters_52.Run11219.0000.h5", "--time-calibration",
             constants / "time_calibration.Run11219.0000.h5", "--drive-log",
             sample / f"monitoring/DrivePositioning/DrivePosition_log_{DATE}.txt", "--run-summary",
             sample / f"monitoring/RunSummary/RunSummary_{DATE}.ecsv"]
        )
        files.append(folder / "interleaved" / f"interleaved_LST-1.Run{RUN}.{subrun:04d}.h5")
    return files


def main():
    given = arguments(__doc__, add_options)
    compare = Comparison("cat_b")
    ours = make_interleaved(given, given.work / "dl1")
    reference = given.shared / "data/reference/dl1/interleaved"
    theirs = [reference / file.name for file in ours]
    for mine, other in zip(ours, theirs):
        for path, left_out in TABLES.items():
            # event_time is what the event builder noted; the tools go by the trigger's time.
            a, b = table(mine, path), table(other, path)
            compare.truth(f"{path} columns", a.dtype == b.dtype, str(b.dtype.names))
            for column in set(b.dtype.names) - left_out:
                compare.column(f"{path.split('/')[-2]} {column}", a[column], b[column])

    cat_a = given.shared / "data/calibration/calibration_filters_52.Run11219.0000.h5"
    made = {}
    for label, files in (("our_events", ours), ("their_events", theirs)):
        folder = given.work / label
        folder.mkdir(exist_ok=True)
        made[label, "theirs"] = folder / "theirs.h5"
        run(
            [peer("lstchain_create_cat_B_calibration_file"), f"--input_path={files[0].parent}",
             f"--output_file={folder / 'theirs.h5'}", f"--cat_A_calibration_file={cat_a}",
             f"--PedestalIntegrator.sample_size={given.sample_size}",
             f"--FlasherFlatFieldCalculator.sample_size={given.sample_size}",
             f"--config={catb_configuration()}"]
        )
        words = [given.alisio, "cat-b", "--input", *files, "--calibration", cat_a, "--output-dir",
                 folder, "--config", catb_configuration()]
        for key in ("PedestalIntegrator.sample_size", "FlasherFlatFieldCalculator.sample_size"):
            words += ["--set", f"cat_b.{key}={given.sample_size}"]
        run(words)
        made[label, "ours"] = folder / f"cat_B_calibration_filters_52.Run{RUN}.h5"
    reference = made["their_events", "theirs"]
    for (label, program), file in made.items():
        if file != reference:
            compare_files(compare, f"{label} {program}", file, reference, rows=2)
    return compare.finish()


if __name__ == "__main__":
    sys.exit(main())

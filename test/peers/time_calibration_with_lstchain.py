#!/usr/bin/env python3
"""Compare alisio time-calibration with lstchain's, and DL1 made with both sets of constants.

Runs both on a synthetic calibration run with lstchain's on-site configuration; the Fourier
coefficients must agree to 1e-9 ns. Then lstchain_data_r0_to_dl1 and alisio r0-to-dl1 process sample
events with the peers' DRS4 pedestal and time calibration and with alisio's: the DL1 must be the same.
"""

import sys
from pathlib import Path

import numpy as np
from compare import Comparison, arguments, array, first_stream, peer, run, synthetic_night, table

RUN_SUMMARY = "monitoring/RunSummary/RunSummary_20221215.ecsv"
PEDESTAL_RUN, CALIBRATION_RUN, DATA_RUN = 11218, 11219, 11220
DATE = "20221215"
FASTER = 20
TABLES = ("/dl1/event/telescope/parameters/LST_LSTCam", "/dl1/event/telescope/image/LST_LSTCam")


def add_options(parser):
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--events", type=int, default=1000, help="of the calibration run")
    parser.add_argument("--data-events", type=int, default=60, help="of the DL1 that is compared")
    parser.add_argument("--without-dl1", action="store_true", help="compare the constants only")


def onsite_configuration():
    import lstchain

    return Path(lstchain.__file__).parent / "data" / "onsite_camera_calibration_param.json"


def make_constants(given, night, compare):
    """Make pedestal and time calibration with both programs; return the two pairs of files."""
    pedestal_raw = first_stream(night, PEDESTAL_RUN)
    raw = first_stream(night, CALIBRATION_RUN)
    names = [f"drs4_pedestal.Run{PEDESTAL_RUN}.0000.h5", f"time_calibration.Run{CALIBRATION_RUN}.0000.h5"]
    ours = [night / "ours" / name for name in names]
    theirs = [night / "theirs" / name for name in names]
    for folder in ("ours", "theirs"):
        (night / folder).mkdir(exist_ok=True)
    run([given.alisio, "drs4-pedestal", "--input", pedestal_raw, "--output-dir", night / "ours"])
    if not theirs[0].exists():
        run(
            [peer("lstchain_create_drs4_pedestal_file"), f"--input={pedestal_raw}",
             f"--output={theirs[0]}", "--no-progress"]
        )
    done = run(
        [given.alisio, "time-calibration", "--input", raw, "--drs4-pedestal", theirs[0],
         "--output-dir", night / "ours", "--config", onsite_configuration()]
    )
    other = run(
        [sys.executable, given.shared / "tools" / "peer_time_calibration.py", "--input-file", raw,
         "--output-file", theirs[1], "--pedestal-file", theirs[0], "--run-summary-path",
         given.shared / "data" / "night" / RUN_SUMMARY, "-c", onsite_configuration(), "--no-progress"]
    )
    for name in ("fan", "fbn"):
        compare.column(name, array(ours[1], name), array(theirs[1], name), absolute=1e-9)
    compare.truth("flags", not array(ours[1], "quality/flag").any(), "no channel is flagged")
    ratio = other.seconds / done.seconds
    compare.truth(
        "speed", ratio >= FASTER,
        f"{other.seconds:.1f} s / {done.seconds:.2f} s of processor = {ratio:.1f} times "
        f"(at least {FASTER})",
    )
    return ours, theirs


def compare_dl1(given, night, compare, ours, theirs):
    """Make DL1 with each program and each set of constants."""
    sample = given.shared / "data" / "night"
    raw = first_stream(sample, DATA_RUN)
    charge = given.shared / "data" / "calibration" / f"calibration_filters_52.Run{CALIBRATION_RUN}.0000.h5"
    drive = sample / "monitoring" / "DrivePositioning" / f"DrivePosition_log_{DATE}.txt"
    made = {}
    for label, (pedestal, time) in (("ours", ours), ("theirs", theirs)):
        folder = night / f"dl1_{label}"
        for program in ("peer", "alisio"):
            (folder / program).mkdir(parents=True, exist_ok=True)
            for old in (folder / program).glob("*LST-1.*"):
                old.unlink()
        run(
            [given.alisio, "r0-to-dl1", "--input", raw, "--output-dir", folder / "alisio",
             "--drs4-pedestal", pedestal, "--time-calibration", time, "--calibration", charge,
             "--drive-log", drive, "--run-summary", sample / RUN_SUMMARY, "--max-events",
             given.data_events]
        )
        run(
            [peer("lstchain_data_r0_to_dl1"), "-f", raw, "-o", folder / "peer", "-p", pedestal,
             "--calib", charge, "-t", time, "--pointing-file", drive, "-r", sample / RUN_SUMMARY,
             "--max-events", given.data_events, "--no-image-output"][:-1]
        )
        for program in ("peer", "alisio"):
            made[label, program] = next((folder / program).glob("dl1_LST-1.*.h5"))
    for program in ("peer", "alisio"):
        for path in TABLES:
            mine, other = table(made["ours", program], path), table(made["theirs", program], path)
            compare.truth(f"{program} {path.split('/')[-2]} rows", len(mine) == len(other) > 0)
            for column in other.dtype.names:
                same = np.array_equal(
                    mine[column], other[column], equal_nan=other[column].dtype.kind == "f"
                )
                if not same:
                    compare.column(f"{program} {column}", mine[column], other[column])
            compare.truth(
                f"{program} {path.split('/')[-2]} with our constants", len(mine) > 0,
                f"{len(other.dtype.names)} columns of {len(other)} rows compared with the peer's",
            )


def main():
    given = arguments(__doc__, add_options)
    compare = Comparison("time_calibration")
    night = synthetic_night(
        given.shared, given.work / f"time_seed{given.seed}", "--seed", given.seed, "--what", "night",
        "--n-drs4", 1000, "--n-calib", given.events, "--n-data", 20, "--subruns", 1,
        "--date", DATE,
    )
    ours, theirs = make_constants(given, night, compare)
    if not given.without_dl1:
        compare_dl1(given, night, compare, ours, theirs)
    return compare.finish()


if __name__ == "__main__":
    sys.exit(main())

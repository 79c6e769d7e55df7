"""Compare the DL1 of raw data in several states with that of lstchain_data_r0_to_dl1.

Old format with lost UCTS data, with missing modules, in another compression; R1v1 as it is,
gain-selected (R0G) and volume-reduced (R0V) by the peer's own tools.
"""

import sys

import numpy as np
from compare import Comparison, arguments, first_stream, peer, run, synthetic_night, table

IMAGES = "/dl1/event/telescope/image/LST_LSTCam"
PARAMETERS = "/dl1/event/telescope/parameters/LST_LSTCam"
N_EVENTS = 40
OLD_FORMAT = {
    "ucts": ["--ucts-jumps", 5, 6, 20],
    "modules": ["--drop-modules", 7, 100],
    "zstd": ["--compression", "zstd3"],
}
R1V1 = ("r1v1", "r0g", "r0v")


def constants(shared):
    folder = shared / "data" / "calibration"
    return next(folder.glob("drs4_pedestal*.h5")), next(folder.glob("calibration_filters*.h5"))


def our_dl1(inputs, raw, night, folder):
    pedestal, charge = constants(inputs.shared)
    drive = next(night.glob("monitoring/DrivePositioning/DrivePosition_log_*"))
    run(
        [inputs.alisio, "r0-to-dl1", "--input", raw, "--output-dir", folder]
        + ["--drs4-pedestal", pedestal, "--calibration", charge, "--drive-log", drive]
    )
    return next(folder.glob("dl1_*.h5"))


def their_dl1(inputs, raw, night, folder):
    pedestal, charge = constants(inputs.shared)
    drive = next(night.glob("monitoring/DrivePositioning/DrivePosition_log_*"))
    run(
        [peer("lstchain_data_r0_to_dl1"), "-f", raw, "-o", folder, "-p", pedestal]
        + ["--calib", charge, "--pointing-file", drive]
    )
    return next(folder.glob("dl1_*.h5"))


def compare_dl1(compare, state, ours, theirs):
    a, b = table(ours, IMAGES), table(theirs, IMAGES)
    compare.column(f"{state}: image", a["image"], b["image"])
    compare.column(f"{state}: peak_time", a["peak_time"], b["peak_time"])
    compare.column(f"{state}: image_mask", a["image_mask"], b["image_mask"])
    a, b = table(ours, PARAMETERS), table(theirs, PARAMETERS)
    for name in ("event_id", "event_type", "ucts_jump", "n_pixels"):
        if name in b.dtype.names:
            compare.column(f"{state}: {name}", a[name], b[name])
    compare.column(f"{state}: dragon_time", a["dragon_time"], b["dragon_time"], absolute=1e-6)
    compare.column(f"{state}: intensity", a["intensity"], b["intensity"], relative=1e-6)
    compare.truth(f"{state}: has images", np.isfinite(a["intensity"]).any())


def reduce(inputs, raw, night, state):
    """Return the raw file in a state of R1V1, made by the peer's tools."""
    if state == "r1v1":
        return raw
    selected = inputs.work / "r0g_files"
    if not (selected / raw.name).exists():
        selected.mkdir(exist_ok=True)
        run([peer("lstchain_r0_to_r0g"), "-f", raw, "-o", selected, "--no-flatfield-heuristic"])
    if state == "r0g":
        return selected / raw.name
    masks, reduced = inputs.work / "masks", inputs.work / "r0v_files"
    masks.mkdir(exist_ok=True)
    reduced.mkdir(exist_ok=True)
    dl1 = our_dl1(inputs, selected / raw.name, night, inputs.work / "dl1_for_masks")
    selector = [peer("lstchain_dvr_pixselector"), "-f", dl1, "-o", masks, "--action"]
    run([*selector, "compute_dvr_settings"], cwd=masks)
    run([*selector, "create_pixel_masks"], cwd=masks)
    chosen = next(f for f in masks.glob("*.h5") if not f.name.startswith("DVR_settings"))
    run(
        [peer("lstchain_r0g_to_r0v"), "-f", selected / raw.name, "-o", reduced]
        + ["--pixselection-file", chosen]
    )
    return reduced / raw.name


def main():
    every = [*OLD_FORMAT, *R1V1]
    inputs = arguments(
        __doc__,
        lambda parser: parser.add_argument(
            "--states", nargs="+", choices=every, default=every, help="which; default: all"
        ),
    )
    compare = Comparison("input_states")
    for state in inputs.states:
        old = state in OLD_FORMAT
        number, date = (11305, 20221215) if old else (17003, 20240215)
        night = synthetic_night(
            inputs.shared,
            inputs.work / ("night_" + (state if old else "r1v1")),
            *["--seed", 9, "--what", "data", "--data-run", number, "--n-data", N_EVENTS],
            *["--subruns", 1, "--date", date, "--format", "r0" if old else "r1v1"],
            *OLD_FORMAT.get(state, []),
        )
        raw = first_stream(night, number)
        if not old:
            raw = reduce(inputs, raw, night, state)
        ours = our_dl1(inputs, raw, night, inputs.work / f"ours_{state}")
        theirs = their_dl1(inputs, raw, night, inputs.work / f"theirs_{state}")
        compare_dl1(compare, state, ours, theirs)
    sys.exit(compare.finish())


main()

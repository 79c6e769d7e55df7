"""Compare alisio gain-select with lstchain_r0_to_r0g, event by event, and the DL1 of both.

Then the peer's volume reduction of the same data (R0V), and lstchain_data_r0_to_dl1 on ours.
"""

import sys

import protozfits
from compare import Comparison, arguments, first_stream, peer, run, synthetic_night, table

IMAGES = "/dl1/event/telescope/image/LST_LSTCam"
PARAMETERS = "/dl1/event/telescope/parameters/LST_LSTCam"


def messages(path, name):
    file = protozfits.File(str(path), pure_protobuf=True)
    return [row for row in getattr(file, name)]


def compare_files(compare, ours, theirs):
    for stream in range(1, 5):
        name = ours.name.replace("LST-1.1.", f"LST-1.{stream}.")
        for table_name in ("DataStream", "CameraConfiguration", "Events"):
            mine = messages(ours.parent / name, table_name)
            other = messages(theirs.parent / name, table_name)
            compare.truth(
                f"stream {stream}: {table_name}", mine == other, f"{len(mine)} of {len(other)} rows"
            )


def dl1(alisio, raw, folder, constants):
    run([alisio, "r0-to-dl1", "--input", raw, "--output-dir", folder, "--date", "20240215"] + constants)
    return next(folder.glob("dl1_*.h5"))


def main():
    inputs = arguments(__doc__)
    compare = Comparison("gain_select")
    night = synthetic_night(
        inputs.shared,
        inputs.work / "night",
        *["--seed", 8, "--format", "r1v1", "--what", "data", "--data-run", 17002],
        *["--n-data", 80, "--subruns", 1, "--date", 20240215],
    )
    raw = first_stream(night, 17002)
    ours, theirs = inputs.work / "ours", inputs.work / "theirs"
    theirs.mkdir(exist_ok=True)
    run([inputs.alisio, "gain-select", "--input", raw, "--output-dir", ours])
    run([peer("lstchain_r0_to_r0g"), "-f", raw, "-o", theirs, "--no-flatfield-heuristic"])
    compare_files(compare, ours / raw.name, theirs / raw.name)

    folder = inputs.shared / "data" / "calibration"
    pedestal = next(folder.glob("drs4_pedestal*.h5"))
    charge = next(folder.glob("calibration_filters*.h5"))
    constants = ["--drs4-pedestal", pedestal, "--calibration", charge]
    mine = dl1(inputs.alisio, ours / raw.name, inputs.work / "dl1_ours", constants)
    other = inputs.work / "dl1_of_lstchain"
    run(
        [peer("lstchain_data_r0_to_dl1"), "-f", ours / raw.name, "-o", other]
        + ["-p", pedestal, "--calib", charge]
        + ["--pointing-file", next(night.glob("monitoring/DrivePositioning/DrivePosition_log_*"))],
    )
    produced = list(other.glob("dl1_*.h5"))
    compare.truth("lstchain_data_r0_to_dl1 reads ours", bool(produced))
    if produced:
        a, b = table(mine, IMAGES), table(produced[0], IMAGES)
        compare.column("image", a["image"], b["image"])
        compare.column("peak_time", a["peak_time"], b["peak_time"])
        compare.column("image_mask", a["image_mask"], b["image_mask"])
        a, b = table(mine, PARAMETERS), table(produced[0], PARAMETERS)
        for name in ("event_id", "event_type", "n_pixels"):
            compare.column(name, a[name], b[name])
        compare.column("intensity", a["intensity"], b["intensity"], relative=1e-6)
    sys.exit(compare.finish())


main()

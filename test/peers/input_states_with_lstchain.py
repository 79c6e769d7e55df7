"""Compare the DL1 of raw data in several states with that of lstchain_data_r0_to_dl1.

Old format with lost UCTS data, with missing modules, in another compression, with a broken pixel,
with pedestals by a list of ids; R1v1 as it is, gain-selected (R0G) and volume-reduced (R0V) by the
peer's own tools, with flat-fields that were taken for physics; R1v1 as the event builder hands it
out after each of its corrections. What the peer cannot read is compared with the same events in a
state that it can.
"""

import shutil
import sys

import numpy as np
from compare import Comparison, arguments, first_stream, peer, run, synthetic_night, table

IMAGES = "/dl1/event/telescope/image/LST_LSTCam"
PARAMETERS = "/dl1/event/telescope/parameters/LST_LSTCam"
N_EVENTS = 40
N_PIXELS, FIRST_SAMPLE, LAST_SAMPLE = 1855, 3, 39
DEAD_PIXEL = 1234
SUBARRAY, SKY_PEDESTAL = 32, 2
OLD_FORMAT = {
    "plain": [],
    "ucts": ["--ucts-jumps", 5, 6, 20],
    "ucts_first": ["--ucts-jumps", 1, 30],
    "modules": ["--drop-modules", 7, 100],
    "zstd": ["--compression", "zstd3"],
    "broken": ["--mark-broken"],
    "pedestal_ids": [],
}
R1V1 = ("r1v1", "r0g", "r0v", "taken_for_physics")
PREPROCESSED = (
    "baseline",
    "baseline,time-lapse",
    "baseline,time-lapse,spikes",
    "baseline,gain-selection",
    "baseline,time-lapse,spikes,gain-selection",
    "baseline,time-lapse,spikes,pe,gain-selection",
    "baseline,time-lapse,spikes,pe",
)


class Job:
    """A raw file and what is needed to make DL1 of it."""

    def __init__(self, inputs, state, raw, night, constants):
        self.inputs, self.state, self.raw, self.night = inputs, state, raw, night
        self.pedestal = next(constants.rglob("drs4_pedestal*.h5"))
        self.charge = next(constants.rglob("calibration_filters*.h5"))
        self.drive = next(night.glob("monitoring/DrivePositioning/DrivePosition_log_*"))
        self.said = ""

    def ours(self, *options, raw=None, name="ours"):
        folder = self.inputs.work / f"{name}_{self.state}"
        done = run(
            [self.inputs.alisio, "r0-to-dl1", "--input", raw or self.raw, "--output-dir", folder]
            + ["--drs4-pedestal", self.pedestal, "--calibration", self.charge]
            + ["--drive-log", self.drive, *options]
        )
        self.said = done.out + done.err
        return next(folder.glob("dl1_*.h5"))

    def theirs(self, *options):
        folder = self.inputs.work / f"theirs_{self.state}"
        shutil.rmtree(folder, ignore_errors=True)
        run(
            [peer("lstchain_data_r0_to_dl1"), "-f", self.raw, "-o", folder]
            + ["-p", self.pedestal, "--calib", self.charge, "--pointing-file", self.drive, *options]
        )
        return next(folder.glob("dl1_*.h5"))


def compare_dl1(compare, state, ours, theirs):
    a, b = table(ours, IMAGES), table(theirs, IMAGES)
    for name in ("image", "peak_time", "image_mask"):
        compare.column(f"{state}: {name}", a[name], b[name])
    a, b = table(ours, PARAMETERS), table(theirs, PARAMETERS)
    for name in b.dtype.names:
        if name not in a.dtype.names:
            compare.fault(f"{state}: {name}", "the column is not there")
            continue
        allowed = [1e-6, 1e-12] if b[name].dtype.kind == "f" else []
        if name.endswith("_time"):
            allowed = [0, 1e-6]
        compare.column(f"{state}: {name}", a[name], b[name], *allowed)
    compare.truth(f"{state}: has images", np.isfinite(a["intensity"]).any())


def gain_selected(inputs, raw, folder, *options):
    """Return what the peer's gain selection makes of a raw file."""
    selected = inputs.work / folder
    if not (selected / raw.name).exists():
        selected.mkdir(exist_ok=True)
        run([peer("lstchain_r0_to_r0g"), "-f", raw, "-o", selected, *options])
    return selected / raw.name


def volume_reduced(inputs, selected, dl1):
    """Return what the peer's volume reduction makes of a gain-selected file and its DL1."""
    masks, reduced = inputs.work / "masks", inputs.work / "r0v_files"
    masks.mkdir(exist_ok=True)
    reduced.mkdir(exist_ok=True)
    selector = [peer("lstchain_dvr_pixselector"), "-f", dl1, "-o", masks, "--action"]
    run([*selector, "compute_dvr_settings"], cwd=masks)
    run([*selector, "create_pixel_masks"], cwd=masks)
    chosen = next(f for f in masks.glob("*.h5") if not f.name.startswith("DVR_settings"))
    run(
        [peer("lstchain_r0g_to_r0v"), "-f", selected, "-o", reduced]
        + ["--pixselection-file", chosen]
    )
    return reduced / selected.name


def one_gain_only(raw, folder, cut):
    """Return a copy of a raw file with those of its events that hold one gain.

    cut: without the samples at both ends that the event builder may leave out."""
    import protozfits

    folder.mkdir(exist_ok=True)
    for stream in range(1, 5):
        name = raw.name.replace("LST-1.1.", f"LST-1.{stream}.")
        given = protozfits.File(str(raw.with_name(name)), pure_protobuf=True)
        configuration = given.CameraConfiguration[0]
        n_samples = configuration.num_samples_nominal
        with protozfits.ProtobufZOFits(
            n_tiles=100,
            rows_per_tile=20,
            compression_block_size_kb=64 * 1024,
            default_compression="lst-r1v1-uncalibrated",
        ) as made:
            made.open(str(folder / name))
            made.move_to_new_table("DataStream")
            made.write_message(given.DataStream[0])
            made.move_to_new_table("CameraConfiguration")
            if cut:
                configuration.num_samples_nominal = LAST_SAMPLE - FIRST_SAMPLE
            made.write_message(configuration)
            made.move_to_new_table("Events")
            for event in given.Events:
                if event.num_channels != 1:
                    continue
                if cut:
                    waveform = protozfits.any_array_to_numpy(event.waveform)
                    waveform = waveform.reshape(-1, n_samples)[:, FIRST_SAMPLE:LAST_SAMPLE]
                    event.waveform.data = waveform.tobytes()
                    event.num_samples = LAST_SAMPLE - FIRST_SAMPLE
                made.write_message(event)
            made.close()
        given.close()
    return folder / raw.name


def synthetic(inputs, state):
    """Return the job of a synthetic run in the old format, or in R1v1 without corrections."""
    old = state in OLD_FORMAT
    number, date = (11305, 20221215) if old else (17003, 20240215)
    night = synthetic_night(
        inputs.shared,
        inputs.work / ("night_" + (state if old else "r1v1")),
        *["--seed", 9, "--what", "data", "--data-run", number, "--n-data", N_EVENTS],
        *["--subruns", 1, "--date", date, "--format", "r0" if old else "r1v1"],
        *OLD_FORMAT.get(state, []),
    )
    constants = inputs.shared / "data" / "calibration"
    return Job(inputs, state, first_stream(night, number), night, constants)


def check_broken(compare, job):
    """The peer cannot read a pixel without data: its neighbours are as if it had been there."""
    ours = job.ours()
    whole = synthetic(job.inputs, "plain")
    whole.state = "whole"
    theirs = whole.theirs()
    a, b = table(ours, IMAGES), table(theirs, IMAGES)
    other = np.arange(N_PIXELS) != DEAD_PIXEL
    same = (a["image"] == b["image"])[:, other]
    compare.truth("broken: all other pixels", same[1:].all(), f"{same.mean():.6f} equal")
    compare.truth("broken: finite", np.isfinite(a["image"]).all() and np.isfinite(a["peak_time"]).all())
    filled = a["image"][1:, DEAD_PIXEL]
    compare.truth("broken: filled from its neighbours", (filled != 0).any(), f"mean {filled.mean():.3f}")


def check_taken_for_physics(compare, job):
    """Flat-fields that were gain-selected kill the peer's job; ours goes on and says so."""
    selected = gain_selected(job.inputs, job.raw, "mistagged_files")
    events = table(job.ours(raw=selected), PARAMETERS)
    said = "events hold one gain" in job.said
    n_raw = len(table(job.ours(name="ours_two_gains"), PARAMETERS))
    compare.truth("taken for physics: all events", len(events) == n_raw, f"{len(events)} of {n_raw}")
    types, counts = np.unique(events["event_type"], return_counts=True)
    text = ", ".join(f"type {t}: {n}" for t, n in zip(types, counts))
    compare.truth("taken for physics: a warning", said, text)


def check_pedestal_ids(compare, job):
    """Ids of some pedestals and some showers: those become pedestals, other pedestals physics."""
    plain = table(job.ours(name="ours_tagged"), PARAMETERS)
    tagged = plain["event_id"][plain["event_type"] == SKY_PEDESTAL]
    showers = plain["event_id"][plain["event_type"] == SUBARRAY]
    ids = np.sort(np.concatenate([tagged[:-1], showers[5:8]]))
    file = job.inputs.work / "pedestal_ids_Run11305.0000.h5"
    write_ids(file, ids)
    ours = job.ours("--pedestal-ids", file)
    compare_dl1(compare, job.state, ours, job.theirs("--pedestal-ids-path", file))
    events = table(ours, PARAMETERS)
    made = events["event_id"][events["event_type"] == SKY_PEDESTAL]
    compare.truth("pedestal_ids: those listed", np.array_equal(made, ids), f"{len(ids)} events")
    unlisted = events["event_type"][np.isin(events["event_id"], tagged[-1:])]
    compare.truth("pedestal_ids: those not listed", (unlisted == SUBARRAY).all())


def write_ids(file, ids):
    """Write a list of pedestals as lstchain_find_pedestals does."""
    import tables

    class Row(tables.IsDescription):
        obs_id = tables.Int32Col(pos=0)
        event_id = tables.Int64Col(pos=1)

    with tables.open_file(str(file), "w") as opened:
        made = opened.create_table("/", "interleaved_pedestal_ids", Row)
        made.append([(11305, int(i)) for i in ids])


def check_preprocessed(compare, inputs, state):
    night = inputs.work / ("simulated_" + state.replace(",", "_"))
    if not (night / "simulation.json").exists():
        run(
            [inputs.alisio, "simulate", "--output", night, "--format", "r1v1", "--date", 20240215]
            + ["--preprocessed", state, "--events", N_EVENTS, "--subruns", 1, "--seed", 9]
            + ["--first-run", 17000, "--calibration-events", 20]
        )
    raw = first_stream(night, 17002)
    job = Job(inputs, state.replace(",", "_"), raw, night, night)
    if "pe" not in state.split(","):
        compare_dl1(compare, state, job.ours(), job.theirs())
    elif "gain-selection" in state:
        # The peer cannot read calibrated events that hold both gains.
        for cut in (False, True):
            n_samples = LAST_SAMPLE - FIRST_SAMPLE if cut else 40
            job.state = f"{n_samples}_samples"
            job.raw = one_gain_only(raw, inputs.work / f"one_gain_{n_samples}", cut)
            compare_dl1(compare, f"{state} {n_samples}", job.ours(), job.theirs())
    else:
        # Both gains of showers: as if the event builder had selected the gain of the same events.
        selected = inputs.work / ("simulated_" + (state + ",gain-selection").replace(",", "_"))
        if not (selected / "simulation.json").exists():
            return
        both = table(job.ours(), IMAGES)
        one = table(job.ours(raw=first_stream(selected, 17002), name="ours_selected"), IMAGES)
        same = np.mean(both["image"] == one["image"])
        compare.truth(f"{state}: gains", same > 0.99, f"{same:.5f} of the charges equal")


def main():
    every = [*OLD_FORMAT, *R1V1, *PREPROCESSED]
    inputs = arguments(
        __doc__,
        lambda parser: parser.add_argument(
            "--states", nargs="+", choices=every, default=every, help="which; default: all"
        ),
    )
    compare = Comparison("input_states")
    compare.width = 60
    special = {
        "broken": check_broken,
        "taken_for_physics": check_taken_for_physics,
        "pedestal_ids": check_pedestal_ids,
    }
    for state in inputs.states:
        if state in PREPROCESSED:
            check_preprocessed(compare, inputs, state)
            continue
        job = synthetic(inputs, state)
        if state in special:
            special[state](compare, job)
            continue
        if state in ("r0g", "r0v"):
            job.raw = gain_selected(inputs, job.raw, "r0g_files", "--no-flatfield-heuristic")
        if state == "r0v":
            job.raw = volume_reduced(inputs, job.raw, job.ours(name="ours_for_masks"))
        compare_dl1(compare, state, job.ours(), job.theirs())
    sys.exit(compare.finish())


main()

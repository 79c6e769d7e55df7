"""Compare alisio find-pedestals with lstchain_find_pedestals, on subruns with times made for it.

Runs up to 2708 had pedestals at 50 Hz, later ones at 100 Hz. Of events that are equally bright (those
without a cleaned image) lstchain drops an arbitrary choice, which depends on the processor: only the
number of those is compared.
"""

import shutil
import sys

import numpy as np
import tables
from compare import Comparison, arguments, peer, run, table

PARAMETERS = "/dl1/event/telescope/parameters/LST_LSTCam"
IDS = "/interleaved_pedestal_ids"


def write_subrun(source, output, run_number, rate, seed, with_flatfield):
    """Showers at random, pedestals at a rate with a jitter of a microsecond, flat-field events."""
    random = np.random.default_rng(seed)
    start, duration = 1.6e9 + 0.123 * seed, 6.0
    period = 1 / rate + random.integers(-40, 40) * 1e-7
    showers = random.uniform(0, duration, 2000)
    pedestals = np.arange(random.uniform(0, period), duration, period)
    pedestals += random.uniform(0, 1e-6, len(pedestals))
    flatfield = np.arange(0.0013, duration, 1 / rate) if with_flatfield else np.array([])
    time = np.concatenate([showers, pedestals, flatfield])
    kind = np.repeat([0, 1, 2], [len(showers), len(pedestals), len(flatfield)])
    order = np.argsort(time)
    time, kind = time[order] + start, kind[order]
    n = len(time)
    with tables.open_file(str(source)) as old, tables.open_file(str(output), "w") as new:
        node = old.get_node(PARAMETERS)
        rows = np.resize(node.read(), n)
        rows["obs_id"] = run_number
        rows["event_id"] = np.arange(1, n + 1)
        rows["dragon_time"] = time
        rows["intensity"] = np.where(kind == 0, random.uniform(40, 5000, n), np.nan)
        noisy = (kind == 1) & (random.random(n) < 0.02)
        rows["intensity"][noisy] = random.uniform(50, 70, np.sum(noisy))
        rows["intensity"][kind == 2] = 1e5
        rows["concentration_pixel"] = np.where(kind == 2, 0.001, 0.1)
        group = new.create_group("/dl1/event/telescope", "parameters", createparents=True)
        written = new.create_table(group, "LST_LSTCam", obj=rows)
        for name in node.attrs._v_attrnamesuser:
            written.attrs[name] = node.attrs[name]
    return rows, kind


def main():
    inputs = arguments(__doc__)
    compare = Comparison("find_pedestals")
    source = inputs.shared / "data" / "reference" / "images" / "dl1_LST-1.Run03002.0000.h5"
    folder, theirs, ours = (inputs.work / name for name in ("dl1", "lstchain", "alisio"))
    for each in (folder, theirs, ours):
        shutil.rmtree(each, ignore_errors=True)
    folder.mkdir()
    made = {}
    for number, rate, flatfield in ((2006, 50, False), (2006, 50, True), (3002, 100, False),
                                    (3002, 100, True)):
        name = f"Run{number:05d}.{int(flatfield):04d}.h5"
        made[name] = write_subrun(source, folder / f"dl1_LST-1.{name}", number, rate,
                                  number + flatfield, flatfield)
    other = run([peer("lstchain_find_pedestals"), "-d", folder, theirs])
    files = sorted(folder.glob("dl1*.h5"))
    mine = run([inputs.alisio, "find-pedestals", "--input", *files, "--output-dir", ours])
    for name, (rows, kind) in made.items():
        own, their = (table(path / f"pedestal_ids_{name}", IDS) for path in (ours, theirs))
        compare.truth(f"{name}: columns", own.dtype == their.dtype, str(own.dtype.names))
        compare.column(f"{name}: number", len(own), len(their))
        compare.truth(f"{name}: most pedestals are found", len(own) > 0.9 * np.sum(kind == 1))
        differ = np.setxor1d(own["event_id"], their["event_id"])
        dark = rows["event_id"][np.isnan(rows["intensity"])]
        compare.truth(f"{name}: ids differ among equally bright events only",
                      np.isin(differ, dark).all() and len(differ) <= 20, f"{len(differ)} of them")
    print(f"4 subruns: lstchain {other.seconds:.2f} s, alisio {mine.seconds:.3f} s")
    sys.exit(compare.finish())


if __name__ == "__main__":
    main()

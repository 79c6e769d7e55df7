#!/usr/bin/env python3
"""Compare alisio drs4-pedestal with lstchain_create_drs4_pedestal_file.

Runs both on synthetic runs of random triggers: long enough that every capacitor is read out, of
another seed, and a short one of the new format. The stored integers must be equal wherever the
peer's are defined: where a capacitor was read out, and its deviation where it was twice.
"""

import sys

from compare import Comparison, arguments, first_stream, peer, run, synthetic_night, table

# name, run number, options of the synthetic night, times that alisio must be faster (0: not asked)
RUNS = {
    "seed1": (11218, ["--seed", 1, "--date", "20221215"], 1000, 25),
    "seed9": (11218, ["--seed", 9, "--date", "20221215"], 700, 0),
    "r1v1": (17000, ["--seed", 4, "--date", "20240215", "--format", "r1v1"], 300, 0),
}
NODE = "/r1/monitoring/drs4_baseline/tel_001"


def add_options(parser):
    parser.add_argument("--runs", nargs="+", default=list(RUNS), choices=list(RUNS))


def main():
    given = arguments(__doc__, add_options)
    compare = Comparison("drs4_pedestal")
    for name in given.runs:
        number, options, events, faster = RUNS[name]
        night = synthetic_night(
            given.shared, given.work / f"drs4_{name}", *options, "--what", "drs4",
            "--first-run", number, "--n-drs4", events,
        )
        raw = first_stream(night, number)
        theirs = night / f"peer.Run{number:05d}.h5"
        mine = night / f"drs4_pedestal.Run{number:05d}.0000.h5"
        theirs.unlink(missing_ok=True)
        done = run([given.alisio, "drs4-pedestal", "--input", raw, "--output-dir", night])
        other = run(
            [peer("lstchain_create_drs4_pedestal_file"), f"--input={raw}", f"--output={theirs}",
             "--no-progress"]
        )
        ours, reference = table(mine, NODE)[0], table(theirs, NODE)[0]
        counts = reference["baseline_counts"]
        compare.column(f"{name} baseline_counts", ours["baseline_counts"], counts)
        for column, least in (("baseline_mean", 1), ("baseline_std", 2)):
            compare.column(
                f"{name} {column}", ours[column], reference[column], where=counts >= least
            )
        compare.column(f"{name} spike_height", ours["spike_height"], reference["spike_height"])
        empty = int((counts == 0).sum())
        print(f"     {name}: {empty} capacitors without readout")
        ratio = other.seconds / done.seconds
        compare.truth(
            f"{name} speed",
            ratio >= faster,
            f"{other.seconds:.1f} s / {done.seconds:.2f} s of processor = {ratio:.1f} times"
            + (f" (at least {faster})" if faster else ""),
        )
    return compare.finish()


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Open a table written by alisio with the readers that the observatory uses.

Usage: read_tables_with_peers.py TEST_HDF5

TEST_HDF5 is the unit-test program of lib/io/hdf5; it writes the table. Needs numpy, tables, pandas
and ctapipe. Prints one line per reader; exits 1 if any of them differs from what was written.
"""

import os
import subprocess
import sys
import tempfile

import numpy as np

TABLE = "/dl1/event/telescope/image/LST_LSTCam"
SCALARS = "/dl2/event/telescope/parameters/LST_LSTCam"
PIXELS = 50
ROWS = 100


def expected():
    row = np.arange(ROWS)
    pixel = np.arange(PIXELS)
    return {
        "event_id": row + 2**40,
        "event_type": np.where(row % 3 == 0, 0, 32),
        "image": row[:, None].astype("f4") * np.float32(0.37) + (pixel**2 % 17).astype("f4"),
        "image_mask": ((row[:, None] + pixel) % 3 == 0).reshape(ROWS, 2, PIXELS // 2),
        "gain": np.where((row[:, None] * pixel) % 5 == 0, -1, 1).astype("i1"),
        "is_valid": row % 2 == 1,
        "i2": -row.astype("i2"),
        "u2": (65535 - row).astype("u2"),
        "i4": (-100000 - row).astype("i4"),
        "u4": (4000000000 + row).astype("u4"),
        "u8": np.uint64(2**64 - 1) - row.astype("u8"),
        "intensity": 1e-3 * row * row,
        "name": np.where(row % 2 == 0, "LST", "M"),
    }


def text(values):
    return np.array([v.decode() if isinstance(v, bytes) else str(v) for v in values])


def differences(columns, wanted):
    for name, values in wanted.items():
        found = np.asarray(columns[name])
        if name == "name":
            found = text(found)
        elif found.dtype.kind != values.dtype.kind:
            yield f"{name}: {found.dtype} instead of {values.dtype}"
        if not np.array_equal(found, values):
            yield f"{name}: values differ"


def with_tables(path):
    import tables

    with tables.open_file(path) as file:
        table = file.get_node(TABLE)
        if not isinstance(table, tables.Table):
            yield f"is a {type(table).__name__}"
        filters = table.filters
        if filters.complib != "blosc:zstd" or not filters.fletcher32:
            yield f"filters {filters}"
        if table.attrs.NROWS != ROWS or table.title != "Storage of sample rows":
            yield "attributes differ"
        for i, name in enumerate(table.colnames):
            if getattr(table.attrs, f"FIELD_{i}_FILL") != table.coldflts[name].flat[0]:
                yield f"{name}: fill value differs"
        yield from differences(table.read(), expected())
        if len(table.read_where("intensity > 5")) != np.sum(expected()["intensity"] > 5):
            yield "query differs"


def with_ctapipe(path):
    from ctapipe.io import read_table

    table = read_table(path, TABLE)
    if str(table["intensity"].unit) != "m":
        yield f"unit {table['intensity'].unit}"
    yield from differences(table, expected())


def with_pandas(path):
    import pandas

    frame = pandas.read_hdf(path, key=SCALARS)
    yield from differences(frame, {k: v for k, v in expected().items() if v.ndim == 1})


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "tables.h5")
        subprocess.run(
            [sys.argv[1], "--gtest_filter=Peers.*", "--gtest_brief=1"],
            env={**os.environ, "ALISIO_PEER_TABLE": path},
            check=True,
        )
        for reader in (with_tables, with_pandas, with_ctapipe):
            problems = list(reader(path))
            failed |= bool(problems)
            print(f"{reader.__name__[5:]}: {'; '.join(problems) or 'equal'}")
    sys.exit(failed)


if __name__ == "__main__":
    main()

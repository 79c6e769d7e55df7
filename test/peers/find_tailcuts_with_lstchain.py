"""Compare alisio find-tailcuts with lstchain's find_tailcuts, on runs of several night-sky levels.

The runs are DL1 files of noise: pedestal events whose charges scatter as a night sky of some level
makes them, noisy and dead pixels among them, a subrun lit by a car, one with few pedestals, one with
too few.
"""

import json
import shutil
import sys

import numpy as np
import tables
from compare import Comparison, arguments, peer, run

PARAMETERS = "/dl1/event/telescope/parameters/LST_LSTCam"
IMAGES = "/dl1/event/telescope/image/LST_LSTCam"
PEDESTAL = 2


def write_subrun(source, output, run_number, scale, pedestals, seed):
    """A subrun of `pedestals` pedestal events, and a tenth as many others, of noise of this scale."""
    random = np.random.default_rng(seed)
    n = pedestals + pedestals // 10
    with tables.open_file(str(source)) as old, tables.open_file(str(output), "w") as new:
        old.copy_children("/", new.root, recursive=True)
        for path in (PARAMETERS, IMAGES):
            rows = np.resize(old.get_node(path).read(), n)
            rows["obs_id"] = run_number
            rows["event_id"] = np.arange(1, n + 1)
            if path == PARAMETERS:
                rows["event_type"] = np.where(np.arange(n) % 11 < 10, PEDESTAL, 32)[:n]
            else:
                image = random.gamma(2.0, scale, (n, 1855)).astype(np.float32)
                image *= random.normal(1, 0.05, 1855).astype(np.float32)
                image[:, ::100] *= 9  # stars
                image[:, 7::300] = 0  # dead
                rows["image"] = image
            node = new.get_node(path)
            node.remove_rows(0, node.nrows - 1)
            node.append(rows)
            node.remove_rows(0, 1)


def main():
    inputs = arguments(__doc__)
    from lstchain.image.cleaning import find_tailcuts

    compare = Comparison("find_tailcuts")
    source = inputs.shared / "data" / "reference" / "images" / "dl1_LST-1.Run03002.0000.h5"
    # By run: the scale of each subrun's noise and its number of pedestals.
    runs = {
        4001: [(0.9, 200)] * 3 + [(0.92, 150)],
        4002: [(1.6, 200), (1.65, 210), (4.0, 200), (1.62, 205), (1.58, 200), (1.6, 90), (1.6, 101)],
        4003: [(2.3, 120)] * 11,
        4004: [(0.9, 50)] * 2,
    }
    for number, subruns in runs.items():
        folder = inputs.work / f"run{number}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for i, (scale, pedestals) in enumerate(subruns):
            scale *= 1 + 0.002 * i
            write_subrun(source, folder / f"dl1_LST-1.Run{number:05d}.{i:04d}.h5", number, scale,
                         pedestals, 10 * number + i)
        level, nsb, block = find_tailcuts(folder, number)
        run([inputs.alisio, "find-tailcuts", "--input-dir", folder, "--run", number,
             "--output-dir", folder])
        product = folder / f"dl1ab_Run{number:05d}.json"
        ours = json.loads(product.read_text(encoding="utf-8"))
        result = ours["find_tailcuts_result"]
        compare.truth(f"run {number}: both have a level, or neither",
                      result["measured"] == (block is not None), str(result))
        if block is None:
            continue
        compare.column(f"run {number}: quantile", result["pedestal_charge_quantile"], level, 1e-6)
        compare.column(f"run {number}: additional NSB", result["additional_nsb"], nsb, 1e-5)
        compare.truth(f"run {number}: cleaning", block == ours[
            "tailcuts_clean_with_pedestal_threshold"], str(block["picture_thresh"]))
    # lstchain takes our file.
    output = inputs.work / "by_lstchain.h5"
    output.unlink(missing_ok=True)
    done = run([peer("lstchain_dl1ab"), "-f", source, "-o", output, "-c",
                inputs.work / "run4003" / "dl1ab_Run04003.json"])
    compare.truth("lstchain_dl1ab takes our file", output.exists() and "Error" not in done.err)
    sys.exit(compare.finish())


if __name__ == "__main__":
    main()

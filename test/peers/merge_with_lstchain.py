"""Compare alisio merge with lstchain_merge_hdf5_files, on the reference DL1 of run 11220.

lstchain's merging of DL2 that holds a record of provenance fails, so DL2 is compared with the
concatenation of its parts; lstchain's readers must take both products. lstchain lists the merged
files as they were named to it, with their folders; alisio lists their names.
"""

import shutil
import sys
from pathlib import Path

import joblib
import numpy as np
import tables
from compare import Comparison, arguments, peer, run, table

DL1 = "/dl1/event/telescope/parameters/LST_LSTCam"
DL2 = "/dl2/event/telescope/parameters/LST_LSTCam"
CONFIGURATION = "/configuration/instrument/telescope/camera/geometry_0"


def same_rows(compare, name, ours, theirs):
    compare.truth(f"{name}: columns and types", ours.dtype == theirs.dtype)
    for column in theirs.dtype.names:
        compare.column(f"{name}: {column}", ours[column], theirs[column])


def one_thread_models(source, target):
    """Save models again for one thread: several add up trees in the order in which they end."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for file in sorted(source.iterdir()):
        if file.suffix == ".sav":
            model = joblib.load(file)
            model.n_jobs = 1
            joblib.dump(model, target / file.name)
        else:
            shutil.copyfile(file, target / file.name)
    return target


def main():
    inputs = arguments(__doc__)
    compare = Comparison("merge")
    parts = inputs.work / "parts"
    shutil.rmtree(inputs.work / "ours", ignore_errors=True)
    parts.mkdir(exist_ok=True)
    reference = inputs.shared / "data" / "reference"
    if not reference.exists():
        reference = inputs.shared / "reference"
    for folder in ("dl1", "dl2_standard"):
        for file in sorted((reference / folder).glob("dl?_*.h5")):
            shutil.copy(file, parts)
    theirs = inputs.work / "theirs.h5"
    theirs.unlink(missing_ok=True)
    ours = inputs.work / "ours" / "dl1_LST-1.Run11220.h5"
    mine = run([inputs.alisio, "merge", "--input-dir", parts, "--output-dir", ours.parent])
    other = run([peer("lstchain_merge_hdf5_files"), "-d", parts, "-o", theirs, "-r", "11220", "-p",
                 "dl1_*.h5", "--no-image", "--no-progress"], cwd=inputs.work)
    print(f"alisio {mine.seconds:.2f} s (DL1 and DL2), lstchain {other.seconds:.2f} s (DL1)")
    same_rows(compare, "DL1", table(ours, DL1), table(theirs, DL1))
    camera = table(theirs, CONFIGURATION)
    compare.truth("configuration once", len(table(ours, CONFIGURATION)) == len(camera) // 2)
    with tables.open_file(str(ours)) as a, tables.open_file(str(theirs)) as b:
        names, paths = (
            [name.decode() for name in f.root.source_filenames.filenames] for f in (a, b)
        )
        compare.truth("source_filenames", names == [Path(name).name for name in paths])
    dl2 = ours.with_name("dl2_LST-1.Run11220.h5")
    whole = np.concatenate([table(p, DL2) for p in sorted(parts.glob("dl2_*.h5"))])
    same_rows(compare, "DL2", table(dl2, DL2), whole)

    # lstchain makes the same DL2 from our merged DL1 as from its own.
    models = one_thread_models(reference.parent / "models" / "small", inputs.work / "models")
    made = []
    for name, dl1 in (("ours", ours), ("theirs", theirs)):
        folder = inputs.work / f"dl2_of_{name}"
        shutil.rmtree(folder, ignore_errors=True)
        named = inputs.work / f"{name}_dl1" / ours.name
        named.parent.mkdir(exist_ok=True)
        shutil.copy(dl1, named)
        run([peer("lstchain_dl1_to_dl2"), "-f", named, "-p", models, "-o", folder],
            cwd=inputs.work)
        made.append(table(folder / dl2.name, DL2))
    same_rows(compare, "DL2 by lstchain", *made)
    sys.exit(compare.finish())


main()

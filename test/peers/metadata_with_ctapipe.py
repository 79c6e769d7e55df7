#!/usr/bin/env python3
"""Read the metadata of our products as ctapipe and lstchain do; run by the Python of an lstchain
environment.

    metadata_with_ctapipe.py NIGHT    (a folder that `alisio night` filled)

Each product must give the 30 keys of CTAO's reference metadata, twice the same product id, ids of
its activity, and, in HDF5, a record under /provenance that lstchain reads.
"""
import pathlib
import sys
import uuid

from ctapipe.io.metadata import read_reference_metadata
from tables import open_file

night = pathlib.Path(sys.argv[1])
products = sorted(path for pattern in ("DL1/**/*.h5", "DL2/**/*.h5", "DL1/**/muons*.fits",
                                       "monitoring/**/*.h5") for path in night.glob(pattern)
                  if "log" not in path.parts)
assert len(products) > 5, f"only {len(products)} products below {night}"
checks = failed = 0


def check(path, truth, what):
    global checks, failed
    checks += 1
    if not truth:
        failed += 1
        print(f"{path.name}: {what}")


for path in products:
    first, second = read_reference_metadata(path), read_reference_metadata(path)
    facts = first.to_dict()
    check(path, len(facts) == 30, f"{len(facts)} keys")
    check(path, first.product.id_ == second.product.id_, "the product id changes")
    uuid.UUID(str(first.product.id_))
    check(path, first.activity.software_name == "alisio", first.activity.software_name)
    check(path, str(facts["CTA ACTIVITY ID"]).count("-") == 4, facts["CTA ACTIVITY ID"])
    check(path, facts["CTA CONTACT ORGANIZATION"] != "", "no organization")
    if path.suffix == ".h5":
        with open_file(path) as file:
            check(path, "/provenance" in file, "no /provenance")
            if "/provenance" in file:
                from lstchain.io.provenance import read_provenance
                for node in file.root.provenance:
                    stage = node._v_name
                    try:
                        record = read_provenance(path, stage)
                        check(path, record["activity_name"] == stage, f"record of {stage}")
                    except Exception as problem:  # whatever the peer makes of it is the finding
                        check(path, False, f"/provenance/{stage}: {problem!r}")
print(f"{len(products)} products, {checks - failed} of {checks} checks passed")
sys.exit(1 if failed else 0)

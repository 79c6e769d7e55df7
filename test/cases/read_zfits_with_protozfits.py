#!/usr/bin/env python3
"""Read zfits files with protozfits, the observatory's own reader.

read_zfits_with_protozfits.py FILE        print one line per column: table, name, rows, SHA-256
read_zfits_with_protozfits.py FILE OTHER  say whether both files hold the same values

Exit status 1 if the values differ.
"""
import argparse
import hashlib
import sys

import numpy as np


def add_fields(prefix, message, hashes):
    """Hash the fields of a row, sub-messages flattened, into hashes[name]."""
    for field in message._fields:
        value = getattr(message, field)
        name = prefix + field
        if hasattr(value, "_fields"):
            add_fields(name + "_", value, hashes)
            continue
        count_and_hash = hashes.setdefault(name, [0, hashlib.sha256()])
        count_and_hash[0] += 1
        array = np.asarray(value)
        text = f"{array.dtype.str}{array.shape}" if array.dtype.kind != "U" else str(value)
        count_and_hash[1].update(text.encode())
        if array.dtype.kind not in "UO":
            count_and_hash[1].update(array.tobytes())


def columns(path):
    """Return {(table, column): (rows, hash)} of a file."""
    import protozfits

    found = {}
    with protozfits.File(path) as file:
        for table_name in vars(file):
            hashes = {}
            for row in getattr(file, table_name):
                add_fields("", row, hashes)
            for name, (count, digest) in hashes.items():
                found[table_name, name] = (count, digest.hexdigest())
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("other", nargs="?")
    options = parser.parse_args()
    first = columns(options.file)
    if options.other is None:
        for (table, name), (count, digest) in first.items():
            print(table, name, count, digest)
        return 0
    second = columns(options.other)
    different = sorted(key for key in first.keys() | second.keys()
                       if first.get(key) != second.get(key))
    for table, name in different:
        print(f"differs: {table} {name}", file=sys.stderr)
    print(f"{len(first)} columns read, {len(different)} differ")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())

"""What every case of the whole-program test needs: a night to work on, the program, and assertions.

Needs Python's standard library only.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

DATE = "20240115"
EXIT = {
    "done": 0,
    "usage": 2,
    "configuration": 3,
    "missing input": 4,
    "bad input": 5,
    "resource": 6,
    "incomplete": 7,
    "interrupted": 130,
}
FITS_BLOCK = 2880
CARD = 80


class Skipped(Exception):
    """The machine does not allow what the case needs."""


class Failed(AssertionError):
    """The program did not do what the case expects."""


def expect(truth, message):
    if not truth:
        raise Failed(message)


class Outcome:
    """How a call of the program ended."""

    def __init__(self, command, process):
        self.command = command
        self.code = process.returncode
        self.out = process.stdout
        self.err = process.stderr

    def __str__(self):
        return (
            f"$ {' '.join(map(str, self.command))}\nexit code {self.code}\n"
            f"--- stdout\n{self.out}--- stderr\n{self.err}---"
        )

    def ends(self, reason):
        expect(self.code == EXIT[reason], f"expected exit code {EXIT[reason]} ({reason}):\n{self}")
        return self

    def says(self, *words):
        """Every word is in the output."""
        for word in words:
            expect(str(word) in self.out + self.err, f"'{word}' is not said:\n{self}")
        return self

    def complains(self, *words):
        """One line of error, with a remedy in parentheses, says all the words."""
        errors = [line for line in self.err.splitlines() if "error" in line.lower()]
        hits = [line for line in errors if all(str(word) in line for word in words)]
        expect(hits, f"no error line says all of {[str(word) for word in words]}:\n{self}")
        expect(hits[0].rstrip().endswith(")"), f"the message names no remedy: {hits[0]}\n{self}")
        return self


class Case:
    """One case: a folder of its own and the program."""

    def __init__(self, alisio, folder, cache):
        self.alisio = Path(alisio).resolve()
        self.folder = Path(folder)
        self.cache = Path(cache)

    def run(self, *words, timeout=300, **options):
        command = [str(self.alisio), *map(str, words)]
        options.setdefault("env", os.environ | {"OMP_NUM_THREADS": "1"})
        process = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, check=False, **options
        )
        return Outcome(command, process)

    def simulated(self, **options):
        """Return a fresh copy of a simulated night, made once per program and options.

        Options are those of `alisio simulate`: without_constants=True, fault=["11219=lamp-off"].
        Raw calibration runs are there if the constants are not.
        """
        options = {"runs": 1, "subruns": 2, "events": 40, "format": "r0", "seed": 5, **options}
        digest = hashlib.sha256(self.alisio.read_bytes()).hexdigest()[:12]
        name = "-".join(f"{key}{value}" for key, value in sorted(options.items()))
        name = name.translate(str.maketrans("", "", "[]', "))
        root = self.cache / digest
        self.cache.mkdir(parents=True, exist_ok=True)
        with open(self.cache / "lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for old in self.cache.iterdir():
                if old.is_dir() and old != root:
                    shutil.rmtree(old)
            original = root / name
            if not (original / "alisio.yaml").exists():
                words = command_words(options)
                made = root / "made"
                shutil.rmtree(made, ignore_errors=True)
                self.run("simulate", "--output", made, "--date", DATE, *words).ends("done")
                # The constants are there; the large raw files that they stand for are not needed.
                streams = [] if "without_constants" in options else made.glob(f"R0/{DATE}/*.fits.fz")
                for stream in streams:
                    if ".Run11218." in stream.name or ".Run11219." in stream.name:
                        stream.unlink()
                made.rename(original)
        night = self.folder / "night"
        # Links: damage() and edit() replace files and never write into them.
        shutil.copytree(original, night, copy_function=link_or_copy)
        return Night(self, night)


def command_words(options):
    """Return {"max_events": 5, "dry_run": True, "set": ["a=1", "b=2"]} as the words of a call."""
    words = []
    for key, value in options.items():
        option = "--" + key.replace("_", "-")
        for item in value if isinstance(value, list) else [value]:
            words += [option] if item is True else [option, item]
    return words


def link_or_copy(source, target):
    """Link what is large; a case may write into what is small."""
    if os.path.getsize(source) > 1 << 20:
        try:
            os.link(source, target)
            return
        except OSError:
            pass
    shutil.copy2(source, target)


class Night:
    """A simulated night in a folder, and what the program makes of it."""

    def __init__(self, case, folder):
        self.case = case
        self.folder = folder
        self.config = folder / "alisio.yaml"
        names = sorted(path.name for path in self.r0().glob("LST-1.1.Run*.0001.fits.fz"))
        expect(names, f"no second subrun in {self.r0()}")
        self.run_number = int(names[0].split(".Run")[1][:5])

    def r0(self):
        return self.folder / "R0" / DATE

    def raw(self, stream, subrun, run=None):
        return self.r0() / f"LST-1.{stream}.Run{run or self.run_number:05d}.{subrun:04d}.fits.fz"

    def process(self, *words, **options):
        return self.case.run(
            "night", DATE, "--config", self.config, "--jobs", 2, *words, **options
        )

    def products(self, level="*"):
        return sorted(self.folder.glob(f"{level}/{DATE}/*/{level.lower()}_LST-1.Run*.????.h5"))

    def product(self, level, subrun, run=None):
        found = list(
            self.folder.glob(
                f"{level}/{DATE}/*/{level.lower()}_LST-1.Run{run or self.run_number:05d}.{subrun:04d}.h5"
            )
        )
        expect(len(found) == 1, f"expected one {level} of subrun {subrun}, found {found}")
        return found[0]

    def all_products(self):
        return self.products("DL1") + self.products("DL2")

    def state_of_products(self):
        """Return {path: (mtime, sha256)}."""
        return {
            path: (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
            for path in self.all_products()
        }

    def documents(self, dry_run=False):
        """Return the provenance documents by name."""
        part = "log/dry_run" if dry_run else "log"
        found = {}
        for level in ("DL1", "DL2"):
            for path in self.folder.glob(f"{level}/{DATE}/*/{part}/*_prov.*"):
                if not path.is_symlink():
                    found[path.name] = path
        return found

    def expect_complete(self, subruns=2, runs=1):
        for level in ("DL1", "DL2"):
            n = len(self.products(level))
            expect(n == subruns * runs, f"expected {subruns * runs} {level} files, found {n}")
        documents = self.documents()
        for stage in ("r0_to_dl1", "dl1_to_dl2"):
            for ending in ("log", "json", "pdf", "svg"):
                name = f"{stage}_{self.run_number:05d}_prov.{ending}"
                expect(name in documents, f"{name} is missing, there are {sorted(documents)}")
                expect(documents[name].stat().st_size > 0, f"{name} is empty")
        json.loads(documents[f"r0_to_dl1_{self.run_number:05d}_prov.json"].read_text("utf-8"))

    def stage_words(self, output, subrun=0):
        """Return the arguments of r0-to-dl1 for a subrun, with the constants of the night."""
        tree = self.folder / "monitoring"
        return [
            "r0-to-dl1",
            "--input",
            self.raw(1, subrun),
            "--output-dir",
            output,
            "--drs4-pedestal",
            one_file(tree, "drs4_pedestal*.h5"),
            "--calibration",
            one_file(tree, "calibration_filters*.h5"),
            "--time-calibration",
            one_file(tree, "time_calibration*.h5"),
            "--drive-log",
            one_file(tree, "DrivePosition_log_*.txt"),
            "--run-summary",
            one_file(tree, "RunSummary_*.ecsv"),
        ]


def one_file(folder, pattern):
    found = [path for path in sorted(folder.rglob(pattern)) if not path.is_symlink()]
    expect(len(found) == 1, f"expected one {pattern} below {folder}, found {found}")
    return found[0]


def changed(words, option, value):
    """Return the arguments with another value of an option."""
    words = list(words)
    words[words.index(option) + 1] = value
    return words


def replace_file(path, content):
    """Give a file new content without touching what else links to the old one."""
    new = path.with_name(path.name + ".new")
    new.write_bytes(content)
    new.replace(path)


def edit(path, old, new):
    content = path.read_bytes()
    expect(old in content, f"{old!r} is not in {path}")
    replace_file(path, content.replace(old, new, 1))


def fits_units(content):
    """Return (header start, data start, data size) of each unit of a FITS file."""
    units, at = [], 0
    while at < len(content):
        cards, start = {}, at
        while True:
            block = content[at : at + FITS_BLOCK].decode("ascii")
            at += FITS_BLOCK
            lines = [block[i : i + CARD] for i in range(0, FITS_BLOCK, CARD)]
            for line in lines:
                if line[8:10] == "= ":
                    cards.setdefault(line[:8].strip(), line[10:].split("/")[0].strip())
            if any(line.rstrip() == "END" for line in lines):
                break
        size = abs(int(cards.get("BITPIX", "8"))) // 8 if int(cards.get("NAXIS", "0")) else 0
        for axis in range(1, int(cards.get("NAXIS", "0")) + 1):
            size *= int(cards[f"NAXIS{axis}"])
        size += int(cards.get("PCOUNT", "0"))
        units.append((start, at, size, cards.get("EXTNAME", "").strip("' ")))
        at += -(-size // FITS_BLOCK) * FITS_BLOCK
    return units


def unit_named(content, name):
    for unit in fits_units(content):
        if unit[3] == name:
            return unit
    raise Failed(f"no table {name}")


def flip_byte(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 0x20
    replace_file(path, bytes(content))


def expect_no_fragments(folder):
    left = [path for path in Path(folder).rglob(".*.part-*")]
    expect(not left, f"unfinished files are left: {left}")


def fits_data_hash(path):
    """Return a hash over the data of a FITS file, without the headers, which say who made it."""
    content = Path(path).read_bytes()
    digest = hashlib.sha256()
    for _, start, size, _ in fits_units(content):
        digest.update(content[start : start + size])
    return digest.hexdigest()


def data_hashes(report):
    """Return {product name: data hash} of a stage's report; of FITS files, what they hold now."""
    content = json.loads(Path(report).read_text("utf-8"))
    hashes = {}
    for activity in content["activities"]:
        for output in activity["outputs"]:
            path = Path(output["path"])
            if path.suffix == ".fits":
                hashes[path.name] = fits_data_hash(path)
                continue
            expect(output.get("data_hash"), f"{path} has no data hash in {report}")
            hashes[path.name] = output["data_hash"]
    expect(hashes, f"{report} names no products")
    return hashes

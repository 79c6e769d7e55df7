"""A simulated night whose jobs are done by a stand-in that obeys orders (night_fake_stage)."""

import contextlib
import os
import sqlite3

from harness import DATE, Skipped, expect

STEPS = """
steps: {muons: false, data_check: false, merge: false, report: false, run_summary: false,
        calibration: false, tailcuts: false, cat_b: false, dl1ab: false}
"""


class StandInNight:
    """Runs of subruns; `order` says what becomes of the job of one of them."""

    def __init__(self, case, configuration="", **options):
        self.case = case
        self.stage = case.alisio.parent / "test/unit/lib/night/night_fake_stage"
        if not self.stage.exists():
            raise Skipped(f"there is no {self.stage}")
        self.night = case.simulated(**{"runs": 1, "subruns": 3, **options})
        self.folder = self.night.folder
        self.control = self.folder / "control"
        self.control.mkdir()
        # The stand-in names no correction of pointings among its inputs.
        for path in self.folder.rglob("BendingModelCorrection_*"):
            path.unlink()
        with open(self.night.config, "a", encoding="utf-8") as config:
            config.write(STEPS + configuration)
        self.environment = os.environ | {"FAKE_STAGE_CONTROL": str(self.control)}

    def command(self, *words):
        return [str(self.case.alisio), "night", DATE, "--config", str(self.night.config), "--no-dl2",
                "--executable", str(self.stage), *map(str, words)]

    def run(self, *words, **options):
        return self.case.run(*self.command(*words)[1:], **{"env": self.environment, **options})

    def expect_done(self, outcome="", production=None):
        """All jobs are recorded as done. The night itself is not complete, for stand-ins keep no
        provenance that could be merged."""
        with contextlib.closing(self.database()) as state:
            rows = state.execute("SELECT run, subrun, status FROM job WHERE prod_id LIKE ?",
                                 [production or "%"]).fetchall()
        raw = self.night.r0().glob("LST-1.1.Run*.fits.fz")
        expected = sum(1 for path in raw if int(path.name.split(".Run")[1][:5]) >= 11220)
        good = [row for row in rows if row[2] == "done"]
        expect(len(good) == len(rows) == expected,
               f"not all {expected} jobs are done: {rows}\n{outcome}")

    def complete(self, *words, production=None, **options):
        """Run the night to its end and expect all jobs to be done."""
        if production:
            words = ["--prod-id", production, *words]
        outcome = self.run(*words, **options)
        expect(outcome.code in (0, 7), f"it ended with {outcome.code}: {outcome}")
        self.expect_done(outcome, production)
        return outcome

    def order(self, subrun, text, run=None):
        name = f"r0_to_dl1_{run or self.night.run_number:05d}.{subrun:04d}"
        (self.control / name).write_text(text + "\n", "utf-8")
        return self.control / name

    def calls(self):
        """Return what was done, in order of the names, and forget it."""
        file = self.control / "calls"
        lines = sorted(file.read_text("utf-8").splitlines()) if file.exists() else []
        file.unlink(missing_ok=True)
        return lines

    def products(self):
        """Return the data of each product by name: the line that does not tell who made it."""
        return {path.name: path.read_bytes().rsplit(b"\nmade by ", 1)[0]
                for path in self.night.products("DL1")}

    def database(self):
        return sqlite3.connect(f"file:{self.folder}/state/alisio.sqlite?mode=ro", uri=True)

    def unfinished(self):
        with contextlib.closing(self.database()) as state:
            return state.execute("SELECT count(*) FROM process WHERE ended_at IS NULL").fetchone()[0]

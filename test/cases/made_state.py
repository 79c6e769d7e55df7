"""A state as passes leave it, of a night of any size, without processing anything.

The program itself makes the database, so that its schema is the present one; what passes show is
written into it.
"""

import json
import shutil
import sqlite3
import time
from pathlib import Path

STAGES = ("r0_to_dl1", "dl1_to_dl2")


def utc_text(seconds):
    whole = int(seconds)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{(seconds - whole) * 1e6:06.0f}Z"


class MadeState:
    """One night of `runs` data runs of `subruns` subruns, in a folder of its own."""

    def __init__(self, case, folder, date="20240115", prod_id="v1", runs=2, subruns=3,
                 first_run=11220):
        self.folder, self.date, self.prod_id = Path(folder), date, prod_id
        self.runs = [first_run + i for i in range(runs)]
        self.subruns = subruns
        self.night = (1, date, prod_id)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config = self.folder / "alisio.yaml"
        if not self.config.exists():
            self.config.write_text("paths:\n  state: state\n  r0: R0\n  products: .\n", "utf-8")
        new = not (self.folder / "state/alisio.sqlite").exists()
        if new:
            # It fails, for there are no raw files, but it has made its state.
            raw = self.folder / "R0" / date
            raw.mkdir(parents=True)
            case.run("night", date, "--config", self.config)
            shutil.rmtree(raw.parent)
            shutil.rmtree(self.folder / "DL1", ignore_errors=True)
            for other in (self.folder / "state").iterdir():
                if other.is_file() and not other.name.startswith("alisio.sqlite"):
                    other.unlink()
        self.database = sqlite3.connect(self.folder / "state/alisio.sqlite", isolation_level=None)
        if new:
            for table in ("night", "step", "job_file", "job", "process", "file"):
                self.database.execute(f"DELETE FROM {table}")
        self.status = {}
        for run in self.runs:
            for stage in STAGES:
                for subrun in range(subruns):
                    self.status[stage, run, subrun] = "done"
            self.status["merge_dl1", run, -1] = "done"
        self.status["night_report", 0, -1] = "done"
        self.troubles, self.notes = [], []
        with self.transaction():
            for key in self.status:
                self._write(key, "done")
            self.show()

    def transaction(self):
        database = self.database

        class Transaction:
            def __enter__(self):
                database.execute("BEGIN IMMEDIATE")

            def __exit__(self, kind, *_):
                database.execute("ROLLBACK" if kind else "COMMIT")

        return Transaction()

    def log_of(self, key):
        stage, run, subrun = key
        return self.folder / "logs" / f"{stage}_{run:05d}_{subrun}.log"

    def _write(self, key, status, reason=""):
        self.database.execute(
            "INSERT OR REPLACE INTO step (telescope, date, prod_id, stage, run, subrun, status, "
            "reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*self.night, *key, status, reason))
        if status in ("done", "failed"):
            tail = "last line of the <log>" if status == "failed" else ""
            self.database.execute(
                "INSERT OR REPLACE INTO job (telescope, date, prod_id, stage, run, subrun, status, "
                "exit_code, message, log_file, log_tail, events, wall_s, cpu_s, max_rss_bytes, "
                "attempts, ended_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 100, 30, 25, 4e8, 1, ?)",
                (*self.night, *key, status, 5 if status == "failed" else 0, reason,
                 str(self.log_of(key)), tail, utc_text(time.time())))

    def set(self, key, status, reason="", log=None):
        """Change what one job came to, as a pass would."""
        with self.transaction():
            self._write(key, status, reason)
            self.status[key] = status
            self.troubles = [t for t in self.troubles if (t["stage"], t["run"], t["subrun"]) != key]
            if status in ("failed", "blocked", "missing input"):
                self.troubles.append({"stage": key[0], "run": key[1], "subrun": key[2],
                                      "reason": reason, "log_file": str(self.log_of(key)),
                                      "log_tail": "last line of the <log>"})
            self.show()
        if log is not None:
            self.log_of(key).parent.mkdir(exist_ok=True)
            self.log_of(key).write_text(log, "utf-8")

    def runs_a_process(self, key, pid, started_at=None):
        """Record a process under way on another host."""
        with self.transaction():
            self.database.execute(
                "INSERT INTO process (telescope, date, prod_id, jobs, products, pid, pid_start, host, "
                "report_file, log_file, started_at) VALUES (?, ?, ?, ?, '[]', ?, 1, 'elsewhere', '', "
                "?, ?)", (*self.night, json.dumps([list(key)]), pid, str(self.log_of(key)),
                          started_at or utc_text(time.time())))

    def record_product(self, key, port, path):
        row = self.database.execute(
            "SELECT id FROM job WHERE telescope = ? AND date = ? AND prod_id = ? AND stage = ? AND "
            "run = ? AND subrun = ?", (*self.night, *key)).fetchone()
        self.database.execute(
            "INSERT INTO job_file (job, output, port, path, sha256, data_hash) "
            "VALUES (?, 1, ?, ?, '', '')", (row[0], port, str(path)))
        self.database.execute(
            "INSERT OR REPLACE INTO file (path, size, mtime_ns, inode, sha256, data_hash) "
            "VALUES (?, ?, 0, 0, '', '')", (str(path), Path(path).stat().st_size))

    def show(self):
        runs = []
        for run in self.runs:
            line = {"run": run, "type": "DATA", "subruns": self.subruns,
                    "expected_subruns": self.subruns, "processed": True, "constants": "",
                    "quality": "passed", "events": 100 * self.subruns, "time_s": 60.0}
            for stage in (*STAGES, "merge_dl1"):
                words = [s for (t, r, _), s in self.status.items() if (t, r) == (stage, run)]
                line[stage] = {"done": words.count("done"), "failed": words.count("failed"),
                               "open": len(words) - words.count("done") - words.count("failed")}
            runs.append(line)
        date = f"{self.date[:4]}-{self.date[4:6]}-{self.date[6:]}"
        summary = {"telescope": 1, "date": date, "prod_id": self.prod_id,
                   "complete": all(s == "done" for s in self.status.values()), "jobs_run": 0,
                   "wall_s": 1.0, "dl1_folder": "", "dl2_folder": "", "notes": self.notes,
                   "runs": runs, "failed_gates": [], "troubles": self.troubles}
        self.database.execute(
            "INSERT OR REPLACE INTO night (telescope, date, prod_id, summary, updated_at) "
            "VALUES (?, ?, ?, ?, ?)", (*self.night, json.dumps(summary), utc_text(time.time())))

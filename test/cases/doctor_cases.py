"""alisio doctor: what it finds before the night, and what it says to mend."""

import json
import os
import re
import time

from harness import expect, one_file
from made_state import MadeState


def findings(case, config, code):
    document = json.loads(case.run("doctor", "--config", config, "--json").ends(code).out)
    expect(document["ok"] == (code == "done"), f"{document}")
    return {entry["check"]: entry for entry in document["findings"]}


def case_doctor_finds_what_to_mend(case):
    """A good night passes; each thing that is broken fails with a remedy; nothing is changed."""
    night = case.simulated()
    before = sorted(path for path in night.folder.rglob("*"))
    found = findings(case, night.config, "done")
    for check in ("configuration", "raw data", "products", "state", "space for products", "models",
                  "clock", "Earth orientation (IERS)", "state database"):
        expect(check in found, f"{check} is not looked at: {list(found)}")
    expect(found["raw data"]["health"] == found["models"]["health"] == "ok", f"{found}")
    expect(sorted(path for path in night.folder.rglob("*")) == before, "it changed something")
    shown = case.run("doctor", "--config", night.config).ends("done").out
    expect(shown.startswith("ok    configuration"), shown)

    good = night.config.read_text("utf-8")

    def broken(more, check, *words, text=None):
        night.config.write_text(text or good + more, "utf-8")
        entry = findings(case, night.config, "incomplete")[check]
        expect(entry["health"] == "fail" and entry["remedy"], f"{entry}")
        for word in words:
            expect(word in entry["text"] + entry["remedy"], f"'{word}' is not said: {entry}")
        night.config.write_text(good, "utf-8")

    night.config.write_text("nonsense: 1\n", "utf-8")
    entry = findings(case, night.config, "incomplete")["configuration"]
    expect("nonsense" in entry["text"], f"{entry}")
    night.config.write_text(good, "utf-8")
    (night.folder / "R0").rename(night.folder / "R0.away")
    broken("", "raw data", "does not exist", "paths.r0")
    (night.folder / "R0.away").rename(night.folder / "R0")
    (night.folder / "bad.forest").write_text("no forest", "utf-8")
    other = re.sub(r"(?m)^dl2:\n(  .*\n)*", "", good) + "dl2: {models: bad.forest}\n"
    broken("", "models", "forest", text=other)
    (night.folder / "token").write_text("0123456789abcdef\n", "utf-8")
    (night.folder / "token").chmod(0o644)
    broken("web: {token_file: token}\n", "token of the pages", "chmod 600")
    broken("closing: {key: absent.pem}\n", "key of the seals", "absent.pem", "genpkey")
    broken("closing: {allowed_missing_subruns: all}\n", "configuration", "allowed_missing_subruns")
    broken("notify: {on: [night_over]}\n", "configuration", "night_over")

    raw, ahead = night.raw(1, 0), time.time() + 5000
    stamp = raw.stat().st_mtime_ns
    os.utime(raw, (ahead, ahead))
    logs = [one_file(night.folder, "DrivePosition_log_*"), one_file(night.folder, "BendingModelCorrection_*")]
    contents = [log.read_text("utf-8") for log in logs]
    for log, content in zip(logs, contents):
        last = content.splitlines()[-1].split(maxsplit=1)
        log.write_text(f"{content.rstrip()}\n{ahead:.3f} {last[1]}\n", "utf-8")
    said = json.loads(case.run("doctor", "20240116", "--config", night.config, "--json").ends("done").out)
    for check, name in (("clock of the raw data", raw.name), ("clock of the drive", logs[0].name)):
        entry = next(one for one in said["findings"] if one["check"] == check)
        expect(entry["health"] == "warn" and name in entry["text"] and "1 h 23 min ahead" in entry["text"],
               f"{entry}")
    os.utime(raw, ns=(stamp, stamp))
    for log, content in zip(logs, contents):
        log.write_text(content, "utf-8")
    said = json.loads(case.run("doctor", "20240116", "--config", night.config, "--json").ends("done").out)
    stamps = [one for one in said["findings"] if one["check"].startswith("clock of the ")]
    expect([one["health"] for one in stamps] == ["ok", "ok"], f"{stamps}")

    asked = night.folder / "catalogue"
    asked.write_text("#!/bin/sh\ntest $1 = 2024-01-15 || exit 3\nprintf 'run_id,source_dec\\n5,22\\n'\n", "utf-8")
    asked.chmod(0o755)
    command = f"night: {{catalogue_command: [{asked}, \"{{date}}\"]}}\n"
    for date, health, words in (("20240115", "ok", "1 run of this night"), ("20240116", "warn", "code 3")):
        night.config.write_text(good + command, "utf-8")
        said = json.loads(case.run("doctor", date, "--config", night.config, "--json").ends("done").out)
        entry = next(one for one in said["findings"] if one["check"] == "run catalogue")
        expect(entry["health"] == health and words in entry["text"], f"{entry}")
    night.config.write_text(good, "utf-8")
    (night.folder / "state").mkdir(exist_ok=True)
    (night.folder / "state/alisio.sqlite").write_text("damaged" * 100, "utf-8")
    broken("", "state database", "damaged")


def case_doctor_forecasts_space(case):
    """The space that earlier nights took is compared with what is free."""
    night = MadeState(case, case.folder / "made", runs=2, subruns=3)
    for folder in ("R0", "monitoring/DrivePositioning"):
        (night.folder / folder).mkdir(parents=True, exist_ok=True)
    night.record_product(("r0_to_dl1", 11220, 0), "dl1_subrun", night.config)
    entry = findings(case, night.config, "done")["space for products"]
    expect("a night of 6 subruns" in entry["text"] and "by 1 night" in entry["text"], f"{entry}")
    free = os.statvfs(night.folder)
    night.database.execute("UPDATE file SET size = ?", (free.f_bavail * free.f_frsize * 2,))
    entry = findings(case, night.config, "incomplete")["space for products"]
    expect(entry["health"] == "fail" and "make room" in entry["remedy"], f"{entry}")

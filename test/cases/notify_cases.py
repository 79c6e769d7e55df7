"""Who is told of what while a night is processed: by a hook, by mail; and pauses for observing."""

import contextlib
import datetime
import email
import json
import os
import shutil
import signal
import subprocess
import time

from harness import expect
from stand_in import StandInNight

SENDMAIL = """#!/bin/sh
echo "$@" >> "$0.words"
cat > "$(mktemp "$0.mail-XXXXXX")"
"""


class ToldNight(StandInNight):
    """A stand-in night of many subruns, with a hook and a sendmail that note what they get."""

    def __init__(self, case, notify="", configuration="", subruns=2):
        super().__init__(case, "", subruns=2)
        self.sendmail = case.folder / "sendmail"
        self.sendmail.write_text(SENDMAIL, "utf-8")
        self.sendmail.chmod(0o755)
        self.heard = case.folder / "heard"
        for subrun in range(2, subruns):
            for stream in (1, 2, 3, 4):
                os.link(self.night.raw(stream, 0), self.night.raw(stream, 0).with_name(
                    self.night.raw(stream, 0).name.replace(".0000.", f".{subrun:04d}.")))
        summary = next(self.folder.rglob("RunSummary_*.ecsv"), None)
        if summary is not None:
            text = summary.read_text("utf-8")
            summary.unlink()
            summary.write_text(text.replace(f"{self.night.run_number},2,DATA",
                                            f"{self.night.run_number},{subruns},DATA"), "utf-8")
        with open(self.night.config, "a", encoding="utf-8") as config:
            config.write("closing: {auto: false}\n" + configuration +
                         f"notify:\n  command: 'cat >> {self.heard}'\n  mail: crew@example.org\n"
                         f"  sendmail: {self.sendmail}\n{notify}")

    def told(self):
        """Return what the hook was told since the last call."""
        lines = self.heard.read_text("utf-8").splitlines() if self.heard.exists() else []
        self.heard.unlink(missing_ok=True)
        return [json.loads(line) for line in lines]

    def mails(self):
        """Return the mails sent since the last call, by subject."""
        mails = [email.message_from_bytes(path.read_bytes())
                 for path in sorted(self.sendmail.parent.glob("sendmail.mail-*"))]
        for path in self.sendmail.parent.glob("sendmail.mail-*"):
            path.unlink()
        return mails


def kinds(told):
    return [entry["event"] for entry in told]


def wait_for(what, condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(what)


def case_notify_groups_and_tells_once(case):
    """Hundreds of failing jobs are one message on each channel; no pass repeats it."""
    many = 300
    night = ToldNight(case, subruns=many + 1)
    for subrun in range(many):
        night.order(subrun, "fail 5")
    night.run("--jobs", 4).ends("incomplete")
    told, mails = night.told(), night.mails()
    expect(kinds(told) == ["job_failed", "night_incomplete"], f"{kinds(told)}")
    expect(len(told[0]["failures"]) == many, f"{len(told[0]['failures'])} failures are told")
    expect(len(mails) == 2, f"{len(mails)} mails")
    subjects = sorted(mail["Subject"] for mail in mails)
    expect(f"{many} jobs failed" in subjects[0] and "not complete" in subjects[1], f"{subjects}")
    # Stand-ins record nothing: the provenance of run, source and night is open, too.
    for mail, more in zip(sorted(mails, key=lambda mail: mail["Subject"]), (many - 20, many - 17)):
        expect(mail["To"] == "crew@example.org" and f"and {more} more" in mail.get_payload(), f"{mail}")
    expect((case.folder / "sendmail.words").read_text("utf-8") == "-oi -t\n" * 2, "sendmail's words")
    night.run("--pass")
    expect(not night.told() and not night.mails(), "a pass repeats it")
    night.order(many, "fail 5")
    next(night.folder.glob(f"DL1/*/*/dl1_*.{many:04d}.h5")).unlink()
    night.run("--jobs", 4).ends("incomplete")
    told = night.told()
    expect(kinds(told)[0] == "job_failed" and len(told[0]["failures"]) == 1, f"{told[:1]}")


def case_notify_during_a_pass(case):
    """A failure is told while other jobs go on; a hook that hangs keeps nothing waiting; a kill tells
    nothing twice."""
    night = ToldNight(case, notify="  gather: 0\n  interval: 0\n", subruns=3)
    night.order(0, "fail 5")
    for subrun in (1, 2):
        night.order(subrun, "sleep 600")
    process = subprocess.Popen(night.command("--jobs", 3), env=night.environment,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               start_new_session=True)
    try:
        wait_for("nothing is told during the pass", lambda: night.heard.exists())
        wait_for("no mail is sent during the pass", lambda: list(case.folder.glob("sendmail.mail-*")))
        expect(process.poll() is None, "the pass has ended")
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    expect(kinds(night.told()) == ["job_failed"] and len(night.mails()) == 1, "not the failure alone")
    for subrun in (0, 1, 2):
        (night.control / f"r0_to_dl1_{night.night.run_number:05d}.{subrun:04d}").unlink()
    night.order(0, "fail 5")
    night.run("--jobs", 3).ends("incomplete")
    told = kinds(night.told())
    expect(told == ["night_incomplete"], f"after the kill: {told}")

    text = night.night.config.read_text("utf-8")
    night.night.config.write_text(text.replace("'cat >>", "'sleep 600; cat >>") + "  time_limit: 1\n", "utf-8")
    night.order(1, "fail 6")
    next(night.folder.glob("DL1/*/*/dl1_*.0001.h5")).unlink()
    began = time.monotonic()
    night.run("--jobs", 3).ends("incomplete").says("took longer than 1 s")
    expect(time.monotonic() - began < 60, "the hook kept the night waiting")
    expect(len(night.mails()) == 3, "the mail waits for the hook")


def utc(minutes):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)).strftime("%H:%M")


def case_night_pause(case):
    """In a time of observing nothing starts, or as much as is allowed; outside of it all does."""
    night = StandInNight(case, "", subruns=3)
    plain = night.night.config.read_text("utf-8")

    def configure(window, more=""):
        night.night.config.write_text(f"{plain}night: {{pause: \"{window}\"{more}}}\n", "utf-8")

    now = f"{utc(-60)}-{utc(60)}"
    configure(now)
    said = night.run("--pass")
    expect(said.code == 7, f"{said}")
    said.says("no new job starts until")
    expect(not night.calls() and night.unfinished() == 0, "a job was started in the pause")
    said = case.run(*night.command("--plan")[1:], env=night.environment).says("no new job starts until")

    for subrun in range(3):
        night.order(subrun, "sleep 0.5")
    configure(f"{utc(120)}-{utc(180)}, {now}", ", jobs_while_observing: 1")
    process = subprocess.Popen(night.command("--jobs", 3), env=night.environment,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    most = 0
    while process.poll() is None:
        with contextlib.suppress(Exception):
            most = max(most, night.unfinished())
        time.sleep(0.02)
    expect(most == 1 and len(night.calls()) == 3, f"{most} processes at a time")

    shutil.rmtree(next(night.folder.glob("DL1")))
    configure(f"{utc(120)}-{utc(180)}")
    night.complete()
    expect(len(night.calls()) == 3, "outside of the pause not all was done")
    night.night.config.write_text(f"{plain}night: {{pause: \"25:00-26:00\"}}\n", "utf-8")
    night.run().ends("configuration").complains("night.pause")

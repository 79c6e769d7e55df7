"""What a machine can do to a night: kill it at any moment, fill its disk, take its files away, jump
its clock. After it, passes that are let alone make what an undisturbed night makes, each product
once, and do nothing again that was done.

test/chaos/run does the same with more kills, in Slurm too.
"""

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

from harness import Skipped, expect, expect_no_fragments
from stand_in import StandInNight

KILLS = int(os.environ.get("ALISIO_CHAOS_KILLS", "6"))
SEED = int(os.environ.get("ALISIO_CHAOS_SEED", str(time.time_ns() % 1_000_000)))
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


def session_members(session):
    """Return the processes of a session: the night and all that it started."""
    members = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = (entry / "stat").read_text("utf-8").rsplit(")", 1)[1].split()
            if int(fields[3]) == session and fields[0] != "Z":
                members.append(int(entry.name))
    return members


def kill_session(process):
    """SIGKILL to the night, its jobs and theirs, until none is left."""
    while members := session_members(process.pid):
        for member in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(member, signal.SIGKILL)
        process.poll()
    process.wait()


def done_jobs(night, production):
    file = night.folder / "state/alisio.sqlite"
    if not file.exists():
        return set()
    with contextlib.closing(sqlite3.connect(file)) as state:
        try:
            rows = state.execute("SELECT stage, run, subrun FROM job WHERE status = 'done' "
                                 "AND prod_id = ?", [production]).fetchall()
        except sqlite3.OperationalError:
            return set()  # killed before the tables were made
    return {f"{stage} {run:05d}.{subrun:04d}" for stage, run, subrun in rows}


def slow_night(case, configuration="", subruns=4, seconds=0.1):
    """A night of short jobs, and what it makes undisturbed."""
    night = StandInNight(case, configuration, runs=2, subruns=subruns)
    for run in (night.night.run_number - 1, night.night.run_number):
        for subrun in range(subruns):
            night.order(subrun, f"sleep {seconds}", run=run)
    night.complete("--jobs", 4, production="undisturbed")
    expected = products_of(night, "undisturbed")
    expect(len(expected) == 2 * subruns, f"the undisturbed night made {sorted(expected)}")
    night.calls()
    return night, expected


def products_of(night, production):
    """Return the data of the products of a production by name."""
    found = {}
    for path in night.folder.glob(f"DL1/*/{production}/dl1_*.h5"):
        expect(path.name not in found, f"{path.name} is there twice")
        found[path.name] = path.read_bytes().rsplit(b"\nmade by ", 1)[0]
    return found


def expect_undisturbed(night, production, expected):
    expect(products_of(night, production) == expected, "the products are those of a quiet night")
    expect_no_fragments(night.folder)
    expect(night.unfinished() == 0, "no process is left open in the state")
    night.calls()
    night.complete("--jobs", 4, production=production)
    expect(not night.calls(), "what is done is not done again")


def survive_kills(case, configuration, kills, jobs_die):
    """Kill a night at random moments and go on, production after production.

    @param jobs_die whether the jobs are killed with the night; else each must run once in all
    """
    dice = random.Random(SEED)
    print(f"seed {SEED}, {kills} kills")
    night, expected = slow_night(case, configuration)
    production, number, killed, called = "chaos_0", 0, 0, []
    while killed < kills:
        with subprocess.Popen(night.command("--prod-id", production, "--jobs", 4),
                              env=night.environment, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, start_new_session=True) as process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(dice.uniform(0.005, 0.7))
            whole = process.poll() is not None
            kill_session(process)
        done = done_jobs(night, production)
        now = night.calls()
        called += now
        if whole:
            expect(process.returncode in (0, 7), f"the night ended with {process.returncode}")
        else:
            killed += 1
        if not whole and len(done) < len(expected):
            # What the state says is done must not be touched any more.
            before = done
            outcome = night.complete("--jobs", 4, production=production) \
                if dice.random() < 0.3 else None
            if outcome is None:
                continue
            again = night.calls()
            called += again
            expect(not before & set(again), f"done again: {before & set(again)}")
        if not jobs_die:
            night.complete(production=production)
            called += night.calls()
            expect(sorted(called) == sorted(set(called)) and len(called) == len(expected),
                   f"every job ran once: {sorted(called)}")
        else:
            night.complete("--jobs", 4, production=production)
        expect_undisturbed(night, production, expected)
        number += 1
        production, called = f"chaos_{number}", []
    night.complete("--jobs", 4, production=production)
    expect_undisturbed(night, production, expected)
    print(f"{killed} kills over {number + 1} productions")


def case_chaos_killed_at_random_moments(case):
    """SIGKILL to the night and all of its jobs."""
    survive_kills(case, "night: {memory: 100}\n", KILLS, jobs_die=True)


def case_chaos_killed_at_random_moments_in_slurm(case):
    """SIGKILL to the night and to what it asks Slurm with; the jobs go on."""
    from slurm_cases import in_slurm
    survive_kills(case, in_slurm(poll=0.2), KILLS, jobs_die=False)


@contextlib.contextmanager
def mounted(case, folder, size):
    """A small disk of its own at a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)],
                          capture_output=True, check=False) if shutil.which("mount") else None
    if done is None or done.returncode != 0:
        raise Skipped("no disk can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=False)


def case_chaos_full_disk(case):
    """The disk of the products is full: told, nothing half-written; with room the night is done."""
    night, expected = slow_night(case)
    folder = night.folder / "DL1"
    shutil.rmtree(folder)
    with mounted(case, folder, "64k"):
        (folder / "filler").write_bytes(b"x" * 65536)
        night.run("--prod-id", "full").ends("incomplete")
        expect(not products_of(night, "full"), "nothing is there under a final name")
        subprocess.run(["mount", "-o", "remount,size=512m", str(folder)], check=True)
        night.complete(production="full")
        expect_undisturbed(night, "full", expected)


def case_chaos_full_disk_of_the_state(case):
    """The disk of the state is full: the night ends with a clear word and goes on when there is room."""
    night, expected = slow_night(case)
    folder = night.folder / "state"
    shutil.rmtree(folder)
    with mounted(case, folder, "300k"):
        outcome = night.run("--prod-id", "full")
        expect(outcome.code == 6, f"it ends for want of a resource: {outcome}")
        subprocess.run(["mount", "-o", "remount,size=512m", str(folder)], check=True)
        night.complete(production="full")
        expect_undisturbed(night, "full", expected)


def case_chaos_read_only_tree(case):
    """The tree of the products cannot be written to, then it can."""
    night, expected = slow_night(case)
    folder = night.folder / "DL1"
    shutil.rmtree(folder)
    with mounted(case, folder, "512m"):
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        outcome = night.run("--prod-id", "shut")
        expect(outcome.code in (6, 7), f"it is no success: {outcome}")
        subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
        night.complete(production="shut")
        expect_undisturbed(night, "shut", expected)


def case_chaos_vanished_input(case):
    """Raw files vanish while the night runs and come back later."""
    night, expected = slow_night(case)
    away = night.folder / "away"
    away.mkdir()
    names = [night.night.raw(stream, 3) for stream in range(1, 5)]
    with subprocess.Popen(night.command("--prod-id", "gone", "--jobs", 1), env=night.environment,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        time.sleep(0.2)
        for name in names:
            name.rename(away / name.name)
        expect(process.wait(60) in (0, 7), f"it ended with {process.returncode}")
    for name in names:
        (away / name.name).rename(name)
    night.complete(production="gone")
    expect_undisturbed(night, "gone", expected)


def case_chaos_locked_state(case):
    """Another process holds the state's write lock for a while: the night waits and loses nothing."""
    night, expected = slow_night(case)
    other = sqlite3.connect(night.folder / "state/alisio.sqlite", check_same_thread=False,
                            isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(4, other.execute, ["ROLLBACK"])
    release.start()
    night.complete("--jobs", 4, production="locked")
    release.join()
    expect_undisturbed(night, "locked", expected)


def case_chaos_two_passes_at_once(case):
    """Five passes at once: one works, the others return, no job is done twice."""
    night, expected = slow_night(case)
    passes = [subprocess.Popen(night.command("--prod-id", "many", "--pass"), env=night.environment,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
              for _ in range(5)]
    codes = [one.wait(60) for one in passes]
    expect(set(codes) <= {0, 7}, f"they ended with {codes}")
    night.complete(production="many")
    calls = night.calls()
    expect(sorted(calls) == sorted(set(calls)), f"done twice: {calls}")
    expect_undisturbed(night, "many", expected)


def case_chaos_clock_jumps(case):
    """The clock jumps by a day between passes, forwards and back."""
    if not Path(FAKETIME).exists():
        raise Skipped("libfaketime is not installed")
    night, expected = slow_night(case)
    order = night.order(2, "fail-once 6")
    quiet = night.environment
    for jump in ("+1d", "-2d", "+0"):
        night.environment = quiet | {"LD_PRELOAD": FAKETIME, "FAKETIME": jump,
                                     "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        night.run("--prod-id", "clock", "--pass")
    night.environment = quiet
    order.unlink(missing_ok=True)
    night.complete(production="clock")
    calls = night.calls()
    expect(len(calls) <= len(expected) + 1, f"only what failed was done again: {calls}")
    expect_undisturbed(night, "clock", expected)

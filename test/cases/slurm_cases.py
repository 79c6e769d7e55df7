"""Jobs in Slurm: what becomes of them, of the pass that handed them over, and of Slurm itself.

They need a Slurm and skip without one; test/slurm/run starts a private one for them.
"""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

from harness import DATE, Skipped, expect
from stand_in import StandInNight

CONTROL = Path(__file__).resolve().parents[1] / "slurm/control"


def need_slurm():
    if "SLURM_CONF" not in os.environ or shutil.which("sbatch") is None:
        raise Skipped("there is no Slurm (test/slurm/run starts one)")


def in_slurm(**keys):
    need_slurm()
    keys = {"poll": 1, **keys}
    night = "night: {executor: slurm, job_memory: 0.2}\n"
    return night + "slurm:\n" + "".join(f"  {key}: {value}\n" for key, value in keys.items())


def asked(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout


def wait_until(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        expect(time.monotonic() < end, f"not within {seconds} s: {what}")
        time.sleep(0.2)


def jobs_of(night):
    """Return {element of an array: state} of the jobs of this night."""
    with contextlib.closing(night.database()) as state:
        ours = {row[0] for row in state.execute("SELECT DISTINCT scheduler_job FROM process")}
    lines = asked("squeue", "--noheader", "--array", "--states=all", "--format=%F|%K|%T").split()
    states = {}
    for line in lines:
        job, index, word = line.split("|")
        if job in ours:
            states[f"{job}_{index}"] = word
    return states


def wait_for_begin(night, count=1):
    wait_until(lambda: (night.control / "calls").exists()
               and len((night.control / "calls").read_text("utf-8").splitlines()) >= count,
               f"{count} jobs begin")


def each_once(night, subruns=3):
    run = night.night.run_number
    return [f"r0_to_dl1 {run:05d}.{subrun:04d}" for subrun in range(subruns)]


def results(night):
    """Return the data hashes of all products that the state knows, by name."""
    with sqlite3.connect(night.folder / "state/alisio.sqlite") as state:
        return {Path(path).name: data_hash for path, data_hash in state.execute(
            "SELECT path, data_hash FROM job_file WHERE output = 1 AND data_hash != ''")}


def case_slurm_equals_local(case):
    """A night of real stages through Slurm makes what it makes on this machine."""
    configuration = in_slurm(job_memory=1)
    local = case.simulated(runs=1, subruns=2)
    local.process().ends("done")
    there = local.folder.with_name("there")
    local.folder.rename(there)
    remote = case.simulated(runs=1, subruns=2)
    with open(remote.config, "a", encoding="utf-8") as config:
        config.write(configuration.replace("job_memory: 0.2", "job_memory: 1").replace(
            "  job_memory: 1\n", "  processes_per_task: 2\n"))
    remote.process().ends("done").says("in Slurm as")
    remote.expect_complete()
    one = sqlite3.connect(there / "state/alisio.sqlite")
    query = "SELECT path, data_hash FROM job_file WHERE output = 1 AND data_hash != ''"
    here = {Path(path).name: value for path, value in one.execute(query)}
    expect(here, "the local night records no data hashes")
    expect(results(remote) == here, f"{results(remote)} is not {here}")
    remote.process().ends("done").says("Nothing to do")
    shutil.rmtree(there)


def case_slurm_pass_returns_and_next_goes_on(case):
    """`--pass` submits and returns; the jobs go on without it; the next passes take up their ends."""
    night = StandInNight(case, in_slurm())
    night.order(1, "sleep 3")
    night.run("--pass").ends("incomplete").says(": 3 jobs can still run, of DL2")
    expect(night.unfinished() == 3, "three processes are under way")
    night.run("--pass").ends("incomplete")
    wait_until(lambda: set(jobs_of(night).values()) == {"COMPLETED"}, "the jobs end")
    night.complete("--pass")
    expect(night.calls() == each_once(night), "each job was done once")


def case_slurm_night_under_way_is_not_sealed(case):
    """No force closes a night whose jobs would write into it; when they have ended, it closes."""
    night = StandInNight(case, in_slurm())
    night.order(1, "sleep 5")
    night.run("--pass").ends("incomplete")
    words = ("close", DATE, "--config", night.night.config, "--force", "--reason", "now")
    case.run(*words, env=night.environment).ends("incomplete").says("under way")
    expect(not (night.folder / "seals").exists(), "it was sealed while it was being made")
    wait_until(lambda: set(jobs_of(night).values()) == {"COMPLETED"}, "the jobs end")
    case.run(*words, env=night.environment).ends("done").says("is closed: 3 products")


def case_slurm_killed_pass_goes_on(case):
    """A pass that is killed while jobs are in Slurm loses none of them and doubles none."""
    night = StandInNight(case, in_slurm())
    for subrun in range(3):
        night.order(subrun, "sleep 4")
    with subprocess.Popen(night.command(), env=night.environment, stderr=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, start_new_session=True) as process:
        wait_for_begin(night)
        os.killpg(process.pid, signal.SIGKILL)
    night.complete()
    expect(night.calls() == each_once(night), "each job was done once")


def case_slurm_stopped_pass_hands_back(case):
    """SIGTERM ends the pass; its jobs go on in Slurm."""
    night = StandInNight(case, in_slurm())
    night.order(0, "sleep 4")
    with subprocess.Popen(night.command(), env=night.environment, stderr=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL) as process:
        wait_for_begin(night)
        process.terminate()
        expect(process.wait(20) == 130, f"it ended with {process.returncode}")
    night.complete()
    expect(night.calls() == each_once(night), "each job was done once")


def programs_with(case, name, script):
    """Return a folder of Slurm's programs, one of them replaced by a script."""
    need_slurm()
    folder = case.folder / "programs"
    folder.mkdir(exist_ok=True)
    for program in ("sbatch", "squeue", "sacct", "scontrol"):
        (folder / program).unlink(missing_ok=True)
        (folder / program).symlink_to(shutil.which(program))
    (folder / name).unlink()
    (folder / name).write_text("#!/bin/sh\n" + script, "utf-8")
    (folder / name).chmod(0o755)
    return folder


def case_slurm_killed_between_submission_and_record(case):
    """Slurm has the jobs, the pass died before it knew: they are found, not submitted again."""
    # The pass is killed by what it asked, before it hears the answer.
    script = f'{shutil.which("sbatch")} "$@"; kill -KILL $PPID\n'
    night = StandInNight(case, in_slurm(programs=programs_with(case, "sbatch", script)))
    expect(night.run().code == -signal.SIGKILL, "the pass is killed")
    programs_with(case, "sbatch", f'exec {shutil.which("sbatch")} "$@"\n')
    night.complete()
    expect(night.calls() == each_once(night), "each job was done once")
    expect(len(jobs_of(night)) == 3, f"three tasks in all: {jobs_of(night)}")


def case_slurm_answer_is_lost(case):
    """No answer comes from a submission that was made, and Slurm hides it: a second array is
    submitted, and of the two only one does each job."""
    real = shutil.which("sbatch")
    script = (f'if [ ! -e {case.folder}/lost ]; then touch {case.folder}/lost\n'
              f'{real} --begin=now+3 "$@" > /dev/null; echo "Socket timed out" >&2; exit 1; fi\n'
              f'exec {real} "$@"\n')
    folder = programs_with(case, "sbatch", script)
    # What squeue tells is not read: as if the first array were still on its way.
    (folder / "squeue").unlink()
    (folder / "squeue").write_text(
        f'#!/bin/sh\nif [ -e {case.folder}/shown ]; then exec {shutil.which("squeue")} "$@"; fi\n'
        f'touch {case.folder}/shown\n', "utf-8")
    (folder / "squeue").chmod(0o755)
    night = StandInNight(case, in_slurm(programs=folder))
    for subrun in range(3):
        night.order(subrun, "sleep 2")
    night.run("--pass").ends("incomplete")
    night.complete()
    time.sleep(4)
    expect(night.calls() == each_once(night), "each job was done once")


def case_slurm_cancelled_job_is_told(case):
    """A job that somebody cancels has failed, is told so, and is not tried again at once."""
    night = StandInNight(case, in_slurm())
    order = night.order(1, "sleep 60")
    with subprocess.Popen(night.command(), env=night.environment, text=True,
                          stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        wait_until(lambda: (night.folder / "state/alisio.sqlite").exists(), "the state is made")
        wait_until(lambda: list(jobs_of(night).values()).count("RUNNING") == 1
                   and len(jobs_of(night)) == 3, "one job is left")
        element = next(name for name, word in jobs_of(night).items() if word == "RUNNING")
        asked("scancel", element)
        out, err = process.communicate(timeout=90)
    expect(process.returncode == 7, f"it ended with {process.returncode}: {out}{err}")
    expect("cancelled in Slurm" in out, f"it is not told: {out}{err}")
    order.unlink()
    night.calls()
    night.complete()
    expect(night.calls() == each_once(night)[1:2], "only that job is done again")


def case_slurm_out_of_memory_gets_more(case):
    """A job that takes more than it was given is tried again, alone, with twice as much."""
    night = StandInNight(case, in_slurm(processes_per_task=3))
    hungry = case.folder / "hungry"
    hungry.write_text(
        "#!/usr/bin/env python3\n"
        "import os, sys, time\n"
        "if any('.0001.' in word for word in sys.argv):\n"
        "    held = bytearray(300_000_000)\n"
        "    held[::4096] = b'x' * len(held[::4096])\n"
        "    time.sleep(5)\n"
        f"os.execv('{night.stage}', ['{night.stage}', *sys.argv[1:]])\n", "utf-8")
    hungry.chmod(0o755)
    night.stage = hungry
    outcome = night.complete()
    outcome.says("took more than the 0.2 GB that it was given", "is tried again")
    expect(night.calls() == each_once(night), "each job was done once")
    with contextlib.closing(night.database()) as state:
        needs = state.execute("SELECT subrun, memory_bytes FROM need").fetchall()
    expect(needs == [(1, 400_000_000)], f"needs are {needs}")


def case_slurm_timed_out_gets_more(case):
    """A job that is not done in its time is tried again with twice as much."""
    night = StandInNight(case, in_slurm(job_time=1, time_limit=2))
    order = night.order(1, "sleep 150")
    with subprocess.Popen(night.command(), env=night.environment, text=True,
                          stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        wait_until(lambda: "TIMEOUT" in (jobs_of(night).values() if (
            night.folder / "state/alisio.sqlite").exists() else ()), "Slurm ends it", 180)
        order.unlink()
        out, err = process.communicate(timeout=90)
    night.expect_done(out + err)
    expect("not done in the 1 minutes" in err, f"it is not told: {err}")
    with contextlib.closing(night.database()) as state:
        needs = state.execute("SELECT subrun, time_s FROM need").fetchall()
    expect(needs == [(1, 120.0)], f"needs are {needs}")


def case_slurm_two_passes_at_once(case):
    """Passes that overlap do no harm."""
    night = StandInNight(case, in_slurm())
    for subrun in range(3):
        night.order(subrun, "sleep 1")
    passes = [subprocess.Popen(night.command("--pass"), env=night.environment,
                               stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
              for _ in range(4)]
    codes = [one.wait(60) for one in passes]
    expect(set(codes) <= {0, 7}, f"they ended with {codes}")
    night.complete()
    expect(night.calls() == each_once(night), "each job was done once")


def case_slurm_away_for_a_while(case):
    """The controller is away: it is told, waited for, and nothing is lost or doubled."""
    night = StandInNight(case, in_slurm())
    for subrun in range(3):
        night.order(subrun, "sleep 5")
    folder = Path(os.environ["SLURM_CONF"]).parent
    with subprocess.Popen(night.command(), env=night.environment, text=True,
                          stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        wait_for_begin(night)
        asked(CONTROL, folder, "stop")
        try:
            time.sleep(10)
        finally:
            asked(CONTROL, folder, "start")
        out, err = process.communicate(timeout=120)
    night.expect_done(out + err)
    expect("Slurm does not answer" in err, f"it is not told: {err}")
    expect(night.calls() == each_once(night), "each job was done once")


def case_slurm_away_at_submission(case):
    """A pass that cannot submit says so and returns; a later one submits."""
    night = StandInNight(case, in_slurm())
    folder = Path(os.environ["SLURM_CONF"]).parent
    asked(CONTROL, folder, "stop")
    try:
        night.run("--pass").ends("incomplete").says("could not be submitted and is tried again")
    finally:
        asked(CONTROL, folder, "start")
    night.complete()
    expect(night.calls() == each_once(night), "each job was done once")


def case_slurm_limits_are_kept(case):
    """No more tasks than allowed are in Slurm at a time, and arrays are no longer than allowed."""
    night = StandInNight(case, in_slurm(queue_limit=2, array_limit=1))
    outcome = night.complete()
    expect(outcome.err.count("1 task in Slurm as") == 3, f"three arrays of one task: {outcome.err}")
    expect(night.calls() == each_once(night), "each job was done once")


def case_slurm_refusal_is_told(case):
    """What no node can hold has failed, and Slurm's own words say why."""
    night = StandInNight(case, in_slurm().replace("job_memory: 0.2", "job_memory: 900"))
    night.run().ends("incomplete").says("Slurm refuses the job", "Memory specification")


def two_stages(case, **keys):
    """A night whose DL1 is cleaned again and merged: what follows a subrun, and what gathers."""
    night = StandInNight(case, in_slurm(**keys))
    text = night.night.config.read_text("utf-8")
    text = text.replace("merge: false", "merge: true").replace("dl1ab: false", "dl1ab: true")
    night.night.config.write_text(text, "utf-8")
    return night


def calls_of_two_stages(night, subruns=3):
    run = f"{night.night.run_number:05d}"
    each = [f"{stage} {run}.{subrun:04d}" for stage in ("dl1ab", "r0_to_dl1")
            for subrun in range(subruns)]
    return sorted([*each, f"merge_dl1 {run}"])


def case_slurm_keeps_the_order_by_itself(case):
    """One pass hands over what follows, too: each subrun's next stage behind it, and what gathers
    behind all of them. No pass is needed until all is done."""
    night = two_stages(case)
    night.order(1, "sleep 8")
    night.run("--pass").ends("incomplete")
    expect(night.unfinished() == 7, f"{night.unfinished()} processes are handed over")
    status = json.loads(
        case.run("status", DATE, "--json", "--config", night.night.config).out)
    words = [job["status"] for job in status["jobs"]]
    expect("queued" in words, f"nothing is queued: {words}")
    expect(status["progress"]["queued"] == words.count("queued"), f"{status['progress']}")
    wait_for_begin(night)
    first = f"dl1ab {night.night.run_number:05d}.0000"
    wait_until(lambda: first in (night.control / "calls").read_text("utf-8").splitlines(),
               "the next stage of a subrun that is done")
    expect("RUNNING" in jobs_of(night).values(), "it waited for the others")
    wait_until(lambda: set(jobs_of(night).values()) == {"COMPLETED"}, "all is done")
    night.run("--pass").ends("incomplete")
    expect(night.unfinished() == 0, "their ends are taken up")
    expect(night.calls() == calls_of_two_stages(night), "each job was done once")
    table = case.run("status", DATE, "--table", "lstosa", "--config", night.night.config)
    rows = [line.split() for line in table.out.splitlines()]
    number = next(row[rows[0].index("JobID")] for row in rows if row[3] == "DATA")
    expect(number in {element.split("_")[0] for element in jobs_of(night)}, f"JobID is {number}")


def case_slurm_what_follows_a_failure_is_not_tried(case):
    """Of what waits for a job that fails nothing begins, and nothing else waits for it in vain."""
    night = two_stages(case)
    night.order(1, "fail 4")
    night.run().ends("incomplete").says("told to fail")
    run = f"{night.night.run_number:05d}"
    calls = night.calls()
    expect(f"dl1ab {run}.0001" not in calls, f"it was tried: {calls}")
    expect(calls.count(f"merge_dl1 {run}") == 1, f"what is there is merged: {calls}")
    with contextlib.closing(night.database()) as state:
        tries = dict(state.execute("SELECT subrun, attempts FROM job WHERE stage = 'dl1ab'"))
    expect(tries.get(1, 0) == 0, f"what was not begun was no try: {tries}")
    (night.control / f"r0_to_dl1_{run}.0001").unlink()
    case.run("retry", f"{run}.1", DATE, "--config", night.night.config).ends("done")
    night.run()
    calls = night.calls()
    expect(calls == [f"dl1ab {run}.0001", f"merge_dl1 {run}", f"r0_to_dl1 {run}.0001"],
           f"the rest is done: {calls}")


def lost_and_done_again(case, take_away, word):
    """A job is taken from its node, by no fault of its own: it is done again, and no try counts."""
    night = StandInNight(case, in_slurm())
    order = night.order(1, "sleep 120")
    with subprocess.Popen(night.command(), env=night.environment, text=True,
                          stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        wait_for_begin(night, 3)
        wait_until(lambda: list(jobs_of(night).values()).count("RUNNING") == 1, "one is left")
        order.unlink()
        with take_away():
            wait_until(lambda: word in jobs_of(night).values(), word)
        out, err = process.communicate(timeout=120)
    night.expect_done(out + err)
    expect(f"was not done: {word} in Slurm, it is tried again" in err, f"it is not told: {err}")
    expect(night.calls() == sorted([*each_once(night), each_once(night)[1]]), "it is done again")
    with contextlib.closing(night.database()) as state:
        tries = dict(state.execute("SELECT subrun, attempts FROM job"))
    expect(tries == {0: 1, 1: 1, 2: 1}, f"tries are {tries}")


def case_slurm_preempted_job_is_done_again(case):
    """Another partition's job takes the node."""
    @contextlib.contextmanager
    def take_away():
        asked("sbatch", "--partition=urgent", "--exclusive", "--output=/dev/null", "--wrap=sleep 3")
        yield

    lost_and_done_again(case, take_away, "PREEMPTED")


def case_slurm_failed_node_is_left(case):
    """The node fails."""
    in_slurm()
    node = asked("sinfo", "--noheader", "--format=%n").split()[0]

    @contextlib.contextmanager
    def take_away():
        asked("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
        try:
            yield
        finally:
            # It may be back by itself.
            subprocess.run(["scontrol", "update", f"nodename={node}", "state=resume"],
                           capture_output=True, check=False, timeout=60)

    lost_and_done_again(case, take_away, "NODE_FAIL")


def case_slurm_decisions_reach_the_queue(case):
    """What waits in Slurm is taken back when an operator decides against it; what has begun is not."""
    night = StandInNight(case, in_slurm(options="[--begin=now+3600]"))
    night.run("--pass").ends("incomplete")
    run = f"{night.night.run_number:05d}"
    case.run("veto", f"{run}.1", DATE, "--reason", "clouds", "--config", night.night.config)
    night.run("--pass").ends("incomplete").says("1 process taken back", "vetoed")
    waiting = [element for element, word in jobs_of(night).items() if word == "PENDING"]
    expect([element.split("_")[1] for element in waiting] == ["0", "2"], f"{jobs_of(night)}")
    # The site gives Slurm up: what has not begun there is done here.
    text = night.night.config.read_text("utf-8").replace("executor: slurm", "executor: local")
    night.night.config.write_text(text, "utf-8")
    night.run().ends("incomplete")
    expect(night.calls() == [each_once(night)[0], each_once(night)[2]], "the others are done here")
    for element, word in jobs_of(night).items():
        if word == "PENDING":
            asked("scontrol", "update", f"jobid={element}", "starttime=now")
    wait_until(lambda: not {"PENDING", "RUNNING"} & set(jobs_of(night).values()), "they come too late")
    expect(not (night.control / "calls").exists(), "they do nothing")


def case_slurm_without_accounting_answer(case):
    """Where sacct knows nothing, journals and squeue are enough."""
    folder = programs_with(case, "sacct", 'echo "accounting storage is disabled" >&2; exit 1\n')
    night = StandInNight(case, in_slurm(programs=folder))
    night.order(1, "die")
    night.run().ends("incomplete").says("killed by signal 9")
    expect(len(night.calls()) == 4, "the job that was killed was tried twice")


def findings(case, night, **keys):
    """Return what the doctor finds of Slurm, by check."""
    plain = night.night.config.read_text("utf-8")
    try:
        night.night.config.write_text(
            plain + "".join(f"  {key}: {value}\n" for key, value in keys.items()), "utf-8")
        said = json.loads(case.run("doctor", "--config", night.night.config, "--json").out)
    finally:
        night.night.config.write_text(plain, "utf-8")
    return {one["check"]: one for one in said["findings"] if "lurm" in one["check"]}


def case_slurm_is_looked_at_before_the_night(case):
    """The doctor finds partition, nodes, arrays and accounting of a Slurm that works, and what is wrong."""
    night = StandInNight(case, in_slurm(), subruns=2)
    found = findings(case, night)
    for check, words in (("Slurm", "answers"), ("Slurm partition", "night: up, 1 node work"),
                         ("Slurm arrays", "at most 1000 tasks"), ("Slurm accounting", "sacct answers")):
        expect(found[check]["health"] == "ok" and words in found[check]["text"], f"{found[check]}")
    expect(all(one["health"] == "ok" for one in found.values()), f"{found}")
    wrong = findings(case, night, partition="day")["Slurm partition"]
    expect(wrong["health"] == "fail" and "'day'" in wrong["text"] and "night" in wrong["remedy"], f"{wrong}")
    expect(findings(case, night, account="night")["Slurm account"]["health"] == "ok", "its own account")
    wrong = findings(case, night, account="nigth")["Slurm account"]
    expect(wrong["health"] == "fail" and "night" in wrong["remedy"], f"{wrong}")
    large = findings(case, night, memory_limit=100)["memory of Slurm's nodes"]
    expect(large["health"] == "warn" and "100.0 GB" in large["text"], f"{large}")
    away = findings(case, night, programs="/nowhere")
    expect(away["Slurm"]["health"] == "fail" and "cannot be executed" in away["Slurm"]["text"], f"{away}")
    subprocess.run(["scontrol", "update", "partitionname=night", "state=down"], check=True, timeout=60)
    try:
        down = findings(case, night)["Slurm partition"]
        expect(down["health"] == "fail" and "not up" in down["text"], f"{down}")
    finally:
        subprocess.run(["scontrol", "update", "partitionname=night", "state=up"], check=True, timeout=60)

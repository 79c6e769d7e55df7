"""What is recorded is what happened: files that were opened, writers side by side, killed ones."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import time

from harness import Skipped, expect
from prov_ask_cases import PREFIX

# What a process opens without being given it: itself, libraries, the system's own files.
SYSTEM = ("/proc/", "/sys/", "/dev/", "/etc/", "/usr/", "/lib", "/run/", "/opt/")


def records_in(path):
    return [json.loads(line.split(PREFIX)[2]) for line in path.read_text("utf-8").splitlines()]


def opened_files(trace, cwd):
    """Return the files that a traced process read, and those that it wrote, by their last names."""
    read, written, renamed = set(), set(), {}
    for line in trace.read_text("utf-8", "replace").splitlines():
        opened = re.search(r'openat\([^,]*, "([^"]*)", ([A-Z_|]+).*\) = (\d+)', line)
        moved = re.search(r'rename(?:at2?)?\((?:[^,"]*, )?"([^"]*)", (?:[^,"]*, )?"([^"]*)".*\) = 0',
                          line)
        if moved:
            renamed[os.path.join(cwd, moved[1])] = os.path.join(cwd, moved[2])
        if not opened or "O_DIRECTORY" in opened[2]:
            continue
        path = os.path.join(cwd, opened[1])
        (written if "O_WRONLY" in opened[2] or "O_RDWR" in opened[2] else read).add(path)
    # A temporary file that is gone again, or read back before it got its name, is no input.
    written = {renamed.get(path, path) for path in written}
    read = {renamed.get(path, path) for path in read if not path.startswith(SYSTEM)}
    return {path for path in read - written if os.path.isfile(path)}, {
        path for path in written if os.path.isfile(path) and not path.startswith(SYSTEM)}


def case_recorded_files_are_those_that_were_opened(case):
    """Under strace, the stages open nothing that they do not record, and record what they open."""
    strace = shutil.which("strace")
    if not strace or subprocess.run([strace, "-o", os.devnull, "true"], check=False,
                                    capture_output=True).returncode != 0:
        raise Skipped("strace is not there, or may not trace")
    night = case.simulated()
    models = case.alisio.parents[2] / "cfg/models/simulated.forest"
    dl1, dl2 = case.folder / "dl1", case.folder / "dl2"
    first = dl1 / f"dl1_LST-1.Run{night.run_number:05d}.0000.h5"
    stages = {
        "r0_to_dl1": [*night.stage_words(dl1), "--config", night.config],
        "dl1_to_dl2": ["dl1-to-dl2", "--input", first, "--models",
                       models, "--output-dir", dl2, "--config", night.config],
        "check_dl1": ["check-dl1", "--input", first, "--output-dir",
                      case.folder / "check", "--config", night.config],
        "find_tailcuts": ["find-tailcuts", "--input", first,
                          "--output-dir", case.folder / "tailcuts", "--config", night.config],
    }
    for stage, words in stages.items():
        journal, trace = case.folder / f"journal_{stage}", case.folder / f"{stage}.trace"
        command = [strace, "-f", "-qq", "-s", "4096", "-e", "trace=openat,rename,renameat,renameat2",
                   "-o", trace, case.alisio, *words, "--journal-dir", journal]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                              check=False, timeout=280, cwd=case.folder)
        expect(done.returncode == 0, f"{stage}: {done.stderr}")
        read, written = opened_files(trace, str(case.folder))
        (log,) = journal.glob("*.log")
        records = records_in(log)
        paths = {one["entity_id"]: one["filepath"] for one in records if "filepath" in one}
        used = {paths[one["used_id"]] for one in records if one.get("used_id") in paths}
        made = {paths[one["generated_id"]] for one in records if "generated_id" in one}
        # The program's own description of the camera, of provenance and of its pages is part of it.
        own = str(case.alisio.parents[2] / "cfg") + "/"
        unrecorded = {path for path in read - used if not path.startswith(own) or path == models}
        expect(not unrecorded, f"{stage} read what it does not record: {sorted(unrecorded)}")
        expect(used <= read, f"{stage} records what it did not open: {sorted(used - read)}")
        expect(written - {str(log)} == made,
               f"{stage} wrote {sorted(written)}, recorded {sorted(made)}")


def case_many_writers_with_ten_killed(case):
    """150 jobs side by side, ten of them killed: nothing is lost but these, which show as killed."""
    night = case.simulated()
    journal = case.folder / "journal"
    chance = random.Random(7)
    jobs = 150
    victims = set(chance.sample(range(jobs), 10))
    command = [str(word) for word in
               [case.alisio, *night.stage_words("OUT"), "--journal-dir", journal, "--no-muons",
                "--no-data-check", "--max-events", 5]]
    at = command.index("OUT")
    running, killed, started = [], 0, 0
    while started < jobs or running:
        while started < jobs and len(running) < 30:
            words = [*command[:at], str(case.folder / f"out/{started}"), *command[at + 1:]]
            process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            # A victim's journal begins when its activity does: it is killed some time after.
            running.append((process, time.monotonic() + chance.uniform(0.05, 0.3)
                            if started in victims else None))
            started += 1
        for entry in list(running):
            process, death = entry
            if death and time.monotonic() > death and process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait()
                killed += 1
            if process.poll() is not None:
                expect(death or process.returncode == 0, f"a job ended with {process.returncode}")
                running.remove(entry)
        time.sleep(0.005)
    begun, ended = set(), set()
    for path in journal.glob("*.log"):
        for line in path.read_text("utf-8").splitlines():
            if line.count(PREFIX) != 2:
                continue
            record = json.loads(line.split(PREFIX)[2])
            if "name" in record and "activity_id" in record:
                begun.add(record["activity_id"])
            if "endTime" in record:
                ended.add(record["activity_id"])
    expect(len(ended) == jobs - killed and len(begun - ended) <= killed,
           f"{len(begun)} began, {len(ended)} ended, {killed} were killed")
    index = case.folder / "index.sqlite"
    case.run("prov", "index", "--journals", journal, "--index", index).ends("done")

    def count(status):
        outcome = case.run("prov", "find", "--activity", "r0_to_dl1", "--status", status, "--index",
                           index, "--json")
        return len(json.loads(outcome.out)["activities"]) if outcome.code == 0 else 0

    expect(count("completed") == jobs - killed, f"{count('completed')} completed are on record")
    expect(count("killed") == len(begun - ended), f"{count('killed')} killed are on record")
    case.run("prov", "merge", "--journals", journal, "--stage", "r0_to_dl1", "--run",
             night.run_number, "--no-copies", "-o", case.folder / "told").ends("done")


def case_without_capture_products_are_marked(case):
    """Capture switched off in logger.yaml: a warning, marked products, and a night that is not done."""
    night = case.simulated()
    cfg = case.folder / "cfg"
    shutil.copytree(case.alisio.parents[2] / "cfg", cfg)
    logger = cfg / "provenance/logger.yaml"
    logger.write_text(logger.read_text("utf-8").replace("capture: true", "capture: false"), "utf-8")
    env = os.environ | {"ALISIO_CFG": str(cfg)}
    output = case.folder / "dl1"
    done = case.run(*night.stage_words(output), "--journal-dir", case.folder / "journal", env=env)
    done.ends("done")
    expect("switched off" in done.err, f"no warning: {done.err}")
    expect(not list(case.folder.glob("journal/*.log")), "records were written all the same")
    product = next(output.glob("dl1_*.h5"))
    told = json.loads(case.run("show", "--json", product).ends("done").out)
    expect("off" in json.dumps(told), f"the product is not marked: {told}")
    night.process(env=env).ends("incomplete")

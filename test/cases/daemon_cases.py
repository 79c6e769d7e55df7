"""The daemon: it processes nights as they come, obeys its signals, and loses nothing."""

import contextlib
import datetime
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from harness import DATE, Skipped, expect, expect_no_fragments, fits_units
from made_state import MadeState
from web_cases import ask
from web_night_cases import post

#: Stands for `alisio night`: it notes its arguments, works for a while, and obeys SIGTERM.
PASS = """#!/bin/sh
echo "$@" >> "$0.calls"
trap 'echo stopped >> "$0.calls"; exit 130' TERM
i=0
while [ $i -lt "$(cat "$0.time")" ]; do sleep 0.1; i=$((i + 1)); done
echo ended >> "$0.calls"
exit "$(cat "$0.code")"
"""


class Running:
    """A daemon under way, with a socket that stands for systemd's."""

    def __init__(self, case, config, *words, env=None):
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        place = case.folder / f"notify-{time.monotonic_ns()}"
        self.notify.bind(str(place))
        self.notify.settimeout(60)
        self.log = open(case.folder / "daemon.log", "a", encoding="utf-8")
        self.process = subprocess.Popen(
            [str(case.alisio), "daemon", "--config", str(config), *map(str, words)],
            stdout=subprocess.PIPE, stderr=self.log, text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1", "NOTIFY_SOCKET": str(place)} | (env or {}))
        self.told = []

    def hears(self, words):
        """Wait until the supervisor is told something."""
        while True:
            message = self.notify.recv(4096).decode()
            self.told.append(message)
            if words in message:
                return message

    def address(self):
        ready, _, _ = select.select([self.process.stdout], [], [], 60)
        expect(ready, "the daemon does not say its address")
        return self.process.stdout.readline().strip()

    def stop(self, how=signal.SIGTERM, code=0):
        self.process.send_signal(how)
        expect(self.process.wait(90) == code, f"it ended with {self.process.returncode}")


@contextlib.contextmanager
def daemon(case, config, *words, **options):
    running = Running(case, config, *words, **options)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait()
        running.process.stdout.close()
        running.notify.close()
        running.log.close()


def until(condition, what, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError(what)


def log_of(case):
    return (case.folder / "daemon.log").read_text("utf-8")


def short_daemon(night, **more):
    """Let the daemon of a simulated night be quick."""
    text = night.config.read_text("utf-8")
    keys = {"settle_s": 0.5, "poll_s": 0.2, "pass_every_s": 3600} | more
    night.config.write_text(
        text + "\nclosing: {auto: false}\nweb: {port: 0}\ndaemon: {"
        + ", ".join(f"{key}: {value}" for key, value in keys.items()) + "}\n", "utf-8")


def case_daemon_processes_a_night_as_it_comes(case):
    """Subruns become products as they are complete, a half-written one is left alone, the page serves."""
    night = case.simulated()
    short_daemon(night)
    aside = case.folder / "aside"
    aside.mkdir()
    late = [night.raw(stream, 1) for stream in (1, 2, 3, 4)]
    for file in late:
        shutil.move(file, aside / file.name)
    with daemon(case, night.config, "--night", DATE) as running:
        home = running.address()
        running.hears("READY=1")
        until(lambda: len(night.products("DL2")) == 1, "the first subrun is not processed")
        until(lambda: "part of it is not done" in log_of(case), "the first pass does not end")
        for file in late:
            content = (aside / file.name).read_bytes()
            table = fits_units(content)[-1]
            file.write_bytes(content[: table[1] + table[2] // 2])
        time.sleep(3)
        expect(len(night.products("DL1")) == 1, "a half-written subrun was taken")
        for file in late:
            shutil.copyfile(aside / file.name, file)
        until(lambda: len(night.products("DL2")) == 2, "the second subrun is not processed")
        until(lambda: "all is done" in log_of(case), "the last pass does not end")
        status, _, body = ask(home, "/")
        expect(status == 200 and "/nights/20240115" in body.decode(), f"the page: {status}")
        running.stop()
        expect("STOPPING=1" in str(running.hears("STOPPING=1")), "the supervisor is not told")
    before = night.state_of_products()
    expect_no_fragments(night.folder)
    with daemon(case, night.config, "--night", DATE, "--no-page") as running:
        until(lambda: log_of(case).count("all is done") == 2, "the next pass does not end")
        running.stop()
    expect(night.state_of_products() == before, "what was done is done again")


def case_a_night_that_is_being_taken_is_not_closed(case):
    """--settle leaves out the subrun that may be growing, says so, and the night stays open for it."""
    night = case.simulated()
    for stream in (1, 2, 3, 4):
        file = night.raw(stream, 1)
        content = file.read_bytes()
        file.unlink()
        file.write_bytes(content)
    first = night.process("--pass", "--settle", 60)
    first.ends("incomplete").says("subrun 0001 of run", "is being written")
    expect(len(night.products("DL2")) == 1 and "is closed" not in first.out + first.err, f"{first}")
    second = night.process("--pass", "--settle", 0)
    second.ends("done").says("closed")
    expect(len(night.products("DL2")) == 2, "the settled subrun is not processed")
    night.process("--settle", -1).ends("usage").complains("--settle")


def pretended(case):
    """A configuration with raw data that settled long ago, and a program that stands for passes."""
    folder = case.folder / "made"
    (folder / "R0" / DATE).mkdir(parents=True, exist_ok=True)
    raw = folder / "R0" / DATE / "LST-1.1.Run11220.0000.fits.fz"
    raw.write_bytes(b"x")
    os.utime(raw, (time.time() - 10000,) * 2)
    config = folder / "alisio.yaml"
    config.write_text("paths: {r0: R0, state: state, products: .}\nweb: {port: 0}\n"
                      "daemon: {poll_s: 0.1, pass_every_s: 1}\n", "utf-8")
    program = folder / "pass"
    program.write_text(PASS, "utf-8")
    program.chmod(0o755)
    Path(f"{program}.time").write_text("0\n", "utf-8")
    Path(f"{program}.code").write_text("7\n", "utf-8")
    return config, program


def calls(program):
    file = Path(f"{program}.calls")
    return file.read_text("utf-8").splitlines() if file.exists() else []


def case_daemon_obeys_its_signals(case):
    """READY, watchdog, a second daemon, SIGHUP with a right and a wrong configuration, SIGTERM in a pass."""
    config, program = pretended(case)
    words = ("--night", DATE, "--executable", program)
    watchdog = {"WATCHDOG_USEC": "400000"}
    with daemon(case, config, *words, env=watchdog) as running:
        home = running.address()
        running.hears("READY=1")
        running.hears("WATCHDOG=1")
        until(lambda: calls(program).count("ended") >= 2, "an open night is not passed over again")
        first = calls(program)[0]
        kept = config.parent / "state/daemon/configuration_"
        expect(first.startswith(f"night {DATE} --pass --settle 60 --config {kept}"), first)
        case.run("daemon", "--config", config, "--no-page").ends("resource").complains(
            f"process {running.process.pid}")

        good = config.read_text("utf-8")
        for wrong in (good + "nonsense: 1\n", good.replace("state: state", "state: elsewhere"),
                      good.replace("port: 0", "port: 1, address: 192.0.2.1")):
            config.write_text(wrong, "utf-8")
            seen = log_of(case).count("the old configuration is kept")
            running.process.send_signal(signal.SIGHUP)
            running.hears("RELOADING=1\nMONOTONIC_USEC=")
            running.hears("READY=1")
            until(lambda: log_of(case).count("the old configuration is kept") == seen + 1, wrong)
        home = running.address()  # its page had to give way for a moment
        expect(ask(home, "/")[0] == 200, "the page is gone")
        config.write_text(good.replace("poll_s: 0.1", "poll_s: 0.1, settle_s: 7"), "utf-8")
        running.process.send_signal(signal.SIGHUP)
        until(lambda: any("--settle 7 " in call for call in calls(program)), "it is not read anew")

        Path(f"{program}.time").write_text("600\n", "utf-8")
        until(lambda: calls(program)[-1].startswith("night"), "no pass is under way")
        time.sleep(0.3)
        running.stop()
        expect(calls(program)[-1] == "stopped", f"the pass was not waited for: {calls(program)[-2:]}")


def case_daemon_says_that_the_raw_data_are_away(case):
    """A disk that is not mounted is told once, and found again when it is back."""
    config, program = pretended(case)
    (raw,) = config.parent.glob("R0")
    away = raw.rename(case.folder / "away")
    with daemon(case, config, "--night", DATE, "--executable", program, "--no-page") as running:
        until(lambda: f"{raw}: there is no folder of raw data" in log_of(case), "it says nothing")
        time.sleep(1)
        expect(log_of(case).count("there is no folder of raw data") == 1, log_of(case))
        expect(not calls(program), "a pass over nothing")
        away.rename(raw)
        until(lambda: calls(program), "no pass begins")
        running.stop()


def case_daemon_takes_up_after_a_crash(case):
    """Killed in a pass, the pass is told to stop, and the next daemon begins at once."""
    config, program = pretended(case)
    Path(f"{program}.time").write_text("600\n", "utf-8")
    words = ("--night", DATE, "--executable", program, "--no-page")
    with daemon(case, config, *words) as running:
        until(lambda: calls(program), "no pass begins")
        time.sleep(0.3)
        running.stop(signal.SIGKILL, -signal.SIGKILL)
    until(lambda: calls(program)[-1] == "stopped", "the pass goes on without its daemon")
    with daemon(case, config, *words) as running:
        until(lambda: len(calls(program)) == 3, "the next daemon does not begin")
        time.sleep(0.3)
        running.stop(signal.SIGINT)


def case_daemon_follows_what_is_decided(case):
    """A veto on its page is followed by a pass at once, though the night was not due for an hour."""
    night = MadeState(case, case.folder / "made")
    config, program = pretended(case)
    config.write_text(config.read_text("utf-8").replace("pass_every_s: 1", "pass_every_s: 3600")
                      .replace("port: 0", "port: 0, token_file: token"), "utf-8")
    token = night.folder / "token"
    token.write_text("0123456789abcdef\n", "utf-8")
    token.chmod(0o600)
    with daemon(case, config, "--night", DATE, "--executable", program) as running:
        home = running.address()
        until(lambda: "ended" in calls(program), "no pass begins")
        time.sleep(1)
        expect(calls(program).count("ended") == 1, "a night that is not due is passed over")
        status, _, text = post(home, f"/api/v1/nights/{DATE}/v1/actions",
                               json.dumps({"what": "veto", "job": "11220", "author": "crew",
                                           "reason": "by the test"}),
                               {"Authorization": "Bearer 0123456789abcdef",
                                "Content-Type": "application/json"})
        expect(status == 200, f"{status} {text}")
        # It may be seen in the state and be told by the page: two passes then.
        until(lambda: calls(program).count("ended") >= 2, "nothing follows the decision", 20)
        running.stop()


def hours_after(seconds):
    """Return the UTC hour of an instant soon, counted as closing.earliest_hour is for the night."""
    midnight = datetime.datetime.strptime(DATE, "%Y%m%d").replace(tzinfo=datetime.timezone.utc)
    midnight += datetime.timedelta(days=1)
    return (time.time() + seconds - midnight.timestamp()) / 3600


def case_daemon_closes_a_complete_night_at_its_hour(case):
    """Done before it may close, a night is closed at the hour; reopened by hand, it is seen to."""
    night = case.simulated()
    night.process().ends("done")
    short_daemon(night)
    text = night.config.read_text("utf-8")
    early = f"closing: {{auto: true, earliest_hour: {hours_after(30):.6f}}}"
    night.config.write_text(text.replace("closing: {auto: false}", early), "utf-8")
    seals = night.folder / "seals"
    with daemon(case, night.config, "--night", DATE, "--no-page") as running:
        until(lambda: "all is done" in log_of(case), "the first pass does not end")
        expect(not seals.exists(), "it was closed before the hour")
        until(lambda: len(list(seals.rglob("seal_*.json"))) == 1, "it is not closed at the hour", 60)
        passes = log_of(case).count("a pass begins")
        until(lambda: log_of(case).count("all is done") == passes, "the closing pass does not end")
        time.sleep(2)
        expect(log_of(case).count("a pass begins") == passes, "a closed night is passed over")
        product = night.product("DL2", 0)
        case.run("reopen", DATE, "--config", night.config, "--reason", "x").ends("done")
        product.unlink()
        until(lambda: len(list(seals.rglob("seal_*.json"))) == 2, "the reopening is not seen", 60)
        expect(product.exists(), "it was closed without the product")
        running.stop()


def case_daemon_refuses(case):
    """A taken port, a wrong configuration, a wrong date: one line, and no daemon."""
    config, _ = pretended(case)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        config.write_text(config.read_text("utf-8").replace("port: 0", f"port: {port}"), "utf-8")
        case.run("daemon", "--config", config).ends("resource").complains(port)
    case.run("daemon", "--config", config, "--night", "2024").ends("usage").complains("2024")
    config.write_text("daemon: {poll_s: 0}\n", "utf-8")
    case.run("daemon", "--config", config).ends("configuration").complains("poll_s")


def case_service_files_are_right(case):
    """systemd finds nothing wrong with the units; their commands are this program's; cron's line too."""
    scripts = Path(__file__).resolve().parents[2] / "scripts"
    units = sorted((scripts / "systemd").iterdir())
    expect([unit.name for unit in units] ==
           ["alisio-night.service", "alisio-night.timer", "alisio.service"], f"{units}")
    commands = [line.split("=", 1)[1].split() for unit in units
                for line in unit.read_text("utf-8").splitlines() if line.startswith("ExecStart=")]
    commands += [line.split("alisio", 1)[1].split() for line in
                 (scripts / "cron/alisio").read_text("utf-8").splitlines() if "/bin/alisio " in line]
    expect(len(commands) >= 3, f"only {commands}")
    for words in commands:
        help_text = case.run(next(w for w in words if w in ("night", "daemon")), "--help").ends("done").out
        for option in (w for w in words if w.startswith("--")):
            expect(option in help_text, f"{option} of {words} is no option")
    if not shutil.which("systemd-analyze"):
        raise Skipped("there is no systemd-analyze; the commands are right")
    folder = case.folder / "units"
    folder.mkdir()
    for unit in units:
        text = unit.read_text("utf-8").replace("/usr/bin/alisio", str(case.alisio))
        (folder / unit.name).write_text(text.replace("User=alisio", "User=root"), "utf-8")
    check = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, sorted(folder.iterdir()))],
        capture_output=True, text=True, timeout=60, check=False)
    ours = [line for line in check.stderr.splitlines() if "alisio" in line]
    expect(check.returncode == 0 and not ours, f"{check.returncode}: {check.stderr}")


def case_daemon_tells_of_its_troubles(case):
    """Passes that fail are told once, across a restart too, and again after they were well."""
    config, program = pretended(case)
    heard = case.folder / "heard"
    config.write_text(config.read_text("utf-8") + f"notify: {{command: 'cat >> {heard}'}}\n", "utf-8")
    words = ("--night", DATE, "--executable", program, "--no-page")
    code = Path(f"{program}.code")

    def told():
        return [json.loads(line) for line in heard.read_text("utf-8").splitlines()] if heard.exists() else []

    def passes(number):
        begun = calls(program).count("ended")
        until(lambda: calls(program).count("ended") >= begun + number, "no more passes")

    code.write_text("6\n", "utf-8")
    with daemon(case, config, *words) as running:
        until(lambda: told(), "nobody is told")
        expect(told()[0]["event"] == "daemon_trouble" and told()[0]["date"] == "2024-01-15"
               and "ended with code 6" in told()[0]["trouble"][0], f"{told()}")
        passes(2)
        running.stop()
    with daemon(case, config, *words) as running:
        passes(2)
        expect(len(told()) == 1, f"it is told again: {told()}")
        code.write_text("7\n", "utf-8")
        passes(2)
        code.write_text("6\n", "utf-8")
        until(lambda: len(told()) == 2, "what comes back is not told")
        config.write_text(config.read_text("utf-8") + "nonsense: 1\n", "utf-8")
        running.process.send_signal(signal.SIGHUP)
        until(lambda: len(told()) == 3 and "nonsense" in told()[2]["text"], "a wrong configuration")
        running.stop()


def case_daemon_slows_down_while_observing(case):
    """In night.pause new subruns bring no pass of their own; without it they do."""
    config, program = pretended(case)
    plain = config.read_text("utf-8").replace("pass_every_s: 1", "pass_every_s: 3600")
    now = time.time()
    window = "-".join(time.strftime("%H:%M", time.gmtime(now + hours * 3600)) for hours in (-1, 1))
    config.write_text(plain + f"night: {{pause: \"{window}\"}}\n", "utf-8")
    raw = config.parent / "R0" / DATE
    with daemon(case, config, "--night", DATE, "--executable", program, "--no-page") as running:
        until(lambda: calls(program).count("ended") == 1, "the first pass does not start")
        later = raw / "LST-1.1.Run11220.0001.fits.fz"
        later.write_bytes(b"x")
        os.utime(later, (now - 10000,) * 2)
        time.sleep(2)
        expect(calls(program).count("ended") == 1, "a subrun brings a pass in the pause")
        config.write_text(plain, "utf-8")
        running.process.send_signal(signal.SIGHUP)
        until(lambda: calls(program).count("ended") == 2, "after the pause there is no pass")
        later = raw / "LST-1.1.Run11220.0002.fits.fz"
        later.write_bytes(b"x")
        os.utime(later, (now - 10000,) * 2)
        until(lambda: calls(program).count("ended") == 3, "a subrun brings no pass")
        running.stop()

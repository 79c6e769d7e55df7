#!/usr/bin/env python3
"""Measure what the page costs with many clients that listen while a night changes every second.

A night of 20 runs × 150 subruns is made, the clients listen to its events, and one job of it changes
every second, as in a pass. Prints CPU time of the server over time that passed, as a fraction of one
core, without and with slow clients among them. Exits 1 if it is above the limit.
"""

import argparse
import os
import pathlib
import select
import socket
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "cases")]

from harness import Case  # noqa: E402
from made_state import MadeState  # noqa: E402
from web_cases import serving  # noqa: E402

RUNS, SUBRUNS = 20, 150


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text("utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text("utf-8").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0


def server_pid(port):
    """The process that listens at a port: a child of ours."""
    for folder in pathlib.Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            parent = (folder / "stat").read_text("utf-8").rsplit(")", 1)[1].split()[1]
        except OSError:
            continue
        if b"web" in words and int(parent) == os.getpid():
            return int(folder.name)
    raise RuntimeError(f"nobody listens at {port}")


def listen(port, buffer=None):
    client = socket.socket()
    if buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    client.connect(("127.0.0.1", port))
    client.sendall(b"GET /events?night=20240115/v1 HTTP/1.1\r\nHost: x\r\n\r\n")
    return client


def drain(clients, seconds, received):
    """Read what comes for so long."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        for client in select.select(clients, [], [], left)[0]:
            received[client] = received.get(client, 0) + client.recv(1 << 20).count(b"event: change")


def measure(night, pid, clients, seconds):
    received = {}
    drain(clients, 3, received)
    received.clear()
    cpu, start = cpu_seconds(pid), time.monotonic()
    for i in range(seconds):
        key = ("r0_to_dl1", night.runs[i % RUNS], i % SUBRUNS)
        night.set(key, "failed" if i % 2 else "done", "for the measurement")
        drain(clients, 1, received)
    used, passed = cpu_seconds(pid) - cpu, time.monotonic() - start
    return used / passed, min(received.get(client, 0) for client in clients)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alisio", required=True, help="the program")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--limit", type=float, default=0.1, help="of one core")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        case = Case(options.alisio, scratch, scratch)
        night = MadeState(case, case.folder / "made", runs=RUNS, subruns=SUBRUNS)
        with serving(case, night) as home:
            port = int(home.rstrip("/").rsplit(":", 1)[1])
            pid = server_pid(port)
            clients = [listen(port) for _ in range(options.clients)]
            share, least = measure(night, pid, clients, options.seconds)
            print(f"{options.clients} clients: {100 * share:.1f} % of one core, "
                  f"each got {least} or more of {options.seconds} changes, "
                  f"{memory_mb(pid):.0f} MB at most")
            slow = [listen(port, 4096) for _ in range(20)]
            mixed, least = measure(night, pid, clients, options.seconds)
            print(f"with {len(slow)} more that do not read: {100 * mixed:.1f} %, "
                  f"{least} or more changes, {memory_mb(pid):.0f} MB at most")
    return 0 if max(share, mixed) < options.limit and least > options.seconds * 0.8 else 1


if __name__ == "__main__":
    sys.exit(main())

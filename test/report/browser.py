"""Drive a headless Chromium by its debugging protocol over a pipe; standard library only."""

import argparse
import base64
import contextlib
import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time


def find_chromium():
    """The path of a Chromium or Chrome, or None. ALISIO_CHROMIUM names another."""
    named = os.environ.get("ALISIO_CHROMIUM")
    if named:
        return named
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if path := shutil.which(name):
            return path
    return None


def arguments_or_skip(description):
    """Return the parsed command line of a browser test, and the browser. Without one, leave with the
    code that CTest takes for skipped."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--alisio", help="the program")
    parser.add_argument("--cache", default=tempfile.gettempdir() + "/alisio_nights")
    parser.add_argument("--screenshots", help="folder to put pictures in")
    options = parser.parse_args()
    chromium = find_chromium()
    if chromium is None:
        print("skipped: there is no Chromium")
        sys.exit(77)
    return options, chromium


class Browser:
    """One browser with one tab. Use as a context manager."""

    def __init__(self, executable):
        self.executable = executable

    def __enter__(self):
        self.home = tempfile.mkdtemp(prefix="report_test_")
        to_browser, self.write_end = os.pipe()
        self.read_end, from_browser = os.pipe()

        # The browser reads descriptor 3 and writes 4; copies above them first, so that neither
        # end is closed by taking the other's number.
        def hand_over():
            source, sink = os.dup(to_browser), os.dup(from_browser)
            while source < 10:
                source = os.dup(source)
            while sink < 10:
                sink = os.dup(sink)
            os.dup2(source, 3)
            os.dup2(sink, 4)

        self.process = subprocess.Popen(
            [self.executable, "--headless", "--no-sandbox", "--disable-gpu",
             "--disable-dev-shm-usage", "--remote-debugging-pipe", "--no-first-run",
             f"--user-data-dir={self.home}/profile", "about:blank"],
            close_fds=False, preexec_fn=hand_over, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True)
        os.close(to_browser)
        os.close(from_browser)
        self.buffer = b""
        self.count = 0
        self.events = []
        self.session = None
        target = next(t for t in self.call("Target.getTargets")["targetInfos"]
                      if t["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=target["targetId"],
                                 flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(domain + ".enable")
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            os.close(self.write_end)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.read_end)
        shutil.rmtree(self.home, ignore_errors=True)

    def _receive(self, deadline):
        while b"\0" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.read_end], [], [], left)[0]:
                raise TimeoutError("the browser does not answer")
            piece = os.read(self.read_end, 1 << 20)
            if not piece:
                raise RuntimeError("the browser ended")
            self.buffer += piece
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def call(self, method, timeout=90, **parameters):
        """Call a method of the protocol and return its result; events go to self.events."""
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write_end, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + timeout
        while True:
            answer = self._receive(deadline)
            if answer.get("id") != self.count:
                self.events.append(answer)
                continue
            if "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']}")
            return answer["result"]

    def wait_for(self, method, timeout=90):
        """Wait for an event that came since the last clear()."""
        deadline = time.monotonic() + timeout
        while not any(e.get("method") == method for e in self.events):
            self.events.append(self._receive(deadline))
        return next(e for e in self.events if e.get("method") == method)

    def open(self, path, width=1280, height=900, fragment="", phone=False):
        """Open a file by its file:// address in a window of that size."""
        address = pathlib.Path(path).resolve().as_uri() + fragment
        return self.visit(address, width, height, phone)

    def visit(self, address, width=1280, height=900, phone=False):
        """Open an address in a window of that size."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=2 if phone else 1, mobile=phone)
        self.events.clear()
        self.call("Page.navigate", url="about:blank")
        self.wait_for("Page.loadEventFired")
        self.events.clear()
        self.call("Page.navigate", url=address)
        self.wait_for("Page.loadEventFired")
        return address

    def click(self, element):
        """Click what a JavaScript expression gives, an HTML or SVG link; wait for the next page."""
        self.events.clear()
        self.evaluate(f"({element}).dispatchEvent(new MouseEvent('click', "
                      "{bubbles: true, cancelable: true, view: window})) && 0")
        self.wait_for("Page.loadEventFired")

    def evaluate(self, expression):
        """Return the value of a JavaScript expression in the page; promises are awaited."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                           awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def settle(self):
        """Wait until the page has drawn what is in sight."""
        self.evaluate("new Promise(done => requestAnimationFrame(() => "
                      "requestAnimationFrame(() => setTimeout(done, 50))))")

    def screenshot(self, path, full=False):
        parameters = {"format": "png"}
        if full:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            parameters |= {"captureBeyondViewport": True,
                           "clip": {"x": 0, "y": 0, "width": size["width"],
                                    "height": min(size["height"], 12000), "scale": 1}}
        data = self.call("Page.captureScreenshot", **parameters)["data"]
        pathlib.Path(path).write_bytes(base64.b64decode(data))

    def pdf(self, path):
        data = self.call("Page.printToPDF", printBackground=True, preferCSSPageSize=True)["data"]
        pathlib.Path(path).write_bytes(base64.b64decode(data))

    def complaints(self):
        """Errors and warnings of the console, and exceptions, since open()."""
        found = []
        for event in self.events:
            method, parameters = event.get("method"), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                found.append(str(parameters["exceptionDetails"]))
            if method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning"):
                found.append(str(parameters["args"]))
            if method == "Log.entryAdded":
                found.append(parameters["entry"]["text"])
        return found

    def requests(self):
        """Addresses that were asked for since open(), data: and blob: left out."""
        return [e["params"]["request"]["url"] for e in self.events
                if e.get("method") == "Network.requestWillBeSent"
                and not e["params"]["request"]["url"].startswith(("data:", "blob:"))]

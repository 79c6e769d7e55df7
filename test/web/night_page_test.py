#!/usr/bin/env python3
"""Watch a night of 20 runs × 150 subruns in headless Chromium: wide, on a phone, by keyboard, dark.

Checks that the page updates itself, that every cell says what the state says, that nothing is loaded
from elsewhere, complained of or wider than the window, and that it reads the same without scripts.
Exits 77, "skipped", without a Chromium.
"""

import pathlib
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "report"), str(HERE.parent / "cases")]

from browser import Browser, arguments_or_skip  # noqa: E402
from harness import Case, expect  # noqa: E402
from made_state import MadeState  # noqa: E402
from web_cases import serving  # noqa: E402

RUNS, SUBRUNS = 20, 150
PAGE = "nights/20240115/v1"


def row(run, stage=None):
    return f"document.querySelector('#row-run-{run}{'-' + stage if stage else ''} .cells')"


def until(browser, script, what):
    for _ in range(200):
        value = browser.evaluate(script)
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(what)


def key(browser, name):
    for kind in ("keyDown", "keyUp"):
        browser.call("Input.dispatchKeyEvent", type=kind, key=name, code=name)


def check_quiet(browser, home, width):
    expect(not browser.complaints(), f"the console complains: {browser.complaints()}")
    foreign = [url for url in browser.requests() if not url.startswith(home)]
    expect(not foreign, f"the page asks for {foreign}")
    wide = browser.evaluate("document.documentElement.scrollWidth - innerWidth")
    expect(wide <= 0, f"{wide} px wider than the window of {width}")


def check_grid(browser, night):
    """Every cell is what the state says."""
    letters = {"done": "=", "failed": "X", "running": ">", "to run": ".", "waiting": ":",
               "blocked": "#", "missing input": "?"}
    for run in night.runs:
        text = browser.evaluate(f"{row(run, 'r0_to_dl1')}.textContent")
        true = "".join(letters[night.status["r0_to_dl1", run, s]] for s in range(SUBRUNS))
        expect(text == true, f"run {run}: {text}, not {true}")


def check_page(browser, home, night, width, phone, pictures):
    browser.visit(home + PAGE, width=width, height=900, phone=phone)
    until(browser, "document.getElementById('live').textContent.includes('live')", "it is not live")
    check_grid(browser, night)
    key_of = ("r0_to_dl1", night.runs[3], 77)
    browser.evaluate(f"{row(key_of[1])}.focus()")
    browser.evaluate(f"document.getElementById('stages-run-{key_of[1]}').open = true")
    night.set(key_of, "failed", "by the test", log="its log\n")
    until(browser, f"{row(key_of[1])}.textContent[77] === 'X'", "a failure is not shown by itself")
    until(browser, "document.getElementById('troubles').textContent.includes('by the test')",
          "its reason is not shown by itself")
    expect(browser.evaluate(f"document.getElementById('stages-run-{key_of[1]}').open"),
           "what was opened is closed by an update")
    expect(browser.evaluate(f"document.activeElement === {row(key_of[1])}"), "an update takes the focus")
    check_grid(browser, night)

    key(browser, "Home")
    for _ in range(7):
        key(browser, "PageDown")
    for _ in range(7):
        key(browser, "ArrowRight")
    said = browser.evaluate("document.getElementById('where').textContent")
    expect(f"run {key_of[1]}.0077 all stages: failed" in said, f"by keyboard: {said}")
    expect(browser.evaluate(f"{row(key_of[1])}.getAttribute('aria-valuetext')").endswith("failed"),
           "a reader of the screen is not told")
    place = browser.evaluate(f"""(() => {{ const group = {row(key_of[1])}.children[7];
        group.scrollIntoView({{block: "center"}}); const box = group.getBoundingClientRect();
        return {{x: box.left + box.width * 0.75, y: box.top + box.height / 2}}; }})()""")
    for kind in ("mousePressed", "mouseReleased"):
        browser.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)
    said = browser.evaluate("document.getElementById('where').textContent")
    expect(f"{key_of[1]}.0077" in said, f"by pointer: {said}")
    check_quiet(browser, home, width)
    if pictures:
        browser.screenshot(f"{pictures}/night_{width}.png", full=True)

    browser.evaluate(f"{row(key_of[1])}.focus()")
    browser.events.clear()
    key(browser, "Enter")
    browser.wait_for("Page.loadEventFired")
    text = browser.evaluate("document.body.textContent")
    expect("by the test" in text and f"{key_of[1]:05d}.0077" in text, "Enter leads elsewhere")
    check_quiet(browser, home, width)
    night.set(key_of, "done")

    browser.visit(home, width=width, height=900, phone=phone)
    until(browser, "document.getElementById('live').textContent.includes('live')", "not live")
    night.set(key_of, "failed", "by the test")
    until(browser, "document.getElementById('nights').textContent.includes('2 in trouble')",
          "the list does not update itself")
    night.set(key_of, "done")
    check_quiet(browser, home, width)


def check_without_script(browser, home, night):
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    browser.visit(home + PAGE)
    check_grid(browser, night)
    browser.call("Emulation.setScriptExecutionDisabled", value=False)


def check_dark(browser, home, pictures):
    browser.call("Emulation.setEmulatedMedia",
                 features=[{"name": "prefers-color-scheme", "value": "dark"}])
    browser.visit(home + PAGE)
    browser.settle()
    colour = browser.evaluate("getComputedStyle(document.querySelector('.bad')).color")
    expect(colour == "rgb(255, 138, 128)", f"in the dark, bad is {colour}")
    if pictures:
        browser.screenshot(f"{pictures}/night_dark.png")


def main():
    options, chromium = arguments_or_skip(__doc__)
    with tempfile.TemporaryDirectory() as scratch:
        case = Case(options.alisio, scratch, options.cache)
        night = MadeState(case, case.folder / "made", runs=RUNS, subruns=SUBRUNS)
        night.set(("r0_to_dl1", night.runs[5], 149), "blocked", "for a test")
        night.set(("r0_to_dl1", night.runs[6], 0), "to run", "never done")
        with serving(case, night) as home, Browser(chromium) as browser:
            for width, phone in ((1280, False), (375, True)):
                check_page(browser, home, night, width, phone, options.screenshots)
                print(f"{width} px: ok")
            check_without_script(browser, home, night)
            print("without scripts: ok")
            check_dark(browser, home, options.screenshots)
            print("dark: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())

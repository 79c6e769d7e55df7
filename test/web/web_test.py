#!/usr/bin/env python3
"""Follow provenance in headless Chromium as a reader would: from the first page to a DL2 file, by
its drawing back to the raw subruns of its calibration, and forward to everything that these touched.

Checks that nothing is loaded from elsewhere and nothing complained of, wide and on a phone.
Exits 77, "skipped", without a Chromium.
"""

import json
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "report"), str(HERE.parent / "cases")]

from browser import Browser, arguments_or_skip  # noqa: E402
from harness import DATE, Case, expect, one_file  # noqa: E402
from night_cases import RAW  # noqa: E402
from prov_ask_cases import files_from  # noqa: E402
from web_cases import serving  # noqa: E402


def link_with(text):
    """JavaScript for the link, in HTML or in a drawing, that holds a text."""
    return (f"[...document.querySelectorAll('a')].find(a => a.textContent.includes("
            f"{json.dumps(text)}))")


def heading(browser):
    return browser.evaluate("document.querySelector('h1').textContent")


def check_page(browser, home):
    expect(not browser.complaints(), f"the console complains: {browser.complaints()}")
    foreign = [url for url in browser.requests() if not url.startswith(home)]
    expect(not foreign, f"the page asks for {foreign}")
    wider = browser.evaluate("document.documentElement.scrollWidth - innerWidth")
    expect(wider <= 0, f"{heading(browser)} is {wider} px wider than the window")


def follow(browser, home, night, pictures, width, phone):
    browser.visit(home + "provenance", width=width, height=900, phone=phone)

    def go(text, expected):
        expect(browser.evaluate(f"{link_with(text)} !== undefined"),
               f"no link '{text}' on {heading(browser)}")
        browser.click(link_with(text))
        expect(expected in heading(browser), f"'{text}' led to {heading(browser)}")
        check_page(browser, home)
        if pictures:
            name = "".join(c if c.isalnum() else "_" for c in heading(browser))
            browser.screenshot(f"{pictures}/web_{width}_{name}.png", full=True)

    check_page(browser, home)
    dl2 = night.product("DL2", 0)
    go(DATE, DATE)
    go(f"{night.run_number:05d}", f"{night.run_number:05d}")
    go(dl2.name, dl2.name)
    go("pedestal 11218", "drs4_pedestal.Run11218")
    raw = night.raw(1, 0, 11218)
    for stream in (1, 2, 3, 4):
        name = night.raw(stream, 0, 11218).name
        expect(browser.evaluate(f"{link_with(name)} !== undefined"), f"{name} is not told")
    go(raw.name, raw.name)
    touched = set(browser.evaluate(
        "[...document.querySelectorAll('details a[href^=\"/file/\"]')].map(a => a.textContent)"))
    expected = {pathlib.Path(path).name for path in files_from(night.folder, raw)}
    expect(expected == touched, f"only one of both: {sorted(expected ^ touched)}")
    expect(dl2.name in touched, "the DL2 file is not among what the calibration touched")
    go(dl2.name, dl2.name)


def main():
    options, chromium = arguments_or_skip(__doc__)
    with tempfile.TemporaryDirectory() as scratch:
        case = Case(options.alisio, scratch, options.cache)
        night = case.simulated(**RAW)
        night.process().ends("done")
        case.run("prov", "index", "--config", night.config).ends("done")
        with serving(case, night) as home, Browser(chromium) as browser:
            for width, phone in ((1280, False), (375, True)):
                follow(browser, home, night, options.screenshots, width, phone)
                print(f"{width} px: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Process a simulated night, look at its data checks and close it, all on its pages in headless
Chromium: the drawings are drawn, a wrong token closes nothing, the right one seals the night.

Exits 77, "skipped", without a Chromium.
"""

import json
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "report"), str(HERE.parent / "cases")]

from browser import Browser, arguments_or_skip  # noqa: E402
from harness import DATE, Case, expect  # noqa: E402
from web_cases import serving  # noqa: E402

TOKEN = "0123456789abcdef-token"
ALL_LOADED = """Promise.all([...document.images].map(image => { image.loading = "eager";
    return image.complete ? 0 : new Promise(done => { image.onload = image.onerror = done; }); }))
    .then(() => [...document.images].map(image => image.naturalWidth > 0 && image.alt))"""


def processed_night(case):
    night = case.simulated()
    (night.folder / "token").write_text(TOKEN + "\n", "utf-8")
    (night.folder / "token").chmod(0o600)
    night.config.write_text(night.config.read_text("utf-8") +
                            "closing: {auto: false}\nweb: {token_file: token}\n", "utf-8")
    night.process().ends("done")
    return night


def drawings(browser):
    """Return what the images of the page show; each must have been drawn."""
    shown = browser.evaluate(ALL_LOADED)
    expect(shown and all(shown), f"drawings are missing: {shown}")
    return shown


def check_drawings(browser, page, night, pictures):
    browser.visit(page)
    expect("Rates of events" in drawings(browser), "the night shows no rates")
    if pictures:
        browser.screenshot(f"{pictures}/checks_night.png", full=True)
    browser.visit(f"{page}/run/{night.run_number}", width=375, phone=True)
    shown = drawings(browser)
    for words in ("Rates of events", "Pedestal charge of each pixel", "Flat-field charge of each pixel"):
        expect(words in shown, f"'{words}' is not drawn: {shown}")
    wide = browser.evaluate("document.documentElement.scrollWidth - innerWidth")
    expect(wide <= 0, f"{wide} px wider than the window")
    expect(not browser.complaints(), f"the console complains: {browser.complaints()}")
    if pictures:
        browser.screenshot(f"{pictures}/checks_run.png", full=True)
    browser.visit(f"{page}/run/{night.run_number}/0")
    expect("Flat-field charge of each pixel" in drawings(browser), "the subrun shows no camera")


def send_form(browser, token):
    for name, value in (("author", "crew"), ("reason", "all is there"), ("token", token)):
        browser.evaluate(f"document.querySelector('[name={name}]').value = {json.dumps(value)}")
    browser.events.clear()
    browser.evaluate("document.querySelector('form[method=post] button').click()")
    browser.wait_for("Page.loadEventFired")
    return browser.evaluate("document.body.textContent")


def check_closing(browser, page, night):
    browser.visit(page)
    browser.click("document.querySelector('a.button[href*=\"what=close\"]')")
    asked = browser.evaluate("document.location.pathname + document.body.textContent")
    expect(asked.startswith("/act/") and "close the night?" in asked, f"nothing is asked: {asked}")
    said = send_form(browser, TOKEN[:-1] + "x")
    expect("the token is another" in said, f"a wrong token: {said}")
    browser.visit(page)
    expect(not browser.evaluate("document.getElementById('closing').textContent"), "it is closed")
    browser.click("document.querySelector('a.button[href*=\"what=close\"]')")
    said = send_form(browser, TOKEN)
    expect("Done" in said and "closed" in said, f"it is not closed: {said}")
    browser.click("[...document.links].find(link => link.textContent === 'back to the night')")
    closed = browser.evaluate("document.getElementById('closing').textContent")
    expect("closed" in closed and "by crew" in closed, f"the page says: {closed}")
    night.process().ends("done").says("closed", "alisio reopen")
    expect(list(night.folder.rglob("NightFinished.txt")), "no flag says so")


def main():
    options, chromium = arguments_or_skip(__doc__)
    with tempfile.TemporaryDirectory() as scratch:
        case = Case(options.alisio, scratch, options.cache)
        night = processed_night(case)
        prod_id = night.product("DL1", 0).parent.name
        with serving(case, night) as home, Browser(chromium) as browser:
            page = f"{home}nights/{DATE}/{prod_id}"
            check_drawings(browser, page, night, options.screenshots)
            print("drawings: ok")
            check_closing(browser, page, night)
            print("closing: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())

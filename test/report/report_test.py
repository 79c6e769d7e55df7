#!/usr/bin/env python3
"""Open a report in headless Chromium as a reader would: from file://, wide, on a phone, on paper.

Checks that nothing is fetched and nothing complained of, that every plot is drawn and nothing
overflows, that hovering and downloads give the numbers that the page holds, and that it prints.
Exits 77, "skipped", without a Chromium.
"""

import base64
import csv
import json
import math
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cases")]

from browser import Browser, arguments_or_skip  # noqa: E402
from harness import Case, expect  # noqa: E402


def unpack(text):
    """The numbers of a packed array; an implementation of its own (lib/report/packing.hpp)."""
    data = base64.b64decode(text[1:])
    if text[0] == "f":
        return [v[0] for v in struct.iter_unpack("<f", data)]
    if text[0] == "d":
        return [v[0] for v in struct.iter_unpack("<d", data)]
    numbers, value, shift, zeros = [], 0, 0, False
    for byte in data:
        value |= (byte & 127) << shift
        shift += 7
        if byte >= 128:
            continue
        if zeros:
            numbers += [0] * value
            zeros = False
        else:
            numbers.append(value)
            zeros = value == 0
        value = shift = 0
    return numbers


def page_numbers(path):
    text = path.read_text(encoding="utf-8")
    return json.loads(text.split('id="numbers">', 1)[1].split("</script>", 1)[0])


def same(shown, true):
    """Whether a number as text is the page's number to the seven digits that it keeps."""
    if not math.isfinite(true):
        return shown == ""
    return math.isclose(float(shown), true, rel_tol=6e-7, abs_tol=1e-30)


def make_report(alisio, folder, cache):
    """Return the report of a simulated run of two subruns, compared with its first subrun."""
    case = Case(alisio, folder, cache)
    night = case.simulated(events=120)
    output = case.folder / "DL1"
    for subrun in (0, 1):
        case.run(*night.stage_words(output, subrun)).ends("done")
    reference = sorted(output.glob("datacheck_*.0000.h5"))[0]
    case.run("report", "--run", 11220, "--input-dir", output, "--reference", reference,
             "--output-dir", case.folder / "report").ends("done")
    return case.folder / "report" / "report_Run11220.html"


def check_quiet(browser, address):
    expect(not browser.complaints(), f"the console complains: {browser.complaints()}")
    asked = [url for url in browser.requests() if url.split("#")[0] != address.split("#")[0]]
    expect(not asked, f"the page asks for {asked}")


def check_drawn(browser, width):
    """Every plot has its drawing, without a number that is none, and nothing overflows."""
    # From outside of the page: the browser makes no frames while a script of ours runs.
    undrawn = "document.querySelectorAll('figure.plot .canvas:not(.drawn)').length"
    position = 0
    while position < browser.evaluate("document.documentElement.scrollHeight"):
        browser.evaluate(f"scrollTo(0, {position})")
        time.sleep(0.1)
        position += 700
    for _ in range(50):
        if browser.evaluate(undrawn) == 0:
            break
        time.sleep(0.1)
    browser.settle()
    state = browser.evaluate("""(() => {
        const figures = [...document.querySelectorAll("figure.plot")];
        return { figures: figures.length,
                 empty: figures.filter(f => !f.querySelector(".canvas svg path"))
                               .map(f => f.querySelector("figcaption").textContent),
                 odd: figures.filter(f => /NaN|undefined|Infinity/.test(f.innerHTML))
                             .map(f => f.querySelector("figcaption").textContent),
                 wide: document.documentElement.scrollWidth,
                 narrow: figures.filter(f => f.getBoundingClientRect().right > innerWidth + 1).length
               }; })()""")
    expect(state["figures"] > 40, f"only {state['figures']} plots")
    expect(not state["empty"], f"not drawn when in sight: {state['empty']}")
    expect(not state["odd"], f"NaN in the drawing: {state['odd']}")
    expect(state["wide"] <= width and state["narrow"] == 0, f"wider than {width} px: {state}")


def figure_script(title):
    return ("[...document.querySelectorAll('figure.plot')].find(f => "
            f"f.querySelector('figcaption').textContent === {json.dumps(title)})")


def check_hover(browser, numbers, title):
    """The tip over the centre of a pixel tells its number and value."""
    plot = next(p for p in numbers["plots"] if p["title"] == title)
    values = unpack(numbers["arrays"][plot["values"]])
    camera = numbers["cameras"][plot["camera"]]
    xs, ys = (unpack(numbers["arrays"][camera[k]]) for k in ("x", "y"))
    radius = max(map(math.hypot, xs, ys)) + camera["width"]
    for pixel in (0, 700, len(values) - 1):
        # Engineering camera frame: -y to the right, -x up, in a square of 292 of the 420 units.
        zoom = 292 / (2 * radius)
        x, y = 4 + 146 - ys[pixel] * zoom, 4 + 146 + xs[pixel] * zoom
        # Plots are drawn when they come into sight, which may move what was measured: look again.
        deadline = time.monotonic() + 20
        tip = ""
        while not tip.startswith(f"pixel {pixel}\n") and time.monotonic() < deadline:
            place = browser.evaluate(f"""(() => {{
                const figure = {figure_script(title)};
                figure.scrollIntoView({{ block: "center" }});
                const box = figure.querySelector(".canvas svg").getBoundingClientRect();
                return {{ x: box.left, y: box.top, zoom: box.width / 420 }}; }})()""")
            browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=1, y=1)
            browser.call("Input.dispatchMouseEvent", type="mouseMoved",
                         x=place["x"] + x * place["zoom"], y=place["y"] + y * place["zoom"])
            browser.settle()
            tip = browser.evaluate("document.getElementById('tip').style.display !== 'none' && "
                                   "document.getElementById('tip').textContent") or ""
        lines = tip.splitlines()
        expect(lines and lines[0] == f"pixel {pixel}", f"hovering pixel {pixel} says {tip!r}")
        shown = lines[1].split(": ")[1].split()[0]
        if math.isfinite(values[pixel]):
            expect(math.isclose(float(shown), values[pixel], rel_tol=1e-4, abs_tol=1e-12),
                   f"pixel {pixel} is {values[pixel]}, the tip says {tip!r}")


def download(browser, folder, button):
    """Click a button and return the rows of the CSV that it gives."""
    before = set(folder.iterdir())
    browser.evaluate(f"{button}.click()")
    for _ in range(100):
        files = [f for f in set(folder.iterdir()) - before if f.suffix == ".csv"]
        if files:
            time.sleep(0.05)
            return list(csv.reader(files[0].open(encoding="utf-8")))
        time.sleep(0.05)
    raise AssertionError(f"no download of {button}")


def csv_button(title):
    return f"[...{figure_script(title)}.querySelectorAll('button')].find(b => b.textContent === 'CSV')"


def check_downloads(browser, folder, numbers):
    browser.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
    array = lambda index: unpack(numbers["arrays"][index])  # noqa: E731
    plots = {p["title"]: p for p in numbers["plots"]}

    title = "Mean charge of pedestals"
    rows = download(browser, folder, csv_button(title))
    values = array(plots[title]["values"])
    expect(rows[0][0] == "pixel_id" and len(rows) == len(values) + 1, f"{title}: {rows[0]}")
    wrong = [row for row, true in zip(rows[1:], values) if not same(row[3], true)]
    expect(not wrong, f"{title}: {len(wrong)} other values, {wrong[:2]}")
    expect(rows[0][4] == "reference", "the reference is not in the download")

    title = "Image intensity"
    rows = download(browser, folder, csv_button(title))
    edges = array(plots[title]["edges"])
    expect(len(rows) == len(edges), f"{title}: {len(rows)} rows for {len(edges)} edges")
    for column, content in enumerate(plots[title]["contents"], 2):
        expect(rows[0][column] == content["name"], f"{title}: {rows[0]}")
        for i, true in enumerate(array(content["values"])):
            expect(same(rows[i + 1][column], true) and same(rows[i + 1][0], edges[i]),
                   f"{title}, bin {i}: {rows[i + 1]}, not {true}")

    title = "Width"
    rows = download(browser, folder, csv_button(title))
    expect(sum(int(row[4]) for row in rows[1:]) == sum(array(plots[title]["counts"])) > 0,
           f"{title}: the counts do not add up")

    title = "Rate per subrun"
    rows = download(browser, folder, csv_button(title))
    curves = plots[title]["curves"]
    true = [(c["name"], x, y) for c in curves for x, y in zip(array(c["x"]), array(c["y"]))]
    expect(len(rows) == len(true) + 1, f"{title}: {rows}")
    for row, (name, x, y) in zip(rows[1:], true):
        expect(row[0] == name and same(row[2], x) and same(row[3], y), f"{title}: {row}, not {y}")

    table = "[...document.querySelectorAll('.table')].find(t => t.dataset.title === 'Runs')"
    rows = download(browser, folder, f"{table}.querySelector(':scope > button')")
    expect(rows[0][0] == "run" and rows[1][0] == "11220", f"table of runs: {rows[:2]}")


def check_print(browser, folder):
    pdf = folder / "printed.pdf"
    browser.pdf(pdf)
    expect(pdf.read_bytes().startswith(b"%PDF"), "the print is no PDF")
    if not shutil.which("pdftotext"):
        return
    text = subprocess.run(["pdftotext", pdf, "-"], capture_output=True, text=True, check=True).stdout
    for word in ("Quality gates", "Mean charge of pedestals", "Time gradient above 200 p.e."):
        expect(word in text, f"not printed: {word}")
    expect("enlarge" not in text, "buttons are printed")


def main():
    options, chromium = arguments_or_skip(__doc__)
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        (folder / "downloads").mkdir()
        report = make_report(options.alisio, folder, options.cache)
        numbers = page_numbers(report)
        with Browser(chromium) as browser:
            for width, phone in ((1280, False), (375, True)):
                address = browser.open(report, width=width, height=800, phone=phone)
                check_drawn(browser, width)
                check_quiet(browser, address)
                if options.screenshots:
                    browser.evaluate("scrollTo(0, 0)")
                    browser.screenshot(f"{options.screenshots}/report_{width}.png", full=True)
                print(f"{width} px: ok")
            address = browser.open(report, fragment="#all")
            browser.settle()
            check_hover(browser, numbers, "Mean charge of pedestals")
            check_downloads(browser, folder / "downloads", numbers)
            check_quiet(browser, address)
            print("hover, downloads: ok")
            # Not scrolled through: printing draws what has not been in sight.
            browser.open(report)
            check_print(browser, folder)
            print("print: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())

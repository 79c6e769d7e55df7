"""The pages of nights, their events, and what programs are told: API, metrics, health."""

import json
import re
import socket
import urllib.error
import urllib.parse
import urllib.request

from harness import DATE, Skipped, expect
from made_state import MadeState
from web_cases import ask, serving

FAILED = ("r0_to_dl1", 11221, 2)


def made_night(case, **how):
    """A night with a failed, a waiting and a running job."""
    night = MadeState(case, case.folder / "made", **how)
    night.set(FAILED, "failed", "the tile <3> is cut short", log="first\nlast <line>\n")
    night.set(("dl1_to_dl2", 11221, 2), "waiting", "for DL1")
    night.set(("r0_to_dl1", 11220, 1), "to run", "never done")
    night.runs_a_process(("r0_to_dl1", 11220, 1), 77)
    return night


def get(home, path, status=200):
    found, headers, body = ask(home, path)
    expect(found == status, f"{path}: {found} {body[:300]}")
    return headers, body.decode()


def cells(page, row):
    """The letters of a row of the grid, as a browser without scripts shows them."""
    found = re.search(rf'id="{row}".*?class="cells"[^>]*>(.*?)</div>', page, re.S)
    expect(found, f"no row {row}")
    text = re.sub(r"<[^>]*>", "", found[1])
    return text.replace("&gt;", ">")


def case_night_pages_answer(case):
    """Overview, night, run, subrun, log: drawn on the server; only logs and files that the state names."""
    night = made_night(case)
    secret = case.folder / "secret.log"
    secret.write_text("secret", "utf-8")
    with serving(case, night) as home:
        headers, first = get(home, "/")
        expect("/nights/20240115/v1" in first and "1 in trouble" in first, first[-1500:])
        policy = headers["Content-Security-Policy"]
        expect("default-src 'none'" in policy and "unsafe-inline" not in policy.split("script-src")[1]
               .split(";")[0], policy)
        expect(ask(home, "/nights/20240115")[1]["Location"] == "/nights/20240115/v1", "no way by date")
        _, page = get(home, "/nights/20240115/v1")
        expect(cells(page, "row-run-11220") == "=>=", cells(page, "row-run-11220"))
        expect(cells(page, "row-run-11221") == "==X", cells(page, "row-run-11221"))
        expect(cells(page, "row-run-11221-dl1_to_dl2") == "==:", "stages are not apart")
        for word in ("the tile &lt;3&gt; is cut short", "last line of the &lt;log&gt;", "elsewhere",
                     "about ", "quality passed", "<progress", "aria-label", "in the last hour"):
            expect(word in page, f"'{word}' is not on the page")
        expect("<log>" not in page, "a log comes back unescaped")
        _, run = get(home, "/nights/20240115/v1/run/11221")
        expect(run.count("<tr>") == 1 + 7, "a run has other jobs")
        _, subrun = get(home, "/nights/20240115/v1/run/11221/2")
        expect("for DL1" in subrun and subrun.count("<tr>") == 1 + 2, "a subrun has other jobs")
        get(home, "/nights/20240115/v1/run/0")
        headers, log = get(home, "/nights/20240115/v1/log/r0_to_dl1/11221/2")
        expect(log == "first\nlast <line>\n" and headers["Content-Type"].startswith("text/plain"), log)
        for path in ("/nights/20240116", "/nights/20240115/v2", "/nights/20240115/v1/run/1",
                     "/nights/20240115/v1/run/x", "/nights/20240115/v1/run/11221/2/3",
                     "/nights/20240115/v1/log/r0_to_dl1/11221/9",
                     "/nights/20240115/v1/log/../../secret.log", "/nights/%2e%2e/%2e%2e",
                     "/nights/20240115/v1/log/r0_to_dl1/..%2f..%2fsecret.log",
                     "/nights/20240115/v1/file/secret.log", "/nights/20240115/v1/file/..%2fsecret.log",
                     "/nights/20240115/v1/nothing/at/all", "/nights/%22%3E%3Cscript%3E/x"):
            _, text = get(home, path, 404)
            expect("<script>" not in text and "secret\n" not in text, f"{path}: {text[-300:]}")
        night.log_of(FAILED).unlink()
        get(home, "/nights/20240115/v1/log/r0_to_dl1/11221/2", 404)
        get(home, "/events?night=20240115/v2", 404)
        get(home, "/events?night=x", 400)
        get(home, "/night/20240115", 503)  # there is no index of provenance


def case_night_products_are_shown(case):
    """Report, drawings and significance of a night, only as recorded; the report cannot reach out."""
    night = made_night(case)
    folder = night.folder / "DL3"
    folder.mkdir()
    report = folder / "report_20240115.html"
    report.write_text("<title>report</title>", "utf-8")
    (folder / "other.html").write_text("other", "utf-8")
    drawing = folder / "theta2_Crab_20240115.svg"
    drawing.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>", "utf-8")
    row = {"run": "11220", "effective_time_s": 1200.0, "n_on": 300, "n_off": 200, "alpha": 1.0,
           "excess": 100.0, "excess_error": 22.4, "significance": 4.49, "excess_per_minute": 5.0,
           "remark": ""}
    result = folder / "significance_20240115.json"
    result.write_text(json.dumps({"format": "alisio significance", "sources": [
        {"name": "Crab <Nebula>", "runs": [row], "sum": row | {"run": "sum"}}], "left_out": []}), "utf-8")
    night.set(("significance", 0, -1), "done")
    night.record_product(("night_report", 0, -1), "night_report", report)
    night.record_product(("significance", 0, -1), "significance", result)
    night.record_product(("significance", 0, -1), "significance_plot", drawing)
    with serving(case, night) as home:
        _, page = get(home, "/nights/20240115/v1")
        for word in ("Crab &lt;Nebula&gt;: 4.49 σ", "<td class=\"n\">300</td>", "20.0",
                     "file/theta2_Crab_20240115.svg", "file/report_20240115.html"):
            expect(word in page, f"'{word}' is not on the page")
        headers, text = get(home, "/nights/20240115/v1/file/report_20240115.html")
        policy = headers["Content-Security-Policy"]
        expect("sandbox allow-scripts" in policy and "default-src 'none'" in policy
               and "allow-same-origin" not in policy, policy)
        expect(headers["Content-Type"].startswith("text/html") and "report" in text, text)
        headers, _ = get(home, "/nights/20240115/v1/file/theta2_Crab_20240115.svg")
        expect(headers["Content-Type"] == "image/svg+xml", headers["Content-Type"])
        get(home, "/nights/20240115/v1/file/other.html", 404)
        result.write_text("{", "utf-8")
        expect("cannot be read" in get(home, "/nights/20240115/v1")[1], "a damaged result is hidden")


def events_of(home, query, count):
    """Read so many events of a stream: (name, data)."""
    port = int(home.rstrip("/").rsplit(":", 1)[1])
    found, text = [], ""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as stream:
        stream.sendall(f"GET /events{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        while len(found) < count:
            piece = stream.recv(65536)
            expect(piece, f"the stream ended after {found}")
            text += piece.decode()
            *whole, text = text.split("\n\n")
            for event in whole:
                lines = dict(line.split(": ", 1) for line in event.splitlines() if ": " in line)
                if "event" in lines:
                    found.append((lines["event"], json.loads(lines["data"])))
                    yield found[-1]


def case_events_tell_what_changes(case):
    """Who listens gets the whole night, then only what changed, small; another night is not told."""
    night = made_night(case, runs=20, subruns=150)
    other = MadeState(case, night.folder, prod_id="v2")
    with serving(case, night) as home:
        stream = events_of(home, "?night=20240115/v1", 2)
        name, whole = next(stream)
        page = get(home, "/nights/20240115/v1")[1]
        expect(name == "whole" and whole["grid"] in page, "the page and its events differ")
        size = len(json.dumps(whole))
        expect(size < 60_000, f"the whole night takes {size} bytes")
        other.set(("r0_to_dl1", 11220, 0), "failed", "of the other production")
        night.set(("r0_to_dl1", 11225, 149), "blocked", "by a test")
        name, change = next(stream)
        expect(name == "change" and "row-run-11225-r0_to_dl1" in change, f"{name} {list(change)}")
        expect("other production" not in json.dumps(change), "another night is told")
        expect("grid" not in change and "row-run-11226" not in change, f"told too much: {list(change)}")
        expect(len(json.dumps(change)) < 8000, f"a change takes {len(json.dumps(change))} bytes")
        stream = events_of(home, "", 2)
        name, whole = next(stream)
        expect(name == "whole" and "20240115" in whole["nights"], f"{name} {whole}")
        night.set(("r0_to_dl1", 11225, 149), "done")
        name, change = next(stream)
        expect(name == "change" and list(change) == ["night-20240115-v1"], f"{name} {list(change)}")


def case_production_named_with_a_plus(case):
    """A version tag may name a production: jobs, closing, provenance and pages take it as it is."""
    prod = "v0.10.7.dev65+g12ab"
    night = case.simulated()
    night.process("--prod-id", prod).ends("done")
    night.expect_complete()
    dl2 = night.product("DL2", 0)
    expect(dl2.parent.name == prod, f"{dl2} is of another production")
    words = (DATE, "--prod-id", prod, "--config", night.config)
    case.run("status", *words).ends("done").says(prod, "complete")
    case.run("prov", "show", dl2, "--config", night.config).ends("done").says("dl1_to_dl2", prod)
    case.run("close", *words).ends("done").says("is closed")
    case.run("verify-seal", *words).ends("done").says("holds")
    address = f"{DATE}/{urllib.parse.quote(prod)}"
    expect("%2B" in address, address)
    with serving(case, night) as home:
        _, first = get(home, "/")
        links = re.findall(r'href="(/nights/[^"]*)"', first)
        expect(links and all(one.startswith(f"/nights/{address}") for one in links), links)
        _, page = get(home, f"/nights/{address}")
        expect(prod in page, "the page does not name its production")
        own = set(re.findall(r'(?:href|src)="(/[^"]*)"', page))
        expect(any(address in one for one in own), own)
        for one in sorted(own):
            # Calibration runs whose constants were there have no jobs, hence no page.
            if "/run/" not in one or f"/{night.run_number}" in one:
                get(home, one.replace("&amp;", "&"))
        expect(f"/events?night={address}" in page, "the page follows another night")
        name, whole = next(events_of(home, f"?night={address}", 1))
        expect(name == "whole" and whole["grid"] in page, "the page and its events differ")
        told = json.loads(get(home, f"/api/v1/nights/{address}")[1])
        expect(told["night"]["prod_id"] == prod, f"{told['night']}")
        _, found = get(home, "/provsap?" + urllib.parse.urlencode(
            {"ID": str(dl2), "DEPTH": 1, "RESPONSEFORMAT": "PROV-JSON"}))
        expect(prod in found, "provenance does not know the production")
        _, run = get(home, f"/run/{night.run_number}")
        expect(prod in run, "the run's page does not name the production")


WISHES = (
    {"what": "retry", "author": "bot"}, {"what": "retry", "author": "bot", "job": "11221.0002"},
    {"what": "veto", "author": "bot", "job": "11221", "reason": "clouds"},
    {"what": "close", "author": "bot", "job": "night"},
    {}, [], "retry", 7, None, {"what": "rm", "author": "bot"}, {"what": "retry"},
    {"what": "retry", "author": ""}, {"what": "retry", "author": 7}, {"what": None, "author": "bot"},
    {"what": "veto", "author": "bot", "job": "11221"}, {"what": "retry", "author": "bot", "force": "yes"},
    {"what": "retry", "author": "bot", "job": "--all"}, {"what": "retry", "author": "bot", "job": "1.2.3"},
    {"what": "retry", "author": "bot", "job": 11221}, {"what": "retry", "author": "b" * 501},
    {"what": "retry", "author": "two\nlines"}, {"what": "retry", "author": "bot", "reason": "tab\there"},
)


def expect_post_as_documented(home, address, operation, schema_of):
    """What the schema allows is tried, all else is refused by one clear line; every answer is documented."""
    answers = operation["responses"]
    bearer = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    allowed = schema_of(operation["requestBody"])

    def answer_of(body, headers=bearer, to=address):
        status, found, text = post(home, to, body, headers)
        expect(str(status) in answers, f"{to} answers {body[:60]} with {status}, which is not documented")
        kind = found["Content-Type"].split(";")[0]
        if status in (200, 409):
            schema_of(answers[str(status)], kind).validate(json.loads(text))
        else:
            expect(kind == "text/plain" and text.count("\n") == 1, f"{body[:60]}: {text}")
        return status, found, text

    for wish in WISHES:
        status, _, text = answer_of(json.dumps(wish))
        expect((status == 400) == (not allowed.is_valid(wish)), f"{wish}: {status} {text}")
    for body in ("", "[", "{", "what=retry&author=bot", '{"what": "retry", "author": "bot"} more', "\0"):
        expect(answer_of(body)[0] == 400, f"{body} is taken")
    wish = json.dumps({"what": "retry", "author": "bot", "stage": "no_such_stage"})
    expect(answer_of(wish)[0] == 400, "an unknown stage is taken")
    wish = json.dumps(WISHES[0])
    kind = bearer | {"Content-Type": "application/x-www-form-urlencoded"}
    expect("Content-Type: application/json" in answer_of(wish, kind)[2], "another kind of body is taken")
    expect(answer_of(wish, bearer, address.replace("v1/actions", "v9/actions"))[0] == 404, "no such night")
    for _ in range(7):
        expect(answer_of(wish, {})[0] == 403, "no token at all is no guess")
    wrong = bearer | {"Authorization": "Bearer wrong"}
    for _ in range(5):
        expect(answer_of(wish, wrong)[0] == 403, "a wrong token")
    status, headers, text = answer_of(wish)
    expect(status == 429 and 0 < int(headers["Retry-After"]) <= 10 and "wait" in text, f"{status} {text}")


def case_api_is_as_documented(case):
    """Every documented path is answered as its schema says; every path that is answered is documented."""
    try:
        import jsonschema
        import yaml
    except ImportError as problem:
        raise Skipped(f"needs {problem.name}") from problem
    night = made_night(case)
    with_token(night)
    with serving(case, night) as home:
        document = yaml.safe_load(get(home, "/api/v1/openapi.yaml")[1])
        expect(document["openapi"].startswith("3.1"), "another OpenAPI")

        def schema_of(answer, kind="application/json"):
            return jsonschema.Draft202012Validator(
                answer["content"][kind]["schema"] | {"components": document["components"]})
        fill = {"{date}": DATE, "{prod_id}": "v1"}
        for path, operations in document["paths"].items():
            address = path
            for name, value in fill.items():
                address = address.replace(name, value)
            if list(operations) == ["post"]:
                expect_post_as_documented(home, address, operations["post"], schema_of)
                continue
            expect(list(operations) == ["get"], f"{path}: {list(operations)}")
            headers, body = get(home, address)
            answers = operations["get"]["responses"]
            (kind, content), = answers["200"]["content"].items()
            expect(headers["Content-Type"].split(";")[0] == kind, f"{path}: {headers['Content-Type']}")
            if kind == "application/json":
                schema = {"$ref": content["schema"]["$ref"], "components": document["components"]}
                jsonschema.Draft202012Validator(schema).validate(json.loads(body))
            if "{prod_id}" in path:
                expect("404" in answers, f"{path} does not document 404")
                _, line = get(home, address.replace("v1/nights/20240115/v1", "v1/nights/20240115/v2"), 404)
                expect(line.count("\n") == 1, f"{path}: a problem of {line.count(chr(10))} lines")
        source = (case.alisio.parent.parent.parent / "lib/web/api.cpp")
        if source.exists():
            entries = re.findall(r'\{\{?"(/[a-z0-9/._]+)"', source.read_text("utf-8"))
            known = [re.sub(r"\{.*", "", path) for path in document["paths"]]
            for entry in entries:
                expect(entry in known, f"{entry} is not documented")
            expect(len(entries) >= 6, f"only {entries}")
        jobs = json.loads(get(home, f"/api/v1/nights/{DATE}/v1/jobs")[1])["jobs"]
        expect(len(jobs) == 2 * (2 * 3 + 1) + 1, f"{len(jobs)} jobs")
        failed = json.loads(get(home, f"/api/v1/nights/{DATE}/v1/jobs?status=failed&stage=r0_to_dl1")[1])
        expect([(j["run"], j["subrun"]) for j in failed["jobs"]] == [FAILED[1:]], f"{failed}")
        failures = json.loads(get(home, f"/api/v1/nights/{DATE}/v1/failures")[1])["failures"]
        expect(failures[0]["reason"] == "the tile <3> is cut short", f"{failures}")
        whole = json.loads(get(home, f"/api/v1/nights/{DATE}/v1")[1])
        expect(whole["rows"]["11221 r0_to_dl1"] == "==X", f"{whole['rows']}")
        get(home, "/api/v1/nights/20240115", 404)
        get(home, "/api/v1/nights/20240115/v1/jobs/1", 404)
        get(home, "/api/v2/nights", 404)


SAMPLE = re.compile(r'^([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\]|\\.)*",?)*)\})? (-?[0-9.e+-]+)$')


def samples_of(text):
    """Parse Prometheus' text format strictly: {(name, labels): value}."""
    types, samples, current = {}, {}, None
    expect(text.endswith("\n"), "the last line does not end")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            current = line.split()[2]
            expect(current not in types, f"{current} is told twice")
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            expect(name == current and kind in ("gauge", "counter"), line)
            types[name] = kind
        else:
            found = SAMPLE.match(line)
            expect(found and found[1] == current and current in types, f"no sample: {line}")
            labels = dict(re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', found[2] or ""))
            key = (found[1], tuple(sorted(labels.items())))
            expect(key not in samples, f"twice: {line}")
            samples[key] = float(found[3])
    return samples


def case_metrics_are_prometheus(case):
    """/metrics parses and counts rightly, of the latest night only; health says what is wrong."""
    MadeState(case, case.folder / "made", date="20240114")
    night = made_night(case)
    night.record_product(("r0_to_dl1", 11220, 0), "dl1_subrun", night.config)
    with serving(case, night) as home:
        samples = samples_of(get(home, "/metrics")[1])

        def value(name, **labels):
            found = [v for (n, have), v in samples.items()
                     if n == name and labels.items() <= dict(have).items()]
            expect(len(found) == 1, f"{name} {labels}: {found}")
            return found[0]

        expect(value("alisio_nights") == 2, "the nights are miscounted")
        expect({dict(labels).get("night") for _, labels in samples} == {None, "20240115"}, "old nights")
        expect(value("alisio_jobs", stage="r0_to_dl1", status="done") == 4, "jobs are miscounted")
        expect(value("alisio_jobs", stage="r0_to_dl1", status="failed") == 1, "failures")
        expect(value("alisio_jobs", stage="r0_to_dl1", status="running") == 1, "running")
        expect(value("alisio_processes_running") == 1, "processes")
        expect(value("alisio_jobs_failed", stage="r0_to_dl1") == 1, "failed")
        expect(value("alisio_job_wall_seconds_sum", stage="dl1_to_dl2") == 180, "time")
        expect(value("alisio_product_bytes", stage="r0_to_dl1") == night.config.stat().st_size, "bytes")
        expect(0 <= value("alisio_last_pass_age_seconds") < 120, "age")
        expect(0 < value("alisio_scrape_seconds") < 60, "cost")
        health = json.loads(get(home, "/healthz")[1])
        expect(health["ok"] and health["state"] == "readable" and health["nights"] == 2, f"{health}")
        night.set(("r0_to_dl1", 11220, 2), "queued", "in Slurm")
        samples = samples_of(get(home, "/metrics")[1])
        expect(value("alisio_jobs", stage="r0_to_dl1", status="queued") == 1, "queued jobs are not told")
        page = get(home, "/nights/20240115/v1")[1]
        expect(cells(page, "row-run-11220") == "=>Q" and "1 queued" in page and "<i class=q>" in page,
               cells(page, "row-run-11220"))
        shown = json.loads(get(home, "/api/v1/nights/20240115/v1")[1])["progress"]
        expect(shown["queued"] == 1 and shown["running"] == 1, f"{shown}")
        said = case.run("status", DATE, "--prod-id", "v1", "--config", night.config)
        expect("1 queued" in said.out, f"{said}")
        night.database.close()
        for file in (night.folder / "state").glob("alisio.sqlite*"):
            file.write_bytes(b"this is no database, but it is long enough to look like one" * 100)
        health = json.loads(get(home, "/api/v1/health", 503)[1])
        expect(not health["ok"] and health["state"] == "unreadable", f"{health}")
        get(home, "/", 503)
        for file in (night.folder / "state").glob("alisio.sqlite*"):
            file.unlink()
        health = json.loads(get(home, "/healthz", 503)[1])
        expect(not health["ok"] and health["state"] == "absent", f"{health}")


def case_a_newer_state_is_told_as_such(case):
    """A state of a newer program is no absent night: pages, metrics, health and terminal say what it is."""
    night = made_night(case)
    with serving(case, night) as home:
        get(home, "/nights/20240115/v1")
        night.database.execute("PRAGMA user_version = 999")
        for path in ("/", "/nights/20240115", "/nights/20240115/v1", "/metrics", "/api/v1/nights",
                     "/api/v1/nights/20240115/v1", "/nights/20240115/v1/run/11220"):
            _, text = get(home, path, 503)
            expect("newer program (schema 999" in text and "upgrade alisio" in text, f"{path}: {text[-400:]}")
        health = json.loads(get(home, "/healthz", 503)[1])
        expect(health["state"] == "newer" and "schema 999" in health["problem"], f"{health}")
        case.run("status", DATE, "--config", night.config).ends("resource").complains("upgrade alisio")
        found = json.loads(case.run("doctor", "--config", night.config, "--json").out)["findings"]
        state = next(one for one in found if one["check"] == "state database")
        expect(state["health"] == "fail" and "upgrade alisio" in state["text"], f"{state}")
    expect((case.folder / "web.log").read_text("utf-8").count("newer program") < 20, "the log is flooded")


TOKEN = "0123456789abcdef-token"


def post(home, path, body, headers=None):
    """Return status, headers and text."""
    request = urllib.request.Request(home.rstrip("/") + path, data=body.encode(), method="POST",
                                     headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers, answer.read().decode()


def with_token(night, mode=0o600, text=TOKEN):
    file = night.folder / "token"
    file.write_text(text + "\n", "utf-8")
    file.chmod(mode)
    night.config.write_text(night.config.read_text("utf-8") + "web: {token_file: token}\n", "utf-8")


def decisions(night):
    return night.database.execute(
        "SELECT kind, run, subrun, stage, reason, author FROM decision ORDER BY id").fetchall()


def case_without_a_token_pages_are_read_only(case):
    """POST is refused in one line; nothing is offered; a token that others can read is refused."""
    night = made_night(case)
    with serving(case, night) as home:
        expect("/act/" not in get(home, "/nights/20240115/v1")[1], "actions are offered")
        for path in ("/act/20240115/v1", "/api/v1/nights/20240115/v1/actions"):
            status, _, text = post(home, path, "{}")
            expect(status == 403 and text.count("\n") == 1 and "read-only" in text, f"{status} {text}")
        get(home, "/act/20240115/v1?what=veto&job=11221", 403)
        expect(post(home, "/nights/20240115/v1", "")[0] == 405, "POST to a page")
    with_token(night, mode=0o644)
    case.run("web", "--port", 0, "--config", night.config).ends("configuration").complains("chmod")
    (night.folder / "token").chmod(0o600)
    (night.folder / "token").write_text("short\n", "utf-8")
    case.run("web", "--port", 0, "--config", night.config).ends("configuration").complains("16")


def case_actions_need_the_token(case):
    """Retry and veto by form and by program: confirmed, recorded with author; forged ones are refused."""
    night = made_night(case)
    (night.folder / "R0" / DATE).mkdir(parents=True)
    with_token(night)
    with serving(case, night) as home:
        page = get(home, "/nights/20240115/v1")[1]
        expect("/act/20240115/v1?what=retry&amp;stage=r0_to_dl1&amp;job=11221.0002" in page, page[:3000])
        confirm = get(home, "/act/20240115/v1?what=veto&stage=r0_to_dl1&job=11221.0002")[1]
        form = dict(re.findall(r'type="hidden" name="([a-z]+)" value="([^"]*)"', confirm))
        expect(TOKEN not in confirm and not decisions(night), "asking for it did something")
        form |= {"reason": "moon <&> clouds", "author": "crew", "token": TOKEN}
        kind = {"Content-Type": "application/x-www-form-urlencoded"}

        def sent(headers=None, **changed):
            return post(home, "/act/20240115/v1", urllib.parse.urlencode(form | changed),
                        kind | (headers or {}))

        for headers, changed in (({"Origin": "http://evil.example"}, {}),
                                 ({"Sec-Fetch-Site": "cross-site"}, {}),
                                 ({}, {"form": ""}), ({}, {"form": "99999999999.00"}),
                                 ({}, {"form": form["form"][:-1] + "x"}),
                                 ({}, {"token": TOKEN[:-1]}), ({}, {"token": ""})):
            status, _, text = sent(headers, **changed)
            expect(status == 403 and text.count("\n") == 1, f"{headers} {changed}: {status} {text}")
        for changed in ({"what": "rm"}, {"job": "--force"}, {"job": "1; id"}, {"stage": "../x"},
                        {"author": ""}, {"reason": ""}, {"reason": "x" * 501}, {"reason": "a\nb"}):
            expect(sent(**changed)[0] == 400, f"{changed} is taken")
        expect(not decisions(night), f"{decisions(night)}")
        status, _, text = sent({"Origin": home.rstrip("/"), "Sec-Fetch-Site": "same-origin"})
        expect(status == 200 and "vetoed" in text, f"{status} {text}")
        expect(decisions(night) == [("veto", 11221, 2, "", "moon <&> clouds", "crew")], f"{decisions(night)}")
        status, _, text = sent()
        expect(status == 409 and "already" in text and "&lt;&amp;&gt;" in text, f"{status} {text}")
        expect("moon &lt;&amp;&gt; clouds" in get(home, "/nights/20240115/v1")[1], "it is not shown")

        actions = "/api/v1/nights/20240115/v1/actions"
        wish = json.dumps({"what": "retry", "job": "11221.0002", "stage": "r0_to_dl1", "author": "bot"})
        bearer = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        expect(post(home, actions, wish)[0] == 403, "no token")
        expect(post(home, actions, wish, bearer | {"Authorization": "Bearer x"})[0] == 403, "another")
        expect(post(home, actions, "[", bearer)[0] == 400, "no JSON")
        expect(post(home, actions.replace("/v1/actions", "/v9/actions"), wish, bearer)[0] == 404, "night")
        status, _, text = post(home, actions, wish, bearer)
        expect(status == 200 and json.loads(text)["exit_code"] == 0, f"{status} {text}")
        expect(decisions(night)[1][:6] == ("retry", 11221, 2, "r0_to_dl1", "", "bot"), f"{decisions(night)}")
        expect("/act/20240115/v1?what=close" in page, "closing is not offered")
        expect("close the night?" in get(home, "/act/20240115/v1?what=close")[1], "it is not asked")
        status, _, text = post(home, actions, json.dumps({"what": "close", "author": "crew"}), bearer)
        outcome = json.loads(text)
        expect(status == 409 and outcome["exit_code"] != 0 and outcome["text"], f"{status} {text}")
        expect(not list((night.folder / "state/web").iterdir()), "logs of commands are left")

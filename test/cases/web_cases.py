"""The web server: what it answers to programs, to people and to those who mean no good."""

import contextlib
import json
import select
import signal
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as tree

from harness import DATE, expect, one_file


@contextlib.contextmanager
def serving(case, night, *words):
    """Run `alisio web` on a free port of the loopback; give its address; end it as an operator does."""
    command = [str(case.alisio), "web", "--port", "0", "--config", str(night.config), *words]
    with open(case.folder / "web.log", "w", encoding="utf-8") as log, subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True) as server:
        try:
            ready, _, _ = select.select([server.stdout], [], [], 60)
            expect(ready, "the server does not say its address")
            address = server.stdout.readline().strip()
            expect(address.startswith("http://127.0.0.1:"), f"its address is '{address}'")
            yield address
            server.send_signal(signal.SIGTERM)
            expect(server.wait(30) == 0, f"it ended with {server.returncode}")
        finally:
            if server.poll() is None:
                server.kill()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def ask(address, path, method="GET", headers=None):
    """Return status, headers and body."""
    opener = urllib.request.build_opener(_NoRedirect)
    request = urllib.request.Request(address.rstrip("/") + path, method=method,
                                     headers=headers or {})
    try:
        with opener.open(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers, answer.read()


def sap(address, **parameters):
    status, headers, body = ask(address, "/provsap?" + urllib.parse.urlencode(parameters))
    return status, headers["Content-Type"], body


def case_provsap_answers(case):
    """Every form is what it says; walks grow with their depth; back and forth agree."""
    night = case.simulated()
    night.process().ends("done")
    case.run("prov", "index", "--config", night.config).ends("done")
    dl2, raw = night.product("DL2", 0), night.raw(1, 0)
    with serving(case, night) as home:
        def document(**parameters):
            status, kind, body = sap(home, RESPONSEFORMAT="PROV-JSON", **parameters)
            expect(status == 200 and kind == "application/json", f"{status} {kind} {body[:200]}")
            return json.loads(body)

        sizes = [len(document(ID=dl2.name, DEPTH=depth, CONFIGURATION=0, AGENTS=0)["entity"])
                 for depth in (1, 2, 3, 4, "ALL")]
        expect(sizes == sorted(sizes) and sizes[0] < sizes[-1], f"files by depth: {sizes}")
        back = {facts.get("filepath") for facts in
                document(ID=str(dl2), DEPTH="ALL")["entity"].values()}
        forth = {facts.get("filepath") for facts in
                 document(id=str(raw), depth="all", direction="forth")["entity"].values()}
        expect(str(raw) in back and str(dl2) in forth, "back and forth do not agree")
        cut = document(ID=dl2.name, DEPTH=2)
        expect("cut_here" in json.dumps(cut), "a walk that was cut does not say so")
        expect("agent" not in document(ID=dl2.name, AGENTS=0), "agents though they were not asked for")
        ivoa = json.dumps(document(ID=dl2.name, MODEL="IVOA", DEPTH=2))
        expect("voprov:WasConfiguredBy" in ivoa, "no parameters in IVOA's way")
        for form, kind in (("PROV-SVG", "image/svg+xml"),
                           ("prov-xml", "application/provenance+xml"),
                           ("PROV-VOTABLE", "application/x-votable+xml")):
            status, found, body = sap(home, ID=dl2.name, DEPTH="ALL", RESPONSEFORMAT=form)
            expect(status == 200 and found == kind, f"{form}: {status} {found}")
            tree.fromstring(body)
        svg = sap(home, ID=dl2.name, DEPTH="ALL")[2].decode()
        expect(svg.count("href=\"/file/") > 5 and "href=\"/activity/" in svg, "nodes lead nowhere")
        expect(sap(home, ID=dl2.name, RESPONSEFORMAT="PROV-N")[2].startswith(b"document"), "no PROV-N")

        for wrong in ({}, {"ID": dl2.name, "DEPTH": "-1"}, {"ID": dl2.name, "DEPTH": "1.5"},
                      {"ID": dl2.name, "DIRECTION": "UP"}, {"ID": dl2.name, "RESPONSEFORMAT": "PDF"},
                      {"ID": dl2.name, "MODEL": "X"}, {"ID": dl2.name, "AGENTS": "2"}, {"ID": ""},
                      {"ID": "x" * 5000}, {"ID": "a\nb"}):
            status, kind, body = sap(home, **wrong)
            expect(status == 400 and kind.startswith("text/plain") and body.count(b"\n") == 1,
                   f"{str(wrong)[:80]}: {status} {body[:200]}")
        for unknown in ("nothing.h5", "../../etc/passwd", "' OR 1=1 --", "\"><script>"):
            status, _, body = sap(home, ID=unknown)
            expect(status == 404, f"{unknown}: {status} {body[:200]}")


def case_pages_answer(case):
    """Pages of nights, runs, files and activities; unchanged ones are not sent again; HEAD, search."""
    night = case.simulated()
    night.process().ends("done")
    case.run("prov", "index", "--config", night.config).ends("done")
    dl1 = night.product("DL1", 0)
    with serving(case, night) as home:
        def page(path, status=200):
            found, headers, body = ask(home, path)
            expect(found == status, f"{path}: {found} {body[:300]}")
            expect("default-src 'none'" in headers["Content-Security-Policy"], f"{path}: no policy")
            return body.decode()

        expect(f"/night/{DATE}" in page("/"), "the night is not on the first page")
        expect(f"/run/{night.run_number}" in page(f"/night/{DATE}"), "the run is not on its night")
        expect(dl1.name in page(f"/run/{night.run_number}"), "the file is not on its run")
        for question in (dl1.name, str(dl1), f"{night.run_number}", DATE):
            status, headers, _ = ask(home, "/find?" + urllib.parse.urlencode({"q": question}))
            expect(status == 303, f"{question}: {status}")
        place = ask(home, "/find?" + urllib.parse.urlencode({"q": str(dl1)}))[1]["Location"]
        told = page(place)
        for word in ("r0_to_dl1", "<svg", "dl2_LST-1", "drs4_pedestal", "get it"):
            expect(word in told, f"{word} is not told of {dl1.name}")
        status, headers, body = ask(home, place, "HEAD")
        expect(status == 200 and body == b"", f"HEAD: {status}, {len(body)} bytes")
        tag = headers["ETag"]
        status, _, body = ask(home, place, headers={"If-None-Match": tag})
        expect(status == 304 and not body, f"an unchanged page: {status}")

        data = place.replace("/file/", "/data/")
        expect(ask(home, data)[2] == dl1.read_bytes(), "the file that is sent is another")
        dl1.write_bytes(b"x")
        page(data, 404)
        expect("another size" in page(place), "the page does not see that the file changed")
        for path in ("/nothing", "/night/19990101", "/run/99999", "/file/0123456789abcdef",
                     "/activity/zz", "/data/..%2f..%2fetc%2fpasswd", "/file/%22%3E%3Cscript%3E"):
            text = page(path, 404)
            expect("<script" not in text, f"{path} comes back unescaped")
        page("/run/x", 400)
        page("/find?q=", 400)
        page("/file/" + "a" * 5000, 400)
        for method in ("POST", "PUT", "DELETE"):
            expect(ask(home, "/", method)[0] in (400, 404, 405), f"{method} is answered")
    with serving(case, night, "--no-files") as home:
        expect(ask(home, place.replace("/file/", "/data/"))[0] == 404, "files are sent all the same")


def case_web_refuses(case):
    """No index, a taken port, a wrong port, odd requests: one line each, and it serves on."""
    night = case.simulated()
    case.run("web", "--port", 0, "--config", night.config).ends("missing input").complains("index")
    night.process().ends("done")
    case.run("prov", "index", "--config", night.config).ends("done")
    case.run("web", "--port", 70000, "--config", night.config).ends("usage").complains("70000")
    with serving(case, night) as home:
        port = int(home.rstrip("/").rsplit(":", 1)[1])
        taken = case.run("web", "--port", port, "--config", night.config, timeout=60)
        taken.ends("resource").complains(port)
        for odd in (b"\0\0\0\r\n\r\n", b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n",
                    b"GET / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                # The server may hang up before all of it is sent.
                with contextlib.suppress(OSError):
                    connection.sendall(odd)
                    connection.shutdown(socket.SHUT_WR)
                    connection.recv(1000)
        expect(ask(home, "/")[0] == 200, "it does not serve any more")
    expect(one_file(night.folder, "provenance.sqlite").exists(), "the index is gone")

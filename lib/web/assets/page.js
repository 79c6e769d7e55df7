// What a page does beyond being read: it follows the night by server-sent events, and tells of the
// cell under the pointer or the cursor. All that is shown was drawn by the server.
(() => {
  "use strict";
  const live = document.getElementById("live");
  const where = document.getElementById("where");
  const names = { "=": "done", ">": "running", ".": "to run", ":": "waiting", "X": "failed",
    "#": "blocked", "?": "missing input", "V": "vetoed",
    "D": "discarded", "H": "held", "Q": "queued", "~": "other", "_": "no such job" };

  function replace(parts) {
    const active = document.activeElement;
    const focused = active && active.closest(".row");
    const open = [...document.querySelectorAll("details[open]")].map(identity);
    for (const [id, html] of Object.entries(parts)) {
      const old = document.getElementById(id);
      if (old) old.outerHTML = html;
    }
    for (const details of document.querySelectorAll("details"))
      if (open.includes(identity(details))) details.open = true;
    if (focused && !focused.isConnected) {
      const row = document.getElementById(focused.id);
      if (row) row.querySelector(".cells").focus({ preventScroll: true });
    }
  }

  /// What tells a folding part from others, before and after it was drawn anew.
  function identity(details) {
    return details.id || details.querySelector("summary").textContent;
  }

  function follow(address) {
    const source = new EventSource(address);
    const take = (event) => replace(JSON.parse(event.data));
    source.addEventListener("whole", take);
    source.addEventListener("change", take);
    source.onopen = () => { live.textContent = "● live"; live.className = "good"; };
    source.onerror = () => { live.textContent = "○ not connected; trying again"; live.className = "bad"; };
    addEventListener("pagehide", () => source.close());
  }

  // --- cells ---
  let cursor = 0;

  function tell(cells, place) {
    const text = cells.textContent;
    if (!text.length) return;
    cursor = Math.max(0, Math.min(place, text.length - 1));
    const row = cells.closest(".row");
    const run = cells.closest(".run").dataset.run;
    const subrun = String(cursor).padStart(4, "0");
    const whole = text.length === 1 ? "" : "." + subrun;
    const said = `${run === "0" ? "night" : "run " + run}${whole} ${row.firstChild.textContent}: `
      + names[text[cursor]];
    cells.setAttribute("role", "slider");
    cells.setAttribute("aria-valuemin", 0);
    cells.setAttribute("aria-valuemax", text.length - 1);
    cells.setAttribute("aria-valuenow", cursor);
    cells.setAttribute("aria-valuetext", said);
    const address = `${location.pathname}/run/${run}${text.length === 1 ? "" : "/" + cursor}`;
    where.replaceChildren(said + " · ");
    const link = document.createElement("a");
    link.href = address;
    link.textContent = "its jobs and logs";
    where.append(link);
    mark(cells);
    return address;
  }

  /// Put the mark over the cell of the cursor.
  function mark(cells) {
    document.querySelectorAll(".mark").forEach((old) => old.remove());
    const group = cells.children[Math.floor(cursor / 10)];
    const sign = document.createElement("s");
    sign.className = "mark";
    sign.style.setProperty("--at", cursor % 10);
    group.append(sign);
  }

  function place(event) {
    const group = event.target.closest(".cells b");
    if (!group || !group.closest(".run")) return;
    const cells = group.parentElement;
    const box = group.getBoundingClientRect();
    const count = group.textContent.length;
    const at = Math.floor((event.clientX - box.left) / (box.width / count));
    return [cells, [...cells.children].indexOf(group) * 10 + Math.max(0, Math.min(at, count - 1))];
  }

  document.addEventListener("click", (event) => {
    const found = place(event);
    if (found) tell(...found);
  });
  document.addEventListener("focusin", (event) => {
    if (event.target.matches(".run .cells")) tell(event.target, cursor);
  });
  document.addEventListener("keydown", (event) => {
    const cells = event.target.closest && event.target.closest(".run .cells");
    if (!cells) return;
    const steps = { ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10, Home: -1e6, End: 1e6 };
    if (event.key in steps) {
      tell(cells, cursor + steps[event.key]);
      event.preventDefault();
    } else if (event.key === "Enter") {
      location.href = tell(cells, cursor);
    }
  });

  if (live && live.dataset.events) follow(live.dataset.events);
})();

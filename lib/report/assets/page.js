"use strict";
// Draws the plots of the page from the numbers in the element "numbers". Nothing is fetched.
(() => {
const data = JSON.parse(document.getElementById("numbers").textContent);
const palette = ["#0072b2", "#d55e00", "#009e73", "#9b4f96", "#b07d00", "#1b1b1b", "#3aa5d8"];
const dashes = ["", "6 2", "2 2", "8 2 2 2", "4 3", "", "1 2"];
const width = 420, height = 300;

// ---- numbers ----
const unpacked = new Map();
function array(index) {
  if (index === undefined) return null;
  if (!unpacked.has(index)) unpacked.set(index, unpack(data.arrays[index]));
  return unpacked.get(index);
}
function unpack(text) {
  const bytes = Uint8Array.from(atob(text.slice(1)), c => c.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const values = [];
  if (text[0] === "f")
    for (let i = 0; i < bytes.length; i += 4) values.push(seven(view.getFloat32(i, true)));
  else if (text[0] === "d")
    for (let i = 0; i < bytes.length; i += 8) values.push(view.getFloat64(i, true));
  else {
    let at = 0;
    const next = () => {
      let value = 0, factor = 1;
      for (;;) {
        const byte = bytes[at++];
        value += (byte & 127) * factor;
        if (byte < 128) return value;
        factor *= 128;
      }
    };
    while (at < bytes.length) {
      const value = next();
      values.push(value);
      if (value === 0) for (let zeros = next(); zeros > 0; --zeros) values.push(0);
    }
  }
  return values;
}
// A 4-byte number holds seven digits; the digits beyond them are not the writer's.
function seven(value) { return Number.isFinite(value) ? Number(value.toPrecision(7)) : NaN; }

function esc(text) {
  return String(text).replace(/[&<>"']/g, c => "&#" + c.charCodeAt(0) + ";");
}
const superscripts = "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079";
function powerText(exponent) {
  if (exponent >= -2 && exponent <= 3) return String(Number(Math.pow(10, exponent).toPrecision(1)));
  const digits = String(Math.abs(exponent)).replace(/\d/g, d => superscripts[d]);
  return "10" + (exponent < 0 ? "\u207b" : "") + digits;
}
function numberText(value, digits = 4) {
  if (!Number.isFinite(value)) return "no value";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e7) return String(value);
  if (size >= 1e6 || size < 1e-3) return value.toExponential(digits - 1);
  return String(Number(value.toPrecision(digits)));
}
function two(number) { return String(number).padStart(2, "0"); }
function timeText(seconds, step = 1) {
  const date = new Date(seconds * 1000);
  if (!Number.isFinite(date.getTime())) return "no value";
  const day = date.getUTCFullYear() + "-" + two(date.getUTCMonth() + 1) + "-" + two(date.getUTCDate());
  if (step >= 86400) return day;
  const clock = two(date.getUTCHours()) + ":" + two(date.getUTCMinutes());
  if (step >= 60) return clock;
  return clock + ":" + (step < 1 ? (date.getUTCSeconds() + date.getUTCMilliseconds() / 1000).toFixed(3).padStart(6, "0")
                                 : two(date.getUTCSeconds()));
}
function dateTimeText(seconds) { return timeText(seconds, 86400) + " " + timeText(seconds) + " UTC"; }
function withUnit(value, axis) {
  if (axis.scale === "time") return dateTimeText(value);
  return numberText(value, 5) + (axis.unit ? " " + axis.unit : "");
}
function axisText(axis) { return axis.label + (axis.unit ? " [" + axis.unit + "]" : ""); }

// ---- scales and ticks ----
function niceStep(span, parts) {
  const raw = span / parts, power = Math.pow(10, Math.floor(Math.log10(raw)));
  for (const factor of [1, 2, 5]) if (raw <= factor * power * 1.0001) return factor * power;
  return 10 * power;
}
function linearTicks(low, high, parts, whole) {
  const fine = niceStep(high - low, parts), step = whole ? Math.max(1, fine) : fine, ticks = [];
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const exponential = Math.max(Math.abs(low), Math.abs(high)) >= 1e6 || step < 1e-5;
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; ++k) {
    const value = k * step;
    ticks.push([value, exponential ? numberText(Number(value.toPrecision(6)), 3).replace("e+", "e") : value.toFixed(digits).replace(/^-0(\.0*)?$/, "0$1")]);
  }
  return ticks;
}
function logTicks(low, high) {
  const ticks = [], first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high));
  const every = Math.max(1, Math.ceil((last - first) / 7)), narrow = last - first <= 2;
  for (let e = first; e <= last; ++e)
    for (const factor of narrow ? [1, 2, 5] : [1]) {
      const value = factor * Math.pow(10, e);
      if (value < low * 0.9999 || value > high * 1.0001) continue;
      ticks.push([value, narrow ? numberText(Number(value.toPrecision(2)), 2) : (e - first) % every === 0 ? powerText(e) : ""]);
    }
  return ticks;
}
const timeSteps = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800,
                   1209600, 2592000, 7776000, 31536000];
// Half the width of a tick's label as it is drawn, in units of the drawing.
function halfWidth(text) { return text.length * 3.3; }
// Ticks in at most so many parts, and so few that their labels stand apart on an axis of that length.
function timeTicks(low, high, parts, length) {
  let ticks = [];
  for (let n = parts; n > 0; --n) {
    const step = high - low < 4 ? niceStep(high - low, n) : timeSteps.find(s => (high - low) / s <= n) || 31536000;
    ticks = [];
    for (let k = Math.ceil(low / step); k * step <= high; ++k) ticks.push([k * step, timeText(k * step, step)]);
    const widest = Math.max(0, ...ticks.map(tick => 2 * halfWidth(tick[1])));
    if (widest + 8 <= step / (high - low) * length) break;
  }
  return ticks;
}
// A scale maps values of an axis to [from, to] in the drawing.
function makeScale(axis, low, high, from, to, parts) {
  if (axis.low !== undefined) low = axis.low;
  if (axis.high !== undefined) high = axis.high;
  const log = axis.scale === "log";
  if (log) {
    if (!(high > 0)) { low = 0.1; high = 1; }
    if (!(low > 0)) low = high / 1e3;
    if (!(high > low * 1.0001)) { low /= 2; high *= 2; }
  } else if (!(high > low)) {
    const pad = axis.scale === "time" ? 60 : axis.whole ? 1 : Math.abs(low) * 0.05 || 1;
    low = (Number.isFinite(low) ? low : 0) - pad;
    high = low + 2 * pad;
  }
  const map = log ? Math.log10 : v => v;
  const a = map(low), b = map(high);
  const place = v => from + (map(v) - a) / (b - a) * (to - from);
  place.low = low;
  place.high = high;
  place.inverse = p => {
    const t = a + (p - from) / (to - from) * (b - a);
    return log ? Math.pow(10, t) : t;
  };
  place.ticks = log ? logTicks(low, high) : axis.scale === "time" ? timeTicks(low, high, Math.min(parts, 5), Math.abs(to - from)) : linearTicks(low, high, parts, axis.whole);
  return place;
}
function padded(low, high, axis) {
  if (axis.scale === "log") return [low / 1.3, high * 1.3];
  const pad = (high - low) * 0.06;
  return [low - pad, high + pad];
}

// ---- drawing ----
function frame(x, y, plot, box) {
  let svg = "", written = 0;
  for (const [value, text] of x.ticks) {
    const p = x(value).toFixed(1), half = halfWidth(text);
    svg += `<path d="M${p} ${box.bottom}v-${box.bottom - box.top}" stroke="#e8ecef"/><path d="M${p} ${box.bottom}v4" stroke="#5b6875"/>`;
    // A label at the end of the axis is moved inside the drawing; one that would touch another is left out.
    const middle = Math.min(+p, width - 1 - half);
    if (middle - half < written) continue;
    written = middle + half + 3;
    svg += `<text x="${middle.toFixed(1)}" y="${box.bottom + 16}" text-anchor="middle">${esc(text)}</text>`;
  }
  for (const [value, text] of y.ticks) {
    const p = y(value).toFixed(1);
    svg += `<path d="M${box.left} ${p}H${box.right}" stroke="#e8ecef"/><path d="M${box.left} ${p}h-4" stroke="#5b6875"/>` +
           `<text x="${box.left - 7}" y="${(+p + 4).toFixed(1)}" text-anchor="end">${esc(text)}</text>`;
  }
  let xText = axisText(plot.x);
  if (plot.x.scale === "time") {
    const first = timeText(x.low, 86400);
    xText += x.ticks.some(t => t[1].includes("-")) ? " (UTC)" : " (UTC, " + first + ")";
  }
  svg += `<rect x="${box.left}" y="${box.top}" width="${box.right - box.left}" height="${box.bottom - box.top}" fill="none" stroke="#8a96a1"/>` +
         `<text x="${(box.left + box.right) / 2}" y="${box.bottom + 33}" text-anchor="middle">${esc(xText)}</text>` +
         `<text transform="translate(12 ${(box.top + box.bottom) / 2}) rotate(-90)" text-anchor="middle">${esc(axisText(plot.y))}</text>`;
  return svg;
}
const box = { left: 58, right: width - 10, top: 10, bottom: height - 40 };
// The box of a plot leaves room for the labels of its y axis.
function boxFor(y) {
  const longest = Math.max(...y.ticks.map(t => t[1].length), 1);
  return { ...box, left: Math.max(44, Math.min(96, 27 + 6.6 * longest)) };
}
let clips = 0;
function clipped(content, area) {
  const id = "clip" + ++clips;
  return `<clipPath id="${id}"><rect x="${area.left}" y="${area.top}" width="${area.right - area.left}" height="${area.bottom - area.top}"/></clipPath>` +
         `<g clip-path="url(#${id})">${content}</g>`;
}
function svgOf(content, h = height) {
  return `<svg viewBox="0 0 ${width} ${h}" role="img" xmlns="http://www.w3.org/2000/svg">${content}<g class="mark"></g></svg>`;
}
function look(item, index) {
  if (item.reference) return { colour: "#7d8791", dash: "3 3", reference: true };
  const k = (item.colour === undefined ? index : item.colour) % palette.length;
  return { colour: palette[k], dash: dashes[k], reference: false };
}
function legendOf(items, band) {
  if (items.length < 2 && !band && !items.some(i => i.reference)) return "";
  return items.map(i => `<span><svg viewBox="0 0 22 10"><path d="M0 5H22" stroke="${i.colour}" stroke-width="2.5" stroke-dasharray="${i.points ? "" : i.dash}"${i.points ? ' visibility="hidden"' : ""}/>` +
                        (i.points ? shape(i, 11, 5, 3.2) : "") + `</svg>${esc(i.name)}</span>`).join("") +
         (band ? `<span><svg viewBox="0 0 22 10"><path d="M0 0H22V10H0z" fill="#009e73" opacity=".18"/></svg>${esc(band)}</span>` : "");
}
function shape(style, x, y, r) {
  const k = palette.indexOf(style.colour);
  const fill = style.reference ? "#fff" : style.colour;
  const common = `fill="${fill}" stroke="${style.colour}"`;
  if (k === 1) return `<path d="M${x - r} ${y - r}h${2 * r}v${2 * r}h-${2 * r}z" ${common}/>`;
  if (k === 2) return `<path d="M${x} ${y - 1.3 * r}l${1.25 * r} ${2.2 * r}h-${2.5 * r}z" ${common}/>`;
  return `<circle cx="${x}" cy="${y}" r="${r}" ${common}/>`;
}

function drawLines(plot) {
  const curves = plot.curves.map((curve, index) => ({
    ...curve, ...look(curve, index), xs: array(curve.x), ys: array(curve.y), es: array(curve.error),
    outlier: array(curve.marked), points: curve.style !== "line" }));
  let x0 = Infinity, x1 = -Infinity, y0 = Infinity, y1 = -Infinity;
  const log = plot.y.scale === "log";
  for (const c of curves)
    c.xs.forEach((x, i) => {
      const y = c.ys[i], e = c.es && Number.isFinite(c.es[i]) ? c.es[i] : 0;
      if (!Number.isFinite(x) || !Number.isFinite(y) || (log && y <= 0) || (plot.x.scale === "log" && x <= 0)) return;
      x0 = Math.min(x0, x); x1 = Math.max(x1, x);
      y0 = Math.min(y0, log && y - e <= 0 ? y : y - e); y1 = Math.max(y1, y + e);
    });
  const empty = !(x0 <= x1);
  if (empty) { x0 = 0; x1 = 1; y0 = log ? 0.1 : 0; y1 = 1; }
  const span = y1 - y0;
  for (const b of plot.bands || [])
    for (const edge of [b.low, b.high])
      if (edge !== null && (!(log && edge <= 0)) && (edge > y0 - 2 * span - Math.abs(y0) && edge < y1 + 2 * span + Math.abs(y1))) {
        y0 = Math.min(y0, edge); y1 = Math.max(y1, edge);
      }
  const y = makeScale(plot.y, ...padded(y0, y1, plot.y), box.bottom, box.top, 6);
  const area = boxFor(y);
  const x = makeScale(plot.x, ...padded(x0, x1, plot.x), area.left, area.right, 6);
  let inner = "";
  for (const b of plot.bands || []) {
    const low = b.low === null || (log && b.low <= 0) ? area.bottom : Math.min(area.bottom, y(b.low));
    const high = b.high === null ? area.top : Math.max(area.top, y(b.high));
    if (low > high) inner += `<path d="M${area.left} ${high.toFixed(1)}H${area.right}V${low.toFixed(1)}H${area.left}z" fill="#009e73" opacity=".12"/>`;
    for (const edge of [b.low, b.high])
      if (edge !== null && !(log && edge <= 0)) inner += `<path d="M${area.left} ${y(edge).toFixed(1)}H${area.right}" stroke="#009e73" stroke-dasharray="5 3" opacity=".7"/>`;
  }
  const near = [];
  for (const c of [...curves].sort((a, b) => b.reference - a.reference)) {
    const count = c.xs.length, r = count > 150 ? 1.7 : 2.8, many = count > 300;
    let line = "", pen = "M", bars = "", marks = "", outliers = "";
    for (let i = 0; i < count; ++i) {
      if (!Number.isFinite(c.xs[i]) || !Number.isFinite(c.ys[i]) || (log && c.ys[i] <= 0)) { pen = "M"; continue; }
      const px = +x(c.xs[i]).toFixed(1), py = +y(c.ys[i]).toFixed(1);
      line += pen + px + " " + py;
      pen = "L";
      if (c.es && c.es[i] > 0) {
        const low = log && c.ys[i] - c.es[i] <= 0 ? area.bottom : y(c.ys[i] - c.es[i]);
        bars += `M${px} ${low.toFixed(1)}V${y(c.ys[i] + c.es[i]).toFixed(1)}`;
      }
      if (c.points) marks += many ? `M${px} ${py}h0` : shape(c, px, py, r);
      if (c.outlier && c.outlier[i]) outliers += `<circle cx="${px}" cy="${py}" r="6" fill="none" stroke="#b3261e" stroke-width="1.6"/>`;
      near.push([px, py, c, i]);
    }
    if (c.style) inner += `<path d="${line}" fill="none" stroke="${c.colour}" stroke-width="1.5" stroke-dasharray="${c.dash}" stroke-linejoin="round"/>`;
    inner += `<path d="${bars}" stroke="${c.colour}" opacity=".75"/>` + outliers +
             (many ? `<path d="${marks}" stroke="${c.colour}" stroke-width="2.6" stroke-linecap="round"/>` : marks);
  }
  return {
    legend: legendOf(curves, plot.bands && plot.bands.length ? plot.bands[0].name : ""),
    svg: svgOf(frame(x, y, plot, area) + clipped(inner, area) + (empty ? emptyText() : "")),
    hover(px, py) {
      let best = null, distance = 1600;
      for (const point of near) {
        const d = (point[0] - px) ** 2 + (point[1] - py) ** 2;
        if (d < distance) { distance = d; best = point; }
      }
      if (!best) return null;
      const [bx, by, c, i] = best;
      const error = c.es && Number.isFinite(c.es[i]) ? " \u00b1 " + numberText(c.es[i], 3) : "";
      const value = numberText(c.ys[i], 5) + error + (plot.y.unit ? " " + plot.y.unit : "");
      return {
        text: (curves.length > 1 ? c.name + "\n" : "") + (c.labels && c.labels[i] ? c.labels[i] + "\n" : "") +
              plot.x.label + ": " + withUnit(c.xs[i], plot.x) + "\n" + plot.y.label + ": " + (plot.y.scale === "time" ? dateTimeText(c.ys[i]) : value),
        mark: `<circle cx="${bx}" cy="${by}" r="5.5" fill="none" stroke="#1c2733" stroke-width="1.5"/>`
      };
    },
    csv() {
      const rows = [["series", "label", ...(plot.x.scale === "time" ? ["time_utc"] : []), axisText(plot.x), axisText(plot.y), "error"]];
      for (const c of curves)
        c.xs.forEach((value, i) => rows.push([c.name, c.labels ? c.labels[i] : "",
          ...(plot.x.scale === "time" ? [Number.isFinite(value) ? new Date(value * 1000).toISOString() : ""] : []), value, c.ys[i], c.es ? c.es[i] : ""]));
      return rows;
    }
  };
}
function emptyText() {
  return `<text x="${(box.left + box.right) / 2}" y="${(box.top + box.bottom) / 2}" text-anchor="middle" class="muted">no entries</text>`;
}

function drawHistogram(plot) {
  const edges = array(plot.edges), n = edges.length - 1;
  const contents = plot.contents.map((c, index) => ({ ...c, ...look(c, index), ns: array(c.values) }));
  const logX = plot.x.scale === "log", logY = plot.y.scale === "log";
  let first = n, last = -1, top = 0, least = Infinity;
  for (const c of contents)
    c.ns.forEach((v, i) => {
      if (!(v > 0)) return;
      first = Math.min(first, i); last = Math.max(last, i);
      top = Math.max(top, v); least = Math.min(least, v);
    });
  const empty = last < 0;
  if (empty) { first = 0; last = n - 1; top = 1; least = 0.1; }
  const margin = Math.max(1, Math.round((last - first + 1) * 0.04));
  first = Math.max(0, first - margin); last = Math.min(n - 1, last + margin);
  const y = logY ? makeScale(plot.y, least / 2, top * 1.6, box.bottom, box.top, 6) : makeScale(plot.y, 0, top * 1.06, box.bottom, box.top, 6);
  const area = boxFor(y);
  const x = makeScale(plot.x, logX ? Math.max(edges[first], edges[first + 1] / 10) : edges[first], edges[last + 1], area.left, area.right, 6);
  let inner = "";
  [...contents].sort((a, b) => b.reference - a.reference).forEach(c => {
    let path = "M" + x(edges[first]).toFixed(1) + " " + area.bottom;
    for (let i = first; i <= last; ++i) {
      const level = c.ns[i] > 0 ? Math.max(area.top - 5, Math.min(area.bottom, y(c.ns[i]))) : area.bottom;
      path += "V" + level.toFixed(1) + "H" + x(edges[i + 1]).toFixed(1);
    }
    path += "V" + area.bottom;
    inner += (c.reference ? "" : `<path d="${path}z" fill="${c.colour}" opacity="${contents.length > 1 ? 0.07 : 0.2}"/>`) +
             `<path d="${path}" fill="none" stroke="${c.colour}" stroke-width="1.5" stroke-dasharray="${c.dash}"/>`;
  });
  return {
    legend: legendOf(contents, ""),
    svg: svgOf(frame(x, y, plot, area) + clipped(inner, area) + (empty ? emptyText() : "")),
    hover(px) {
      const value = x.inverse(px);
      if (px < area.left || px > area.right) return null;
      let i = first;
      while (i < last && edges[i + 1] <= value) ++i;
      const a = x(edges[i]), b = x(edges[i + 1]);
      return {
        text: plot.x.label + ": " + numberText(edges[i], 4) + " \u2026 " + numberText(edges[i + 1], 4) + (plot.x.unit ? " " + plot.x.unit : "") + "\n" +
              contents.map(c => c.name + ": " + numberText(c.ns[i], 5)).join("\n"),
        mark: `<path d="M${a.toFixed(1)} ${area.top}H${b.toFixed(1)}V${area.bottom}H${a.toFixed(1)}z" fill="#1c2733" opacity=".12"/>`
      };
    },
    csv() {
      const rows = [["low edge " + axisText(plot.x), "high edge", ...contents.map(c => c.name)]];
      for (let i = 0; i < n; ++i) rows.push([edges[i], edges[i + 1], ...contents.map(c => c.ns[i])]);
      return rows;
    }
  };
}

// ---- colours ----
const viridis = [[68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129], [92, 200, 99],
                 [170, 220, 50], [253, 231, 37]];
const blueRed = [[33, 80, 160], [110, 160, 210], [200, 220, 235], [247, 247, 247], [250, 210, 190], [225, 130, 100], [170, 30, 45]];
const levels = 48;
function colourOf(stops, level) {
  const t = level / (levels - 1) * (stops.length - 1), k = Math.min(stops.length - 2, Math.floor(t)), f = t - k;
  return "rgb(" + stops[k].map((v, j) => Math.round(v + (stops[k + 1][j] - v) * f)).join(",") + ")";
}
// The strip beside a map or a table of cells; `scale` maps values to [bottom, top] of the strip.
function colourBar(stops, scale, left, top, bottom, label) {
  let svg = "";
  const step = (bottom - top) / levels;
  for (let k = 0; k < levels; ++k)
    svg += `<path d="M${left} ${(bottom - (k + 1) * step).toFixed(2)}h12v${(step + 0.4).toFixed(2)}h-12z" fill="${colourOf(stops, k)}"/>`;
  for (const [value, text] of scale.ticks)
    svg += `<path d="M${left + 12} ${scale(value).toFixed(1)}h4" stroke="#5b6875"/><text x="${left + 19}" y="${(scale(value) + 4).toFixed(1)}">${esc(text)}</text>`;
  return svg + `<text x="${width - 4}" y="${top - 8}" text-anchor="end">${esc(label)}</text>`;
}
function levelOf(scale, value, top, bottom) {
  const t = (bottom - scale(value)) / (bottom - top);
  return Math.max(0, Math.min(levels - 1, Math.floor(t * levels)));
}

function drawCells(plot) {
  const xe = array(plot.xedges), ye = array(plot.yedges), counts = array(plot.counts);
  const nx = xe.length - 1, ny = ye.length - 1;
  const inside = { ...box, right: width - 66, top: 22 };
  const limits = [nx, -1, ny, -1];
  let most = 1;
  counts.forEach((v, k) => {
    if (!(v > 0)) return;
    const i = Math.floor(k / ny), j = k % ny;
    limits[0] = Math.min(limits[0], i); limits[1] = Math.max(limits[1], i);
    limits[2] = Math.min(limits[2], j); limits[3] = Math.max(limits[3], j);
    most = Math.max(most, v);
  });
  const empty = limits[1] < 0;
  if (empty) { limits[0] = 0; limits[1] = nx - 1; limits[2] = 0; limits[3] = ny - 1; }
  const grow = (a, b, n) => { const m = Math.max(1, Math.round((b - a + 1) * 0.04)); return [Math.max(0, a - m), Math.min(n - 1, b + m)]; };
  const [i0, i1] = grow(limits[0], limits[1], nx), [j0, j1] = grow(limits[2], limits[3], ny);
  const x = makeScale(plot.x, xe[i0], xe[i1 + 1], inside.left, inside.right, 5);
  const y = makeScale(plot.y, ye[j0], ye[j1 + 1], inside.bottom, inside.top, 6);
  const bar = makeScale({ scale: "log" }, 0.8, Math.max(most, 2), inside.bottom, inside.top, 5);
  const paths = Array.from({ length: levels }, () => "");
  for (let i = i0; i <= i1; ++i)
    for (let j = j0; j <= j1; ++j) {
      const v = counts[i * ny + j];
      if (!(v > 0)) continue;
      const a = x(xe[i]), b = x(xe[i + 1]), c = y(ye[j + 1]), d = y(ye[j]);
      paths[levelOf(bar, v, inside.top, inside.bottom)] += `M${a.toFixed(1)} ${c.toFixed(1)}H${b.toFixed(1)}V${d.toFixed(1)}H${a.toFixed(1)}z`;
    }
  const inner = paths.map((d, k) => d ? `<path d="${d}" fill="${colourOf(viridis, k)}"/>` : "").join("");
  return {
    legend: "",
    svg: svgOf(frame(x, y, plot, inside) + `<g shape-rendering="crispEdges">${inner}</g>` + colourBar(viridis, bar, inside.right + 10, inside.top, inside.bottom, "counts") +
               (empty ? emptyText() : "")),
    hover(px, py) {
      if (px < inside.left || px > inside.right || py < inside.top || py > inside.bottom) return null;
      const vx = x.inverse(px), vy = y.inverse(py);
      let i = i0, j = j0;
      while (i < i1 && xe[i + 1] <= vx) ++i;
      while (j < j1 && ye[j + 1] <= vy) ++j;
      return {
        text: plot.x.label + ": " + numberText(xe[i]) + " \u2026 " + numberText(xe[i + 1]) + (plot.x.unit ? " " + plot.x.unit : "") + "\n" +
              plot.y.label + ": " + numberText(ye[j]) + " \u2026 " + numberText(ye[j + 1]) + (plot.y.unit ? " " + plot.y.unit : "") + "\n" +
              "counts: " + numberText(counts[i * ny + j]),
        mark: `<rect x="${x(xe[i]).toFixed(1)}" y="${y(ye[j + 1]).toFixed(1)}" width="${(x(xe[i + 1]) - x(xe[i])).toFixed(1)}" height="${(y(ye[j]) - y(ye[j + 1])).toFixed(1)}" fill="none" stroke="#d1006c"/>`
      };
    },
    csv() {
      const rows = [[axisText(plot.x) + " low edge", "high edge", axisText(plot.y) + " low edge", "high edge", "counts"]];
      counts.forEach((v, k) => {
        const i = Math.floor(k / ny), j = k % ny;
        if (v !== 0) rows.push([xe[i], xe[i + 1], ye[j], ye[j + 1], v]);
      });
      return rows;
    }
  };
}

// ---- cameras ----
// Engineering camera frame, in which the observatory draws: x' = -y to the right, y' = -x up.
const shapes = new Map();
const mapBox = { left: 4, top: 4, side: 292, bar: 318, barTop: 34, barBottom: 276 };
function cameraShape(index) {
  if (shapes.has(index)) return shapes.get(index);
  const camera = data.cameras[index];
  const xs = array(camera.x), ys = array(camera.y);
  let radius = 0;
  xs.forEach((x, i) => { radius = Math.max(radius, Math.hypot(x, ys[i])); });
  radius += camera.width;
  const zoom = mapBox.side / (2 * radius), cx = mapBox.left + mapBox.side / 2, cy = mapBox.top + mapBox.side / 2;
  const corner = camera.width / Math.sqrt(3) * zoom * 1.01, turn = (camera.rotation + 90) * Math.PI / 180;
  const corners = Array.from({ length: 6 }, (_, k) => [-corner * Math.sin(turn + k * Math.PI / 3), corner * Math.cos(turn + k * Math.PI / 3)]);
  let outline = "";
  for (let k = 1; k < 6; ++k)
    outline += `l${(corners[k][0] - corners[k - 1][0]).toFixed(2)} ${(corners[k][1] - corners[k - 1][1]).toFixed(2)}`;
  outline += "z";
  const centres = Array.from(xs, (x, i) => [cx - ys[i] * zoom, cy + x * zoom]);
  const made = {
    name: camera.name, ids: array(camera.id), centres, xs, ys, reach: (camera.width * zoom) ** 2 * 0.4,
    hexagon: i => `M${(centres[i][0] + corners[0][0]).toFixed(2)} ${(centres[i][1] + corners[0][1]).toFixed(2)}` + outline
  };
  shapes.set(index, made);
  return made;
}
function quantile(sorted, q) {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(q * (sorted.length - 1))))];
}
function remarkOn(count, one, many) {
  return count === 0 ? "" : count === 1 ? "1 pixel" + one : count + " pixels" + many;
}
function drawCamera(plot, options) {
  const camera = cameraShape(plot.camera), values = array(plot.values), reference = array(plot.reference);
  const difference = options.difference && reference;
  const shown = difference ? values.map((v, i) => v - reference[i]) : values;
  const log = plot.value.scale === "log" && !difference;
  const usable = v => Number.isFinite(v) && !(log && v <= 0);
  const sorted = Array.from(shown).filter(usable).sort((a, b) => a - b);
  let low = quantile(sorted, options.full ? 0 : 0.005), high = quantile(sorted, options.full ? 1 : 0.995);
  if (difference) { high = Math.max(Math.abs(low), Math.abs(high)) || 1; low = -high; }
  if (!sorted.length) { low = log ? 0.1 : 0; high = 1; }
  const axis = difference || options.full ? { scale: log ? "log" : undefined } : { ...plot.value };
  const scale = makeScale(axis, low, high, mapBox.barBottom, mapBox.barTop, 6);
  const stops = difference ? blueRed : viridis;
  const paths = Array.from({ length: levels }, () => "");
  let unknown = "", outside = 0;
  for (let i = 0; i < shown.length; ++i) {
    if (!usable(shown[i])) { unknown += camera.hexagon(i); continue; }
    if (shown[i] < scale.low || shown[i] > scale.high) ++outside;
    paths[levelOf(scale, shown[i], mapBox.barTop, mapBox.barBottom)] += camera.hexagon(i);
  }
  const body = paths.map((d, k) => d ? `<path d="${d}" fill="${colourOf(stops, k)}"/>` : "").join("") + (unknown ? `<path d="${unknown}" fill="#d5d9dd"/>` : "");
  const unit = plot.value.unit ? " " + plot.value.unit : "";
  const mean = sorted.length ? sorted.reduce((a, b) => a + b, 0) / sorted.length : NaN;
  return {
    legend: "",
    svg: svgOf(`<g stroke="#fff" stroke-width=".25">${body}</g>` +
               colourBar(stops, scale, mapBox.bar, mapBox.barTop, mapBox.barBottom, (difference ? "difference" : plot.value.label) + (plot.value.unit ? " [" + plot.value.unit + "]" : "")) +
               `<text class="muted" x="${width - 4}" y="${mapBox.barBottom + 18}" text-anchor="end">mean ${numberText(mean)}</text>`, 300),
    note: remarkOn(shown.length - sorted.length, log ? " has no entries and is grey. " : " has no value and is grey. ", log ? " have no entries and are grey. " : " have no value and are grey. ") +
          remarkOn(outside, " lies outside the colour scale.", " lie outside the colour scale."),
    hover(px, py) {
      let best = -1, distance = camera.reach;
      for (let i = 0; i < camera.centres.length; ++i) {
        const d = (camera.centres[i][0] - px) ** 2 + (camera.centres[i][1] - py) ** 2;
        if (d < distance) { distance = d; best = i; }
      }
      if (best < 0) return null;
      return {
        text: "pixel " + camera.ids[best] + "\n" + plot.value.label + ": " + numberText(values[best], 5) + unit +
              (reference ? "\nreference: " + numberText(reference[best], 5) + unit : ""),
        mark: `<path d="${camera.hexagon(best)}" fill="none" stroke="#d1006c" stroke-width="1.6"/>`
      };
    },
    csv() {
      const rows = [["pixel_id", "x [m]", "y [m]", axisText(plot.value), ...(reference ? ["reference"] : [])]];
      for (let i = 0; i < values.length; ++i)
        rows.push([camera.ids[i], camera.xs[i], camera.ys[i], values[i], ...(reference ? [reference[i]] : [])]);
      return rows;
    }
  };
}

// ---- figures ----
const tip = document.createElement("div");
tip.id = "tip";
tip.setAttribute("role", "status");
document.body.append(tip);
function hideTip() { tip.style.display = "none"; }
function showTip(text, x, y) {
  tip.textContent = text;
  tip.style.display = "block";
  const w = tip.offsetWidth, h = tip.offsetHeight;
  tip.style.left = Math.max(4, Math.min(innerWidth - w - 4, x + 14)) + "px";
  tip.style.top = (y + 16 + h > innerHeight ? Math.max(4, y - h - 12) : y + 16) + "px";
}

function csvText(rows) {
  const field = value => {
    const text = typeof value === "number" && !Number.isFinite(value) ? "" : String(value);
    return /[",\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  };
  return rows.map(row => row.map(field).join(",")).join("\n") + "\n";
}
function fileName(title) { return (title.replace(/[^\p{L}\p{N}]+/gu, "_").replace(/^_+|_+$/g, "") || "numbers") + ".csv"; }
function download(title, rows) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csvText(rows)], { type: "text/csv" }));
  link.download = fileName(title);
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
function button(text, hint, action) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.title = hint;
  made.addEventListener("click", () => action(made));
  return made;
}
// The nearest section title goes into the name of a download.
function placeOf(element) {
  const section = element.closest("[data-name]");
  return section ? section.dataset.name + " " : "";
}

const drawers = { lines: drawLines, histogram: drawHistogram, cells: drawCells, camera: drawCamera };
const drawn = new WeakSet();
function draw(figure) {
  if (drawn.has(figure)) return;
  drawn.add(figure);
  const plot = data.plots[+figure.dataset.plot], canvas = figure.querySelector(".canvas");
  const options = { full: false, difference: false };
  const legend = document.createElement("div");
  legend.className = "legend";
  const remark = document.createElement("p");
  remark.className = "note";
  const tools = document.createElement("div");
  tools.className = "tools";
  let picture;
  const redraw = () => {
    picture = drawers[plot.kind](plot, options);
    canvas.innerHTML = picture.svg;
    canvas.firstChild.setAttribute("aria-label", plot.title);
    canvas.classList.add("drawn");
    legend.innerHTML = picture.legend;
    remark.textContent = picture.note || "";
  };
  redraw();
  if (picture.legend) canvas.before(legend);
  canvas.after(remark);
  figure.append(tools);
  const toggle = (name, text, hint) => tools.append(button(text, hint, made => {
    options[name] = !options[name];
    made.setAttribute("aria-pressed", options[name]);
    redraw();
  }));
  if (plot.kind === "camera") {
    if (plot.reference !== undefined) toggle("difference", "\u2212 reference", "Show the difference from the reference");
    toggle("full", "full range", "Let the colour scale span all pixels");
  }
  tools.append(button("enlarge", "Use the full width", made => made.setAttribute("aria-pressed", figure.classList.toggle("large"))),
               button("CSV", "Download the numbers of this plot", () => download(placeOf(figure) + plot.title, picture.csv())));
  const point = event => {
    const svg = canvas.firstChild, place = svg.getBoundingClientRect(), zoom = svg.viewBox.baseVal.width / place.width;
    const found = picture.hover((event.clientX - place.left) * zoom, (event.clientY - place.top) * zoom);
    svg.querySelector(".mark").innerHTML = found ? found.mark : "";
    if (found) showTip(found.text, event.clientX, event.clientY); else hideTip();
  };
  canvas.addEventListener("pointermove", point);
  canvas.addEventListener("pointerdown", point);
  canvas.addEventListener("pointerleave", () => { hideTip(); canvas.querySelector(".mark").innerHTML = ""; });
}

const figures = [...document.querySelectorAll("figure.plot")];
function isOpen(element) { return !element.closest("details:not([open])"); }
function drawOpen() { figures.filter(isOpen).forEach(draw); }
function openTo(id) {
  const target = id && document.getElementById(id);
  if (!target) return;
  for (let outer = target; outer; outer = outer.parentElement) if (outer.tagName === "DETAILS") outer.open = true;
  target.scrollIntoView();
}
function followHash() {
  const id = decodeURIComponent(location.hash.slice(1));
  if (id === "all") {
    document.querySelectorAll("details").forEach(d => { d.open = true; });
    drawOpen();
  } else openTo(id);
}
if ("IntersectionObserver" in window) {
  const watch = new IntersectionObserver(entries => {
    for (const entry of entries) if (entry.isIntersecting) { draw(entry.target); watch.unobserve(entry.target); }
  }, { rootMargin: "500px" });
  figures.forEach(figure => watch.observe(figure));
} else drawOpen();
addEventListener("beforeprint", drawOpen);
addEventListener("hashchange", followHash);
addEventListener("scroll", hideTip, { passive: true });
// A link to the section that the address names already changes no hash.
document.addEventListener("click", event => {
  const link = event.target.closest('a[href^="#"]');
  if (link) openTo(decodeURIComponent(link.getAttribute("href").slice(1)));
});

// ---- tables ----
// What a cell says, without the sign before a verdict; the limits below a heading in brackets.
function cellText(cell) {
  const copy = cell.cloneNode(true), limits = copy.querySelector("small");
  copy.querySelectorAll(".sign, small").forEach(part => part.remove());
  return copy.textContent.trim() + (limits ? " (" + limits.textContent.trim() + ")" : "");
}
document.querySelectorAll(".table").forEach(holder => {
  const table = holder.querySelector("table"), heads = [...table.querySelectorAll("th")], body = table.tBodies[0];
  heads.forEach((head, column) => {
    head.title = "Sort by this column";
    head.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach(h => h.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = row => { const text = cellText(row.cells[column]), n = /^[-+]?[\d.]+(e[-+]?\d+)?(?=\s|$)/.test(text) ? parseFloat(text) : NaN; return Number.isNaN(n) ? text : n; };
      const order = (a, b) => {
        const p = key(a), q = key(b);
        if (typeof p === typeof q) return p < q ? -1 : p > q ? 1 : 0;
        return typeof p === "number" ? -1 : 1;
      };
      [...body.rows].sort((a, b) => (down ? -1 : 1) * order(a, b)).forEach(row => body.append(row));
    });
  });
  holder.append(button("CSV", "Download this table", () =>
    download(placeOf(holder) + (holder.dataset.title || "table"), [...table.rows].map(row => [...row.cells].map(cellText)))));
});

followHash();
})();

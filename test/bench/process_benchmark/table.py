"""Rows of the table: what was measured, what the peer needs, what is wanted; as text and Markdown."""

import math
import statistics
from dataclasses import dataclass


@dataclass
class Row:
    """One line. Numbers come as lists over runs: the median is shown, with the lowest and highest."""

    group: str
    what: str
    ours: list
    unit: str
    target: str = ""
    met: bool | None = None
    peer: list | None = None
    remark: str = ""


def at_least(limit):
    return f"≥ {limit:g}", lambda value: value >= limit


def at_most(limit):
    return f"≤ {limit:g}", lambda value: value <= limit


def row(group, what, ours, unit, wanted=None, peer=None, remark=""):
    """@param wanted of at_least() or at_most(), in the row's unit"""
    made = Row(group, what, list(ours), unit, peer=list(peer or []), remark=remark)
    if wanted is not None:
        made.target = wanted[0]
        made.met = bool(wanted[1](statistics.median(ours))) if ours else None
    return made


def missing(group, what, reason, target=""):
    return Row(group, what, [], "", target, None, [], "not measured: " + reason)


def number(value):
    if value is None or math.isnan(value):
        return "-"
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


def spread(values):
    if not values:
        return ""
    text = number(statistics.median(values))
    if len(values) > 1:
        text += f" ({number(min(values))} to {number(max(values))})"
    return text


def cells(line):
    met = {True: "yes", False: "no", None: ""}[line.met]
    ours = spread(line.ours) + (f" {line.unit}" if line.ours and line.unit else "")
    return [line.what, ours, spread(line.peer or []), line.target, met, line.remark]


HEADINGS = ["what", "alisio", "peer", "target", "met", "remark"]


def as_text(rows):
    lines = []
    body = [HEADINGS] + [cells(line) for line in rows]
    widths = [max(len(line[column]) for line in body) for column in range(5)]
    group = None
    for source, line in zip([None] + rows, body):
        if source is not None and source.group != group:
            group = source.group
            lines.append(f"\n{group}")
        lines.append(
            "  ".join(f"{text:<{width}}" for text, width in zip(line, widths))
            + ("  " + line[5] if line[5] else "")
        )
    return "\n".join(line.rstrip() for line in lines) + "\n"


def as_markdown(rows, about):
    lines = [f"Measured with {about['version']} on {about['cpu']}, {about['cores']} cores.", ""]
    lines += ["| " + " | ".join(HEADINGS) + " |", "|" + "---|" * len(HEADINGS)]
    group = None
    for line in rows:
        if line.group != group:
            group = line.group
            lines.append(f"| **{group}** |" + " |" * (len(HEADINGS) - 1))
        lines.append("| " + " | ".join(cells(line)) + " |")
    return "\n".join(lines) + "\n"


def as_json(rows):
    return [line.__dict__ for line in rows]

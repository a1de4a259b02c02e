#!/usr/bin/env python3
"""Writes the last line of a benchmark: one JSON object.

    bench_report.py NAME [figure=NUMBER ...] [target:name=NUMBER<=LIMIT | NUMBER>=LIMIT ...]

    bench_report.py import import_ms=12.5 'target:rate_mb_s=410>=300'
    {"bench": "import", "commit": "...", "cpu": "...", "figures": {"import_ms": 12.5, "rate_mb_s": 410},
     "targets": {"rate_mb_s": {"value": 410, "target": ">= 300", "met": true}}}

Text that is no number is kept as text in "figures". Exits with 0 whether or not targets are met:
a benchmark reports, it does not judge. $MOSAIC_COMMIT names the commit.
"""
import json
import os
import re
import sys


def cpu():
    with open("/proc/cpuinfo") as f:
        names = [line.split(":", 1)[1].strip() for line in f if line.startswith("model name")]
    return "%d x %s" % (len(names), names[0]) if names else "unknown"


def number(text):
    try:
        value = float(text)
    except ValueError:
        return text
    return int(value) if value.is_integer() and "." not in text else value


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    figures, targets = {}, {}
    for argument in sys.argv[2:]:
        name, _, text = argument.partition("=")
        if not name.startswith("target:"):
            figures[name] = number(text)
            continue
        name = name[len("target:"):]
        match = re.fullmatch(r"([^<>]+)([<>])=([^<>]+)", text)
        if not match:
            sys.exit("bench_report.py: %r: expected target:NAME=VALUE<=LIMIT or >=LIMIT" % argument)
        value, limit = float(match[1]), float(match[3])
        figures[name] = number(match[1])
        targets[name] = {"value": number(match[1]), "target": "%s= %s" % (match[2], match[3]),
                         "met": value <= limit if match[2] == "<" else value >= limit}
    print(json.dumps({"bench": sys.argv[1], "commit": os.environ.get("MOSAIC_COMMIT", "unknown"),
                      "cpu": cpu(), "figures": figures, "targets": targets}))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""operators.py: writes the tables of docs/operators.md from the definitions in src/core/op and the rules in src/core/lower.

The notes of a row are kept where the operator stays. A unit test compares the tables with the registry and the rules."""
import pathlib
import re

root = pathlib.Path(__file__).resolve().parent.parent
doc = root / "docs" / "operators.md"
domains = {"kOnnxDomain": "", "kMlDomain": "ai.onnx.ml.", "kMicrosoftDomain": "com.microsoft."}
rows, notes = {}, {}
text = doc.read_text()
for line in text.splitlines():
    cells = [c.strip() for c in line.strip("|").split("|")]
    if line.startswith("| ") and len(cells) >= 3:
        notes[cells[0]] = cells[-1]
for path in sorted((root / "src/core/op").rglob("*.cc")):
    source = path.read_text()
    found = re.findall(r'OpDef k\w+\s*=\s*\{\s*(\w+),\s*"(\w+)",\s*(\d+)', source)
    # One macro that defines several: #define MACRO(Name, ...) ... OpDef k##Name = {domain, #Name, since
    macro = re.search(r'#define (\w+)\((?:.|\n)*?OpDef k##Name = \{(\w+), #Name, (\d+)', source)
    if macro:
        found += [(macro[2], name, macro[3])
                  for name in re.findall(rf'^{macro[1]}\((\w+)', source, re.M)]
    for domain, op, since in found:
        name = path.relative_to(root / "src/core/op")
        key = (domains[domain], op)
        rows[key] = f"| {domains[domain]}{op} | {since} | [{name}](../src/core/op/{name}) | " \
                    f"{notes.get(domains[domain] + op, '')} |"
# Operators that are only lowered to others
lowered = {}
for path in sorted((root / "src/core/lower").glob("*.cc")):
    for domain, op in re.findall(r'\{"([\w.]*)", "(\w+)", (?:kAlways|\d+), \w+', path.read_text()):
        if (domain + "." if domain else "", op) not in rows:
            key = (domain + "." if domain else "") + op
            lowered[key] = f"| {key} | [{path.name}](../src/core/lower/{path.name}) | {notes.get(key, '')} |"
head = text[:text.index("| operator |")]
doc.write_text(head + "| operator | as of version | file | notes |\n|---|---|---|---|\n" +
               "\n".join(rows[k] for k in sorted(rows)) + "\n\n## Operators that become others\n\n" +
               "| operator | file | becomes |\n|---|---|---|\n" +
               "\n".join(lowered[k] for k in sorted(lowered)) + "\n")
print(len(rows), "operators,", len(lowered), "that become others")

#!/usr/bin/env python3
"""The libraries show exactly what the header declares: exports.py HEADER SHARED STATIC."""
import re
import subprocess
import sys


def symbols(*words):
    lines = subprocess.run(["nm", *words], capture_output=True, text=True, check=True).stdout.splitlines()
    return {line.split()[-1] for line in lines if len(line.split()) == 3 and line.split()[1] in "TDBRVWi"}


header, shared, static = sys.argv[1:]
with open(header, encoding="utf-8") as file:
    text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
text = re.sub(r"(?s)typedef struct \w+ \{.*?\n\} \w+;", "", text)  # methods of structs are not functions
declared = set(re.findall(r"(?m)^(?!static|typedef|#)[A-Za-z_][\w \*]*?\b(ll_\w+)\(", text))
of_shared = symbols("-D", "--defined-only", shared)
of_static = symbols("-g", "--defined-only", static)
wrong = [f"the header declares {name}, the shared library does not have it" for name in sorted(declared - {
    name.split("@")[0] for name in of_shared})]
wrong += [f"the shared library shows {name}" for name in sorted(of_shared) if
          name.split("@")[0] not in declared or not name.endswith("@@LETTERLOCK_0")]
wrong += [f"static and shared differ in {name}" for name in sorted(of_static ^ {n.split("@")[0] for n in of_shared})]
print("\n".join(wrong) or f"{len(declared)} functions")
sys.exit(1 if wrong or len(declared) < 50 else 0)

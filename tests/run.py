#!/usr/bin/env python3
"""Run the tests and count them: rooms, unit, fuzz corpora, conversations, end to end, durability.

    tests/run.py [--build DIR] [--only rooms,unit,fuzz,talk,e2e,differential,durability] [--rounds N] [NAME ...]

NAMEs pick tests whose name contains one of them. The last line is "N passed, N failed"."""
import argparse
import glob
import importlib.util
import inspect
import os
import subprocess
import sys
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
KINDS = ["rooms", "unit", "fuzz", "talk", "e2e", "differential", "durability"]


class Results:
    def __init__(self, names):
        self.names = names
        self.passed = self.failed = self.skipped = 0
        self.failures = []

    def wanted(self, name):
        return not self.names or any(part in name for part in self.names)

    def run(self, name, function):
        from skip import Skip
        if not self.wanted(name):
            return
        start = time.monotonic()
        try:
            function()
        except Skip as why:
            self.skipped += 1
            print(f"skip {name}: {why}", flush=True)
            return
        except (Exception, SystemExit) as error:  # a test may fail in any way
            self.failed += 1
            self.failures.append(name)
            print(f"FAIL {name}: {error}\n{traceback.format_exc(limit=-4)}", flush=True)
            return
        self.passed += 1
        print(f"ok   {name} ({time.monotonic() - start:.1f} s)", flush=True)


def run_command(*words, **more):
    done = subprocess.run(words, capture_output=True, text=True, **more)
    if done.returncode:
        raise RuntimeError((done.stdout + done.stderr)[-6000:])
    return done.stdout


def unit(results, build):
    """Each meson test counts as one."""
    import json
    listed = json.loads(run_command("meson", "introspect", "--tests", build, cwd=ROOT))
    for test in listed:
        env = dict(os.environ, **test["env"])
        results.run("unit/" + test["name"], lambda t=test, e=env: run_command(*t["cmd"], cwd=ROOT, env=e, timeout=300))


def load(path):
    spec = importlib.util.spec_from_file_location("t_" + os.path.basename(path)[:-3], path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def functions(results, kind, options):
    for path in sorted(glob.glob(os.path.join(ROOT, "tests", kind, "*.py"))):
        short = os.path.basename(path)[:-3]
        module = load(path)
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if name.startswith("test_") and function.__module__ == module.__name__:
                more = {"rounds": options.rounds} if "rounds" in inspect.signature(function).parameters else {}
                results.run(f"{kind}/{short}/{name[5:]}", lambda f=function, m=more: f(**m))


def talks(results, build):
    from talk import Talk
    for path in sorted(glob.glob(os.path.join(ROOT, "tests", "talk", "*.talk"))):
        results.run("talk/" + os.path.basename(path)[:-5], lambda p=path: Talk(p, build).run())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--only", default=",".join(KINDS))
    parser.add_argument("--rounds", type=int, default=0, help="kill -9 rounds; 0: the short slice")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    os.environ["LL_BUILD"] = options.build
    kinds = options.only.split(",")
    results = Results(options.names)
    build = os.path.join(ROOT, options.build)
    if "rooms" in kinds:
        results.run("rooms", lambda: run_command("python3", "tools/rooms", cwd=ROOT))
    if "unit" in kinds:
        unit(results, build)
    if "fuzz" in kinds:
        functions(results, "fuzz", options)
    if "talk" in kinds:
        talks(results, options.build)
    if "e2e" in kinds:
        functions(results, "e2e", options)
    if "differential" in kinds:
        functions(results, "differential", options)
    if "durability" in kinds:
        functions(results, "durability", options)
    for name in results.failures:
        print("failed:", name)
    tail = f", {results.skipped} skipped" if results.skipped else ""
    print(f"{results.passed} passed, {results.failed} failed{tail}")
    return 1 if results.failed or not results.passed else 0


if __name__ == "__main__":
    sys.exit(main())

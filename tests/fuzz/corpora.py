"""The fuzz targets and their corpora belong together. The replay itself is a meson test of each target (suite 'fuzz')."""
import glob
import json
import os
import subprocess

from skip import Skip

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FUZZ = os.path.join(ROOT, "fuzz")
SEED_MAX = 4096  # a seed shows one thing; mutations of long ones hit it too rarely


def targets():
    return {os.path.basename(path)[:-2] for path in glob.glob(os.path.join(FUZZ, "*_*.c"))}


def test_each_target_has_seeds():
    for name in sorted(targets()):
        files = glob.glob(os.path.join(FUZZ, "corpus", name, "*"))
        assert len(files) >= 1, f"fuzz/corpus/{name} is empty"
        for path in files:
            assert os.path.getsize(path) <= SEED_MAX, f"{os.path.relpath(path, ROOT)} is over {SEED_MAX} bytes"


def test_each_corpus_has_a_target():
    corpora = {os.path.basename(path) for path in glob.glob(os.path.join(FUZZ, "corpus", "*"))}
    assert corpora <= targets(), f"no fuzz/NAME.c for {sorted(corpora - targets())}"


def test_each_target_replays():
    """A target that fuzz/meson.build does not name would silently not be run."""
    build = os.path.join(ROOT, os.environ.get("LL_BUILD", "build/release"))
    options = json.loads(subprocess.run(["meson", "introspect", "--buildoptions", build], capture_output=True, text=True,
                                        check=True).stdout)
    if any(option["name"] == "rooms" and option["value"] != ["all"] for option in options):
        raise Skip("this build has some of the rooms only")
    done = subprocess.run(["meson", "introspect", "--tests", build], capture_output=True, text=True, check=True)
    replayed = {test["name"][len("fuzz/"):] for test in json.loads(done.stdout) if test["name"].startswith("fuzz/")}
    assert replayed == targets(), f"fuzz/meson.build and fuzz/*.c differ: {sorted(replayed ^ targets())}"

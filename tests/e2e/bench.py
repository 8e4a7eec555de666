"""The benchmark itself works: a short slice of `make bench`. It asserts no speed: machines differ."""
import os
import re
import subprocess
import sys

from letterlock import ROOT


def test_quick():
    build = os.environ.get("LL_BUILD", "build/release")
    done = subprocess.run([sys.executable, os.path.join(ROOT, "bench", "run.py"), "--quick", "--build", build],
                          capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert len(re.findall(r"\d", done.stdout)) > 20, done.stdout[-2000:]

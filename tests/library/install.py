#!/usr/bin/env python3
"""What `meson install` leaves is enough for a stranger: install.py BUILD. Installs to a scratch folder, finds the library
with pkg-config, builds examples/hello.c with it shared and static, and lets each say hello."""
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
build = os.path.abspath(sys.argv[1])
scratch = tempfile.mkdtemp(prefix="ll-install-")


def run(*words, **more):
    done = subprocess.run(words, capture_output=True, text=True, **more)
    if done.returncode:
        sys.exit(f"{' '.join(words)}:\n{done.stdout}{done.stderr}")
    return done.stdout


def say_hello(program, library):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen([program, str(port)], stdout=subprocess.PIPE, env=dict(os.environ, LD_LIBRARY_PATH=library)) as server:
        try:
            assert server.stdout.readline() == b"ready\n"
            with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
                assert client.recv(4096).startswith(b"* OK"), program
        finally:
            server.terminate()


try:
    run("meson", "install", "-C", build, "--no-rebuild", "--destdir", scratch)
    found = {name: os.path.join(folder, name) for folder, _, names in os.walk(scratch) for name in names}
    for name in ["letterlock.h", "letterlock.pc", "libletterlock.a", "libletterlock.so.0", "libletterlock.3"]:
        assert name in found, f"{name} was not installed: {sorted(found)}"
    library = os.path.dirname(found["libletterlock.a"])
    env = dict(os.environ, PKG_CONFIG_PATH=os.path.dirname(found["letterlock.pc"]), PKG_CONFIG_SYSROOT_DIR=scratch)
    hello = os.path.join(root, "examples", "hello.c")
    compiler = os.environ.get("CC", "cc")
    flags = run("pkg-config", "--cflags", "--libs", "letterlock", env=env).split()
    run(compiler, "-std=gnu17", hello, "-o", scratch + "/shared", *flags)
    flags = run("pkg-config", "--static", "--cflags", "--libs", "letterlock", env=env).split()
    flags = [found["libletterlock.a"] if word == "-lletterlock" else word for word in flags]
    run(compiler, "-std=gnu17", hello, "-o", scratch + "/static", *flags)
    assert "libletterlock" in run("ldd", scratch + "/shared", env=dict(os.environ, LD_LIBRARY_PATH=library))
    assert not re.search("libletterlock|sqlite", run("ldd", scratch + "/static"))
    say_hello(scratch + "/shared", library)
    say_hello(scratch + "/static", library)
finally:
    shutil.rmtree(scratch)

"""Compile vaultcheck.c against the libraries of the build under test, and ask it."""
import glob
import json
import os
import subprocess

from letterlock import ROOT, Failure

HERE = os.path.dirname(os.path.abspath(__file__))
ROOMS = ["store", "imap", "mime", "keys", "base"]
NO_ENTRY = 3


def build_folder():
    return os.path.join(ROOT, os.environ.get("LL_BUILD", "build/release"))


def sanitizers():
    """What the build was made with: "none", "address,undefined" ..."""
    path = os.path.join(build_folder(), "meson-info", "intro-buildoptions.json")
    if not os.path.exists(path):
        return "none"
    with open(path) as file:
        return next(option["value"] for option in json.load(file) if option["name"] == "b_sanitize")


def program():
    build = build_folder()
    out, source = os.path.join(build, "vaultcheck"), os.path.join(HERE, "vaultcheck.c")
    archives = [path for room in ROOMS for path in sorted(glob.glob(os.path.join(build, "src", room, "*.a")))]
    newest = max(os.path.getmtime(path) for path in [source, *archives])
    if os.path.exists(out) and os.path.getmtime(out) > newest:
        return out
    extra = [] if sanitizers() == "none" else ["-fsanitize=" + sanitizers()]
    folders = ["-I" + os.path.join(ROOT, *part) for part in (["include"], ["src"], ["build", "deps", "include"])]
    fresh = f"{out}.{os.getpid()}"
    done = subprocess.run(["clang" if extra else "cc", "-std=gnu17", "-O1", "-D_GNU_SOURCE", *extra, *folders, source, "-o", fresh,
                           "-Wl,--start-group", *archives, "-Wl,--end-group",
                           os.path.join(ROOT, "build", "deps", "libsqlite3mc.a"),
                           "-lsodium", "-lcrypto", "-lz", "-lroaring", "-lutf8proc", "-lzstd", "-lpthread", "-lm"],
                          capture_output=True, text=True)
    if done.returncode:
        raise Failure("vaultcheck does not compile:\n" + done.stderr[-3000:])
    os.rename(fresh, out)
    return out


def ask(what, data, address, password):
    """Exit status and output."""
    done = subprocess.run([program(), what, data, address], input=password + "\n", capture_output=True, text=True, timeout=120)
    return done.returncode, (done.stdout + done.stderr).strip()


def check(server, address, password=None):
    """Nobody may have the vault open. Raises with the report if there is a fault."""
    code, out = ask("check", server.data, address, password or server.passwords[address])
    if code:
        raise Failure(f"vault of {address}: {out or 'its password does not open it'}")


def opens(server, address, password):
    """Does this password (or recovery code) open the vault? From the files alone."""
    code, out = ask("alias", server.data, address, password)
    if code not in (0, NO_ENTRY):
        raise Failure(f"slots of {address}: {out}")
    return code == 0


def key(server, address, password=None):
    """The vault key, 32 bytes."""
    code, out = ask("key", server.data, address, password or server.passwords[address])
    if code:
        raise Failure(f"key of {address}: {out or 'its password does not open it'}")
    return bytes.fromhex(out)

"""Durability: kill -9 at any moment, power cuts, a full disk. What was acknowledged is there, once, to the byte (invariants 1, 2, 3).

    make durability ROUNDS=200

The moments of the kills are random; a failure names its seed."""
import base64
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import powercut
import vaultcheck
from clients import Imap, Smtp
from letterlock import Failure, Server
from load import Ledger, Load, look, message
from skip import Skip

ROLES = {"move": "ann@example.com", "append": "bob@example.com", "locked": "cat@example.com", "storm": "dan@example.com",
         "late": "eve@example.com"}
PER_DIRECTORY = 6  # rounds in one data directory: mail accumulates, but reading it all back stays quick


class Rounds:
    """Some rounds in one fresh data directory: load, death, restart, comparison."""

    def __init__(self, seed, power=False):
        self.seed, self.power = seed, power
        self.rng = random.Random(seed)
        self.ledger = Ledger()
        self.notes = []

    def run(self, count):
        grace = self.rng.choice(["0s", "200ms", "60s"])
        with Server(settings={"vault_grace": grace}, start=False) as server:
            for alias in ROLES.values():
                server.alias(alias)
            self.start(server)
            self.prepare(server)
            for number in range(count):
                self.round(server, number, last=number == count - 1)
                self.verdict()
            server.stop()
            for alias in ROLES.values():
                vaultcheck.check(server, alias)
        if self.ledger.acknowledged < 10 * count:
            raise Failure(f"the load came to nothing: {self.ledger.acknowledged} acknowledged, {self.ledger.refused} refused")

    def start(self, server):
        if self.power:
            server.preload = powercut.library()
            server.env = powercut.environment(server.data, os.path.join(server.parent, "cut"))
        server.start()

    def prepare(self, server):
        for alias in ROLES.values():
            client = Imap(server, alias)
            client.must("CREATE Work")
            client.logout()

    def round(self, server, number, last):
        moment = self.rng.uniform(0.05, 0.8)
        seed = f"{self.seed}.{number}"
        gentle = not self.power and self.rng.random() < 0.15  # SIGTERM keeps the same promises, and ends with status 0
        Load(server, self.ledger, ROLES, seed).run(moment, server.stop if gentle else server.kill)
        if self.power:
            torn = self.rng.random() < 0.5
            self.notes.append(powercut.power_cut(server.data, os.path.join(server.parent, "cut"), torn, seed))
        self.start(server)
        look(server, self.ledger, ROLES.values(), everything=last)

    def verdict(self):
        errors = self.ledger.errors
        if errors:
            shown = "\n  ".join(errors[:12])
            notes = "\n  ".join(self.notes[-3:])
            raise Failure(f"{len(errors)} faults, seed {self.seed}:\n  {shown}\n  {notes}")


def all_rounds(rounds, power):
    seed = int(os.environ.get("LL_SEED", "0")) or int.from_bytes(os.urandom(4), "big")
    acknowledged, refused = 0, 0
    for first in range(0, rounds, PER_DIRECTORY):
        part = Rounds(seed + first, power)
        part.run(min(PER_DIRECTORY, rounds - first))
        acknowledged += part.ledger.acknowledged
        refused += part.ledger.refused
    print(f"     {rounds} {'power cuts' if power else 'kills'}, {acknowledged} changes acknowledged and kept, {refused} refused")


def test_kill_rounds(rounds=0):
    all_rounds(rounds or 12, power=False)


def test_power_cut(rounds=0):
    all_rounds(rounds // 4 or 6, power=True)


class Preloaded:
    """Commands run in it are under the power cut, one after the other; at its end the power is cut."""

    def __init__(self, folder):
        self.folder, self.log = folder, folder + "-cut"
        self.env = {"LD_PRELOAD": powercut.library(), **powercut.environment(folder, self.log)}

    def __enter__(self):
        os.environ.update(self.env)

    def __exit__(self, *why):
        for name in self.env:
            del os.environ[name]
        powercut.power_cut(self.folder, self.log)


def test_power_cut_setup():
    """What `init` and `alias` have acknowledged is durable: data directory, keys, vault, slots; with the server and without."""
    with tempfile.TemporaryDirectory(prefix="ll-test-") as parent:
        with Preloaded(parent):
            server = Server(folder=parent, start=False)
            ann = server.alias("ann")[0]
        with server:
            setup_survives(server, parent, ann)


def setup_survives(server, parent, ann):
    if not os.path.exists(os.path.join(server.data, "letterlock.conf")):
        raise Failure(f"after a power cut there is no data directory: {os.listdir(parent)}")
    with Preloaded(parent):
        lines = server.cli("alias", "password", ann, "--replace", "current", stdin=server.passwords[ann] + "\n").stdout
        old, server.passwords[ann] = server.passwords[ann], lines.strip().split("\n")[-1]
    with Preloaded(parent):
        server.start()
        bob = server.alias("bob")[0]
        server.kill()
    server.start()
    for alias in (ann, bob):
        Imap(server, alias).logout()
    server.stop()
    if vaultcheck.opens(server, ann, old):
        raise Failure("the old password works again after a power cut")
    for alias in (ann, bob):
        vaultcheck.check(server, alias)


# ------------------------------------------------------------------------------------------------ does the cut cut?

WRITER = """
import os, sqlite3, sys
c = sqlite3.connect(sys.argv[1] + "/a.sqlite", isolation_level=None)
c.execute("PRAGMA journal_mode=WAL")
c.execute("PRAGMA wal_autocheckpoint=40")
c.execute("PRAGMA synchronous=" + sys.argv[2])
c.execute("CREATE TABLE IF NOT EXISTS t(n INTEGER PRIMARY KEY, v)")
n = c.execute("SELECT coalesce(max(n), 0) FROM t").fetchone()[0]
while True:
    n += 1
    c.execute("INSERT INTO t VALUES(?, ?)", (n, os.urandom(2000)))
    os.write(1, b"%d\\n" % n)
"""


def cut_writer(data, folder, synchronous, torn, seed):
    """One life of the writer. Returns (last commit acknowledged, last commit found); found is None if the database is damaged."""
    env = dict(os.environ, LD_PRELOAD=powercut.library(), **powercut.environment(data, folder, 500))
    writer = subprocess.Popen([sys.executable, "-c", WRITER, data, synchronous], stdout=subprocess.PIPE, env=env)
    writer.stdout.readline()
    time.sleep(0.3)
    writer.kill()
    promised = int(writer.communicate()[0].split(b"\n")[-2])
    powercut.power_cut(data, folder, torn, seed)
    base = sqlite3.connect(os.path.join(data, "a.sqlite"))
    try:
        whole = base.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        return promised, base.execute("SELECT max(n) FROM t").fetchone()[0] or 0 if whole else None
    except sqlite3.Error:
        return promised, None
    finally:
        base.close()


def test_power_cut_bites():
    """The layer itself: SQLite loses commits with synchronous=NORMAL, everything with OFF, and nothing with FULL."""
    for synchronous in ("FULL", "NORMAL", "OFF"):
        with tempfile.TemporaryDirectory(prefix="ll-test-") as parent:
            data = os.path.join(parent, "data")
            os.mkdir(data)
            lost, lives = False, []
            for seed in range(3):
                promised, found = cut_writer(data, os.path.join(parent, "cut"), synchronous, seed == 2, seed)
                lives.append(f"{promised} commits promised, {found} found")
                lost = lost or found is None or found < promised
                if found is None:
                    break
            if lost != (synchronous != "FULL"):
                raise Failure(f"synchronous={synchronous}: {lives}")


# --------------------------------------------------------------------------------------------------------- full disk


class Disk:
    """A small file system in memory, with ballast to throw out: first a little, then the rest."""

    def __init__(self, megabytes, ballast):
        self.path = tempfile.mkdtemp(prefix="ll-test-")
        if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", self.path],
                                               capture_output=True).returncode:
            os.rmdir(self.path)
            raise Skip("a small file system needs mount, and that needs root")
        self.ballast = [os.path.join(self.path, f"ballast{n}") for n in range(len(ballast))]
        for path, size in zip(self.ballast, ballast):
            with open(path, "wb") as file:
                file.write(bytes(size << 20))

    def __enter__(self):
        return self

    def __exit__(self, *why):
        if subprocess.run(["umount", self.path], capture_output=True).returncode:
            subprocess.run(["umount", "-l", self.path], check=True)
        os.rmdir(self.path)


def big(name):
    """200 KB that no compression shrinks much."""
    head = f"From: a@load.example\r\nSubject: {name}\r\nX-Load: {name}\r\n\r\n".encode()
    rng = random.Random(name)
    return head + b"\r\n".join(base64.b64encode(rng.randbytes(48)) for _ in range(3000)) + b"\r\n"


def deliver_until_full(server, recipients, lmtp, kept, most=400):
    """Every answer must be 250 or a temporary one; stops after five refusals in a row. The ids acknowledged go to kept[alias]."""
    client, refusals = Smtp(server, lmtp), 0
    for number in range(most):
        name = f"{'lmtp' if lmtp else 'smtp'}-{number}"
        answers = client.deliver(recipients, big(name), lambda taken: None)
        for alias, answer in answers.items():
            if answer.startswith(b"250"):
                kept[alias].append(name)
            elif answer[:3] not in (b"452", b"451", b"431"):
                raise Failure(f"a full disk was answered {answer[:150]!r}")
        refusals = refusals + 1 if all(not answer.startswith(b"250") for answer in answers.values()) else 0
        if refusals == 5:
            client.close()
            return
    raise Failure(f"the disk did not fill up after {most} messages")


def append_until_full(client, kept, most=200):
    refusals = 0
    for number in range(most):
        name = f"append-{number}"
        client.append("INBOX", big(name))
        reply = client.finish()
        if reply.ok:
            kept.append(name)
        elif not reply.text.startswith(b"NO"):
            raise Failure(f"APPEND on a full disk was answered {reply.text[:150]!r}")
        refusals = 0 if reply.ok else refusals + 1
        if refusals == 3:
            return
    raise Failure("the disk did not fill up by APPEND")


def everything_there(server, alias, kept):
    """Exactly the acknowledged messages, whole."""
    ledger = Ledger()
    client = Imap(server, alias)

    def names():
        found = {}
        count = client.must("SELECT INBOX").number(b"EXISTS")
        for uid, (_, literals) in (client.must("UID FETCH 1:* (UID BODY.PEEK[])").fetched() if count else {}).items():
            name = literals[0].split(b"X-Load: ", 1)[1].split(b"\r\n")[0].decode()
            if not literals[0].endswith(big(name)):
                ledger.error(f"UID {uid} ({name}) is not whole: {len(literals[0])} bytes")
            found[name] = found.get(name, 0) + 1
        return found

    want = dict.fromkeys(kept, 1)
    end = time.monotonic() + 20
    while (got := names()) != want and time.monotonic() < end:
        time.sleep(0.2)  # absorption goes on behind the login
    client.logout()
    if ledger.errors or got != want:
        lost, extra = sorted(set(want) - set(got)), sorted(set(got) - set(want))
        raise Failure(f"{alias} after the full disk: lost {lost}, not acknowledged but there {extra}, {ledger.errors[:5]}")


def test_full_disk():
    # The first ballast: what the write-ahead logs of vault and drop hold (1,000 pages each, wal_autocheckpoint) must find room in their
    # files before the logs can begin anew; how full they are when the disk is depends on what a message takes.
    with Disk(60, ballast=[18, 20]) as disk:
        with Server(folder=disk.path, start=False) as server:
            server.log_path = tempfile.mkstemp(prefix="ll-test-log-")[1]
            try:
                full_disk(server, disk)
            finally:
                server.kill()
                with open(server.log_path, errors="replace") as log:
                    tail = log.readlines()[-15:]
                os.unlink(server.log_path)
                if sys.exc_info()[0]:
                    print("".join(tail))


def full_disk(server, disk):
    ann, bob = server.alias("ann")[0], server.alias("bob")[0]
    server.start()
    kept = {ann: [], bob: []}
    client = Imap(server, ann)  # ann's vault is unlocked, bob's is not
    client.must("SELECT INBOX")
    deliver_until_full(server, [ann, bob], True, kept)
    deliver_until_full(server, [bob], False, kept)
    append_until_full(client, kept[ann])
    client.must("NOOP")  # the session lives on
    everything_there(server, ann, kept[ann])

    # Deleting on a full disk may fail, but says so. With a little room everything works again, without a restart; absorbing all that waits
    # for bob needs more room.
    client.must("SELECT INBOX")
    gone = sorted(client.must("UID FETCH 1:3 (UID FLAGS)").fetched())
    for command in (f"UID STORE {gone[0]} +FLAGS.SILENT (\\Deleted)", f"UID EXPUNGE {gone[0]}"):
        if client.ask(command).text[:2] not in (b"OK", b"NO"):
            raise Failure(f"{command} on a full disk was not answered OK or NO")
    os.unlink(disk.ballast[0])
    uids = ",".join(map(str, gone))
    client.must(f"UID STORE {uids} +FLAGS.SILENT (\\Deleted)")
    client.must(f"UID EXPUNGE {uids}")
    kept[ann] = kept[ann][3:]
    room_again(server, client, ann, bob, kept)
    client.logout()
    Imap(server, bob).logout()  # unlocks; what cannot be absorbed now waits
    os.unlink(disk.ballast[1])
    for alias in kept:
        everything_there(server, alias, kept[alias])
    server.stop()
    for alias in kept:
        vaultcheck.check(server, alias)


def room_again(server, client, ann, bob, kept):
    smtp = Smtp(server)
    answers = smtp.deliver([ann, bob], big("after"), lambda taken: None)
    smtp.close()
    if not all(answer.startswith(b"250") for answer in answers.values()):
        raise Failure(f"there is room again, but a delivery was answered {answers}")
    client.append("INBOX", big("after-append"))
    reply = client.finish()
    if not reply.ok:
        raise Failure(f"there is room again, but APPEND was answered {reply.text[:150]!r}")
    kept[ann] += ["after", "after-append"]
    kept[bob].append("after")

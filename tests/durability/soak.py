#!/usr/bin/env python3
"""A server that works for a long time: does it grow? Memory, descriptors, threads and latency must stay where they are.

    make soak                     20 minutes; SOAK_SECONDS=... for another time
    tests/durability/soak.py --seconds 600 [--seed N] [--csv FILE]

The load is mixed and keeps its size: mail is expunged as fast as it comes. Ann and Bob have sessions most of the time, Cat is
locked unless she logs in now and then, nobody comes for Dan's mail but a session every few seconds.

Growth is the Theil-Sen slope (the median of all slopes between two samples: a few odd ones do not move it) of what was sampled after
the first two fifths, times the time over which it was sampled. It fails where it is more than a share AND more than an amount (LIMITS)."""
import argparse
import os
import random
import re
import statistics
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]
import vaultcheck  # noqa: E402
from clients import Gone, Imap, Smtp  # noqa: E402
from letterlock import Failure, Server  # noqa: E402
from load import message  # noqa: E402

NAMES = ["ann", "bob", "cat", "dan"]
KEEP = 120       # messages that a mailbox keeps
WARM_UP = 0.4    # of the time: caches fill, vaults and mailboxes reach their size
GRACE = 2        # seconds after which a vault that nobody uses is locked
REST = 20        # seconds that the server gets to be at rest again
REST_DESCRIPTORS = 2
REST_KIB = 3072  # caches of the directory and the drop, and what each thread keeps for itself: found 1.5 MiB
WINDOWS = 20     # latency is sampled this often over the whole time
SHORT = 300      # seconds; in less the caches and mailboxes are still filling: memory may then grow by
SHORT_KIB = 24576
LIMITS = {       # share of the median, and amount, that may be grown in the whole time
    "in_use_kib": (0.15, 4096),
    # The server locks its memory where it may, and then nothing that malloc has ever had goes back: PSS is the high-water mark of
    # ten threads' arenas, which creeps up for a while though little of it is in use.
    "pss_kib": (0.30, 12288),
    "descriptors": (0.10, 6),
    "threads": (0.0, 1),
    "p50_ms": (0.50, 5),
    "p95_ms": (0.50, 40),
}


class Meter:
    """Latencies by verb, thread-safe."""

    def __init__(self):
        self.lock = threading.Lock()
        self.all, self.window, self.failures = {}, [], []

    def take(self, verb, seconds):
        with self.lock:
            self.all.setdefault(verb, []).append(seconds * 1000)
            self.window.append(seconds * 1000)

    def window_take(self):
        with self.lock:
            window, self.window = self.window, []
        return sorted(window)

    def failed(self, what):
        with self.lock:
            self.failures.append(what)


def share(ordered, part):
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0


class Worker(threading.Thread):
    """Does `step` again and again until the end. A connection that the step itself has cut is no fault; any other is."""

    def __init__(self, soak, name, pause):
        super().__init__(daemon=True, name=name)
        self.soak, self.server, self.meter = soak, soak.server, soak.meter
        self.pause = pause
        self.rng = random.Random(f"{soak.seed}.{name}")

    def run(self):
        while not self.soak.over.wait(self.rng.uniform(0.5, 1.5) * self.pause):
            try:
                self.step()
            except (Gone, OSError, Failure, AssertionError) as error:
                self.meter.failed(f"{self.name}: {type(error).__name__} {error}")

    def timed(self, verb, function, *words):
        start = time.monotonic()
        answer = function(*words)
        self.meter.take(verb, time.monotonic() - start)
        return answer

    def ask(self, client, command):
        return self.timed(command.split(" ")[1] if command.startswith("UID") else command.split(" ")[0], client.must, command)


class Sender(Worker):
    count = 0

    def step(self):
        self.count += 1
        to = self.rng.sample(NAMES, self.rng.choice([1, 1, 1, 2, 4]))
        client = Smtp(self.server, lmtp=self.rng.random() < 0.3)
        content = message(f"soak.{self.soak.seed}.{self.name}.{self.count}")
        answers = self.timed("DELIVER", client.deliver, [f"{one}@example.com" for one in to], content, lambda taken: None)
        if any(not answer.startswith(b"250") for answer in answers.values()):
            self.meter.failed(f"{self.name}: {answers}")
        client.close()


class Reader(Worker):
    """A whole session: login, some verbs, and logout or a cut connection."""

    def __init__(self, soak, name, who, pause):
        super().__init__(soak, name, pause)
        self.who = f"{who}@example.com"

    def step(self):
        start = time.monotonic()
        client = Imap(self.server, self.who)
        self.meter.take("LOGIN", time.monotonic() - start)
        try:
            box = self.rng.choice(["INBOX", "INBOX", "Work"])
            count = self.ask(client, f"SELECT {box}").number(b"EXISTS") or 0
            for _ in range(self.rng.randint(3, 12)):
                count = self.verb(client, count, box)
            self.trim(client)
            if self.rng.random() < 0.15:  # gone in the middle of an answer
                client.start("UID FETCH 1:* (BODY.PEEK[] ENVELOPE)")
                client.close()
                return
            client.logout()
        except BaseException:
            client.close()
            raise

    def verb(self, client, count, box):
        one = self.rng.randint(1, max(count, 1))
        few = f"{one}:{min(one + 9, max(count, 1))}"
        folder = f"Tmp{self.name}"
        verbs = [["NOOP"], ["CHECK"], ['LIST "" "*"'], ["STATUS Archive (MESSAGES UNSEEN SIZE)"],
                 ["APPEND"],
                 [f"CREATE {folder}", f"DELETE {folder}"], ["SUBSCRIBE Later", "UNSUBSCRIBE Later"], ["ENABLE CONDSTORE"]]
        if count:
            verbs += [[f"FETCH {few} (FLAGS UID INTERNALDATE RFC822.SIZE)"], [f"FETCH {few} (ENVELOPE BODYSTRUCTURE)"],
                      [f"FETCH {one} (BODY.PEEK[])"], [f"FETCH {few} (BODY.PEEK[HEADER])"], [f"FETCH {one} (BODY[]<0.5000>)"],
                      [f"STORE {few} +FLAGS (\\Flagged)"], [f"STORE {few} -FLAGS.SILENT (\\Flagged)"], [f"COPY {one} Archive"],
                      ["SEARCH UNSEEN"], ["SEARCH SUBJECT soak"], ["UID SEARCH BODY letterlock"], ["SORT (DATE) UTF-8 ALL"],
                      ["THREAD REFERENCES UTF-8 ALL"], ["FETCH 1:* (UID FLAGS)"]]
        for command in self.rng.choice(verbs):
            if command == "APPEND":
                self.timed("APPEND", self.put, client, box)
            else:
                self.ask(client, command)
        return self.ask(client, "NOOP").number(b"EXISTS") or min(count, self.ask(client, f"SELECT {box}").number(b"EXISTS") or 0)

    def put(self, client, box):
        client.append(box, message(f"put.{self.rng.random()}"))
        reply = client.finish()
        if not reply.ok:
            raise Failure(f"APPEND was answered {reply.text!r}")

    def trim(self, client):
        """So that mailboxes keep their size."""
        for box in ("INBOX", "Work", "Archive"):
            count = self.ask(client, f"SELECT {box}").number(b"EXISTS") or 0
            if count > KEEP:
                if box == "INBOX" and self.rng.random() < 0.5:
                    self.ask(client, f"MOVE 1:{min(20, count - KEEP)} Work")
                else:
                    self.ask(client, f"STORE 1:{count - KEEP} +FLAGS.SILENT (\\Deleted)")
                    self.ask(client, "EXPUNGE")


class Idler(Reader):
    def step(self):
        client = Imap(self.server, self.who)
        self.ask(client, "SELECT INBOX")
        client.send(b"i IDLE\r\n")
        end = time.monotonic() + self.rng.uniform(1, 5)
        while not client.response()[0].startswith(b"+"):
            pass
        client.sock.settimeout(0.5)
        while time.monotonic() < end and not self.soak.over.is_set():
            try:
                if not client.sock.recv(65536):
                    raise Gone()
            except TimeoutError:
                pass
        if self.rng.random() < 0.7:
            client.sock.settimeout(60)
            client.send(b"DONE\r\nq LOGOUT\r\n")
            while client.sock.recv(65536):
                pass
        client.close()


class Stranger(Worker):
    """Wrong passwords, unknown users, half a greeting, nonsense."""

    def step(self):
        sock = self.server.connect(self.rng.choice(["imap", "smtp", "imaps", "lmtp"]))
        words = [b"", b"a LOGIN nobody@example.com wrong\r\n", b'a LOGIN "ann@example.com" "wrong"\r\n', b"EHLO x\r\nMAIL FROM:<a@b>\r\n",
                 b"\x16\x03\x01\x02\x00\x01" + b"x" * 100, b"a FETCH (((((((((\r\n", b"a APPEND INBOX {99999999}\r\n"]
        try:
            sock.sendall(self.rng.choice(words))
            sock.settimeout(self.rng.uniform(0.1, 2))
            sock.recv(1000)
        except OSError:
            pass
        sock.close()


class Soak:
    def __init__(self, seconds, seed, csv=None):
        self.seconds, self.seed, self.csv = seconds, seed, csv
        self.over = threading.Event()
        self.meter = Meter()
        self.samples = []  # {"at": ..., name: number}
        self.server = None

    def in_use(self):
        """What malloc has given out and not got back, in KiB."""
        found = re.search(r"^memory_in_use: (\d+)", self.server.cli("status").stdout, re.M)
        return int(found.group(1)) / 1024

    def sample(self, began, keep=True):
        pid = self.server.process.pid
        with open(f"/proc/{pid}/smaps_rollup") as rollup:
            pss = next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
        values = {"at": time.monotonic() - began, "pss_kib": pss, "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
                  "threads": len(os.listdir(f"/proc/{pid}/task"))}
        if keep:
            self.samples.append(values)
        return values

    def rest(self, what, most=None):
        """Nobody is there and every vault is locked: what is held now is held for nothing."""
        time.sleep(GRACE)
        for _ in range(REST):
            time.sleep(1)
            values = self.sample(0, keep=False)
            if most is None or values["descriptors"] <= most:
                break
        values["in_use_kib"] = self.in_use()
        print(f"     at rest {what}: PSS {values['pss_kib'] / 1024:.1f} MiB, {values['in_use_kib'] / 1024:.1f} MiB in use, {values['descriptors']} descriptors, {values['threads']} threads")
        return values

    def window(self, last):
        window = self.meter.window_take()
        last["in_use_kib"] = self.in_use()
        last["p50_ms"], last["p95_ms"], last["p99_ms"] = share(window, 0.5), share(window, 0.95), share(window, 0.99)
        line = (f"     {last['at']:6.0f} s  PSS {last['pss_kib'] / 1024:.1f} MiB, {last['in_use_kib'] / 1024:.1f} in use, {last['descriptors']} descriptors, {last['threads']} threads, "
                f"{len(window)} commands, p50 {last['p50_ms']:.1f} p95 {last['p95_ms']:.1f} p99 {last['p99_ms']:.1f} ms")
        print(line, flush=True)

    def watch(self):
        began = time.monotonic()
        windows = min(WINDOWS, max(4, int(self.seconds // 4)))
        each, done = self.seconds / (windows * 10), 0
        while (now := time.monotonic() - began) < self.seconds:
            time.sleep(each)
            last = self.sample(began)
            if last["at"] >= (done + 1) * self.seconds / windows:
                done += 1
                self.window(last)
            if now > self.seconds / 10 and len(self.meter.failures) > 20:
                break

    def run(self):
        with Server(settings={"vault_grace": f"{GRACE}s"}) as self.server:
            for name in NAMES:
                self.server.alias(name)
                client = Imap(self.server, f"{name}@example.com")
                client.must("CREATE Work")
                client.logout()
            before = self.rest("before")
            workers = [Sender(self, "sender1", 0.3), Sender(self, "sender2", 0.5), Reader(self, "ann1", "ann", 0.2),
                       Reader(self, "ann2", "ann", 0.6), Reader(self, "bob1", "bob", 0.2), Reader(self, "dan1", "dan", 6),
                       Reader(self, "cat1", "cat", 8), Idler(self, "idle1", "ann", 0.1), Idler(self, "idle2", "bob", 1),
                       Stranger(self, "stranger", 1)]
            for worker in workers:
                worker.start()
            try:
                self.watch()
            finally:
                self.over.set()
                for worker in workers:
                    worker.join(timeout=90)
            after = self.rest("after", before["descriptors"] + REST_DESCRIPTORS)
            self.server.stop()
            for name in NAMES:
                vaultcheck.check(self.server, f"{name}@example.com")
        self.verdict()
        if after["descriptors"] > before["descriptors"] + REST_DESCRIPTORS or after["threads"] > before["threads"] \
                or after["in_use_kib"] > before["in_use_kib"] + REST_KIB:
            raise Failure(f"at rest it holds more than before: {before} and {after}")

    def growth(self, name):
        points = [(s["at"], s[name]) for s in self.samples if name in s and s["at"] > self.seconds * WARM_UP]
        if len(points) < 3:
            return 0.0, 0.0
        step = max(1, len(points) // 200)
        points = points[::step]
        slopes = [(b[1] - a[1]) / (b[0] - a[0]) for i, a in enumerate(points) for b in points[i + 1:] if b[0] > a[0]]
        return statistics.median(slopes) * (points[-1][0] - points[0][0]), statistics.median(value for _, value in points)

    def verdict(self):
        if self.csv:
            with open(self.csv, "w") as out:
                for sample in self.samples:
                    print(*[f"{name}={value:.1f}" for name, value in sample.items()], file=out)
        faults = self.meter.failures[:10]
        for name, (part, amount) in LIMITS.items():
            grown, usual = self.growth(name)
            print(f"     {name}: usually {usual:.1f}, grown by {grown:+.1f}")
            if name.endswith("_kib") and self.seconds < SHORT:
                amount = SHORT_KIB
            if grown > part * usual and grown > amount:
                faults.append(f"{name} has grown by {grown:.1f} in {self.seconds:.0f} s (usually {usual:.1f})")
        commands = sum(len(took) for took in self.meter.all.values())
        slow = sorted(((share(sorted(took), 0.95), verb, len(took)) for verb, took in self.meter.all.items()), reverse=True)[:6]
        print(f"     {commands} commands; the slowest by p95:", ", ".join(f"{verb} {p95:.0f} ms ({n})" for p95, verb, n in slow))
        if commands < self.seconds * 5:
            faults.append(f"only {commands} commands came through")
        if faults:
            raise Failure("\n  ".join(faults))


def test_soak():
    Soak(16, 1).run()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=1200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--csv")
    options = parser.parse_args()
    try:
        Soak(options.seconds, options.seed, options.csv).run()
    except Failure as why:
        print(f"soak: {why}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

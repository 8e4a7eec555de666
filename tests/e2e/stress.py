"""Many clients at once, each at random, on the same few mailboxes; every client checks alone that what it is told can be true.

    tests/e2e/stress.py [--seconds 600] [--clients 16] [--seed 1] [--build build/release]

What each client checks (RFC 3501 sections 2.3.1 and 7.4.1, RFC 4315):
  - every tagged reply comes, in the order of the commands, and is no BAD;
  - EXISTS never goes down, EXPUNGE and FETCH name a message that is there, and no EXPUNGE comes inside FETCH, STORE or SEARCH by number;
  - a sequence number keeps its UID until an EXPUNGE; UIDs ascend; new ones are at or above UIDNEXT;
  - UIDVALIDITY of a mailbox that nobody removes is always the same, and that of one made anew is above the last;
  - a UID is never used for another message: all clients share what they learned about whose subject a UID has;
  - each client has a keyword that nobody else sets: after its own STORE, every FETCH agrees until it changes it again;
  - what SEARCH finds is there; BYE comes only to who has a mailbox open that others may remove.
In the end all of them agree with a session that looks for the first time."""
import argparse
import os
import random
import re
import sys
import threading
import time

if __name__ == "__main__":
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from letterlock import Failure, Lines, Server, same  # noqa: E402

STAYS = ["INBOX", "Stays"]        # nobody removes these
COMES_AND_GOES = ["Goes", "Goes/below", "Comes"]
MESSAGES_MAX = 80                 # in one mailbox: above it clients rather remove than add
SILENCE = 30                      # seconds in which a reply must come


class World:
    """What is true for all clients: whose subject a UID has, and UIDVALIDITY of each name."""

    def __init__(self):
        self.lock = threading.Lock()
        self.subjects = {}
        self.validity = {}
        self.failed = None
        self.end = 0.0
        self.counts = {}

    def learn(self, mailbox, uid, subject):
        with self.lock:
            was = self.subjects.setdefault((mailbox, uid), subject)
        if was != subject:
            raise Failure(f"UID {uid} of {mailbox} was {was!r} and is {subject!r}")

    def subject(self, mailbox, uid):
        with self.lock:
            return self.subjects.get((mailbox, uid))

    def selected(self, name, validity):
        with self.lock:
            was = self.validity.get(name)
            self.validity[name] = max(validity, was or 0)
        if was and name in STAYS and was != validity:
            raise Failure(f"UIDVALIDITY of {name} was {was}, is {validity}")

    def count(self, verb):
        with self.lock:
            self.counts[verb] = self.counts.get(verb, 0) + 1


class Gone(Exception):
    """BYE, for a reason that is none of a client's mistakes."""


class Client(threading.Thread):
    def __init__(self, server, address, number, seed, world):
        super().__init__(daemon=True)
        self.server, self.address, self.number, self.world = server, address, number, world
        self.dice = random.Random(f"{seed} {number}")
        self.keyword = b"mine%d" % number
        self.tag = self.sent = self.reconnected = 0
        self.lines = None
        self.log = []
        self.forget()

    def forget(self):
        self.mailbox = self.left = self.key = None  # left: what was open until the SELECT under way
        self.uids, self.mine, self.uidnext = [], {}, 1

    # --- the connection ---

    def connect(self):
        if self.lines:
            self.lines.sock.close()
        self.forget()
        self.lines = Lines(self.server, "imap", timeout=SILENCE)
        self.lines.line()
        self.say(f'LOGIN "{self.address}" "{self.server.passwords[self.address]}"'.encode())
        self.reconnected += 1

    def send(self, *commands):
        """In one packet; the tags."""
        tags, data = [], b""
        for command in commands:
            self.tag += 1
            tags.append(b"c%d" % self.tag)
            data += tags[-1] + b" " + command + b"\r\n"
        self.sent += len(commands)
        self.lines.send(data)
        return tags

    def hear(self, tag, command):
        """Everything up to this tag: (untagged responses, tagged response)."""
        heard = []
        while True:
            response = self.lines.response()
            self.log.append((command[:70], response[:110]))
            del self.log[:-40]
            if response.startswith(b"* BYE"):
                if (self.mailbox or self.left) in STAYS + [None]:
                    raise Failure(f"{command!r} in {self.mailbox}: {response!r}")
                raise Gone
            if response.startswith(b"* "):
                self.take(command, response)
                heard.append(response)
            elif response.startswith(tag + b" "):
                if not response.startswith((tag + b" OK", tag + b" NO")):
                    raise Failure(f"{command!r}: {response!r}")
                return heard, response
            elif not response.startswith(b"+"):
                raise Failure(f"{command!r}: {response!r} is for nobody")

    def say(self, command, may_fail=False):
        untagged, last = self.hear(self.send(command)[0], command)
        self.world.count(command.split(b" ")[0] if not command.startswith(b"UID ") else b" ".join(command.split(b" ")[:2]))
        if last.split(b" ")[1] == b"NO" and not may_fail:
            if b" NO [NONEXISTENT]" in last and self.mailbox and self.mailbox not in STAYS:
                for _ in range(20):  # removed while we asked: BYE must come soon
                    self.hear(self.send(b"NOOP")[0], b"NOOP")
                    time.sleep(0.05)
            raise Failure(f"{command!r}: {last!r}")
        return untagged, last

    # --- what is told ---

    def take(self, command, response):
        found = re.match(rb"\* (\d+) (EXISTS|EXPUNGE|FETCH)(?: (.*))?$", response, re.S)
        if not found or command.startswith((b"SELECT", b"EXAMINE")):
            return
        number, what = int(found.group(1)), found.group(2)
        if what == b"EXISTS":
            if number < len(self.uids):
                raise Failure(f"EXISTS went down from {len(self.uids)} to {number}")
            self.uids += [None] * (number - len(self.uids))
            return
        if not 1 <= number <= len(self.uids):
            raise Failure(f"{what} of {number}, there are {len(self.uids)}")
        if what == b"EXPUNGE":
            if command.startswith((b"FETCH", b"STORE", b"SEARCH")):
                raise Failure(f"EXPUNGE inside {command!r}")
            self.mine.pop(self.uids.pop(number - 1), None)
        else:
            self.take_fetch(number, found.group(3))

    def take_fetch(self, number, data):
        uid = re.search(rb"UID (\d+)", data)
        known = self.uids[number - 1]
        if uid:
            uid = int(uid.group(1))
            if known not in (None, uid):
                raise Failure(f"number {number} was UID {known}, now {uid}")
            below = next((u for u in reversed(self.uids[:number - 1]) if u), 0)
            above = next((u for u in self.uids[number:] if u), 1 << 32)
            if not below < uid < above:
                raise Failure(f"number {number} is UID {uid}, between {below} and {above}")
            self.uids[number - 1] = known = uid
        flags = re.search(rb"FLAGS \(([^)]*)\)", data)
        if flags and known in self.mine and (self.keyword in flags.group(1).split()) != self.mine[known]:
            raise Failure(f"UID {known}: {flags.group(1)!r}, after our own STORE of {self.keyword!r}: {self.mine[known]}")
        subject = re.search(rb"\r\nSubject: ([^\r]*)\r\n", data)
        if subject and known:
            self.world.learn(self.key, known, subject.group(1))

    # --- what is done ---

    def name(self):
        return self.dice.choice(STAYS + STAYS + COMES_AND_GOES)

    def select(self):
        name = self.name()
        verb = self.dice.choice([b"SELECT", b"SELECT", b"SELECT", b"EXAMINE"])
        left = self.mailbox
        self.forget()
        self.left, self.readonly = left, verb == b"EXAMINE"
        untagged, last = self.say(b'%s "%s"' % (verb, name.encode()), may_fail=name not in STAYS)
        self.left = None
        if last.split(b" ")[1] != b"OK":
            return
        said = b"\r\n".join(untagged)
        validity, identity = int(re.search(rb"UIDVALIDITY (\d+)", said).group(1)), re.search(rb"MAILBOXID \(([^)]*)\)", said).group(1)
        self.mailbox, self.key = name, (identity, validity)
        self.uidnext = int(re.search(rb"UIDNEXT (\d+)", said).group(1))
        self.uids = [None] * int(re.search(rb"\* (\d+) EXISTS", said).group(1))
        self.world.selected(name, validity)
        self.look()

    def look(self):
        """Every number that this client knows of has a UID, and they ascend."""
        before = list(self.uids)
        if not before:
            return
        untagged, _ = self.say(b"FETCH 1:* (UID FLAGS)")
        answered = {int(r.split(b" ")[1]) for r in untagged if b" FETCH (" in r and b"UID " in r}
        if not answered >= set(range(1, len(before) + 1)):
            raise Failure(f"asked for {len(before)} messages, got {sorted(answered)}")
        if self.uids[:len(before)] != sorted(set(self.uids[:len(before)])):
            raise Failure(f"UIDs do not ascend: {self.uids}")

    def subjects(self):
        by_number = self.uids and self.dice.random() < 0.5
        self.say((b"FETCH 1:%d" % len(self.uids) if by_number else b"UID FETCH 1:*") + b" (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])")

    def some(self):
        """A set of UIDs that we know."""
        known = [uid for uid in self.uids if uid]
        if not known:
            return []
        first = self.dice.randrange(len(known))
        return known[first:first + self.dice.choice([1, 1, 3, 10])]

    def store(self):
        uids = self.some()
        if not uids or self.readonly:
            return
        on, silent = self.dice.random() < 0.5, self.dice.choice([b"", b".SILENT"])
        which = b",".join(b"%d" % uid for uid in uids)
        for uid in uids:
            self.mine.pop(uid, None)
        self.say(b"UID STORE %s %sFLAGS%s (%s)" % (which, b"+" if on else b"-", silent, self.keyword))
        for uid in uids:
            if uid in self.uids:
                self.mine[uid] = on
        self.say(b"UID FETCH %s (FLAGS)" % which)

    def flag(self):
        if self.uids and not self.readonly:
            first = self.dice.randint(1, len(self.uids))
            flag = self.dice.choice([b"\\Seen", b"\\Flagged", b"\\Answered", b"\\Deleted", b"\\Deleted"])
            # by number: those that came since have none of ours, and + and - leave ours alone
            self.say(b"STORE %d:%d %sFLAGS (%s)" % (first, min(len(self.uids), first + 5), self.dice.choice([b"+", b"-"]), flag))

    def append(self):
        name = self.name() if self.mailbox is None or self.dice.random() < 0.5 else self.mailbox
        if len(self.uids) > MESSAGES_MAX:
            return self.expunge()
        subject = b"%d of %d" % (self.tag, self.number)
        data = b"From: a@x.example\r\nSubject: %s\r\n\r\n%s\r\n" % (subject, b"x" * self.dice.choice([10, 1000, 9000]))
        _, last = self.say(b'APPEND "%s" {%d+}\r\n%s' % (name.encode(), len(data), data), may_fail=name not in STAYS)
        placed = re.search(rb"\[APPENDUID (\d+) (\d+)\]", last)
        if placed and self.key and name == self.mailbox and int(placed.group(1)) == self.key[1]:
            if int(placed.group(2)) < self.uidnext:
                raise Failure(f"APPENDUID {placed.group(2)}, UIDNEXT was {self.uidnext}")
            self.world.learn(self.key, int(placed.group(2)), subject)
        return None

    def copy(self):
        uids, move = self.some(), self.dice.random() < 0.4
        if not uids or (move and self.readonly):
            return
        to = self.name()
        untagged, last = self.say(b'UID %s %s "%s"' % (b"MOVE" if move else b"COPY", b",".join(b"%d" % u for u in uids), to.encode()),
                                  may_fail=to not in STAYS)
        placed = re.search(rb"\[COPYUID (\d+) (\S+) (\S+)\]", b" ".join(untagged[:] + [last]))
        if placed and to == self.mailbox and self.key and int(placed.group(1)) == self.key[1]:
            sources, targets = unpack(placed.group(2)), unpack(placed.group(3))
            same(len(sources), len(targets), "COPYUID")
            for source, target in zip(sources, targets):
                subject = self.world.subject(self.key, source)
                if subject:
                    self.world.learn(self.key, target, subject)

    def expunge(self):
        if self.readonly:
            return
        if len(self.uids) > MESSAGES_MAX // 2:
            self.say(b"STORE 1:%d +FLAGS.SILENT (\\Deleted)" % (len(self.uids) // 2))
        self.say(b"EXPUNGE" if self.dice.random() < 0.7 else b"UID EXPUNGE 1:%d" % max(1, self.uids[-1] or 1) if self.uids else b"EXPUNGE")

    def search(self):
        known = set(filter(None, self.uids))
        complete = None not in self.uids
        if self.dice.random() < 0.5:
            untagged, _ = self.say(b"SEARCH " + self.dice.choice([b"ALL", b"DELETED", b"UNSEEN", b"SUBJECT of", b"KEYWORD " + self.keyword]))
            bad = [n for n in numbers(untagged) if not 1 <= n <= len(self.uids)]
        else:
            untagged, _ = self.say(b"UID SEARCH " + self.dice.choice([b"1:*", b"SEEN", b"LARGER 500"]))
            bad = [n for n in numbers(untagged) if complete and n not in known and n < self.uidnext]
        if bad:
            raise Failure(f"SEARCH found {bad}, there are {self.uids}")

    def idle(self):
        tag = self.send(b"IDLE")[0]
        line = self.lines.response()
        while not line.startswith(b"+"):
            if line.startswith(b"* BYE"):
                raise Gone
            self.take(b"IDLE", line)
            line = self.lines.response()
        time.sleep(self.dice.random() * 0.1)
        follow = b"UID FETCH 1:* (FLAGS)"
        self.lines.send(b"DONE\r\n")
        next_tag = self.send(follow)[0]
        self.hear(tag, b"IDLE")
        self.hear(next_tag, follow)
        self.world.count(b"IDLE")

    def together(self):
        """Several commands in one packet; by UID, for numbers move under way."""
        commands = [self.dice.choice([b"NOOP", b"UID FETCH 1:* (FLAGS)", b"UID SEARCH ALL", b"CHECK", b'STATUS "Stays" (MESSAGES UIDNEXT)'])
                    for _ in range(self.dice.randint(2, 5))]
        for tag, command in zip(self.send(*commands), commands):
            self.hear(tag, command)
            self.world.count(b"together")

    def tree(self):
        """Make, remove and rename mailboxes under those who have them open."""
        name = self.dice.choice(COMES_AND_GOES).encode()
        if self.mailbox and self.mailbox not in STAYS:
            self.say(b"UNSELECT")
            self.forget()
        kind = self.dice.random()
        if kind < 0.5:
            self.say(b'CREATE "%s"' % name, may_fail=True)
        elif kind < 0.8:
            self.say(b'DELETE "%s"' % name, may_fail=True)
        else:
            self.say(b'RENAME "%s" "%s"' % (name, self.dice.choice(COMES_AND_GOES).encode()), may_fail=True)

    def leave(self):
        kind = self.dice.random()
        if kind < 0.4 and self.mailbox:
            self.say(b"CLOSE" if self.dice.random() < 0.5 else b"UNSELECT")
            self.forget()
        elif kind < 0.7:
            self.send(b"LOGOUT")
            self.connect()
        else:
            self.connect()

    def step(self):
        if not self.mailbox:
            return self.dice.choice([self.select, self.select, self.select, self.append, self.tree])()
        kinds = [self.append] * 4 + [self.store] * 4 + [self.flag] * 3 + [self.copy] * 3 + [self.search] * 3 + [self.look] * 2 + \
            [self.subjects] * 2 + [self.expunge] * 2 + [self.idle] * 2 + [self.together] * 2 + [self.select, self.leave, self.tree]
        return self.dice.choice(kinds)()

    def run(self):
        try:
            self.connect()
            while time.monotonic() < self.world.end and not self.world.failed:
                try:
                    self.step()
                except Gone:
                    self.world.count(b"BYE")
                    self.connect()
        except Exception as error:  # whatever it is, it fails the test
            self.world.failed = self.world.failed or f"client {self.number} in {self.mailbox}: {type(error).__name__} {error}\n" + \
                "\n".join(f"    {command!r} {response!r}" for command, response in self.log[-15:])

    def settle(self):
        """Nobody changes anything any more: what we have been told is what a new session sees."""
        if self.mailbox not in STAYS:
            return None
        self.say(b"NOOP")
        self.look()
        return self.mailbox, list(self.uids)


def unpack(ranges):
    found = []
    for part in ranges.split(b","):
        first, _, last = part.partition(b":")
        found += range(int(first), int(last or first) + 1)
    return found


def numbers(untagged):
    return [int(n) for row in untagged if row.startswith(b"* SEARCH") for n in row[8:].split()]


def play(seconds, clients, seed, build=None):
    with Server(build=build) as server:
        ann, _ = server.alias("ann")
        world = World()
        first = Client(server, ann, 0, seed, world)
        first.connect()
        first.say(b"CREATE Stays")
        world.end = time.monotonic() + seconds
        threads = [Client(server, ann, n, seed, world) for n in range(1, clients + 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(seconds + 2 * SILENCE)
            if thread.is_alive() and not world.failed:
                world.failed = f"client {thread.number} hangs: {thread.log[-1:]}"
        if world.failed:
            raise Failure(f"seed {seed}: {world.failed}")
        for name in STAYS:
            first.dice.choice = lambda _: name if isinstance(_[0], str) else b"EXAMINE"
            first.select()
            for thread in threads:
                told = thread.settle() if thread.mailbox == name else None
                if told:
                    same(told[1], first.uids, f"client {thread.number}: UIDs of {name} in the end")
        for thread in threads:
            thread.lines.sock.close()
        first.lines.sock.close()
        return world.counts


def test_ten_seconds(rounds=0):
    """With --rounds N: N seconds."""
    counts = play(rounds or 10, 8, 1)
    assert sum(counts.values()) > 500, counts
    assert all(counts.get(verb) for verb in (b"SELECT", b"IDLE", b"EXPUNGE", b"UID STORE", b"APPEND", b"SEARCH", b"DELETE", b"RENAME")), counts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--build", default=None)
    options = parser.parse_args()
    counts = play(options.seconds, options.clients, options.seed, options.build)
    print(", ".join(f"{verb.decode()} {count}" for verb, count in sorted(counts.items())))


if __name__ == "__main__":
    main()

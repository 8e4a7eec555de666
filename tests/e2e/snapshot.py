"""The snapshot rules (RFC 3501 sections 5.2 and 7.4.1) under random interleaving: each client believes only what it was told, and that is always true."""
import re

from corpus import Dice
from letterlock import Failure, Server, raw_imap, same

FLAGS = [b"\\Seen", b"\\Flagged", b"\\Answered", b"\\Deleted", b"word", b"other"]
HELD = (b"FETCH", b"STORE", b"SEARCH")  # commands in whose answer no EXPUNGE may come


class Client:
    """One session, and what a careful mail reader would remember."""

    def __init__(self, server, address, name):
        self.name = name
        self.lines = raw_imap(server, address)
        self.uids = []   # by sequence number; None where only EXISTS has told
        self.flags = {}  # by UID
        self.log = []
        self.select()

    def select(self):
        self.uids, self.flags = [], {}
        self.hear(b"SELECT", self.lines.good(b"SELECT INBOX"))
        self.look()

    def hear(self, command, responses):
        for response in responses:
            self.log.append((command[:60], response[:120]))
            match = re.match(rb"\* (\d+) (EXISTS|EXPUNGE|FETCH)(?: (.*))?$", response, re.S)
            if not match:
                continue
            number, what = int(match.group(1)), match.group(2)
            if what == b"EXISTS":
                if number < len(self.uids):
                    raise Failure(f"{self.name}: EXISTS went down from {len(self.uids)} to {number}")
                self.uids += [None] * (number - len(self.uids))
            elif what == b"EXPUNGE":
                if command.split(b" ")[0] in HELD:
                    raise Failure(f"{self.name}: EXPUNGE inside {command!r}")
                if not 1 <= number <= len(self.uids):
                    raise Failure(f"{self.name}: EXPUNGE of {number}, there are {len(self.uids)}")
                self.flags.pop(self.uids.pop(number - 1), None)
            else:
                self.hear_fetch(number, match.group(3))

    def hear_fetch(self, number, data):
        if not 1 <= number <= len(self.uids):
            raise Failure(f"{self.name}: FETCH of {number}, there are {len(self.uids)}")
        uid = re.search(rb"UID (\d+)", data)
        if uid:
            if self.uids[number - 1] not in (None, int(uid.group(1))):
                raise Failure(f"{self.name}: number {number} was UID {self.uids[number - 1]}, now {uid.group(1)}")
            self.uids[number - 1] = int(uid.group(1))
        flags = re.search(rb"FLAGS \((.*?)\)", data)
        if flags and self.uids[number - 1]:
            self.flags[self.uids[number - 1]] = set(flags.group(1).split()) - {b"\\Recent"}

    def say(self, command, good=True):
        untagged, last = self.lines.command(command)
        self.hear(command, untagged)
        if good and not last.startswith(b"t OK"):
            raise Failure(f"{self.name}: {command!r}: {last!r}")
        return untagged

    def look(self):
        """Every number the client knows of answers, with the UID it knows; a held expunge hides nothing."""
        if not self.uids:
            return
        before = list(self.uids)
        rows = [r for r in self.say(b"FETCH 1:* (UID FLAGS)") if b" FETCH (" in r and b"UID " in r]
        numbers = {int(r.split()[1]) for r in rows}
        if not numbers >= set(range(1, len(before) + 1)):
            raise Failure(f"{self.name}: asked for {len(before)} messages, got {sorted(numbers)}")
        known = [uid for uid in self.uids if uid]
        if known != sorted(set(known)):
            raise Failure(f"{self.name}: UIDs out of order: {self.uids}")

    def set_of(self, dice):
        first, last = dice.between(1, len(self.uids)), dice.between(1, len(self.uids))
        return dice.pick([b"%d" % first, b"%d:%d" % (first, last), b"%d,%d" % (first, last), b"%d:*" % first])


def step(dice, client, number):
    kind = dice.below(10)
    if kind < 2 or not client.uids:
        data = b"Subject: %d\r\n\r\nbody %d\r\n" % (number, number)
        client.say(b"APPEND INBOX (%s) {%d+}\r\n%s" % (dice.pick(FLAGS[:3]), len(data), data))
    elif kind < 5:
        silent = dice.pick([b"", b".SILENT"])
        client.say(b"STORE %s %sFLAGS%s (%s)" % (client.set_of(dice), dice.pick([b"+", b"-", b""]), silent, dice.pick(FLAGS)))
        if silent:
            client.look()
    elif kind == 5:
        client.say(b"EXPUNGE")
    elif kind == 6:
        client.say(dice.pick([b"NOOP", b"CHECK"]))
    elif kind == 7:
        client.say(dice.pick([b"SEARCH DELETED", b"SEARCH UNSEEN", b"UID SEARCH ALL", b"SEARCH KEYWORD word"]))
    elif kind == 8:
        client.say(b"FETCH %s BODY.PEEK[TEXT]" % client.set_of(dice))
    else:
        client.say(b"%s %s INBOX" % (dice.pick([b"COPY", b"COPY", b"UID MOVE"]), client.set_of(dice)), good=False)


def play(seed, steps):
    dice = Dice("snapshot", seed)
    with Server() as server:
        ann, _ = server.alias("ann")
        clients = [Client(server, ann, f"client {n}") for n in range(3)]
        fresh = None
        try:
            for number in range(steps):
                client = dice.pick(clients)
                step(dice, client, number)
                if dice.chance(20):
                    dice.pick(clients).look()
                if len(client.uids) > 60:
                    client.say(b"STORE 5:%d +FLAGS.SILENT (\\Deleted)" % (len(client.uids) - 5))
                    client.say(b"EXPUNGE")
            fresh = Client(server, ann, "a fresh client")
            for client in clients:
                client.say(b"NOOP")
                same(client.flags, {uid: fresh.flags.get(uid) for uid in client.flags}, f"{client.name}: flags that it was told, in the end")
                client.look()
                same(client.uids, fresh.uids, f"{client.name}: UIDs in the end")
        except (Failure, AssertionError):
            for client in clients:
                print(client.name, *client.log[-12:], sep="\n    ")
            raise
        finally:
            for client in clients + [fresh] if fresh else clients:
                client.lines.sock.close()


def test_random_interleaving():
    for seed in range(12):
        try:
            play(seed, 250)
        except (Failure, AssertionError) as error:
            raise Failure(f"seed {seed}: {error}") from error

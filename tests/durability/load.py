"""Mail under load with a ledger of what was promised, for tests that kill the server.

Every message has an id and is tried once. The ledger knows for each (alias, id) the states that are possible: how many copies are in
INBOX and how many in Work. An acknowledgement leaves one state, a connection that died leaves two; after the restart the
mailboxes are read and must show one of them. So nothing acknowledged may be missing, nothing may be there twice, half, or altered, and
no UID may ever come to mean another message."""
import base64
import hashlib
import random
import re
import threading
import time

from clients import Gone, Imap, Smtp
from letterlock import Failure, body_of, wait_for

MAILBOXES = ["INBOX", "Work"]
HEADER = "BODY.PEEK[HEADER.FIELDS (X-LOAD)]"
SHARED = base64.encodebytes(random.Random(7).randbytes(40_000)).replace(b"\n", b"\r\n")  # many messages carry it: stored once


def message(name):
    """The bytes of a message, by its id alone."""
    rng = random.Random(name)
    kind = rng.random()
    size = rng.randint(10, 3000) if kind < 0.8 else rng.randint(3000, 120_000) if kind < 0.97 else rng.randint(300_000, 900_000)
    lines = []
    while size > 0:
        line = base64.b64encode(rng.randbytes(rng.randint(1, 54)))
        lines.append(rng.choice([b"", b"", b".", b"..", "\u00e4\u00f6 ".encode(), b"From "]) + line)
        size -= len(line) + 2
    head = (f"From: sender@load.example\r\nTo: someone@example.com\r\nSubject: load {name}\r\nMessage-ID: <{name}@load.example>\r\n"
            f"Date: Mon, 1 Jan 2024 10:00:00 +0000\r\nX-Load: {name}\r\nMIME-Version: 1.0\r\n").encode()
    text = b"\r\n".join(lines) + b"\r\n"
    if rng.random() < 0.8:
        return head + b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + text
    return (head + b"Content-Type: multipart/mixed; boundary=edge\r\n\r\n--edge\r\nContent-Type: text/plain; charset=utf-8\r\n"
            b"Content-Transfer-Encoding: 8bit\r\n\r\n" + text + b"--edge\r\nContent-Type: application/octet-stream\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\n" + SHARED + b"--edge--\r\n")


class Ledger:
    """Thread-safe. States are (copies in INBOX, copies in Work)."""

    def __init__(self):
        self.lock = threading.Lock()
        self.states = {}     # (alias, id): set of states
        self.delivered = {}  # (alias, id): it has fields on top
        self.read = set()    # (alias, id): its bytes were compared
        self.uids = {}       # (alias, mailbox): {uid: id}, all that were ever seen
        self.validity = {}   # (alias, mailbox): UIDVALIDITY
        self.floor = {}      # (alias, mailbox): UIDNEXT at the last look: what is new must not be below
        self.acknowledged = self.refused = 0
        self.errors = []

    def error(self, text):
        with self.lock:
            self.errors.append(text)

    def attempt(self, alias, name, delivered, at=(1, 0)):
        with self.lock:
            self.states[alias, name] = {(0, 0), at}
            self.delivered[alias, name] = delivered

    def settle(self, alias, name, good, at=(1, 0)):
        with self.lock:
            self.states[alias, name] = {at} if good else {(0, 0)}
            self.acknowledged += good
            self.refused += not good

    def settled(self, alias, name):
        with self.lock:
            return len(self.states.get((alias, name), ())) == 1

    def begin(self, alias, names, change):
        """A command that may change these messages goes out; returns what `end` needs."""
        with self.lock:
            before = {name: self.states[alias, name] for name in names}
            after = {name: {(i + change[0], w + change[1]) for i, w in states} for name, states in before.items()}
            for name in names:
                self.states[alias, name] = before[name] | after[name]
            return alias, before, after

    def end(self, change, good):
        alias, before, after = change
        with self.lock:
            for name in before:
                self.states[alias, name] = after[name] if good else before[name]
            self.acknowledged += good
            self.refused += not good

    def seen(self, alias, mailbox, uid, name):
        with self.lock:
            had = self.uids.setdefault((alias, mailbox), {}).setdefault(uid, name)
        if had != name:
            self.error(f"{alias} {mailbox}: UID {uid} was {had} and is {name} now")


def uid_list(text):
    """"3,5:7" in the order given."""
    found = []
    for part in text.decode().split(","):
        first, _, last = part.partition(":")
        first, last = int(first), int(last or first)
        found += range(first, last + 1) if first <= last else range(first, last - 1, -1)
    return found


def name_in(literals):
    match = re.search(rb"X-Load: (\S+)", b"".join(literals), re.I)
    return match.group(1).decode() if match else None


class Load:
    """Clients that work until the server is dead. roles: alias by what happens to it."""

    def __init__(self, server, ledger, roles, seed):
        self.server, self.ledger, self.roles = server, ledger, roles
        self.rng = random.Random(seed)
        self.seed = seed
        self.dying = False
        self.count = 0
        self.lock = threading.Lock()
        self.aliases = list(roles.values())

    def name(self):
        with self.lock:
            self.count += 1
            return f"{self.seed}-{self.count}"

    def client(self, function, seed):
        rng = random.Random(seed)
        try:
            while not self.dying:
                function(rng)
        except (Gone, OSError, ValueError) as error:
            if not self.dying:
                self.ledger.error(f"{function.__name__}: the connection broke before the kill: {error!r}")
        except Failure as error:
            if not self.dying:
                self.ledger.error(f"{function.__name__}: {error}")

    def deliver(self, client, rng):
        recipients = rng.sample(self.aliases, rng.choice([1, 1, 1, 2, 3]))
        name = self.name()
        taken = []

        def before(accepted):
            taken.extend(accepted)
            for alias in accepted:
                self.ledger.attempt(alias, name, True)

        answers = client.deliver(recipients, message(name), before)
        for alias in taken:
            self.ledger.settle(alias, name, answers[alias].startswith(b"2"))
            if answers[alias].startswith(b"5"):
                self.ledger.error(f"delivery to {alias} was refused for good: {answers[alias][:120]!r}")

    def lmtp(self, rng):
        client = Smtp(self.server, lmtp=True)
        while not self.dying:
            self.deliver(client, rng)

    def smtp(self, rng):
        client = Smtp(self.server)
        while not self.dying:
            self.deliver(client, rng)

    def append(self, rng):
        """Several APPENDs at once, to both mailboxes."""
        alias = self.roles["append"]
        client = Imap(self.server, alias)
        while not self.dying:
            batch = []
            for _ in range(rng.randint(1, 5)):
                name, mailbox = self.name(), rng.choice(MAILBOXES)
                at = (1, 0) if mailbox == "INBOX" else (0, 1)
                self.ledger.attempt(alias, name, False, at)
                client.append(mailbox, message(name))
                batch.append((name, mailbox, at))
            for name, mailbox, at in batch:
                reply = client.finish()
                self.ledger.settle(alias, name, reply.ok, at)
                uid = reply.code(b"APPENDUID")
                if reply.ok and uid:
                    self.ledger.seen(alias, mailbox, int(uid.split(b" ")[1]), name)

    def move(self, rng):
        """COPY, MOVE and EXPUNGE of what has come into INBOX."""
        alias = self.roles["move"]
        client = Imap(self.server, alias)
        client.must("SELECT INBOX")
        known, last = {}, 0
        while not self.dying:
            for uid, (_, literals) in client.must(f"UID FETCH {last + 1}:* (UID {HEADER})").fetched().items():
                name = name_in(literals)
                if uid > last and name:
                    known[uid] = name
                    self.ledger.seen(alias, "INBOX", uid, name)
            last = max([last, *known])
            ready = [uid for uid, name in known.items() if self.ledger.settled(alias, name)]
            rng.shuffle(ready)
            jobs = []
            for _ in range(rng.randint(1, 3)):
                uids, ready = ready[:rng.randint(1, 4)], ready[4:]
                if uids:
                    jobs.append(self.move_start(client, alias, rng.choice(["MOVE", "COPY", "EXPUNGE"]), uids, known))
            for verb, uids, change in jobs:
                self.move_finish(client, alias, verb, uids, change, known)
            if not jobs:
                time.sleep(0.01)

    def move_start(self, client, alias, verb, uids, known):
        numbers = ",".join(map(str, uids))
        shift = {"MOVE": (-1, 1), "COPY": (0, 1), "EXPUNGE": (-1, 0)}[verb]
        if verb == "EXPUNGE":
            client.must(f"UID STORE {numbers} +FLAGS.SILENT (\\Deleted)")
        change = self.ledger.begin(alias, [known[uid] for uid in uids], shift)
        client.start(f"UID EXPUNGE {numbers}" if verb == "EXPUNGE" else f"UID {verb} {numbers} Work")
        return verb, uids, change

    def move_finish(self, client, alias, verb, uids, change, known):
        reply = client.finish()
        self.ledger.end(change, reply.ok)
        if not reply.ok:
            raise Failure(f"UID {verb} was answered {reply.text[:200]!r}")
        copied = reply.code(b"COPYUID")
        if copied:
            _, source, target = copied.split(b" ")
            for uid, new in zip(uid_list(source), uid_list(target)):
                self.ledger.seen(alias, "Work", new, known[uid])
        if verb != "COPY":
            for uid in uids:
                del known[uid]

    def storm(self, rng):
        """Logs in and out, so that its vault is locked and unlocked amid deliveries."""
        client = Imap(self.server, self.roles["storm"])
        client.must("SELECT INBOX")
        time.sleep(rng.random() * 0.1)
        client.logout()
        time.sleep(rng.random() * 0.2)

    def late(self, rng):
        """One login somewhere in between: absorption under load, and killed in it."""
        time.sleep(rng.random() * 0.6)
        if self.dying or rng.random() < 0.4:
            time.sleep(0.05)
            return
        client = Imap(self.server, self.roles["late"])
        client.must("SELECT INBOX")
        while not self.dying:
            client.must("NOOP")
            time.sleep(0.02)

    def run(self, seconds, kill):
        work = [self.lmtp, self.lmtp, self.smtp, self.append, self.move, self.storm, self.late]
        threads = [threading.Thread(target=self.client, args=(function, self.rng.random()), daemon=True) for function in work]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        self.dying = True
        kill()
        for thread in threads:
            thread.join(30)
            if thread.is_alive():
                raise Failure("a client still waits for a server that is dead")


class Look:
    """Read one alias's mailboxes after a restart and compare with the ledger."""

    def __init__(self, server, ledger, alias, everything=False):
        self.server, self.ledger, self.alias, self.everything = server, ledger, alias, everything
        self.found = {}  # id: [in INBOX, in Work]

    def error(self, text):
        self.ledger.error(f"{self.alias}: {text}")

    def absorbed(self):
        shown = self.server.cli("alias", "show", self.alias).stdout
        return "waiting_messages: 0\n" in shown

    def run(self):
        client = Imap(self.server, self.alias)
        wait_for(self.absorbed, 30, 0.1, f"absorption of the waiting mail of {self.alias}")
        for index, mailbox in enumerate(MAILBOXES):
            self.mailbox(client, index, mailbox)
        client.logout()
        self.compare()

    def mailbox(self, client, index, mailbox):
        place = self.alias, mailbox
        reply = client.must(f"SELECT {mailbox}")
        validity, following, exists = reply.code(b"UIDVALIDITY"), int(reply.code(b"UIDNEXT")), reply.number(b"EXISTS")
        if self.ledger.validity.setdefault(place, validity) != validity:
            self.error(f"{mailbox}: UIDVALIDITY was {self.ledger.validity[place]}, is {validity}")
        known, floor = self.ledger.uids.setdefault(place, {}), self.ledger.floor.get(place, 1)
        if following < floor or any(uid >= following for uid in known):
            self.error(f"{mailbox}: UIDNEXT {following}, but it was {floor}, and UID {max(known, default=0)} was seen")
        self.ledger.floor[place] = following
        names = {}
        if exists:
            for uid, (text, literals) in client.must(f"UID FETCH 1:* (UID RFC822.SIZE {HEADER})").fetched().items():
                names[uid] = name_in(literals)
                if uid not in known and uid < floor:
                    self.error(f"{mailbox}: UID {uid} ({names[uid]}) is new, but UIDNEXT was {floor} before")
                if not names[uid]:
                    self.error(f"{mailbox}: UID {uid} has no id: {text[:200]!r} {literals!r}")
                    continue
                self.ledger.seen(*place, uid, names[uid])
                self.found.setdefault(names[uid], [0, 0])[index] += 1
        if len(names) != exists:
            self.error(f"{mailbox}: EXISTS {exists}, but {len(names)} messages were fetched")
        self.bytes(client, mailbox, names)

    def bytes(self, client, mailbox, names):
        wanted = {}
        for uid, name in names.items():
            if name and (self.everything or (self.alias, name) not in self.ledger.read):
                wanted[uid] = name
                self.ledger.read.add((self.alias, name))
        uids = sorted(wanted)
        for at in range(0, len(uids), 50):
            part = ",".join(map(str, uids[at:at + 50]))
            fetched = client.must(f"UID FETCH {part} (UID BODY.PEEK[])").fetched()
            for uid in uids[at:at + 50]:
                text, literals = fetched.get(uid, (None, [b""]))
                self.same(mailbox, uid, wanted[uid], literals[0] if literals else b"")

    def same(self, mailbox, uid, name, stored):
        want = message(name)
        try:
            got = body_of(stored) if self.ledger.delivered.get((self.alias, name)) else stored
        except (AssertionError, IndexError) as error:
            self.error(f"{mailbox}: UID {uid} ({name}): no trace fields on top: {error}")
            return
        if got != want:
            at = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b), min(len(got), len(want)))
            self.error(f"{mailbox}: UID {uid} ({name}): {len(got)} bytes {hashlib.sha256(got).hexdigest()[:12]} instead of {len(want)}; "
                       f"they differ from byte {at} on: {got[at:at + 60]!r} instead of {want[at:at + 60]!r}")

    def compare(self):
        for (alias, name), states in self.ledger.states.items():
            if alias != self.alias:
                continue
            got = tuple(self.found.pop(name, (0, 0)))
            if got not in states:
                kind = "a delivery" if self.ledger.delivered[alias, name] else "an APPEND"
                self.error(f"{name} ({kind}): copies in (INBOX, Work) are {got}, promised was {' or '.join(map(str, sorted(states)))}")
            self.ledger.states[alias, name] = {got}
        for name, got in self.found.items():
            self.error(f"{name} was never sent, but is there: {got}")


def look(server, ledger, aliases, everything=False):
    """All aliases at once; raises with the first faults."""
    def one(alias):
        try:
            Look(server, ledger, alias, everything).run()
        except (Failure, Gone, OSError) as error:
            ledger.error(f"{alias}: cannot be read after the restart: {error!r}")

    threads = [threading.Thread(target=one, args=(alias,)) for alias in aliases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

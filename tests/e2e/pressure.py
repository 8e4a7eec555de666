"""Many pipelining clients on the same inboxes, in the way of ImapTest: each goes through the commands in turn (or at random), each with its chance.

    tests/e2e/pressure.py [--seconds 600] [--clients 30] [--users 2] [--seed 1] [--checkpoint 2] [--order turn|random]
                          [--mix all|plain] [--qresync 0.3] [--build build/release]

What is told is checked by tests/lib/viewed.py: numbers, UIDs, flags, keywords, \\Recent, mod-sequences, contents. And here:
  - every tagged reply comes, in order, and is OK (NO only where another client may have been faster), BYE only after LOGOUT;
  - no EXPUNGE or VANISHED inside FETCH, STORE, SEARCH, SORT, THREAD, and none when no command is under way (RFC 3501 section 7.4.1);
  - STORE without .SILENT is answered by FETCH for each message, also if others have removed it; our own keyword stays as we set it;
  - SEARCH finds exactly what it must of the messages that we know, SORT and THREAD give each message once;
  - SELECT with QRESYNC tells exactly what has changed (RFC 7162), also after a connection that broke off in the middle.
Every few seconds all stop, say CHECK, and must agree on UIDs, flags, keywords, how many are \\Recent, and with STATUS."""
import argparse
import calendar
import os
import random
import re
import selectors
import sys
import time

if __name__ == "__main__":
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from letterlock import Failure, Server, raw_imap  # noqa: E402
from viewed import Letter, Shared, View, unpack  # noqa: E402

SILENCE = 60         # seconds in which something must come
QUEUE_MAX = 10       # commands under way of one client
MESSAGES_AIM = 30    # in one inbox: above it nobody appends
COPIES_MAX = 600     # in the mailbox that takes copies: above it, it is removed
INBOX, COPIES = b"INBOX", b"Copies"
DAY = 24 * 3600
LABELS = [b"$label%d" % n for n in range(1, 6)]
WORDS = [b"%s%s" % (a, b) for a in (b"kappa", b"lambda", b"sigma", b"omega", b"theta") for b in (b"vor", b"zun", b"mik", b"")]
FIELDS = [b"From", b"To", b"Cc", b"Subject", b"References", b"In-Reply-To", b"Message-ID", b"Delivered-To"]

# name: chance in percent as ImapTest has it, chance of once more, chance with --mix all
CHANCES = {
    "LIST": (50, 0, 20), "MCREATE": (0, 0, 10), "MDELETE": (0, 0, 10), "STATUS": (50, 0, 30), "SELECT": (100, 0, 100),
    "FETCH": (100, 0, 100), "FETCH2": (100, 30, 100), "SEARCH": (0, 0, 50), "SORT": (0, 0, 20), "THREAD": (0, 0, 15),
    "COPY": (33, 5, 33), "MOVE": (0, 0, 8), "STORE": (50, 0, 50), "DELETE": (100, 0, 100), "EXPUNGE": (100, 0, 100),
    "APPEND": (100, 5, 100), "NOOP": (0, 0, 20), "CHECK": (0, 0, 10), "IDLE": (0, 0, 15), "CLOSE": (0, 0, 5),
    "DISCONNECT": (0, 0, 8), "LOGOUT": (100, 0, 30)}
ORDER = list(CHANCES)
BY_NUMBER = {"FETCH", "FETCH2", "SEARCH", "SORT", "THREAD", "COPY", "MOVE", "STORE", "DELETE"}
NO_EXPUNGE = {"FETCH", "FETCH2", "SEARCH", "SORT", "THREAD", "STORE", "DELETE"}  # while these are answered
CHANGES_STATE = {"LOGIN", "SELECT", "CLOSE", "LOGOUT"}
SELECTED = BY_NUMBER | {"EXPUNGE", "CLOSE", "CHECK"}


class User:
    """One account, and what all its clients know of its inbox."""

    def __init__(self, address, password):
        self.address, self.password = address.encode(), password.encode()
        self.letters = {}
        self.shared = Shared(self.letters)
        self.caches = []  # of those who left: (validity, mod-sequence, {uid: flags}, what they heard last)


class Command:
    def __init__(self, tag, name, said, numbers=(), **more):
        self.tag, self.name, self.said, self.numbers = tag, name, said, numbers
        self.more = more


class Client:
    def __init__(self, run, number):
        self.run, self.number = run, number
        self.dice = random.Random(f"{run.options.seed} {number}")
        self.keyword = b"mine%d" % number
        self.sock = None
        self.sessions = self.letters = 0
        self.log = []

    # --- the connection ---

    def begin(self):
        self.end()
        run = self.run
        self.user = self.dice.choice(run.users)
        self.sessions += 1
        run.sessions += 1
        self.session = f"{self.number}.{self.sessions}"
        self.sock = run.server.connect("imap")
        self.sock.setblocking(False)
        run.selector.register(self.sock, selectors.EVENT_READ, self)
        self.buffer = self.out = b""
        self.pending, self.tags = [], 0
        self.state, self.view, self.at, self.leaving = "GREETING", None, -1, False
        self.held = self.done_at = self.left_of = None  # left_of: what comes after "+"
        self.qresync = self.dice.random() < run.options.qresync
        self.heard = time.monotonic()

    def end(self):
        if self.sock:
            self.run.selector.unregister(self.sock)
            self.sock.close()
        self.sock, self.state, self.pending = None, "GONE", []

    def note(self, text):
        self.log.append(text[:220])
        del self.log[:-60]

    def flush(self):
        while self.out:
            try:
                self.out = self.out[self.sock.send(self.out):]
            except BlockingIOError:
                break
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self.out else 0)
        self.run.selector.modify(self.sock, events, self)

    def say(self, name, text, numbers=(), **more):
        self.tags += 1
        command = Command(b"p%d" % self.tags, name, text, numbers, **more)
        for told in numbers:
            told.asked += 1
        self.pending.append(command)
        self.note(b"> " + command.tag + b" " + text)
        self.out += command.tag + b" " + text + b"\r\n"
        self.heard = time.monotonic()
        self.run.count(name)
        return command

    def readable(self):
        try:
            got = self.sock.recv(262144)
        except BlockingIOError:
            return
        if not got:
            if not self.leaving:
                raise Failure("the server closed")
            if self.pending:
                raise Failure(f"closed without an answer to {self.pending[0].said!r}")
            self.begin()
            return
        self.heard = time.monotonic()
        self.buffer += got
        start = 0
        while True:
            end = self.complete(start)
            if end is None:
                break
            response, start = self.buffer[start:end - 2], end
            self.note(b"< " + response)
            self.take(response)
        self.buffer = self.buffer[start:]
        self.go_on()

    def complete(self, at):
        """Where the response that begins there ends, literals and all."""
        while True:
            end = self.buffer.find(b"\r\n", at)
            if end < 0:
                return None
            literal = re.search(rb"\{(\d+)\}$", self.buffer[max(at, end - 22):end])
            if not literal:
                return end + 2
            at = end + 2 + int(literal.group(1))
            if at > len(self.buffer):
                return None

    # --- what is told ---

    def take(self, response):
        if self.state == "GREETING":
            if not response.startswith(b"* OK "):
                raise Failure(f"greeting {response!r}")
            self.state = "LOGIN"
            self.say("LOGIN", b'LOGIN "%s" "%s"' % (self.user.address, self.user.password))
            if self.qresync:
                self.say("LOGIN", b"ENABLE QRESYNC")
        elif response.startswith(b"* "):
            self.untagged(response[2:])
        elif response.startswith(b"+"):
            if self.left_of is None:
                raise Failure(f"nobody waits for {response!r}")
            self.out += self.left_of
            self.left_of = None
            if self.pending[-1].name == "IDLE":
                self.done_at = time.monotonic() + self.dice.random() * 0.2
        else:
            self.tagged(response)

    def tagged(self, response):
        if not self.pending or not response.startswith(self.pending[0].tag + b" "):
            raise Failure(f"{response!r} does not answer {[c.tag for c in self.pending[:3]]}")
        command = self.pending.pop(0)
        for told in command.numbers:
            told.asked -= 1
        code, text = response.split(b" ")[1], response[len(command.tag) + 1:]
        if code == b"NO" and not (command.name in ("MCREATE", "MDELETE") or b"[TRYCREATE]" in text):
            raise Failure(f"{command.said!r}: {response!r}")
        if code not in (b"OK", b"NO"):
            raise Failure(f"{command.said!r}: {response!r}")
        done = getattr(self, "after_" + command.name.lower(), None)
        if done and code == b"OK":
            done(command, text)

    def untagged(self, said):
        number = re.match(rb"(\d+) ([A-Z]+)(?: (.*))?$", said, re.S)
        head = self.pending[0].name if self.pending else None
        word = number.group(2) if number else said.split(b" ")[0]
        if word in (b"EXPUNGE", b"VANISHED") and not said.startswith(b"VANISHED (EARLIER)") and (head is None or head in NO_EXPUNGE):
            raise Failure(f"{said!r} while {head} is under way")
        if number and not self.view:
            raise Failure(f"{said!r}, and no mailbox is open")
        if number:
            self.numbered(int(number.group(1)), word, number.group(3))
        elif word == b"BYE":
            if not self.leaving:
                raise Failure(f"BYE: {said!r}")
            self.view = None
        elif word in (b"BAD", b"NO"):
            raise Failure(said)
        elif word == b"VANISHED":
            self.vanished(said)
        elif word == b"FLAGS" and self.view:
            self.view.told_flags(said[7:-1].lower().split())
        elif word == b"OK":
            self.coded(said)
        elif word in (b"SEARCH", b"SORT", b"THREAD"):
            if not self.pending or self.pending[0].name != word.decode() or "found" in self.pending[0].more:
                raise Failure(f"nobody asked for {said!r}")
            self.pending[0].more["found"] = said[len(word):]

    def numbered(self, number, word, rest):
        view = self.view
        if word == b"EXISTS":
            view.exists(number)
        elif word == b"RECENT":
            view.recent = number
        elif word == b"EXPUNGE":
            if view.vanishing:
                raise Failure("EXPUNGE, and QRESYNC is enabled")
            view.expunge(number)
        elif word == b"FETCH":
            if self.pending and self.pending[0].name == "SELECT":
                found = re.search(rb"UID (\d+)", rest)
                flags = re.search(rb"FLAGS \(([^)]*)\)", rest)
                self.pending[0].more["changed"][int(found.group(1))] = set(flags.group(1).lower().split())
                return
            view.fetch(number, rest)
        else:
            raise Failure(f"{number} {word!r}")

    def vanished(self, said):
        uids = unpack(said.split(b" ")[-1])
        earlier = said.startswith(b"VANISHED (EARLIER)")
        if earlier and self.pending and self.pending[0].name == "SELECT":
            self.pending[0].more["lost"].update(uids)
        else:
            self.view.vanished(uids, earlier)

    def coded(self, said):
        found = re.match(rb"OK \[([A-Z]+)(?: ([^\]]*))?\]", said)
        if not found:
            return
        code, value = found.groups()
        view, shared = self.view, self.user.shared
        if code == b"COPYUID":
            self.copied(self.pending[0], value)
        elif not view:
            return
        elif code == b"PERMANENTFLAGS":
            view.told_permanent(value[1:-1].lower().split())
        elif code == b"UIDNEXT":
            view.uidnext = int(value)
        elif code == b"HIGHESTMODSEQ":
            view.highest = int(value)
        elif code == b"UIDVALIDITY":
            shared.validity = shared.validity or value
            if shared.validity != value:
                raise Failure(f"UIDVALIDITY was {shared.validity!r}, is {value!r}")

    # --- after commands ---

    def after_login(self, command, _):
        if command.said.startswith(b"LOGIN") and not self.qresync or command.said.startswith(b"ENABLE"):
            self.state = "AUTH"

    def after_select(self, command, text):
        view = self.view
        if b"[READ-WRITE]" not in text or not view.uidnext or view.keywords is None:
            raise Failure(f"SELECT said too little: {text!r}")
        self.state = "SELECTED"
        cache = command.more["cache"]
        if not cache:
            return
        want = {uid: flags for uid, flags in cache[2].items() if uid not in command.more["lost"]}
        want.update(command.more["changed"])
        if not view.messages and want:
            raise Failure(f"QRESYNC: nothing is there, not told of {sorted(want)}")
        if view.messages:
            self.say("FETCH", b"FETCH 1:* (UID FLAGS MODSEQ)", list(view.messages),
                     resync=(want, view.highest, len(view.messages)), kept=cache[3])

    def after_fetch(self, command, _):
        for told in command.numbers:
            if b"UID" in command.said and told.uid is None:
                raise Failure(f"{command.said!r} did not answer all numbers")
        if "resync" not in command.more:
            return
        want, highest, count = command.more["resync"]
        got = {t.uid: t for t in command.numbers[:count]}
        if set(want) != set(got):
            kept = "\n".join(f"    kept by {line!r}" for line in command.more["kept"])
            raise Failure(f"QRESYNC: told of {sorted(set(want) - set(got))}, not of {sorted(set(got) - set(want))}\n{kept}\n")
        for uid, told in got.items():
            if told.modseq <= highest and want[uid] - {b"\\recent"} != told.flags - {b"\\recent"}:
                raise Failure(f"QRESYNC: UID {uid} had {want[uid]}, has {told.flags} at {told.modseq}, resynchronised up to {highest}")

    def after_store(self, command, _):
        silent, before, mine = command.more["silent"], command.more["answers"], command.more["mine"]
        for told, answers in zip(command.numbers, before):
            if not silent and told.answers == answers:
                raise Failure(f"{command.said!r} did not tell the flags of UID {told.uid}")
            if silent:
                told.flags = None  # until a FETCH behind it
            if mine is not None and not told.asked:
                told.mine = mine

    after_delete = after_store

    def after_append(self, command, text):
        placed = re.search(rb"\[APPENDUID (\d+) (\S+)\]", text)
        if placed:
            for uid, message_id in zip(unpack(placed.group(2)), command.more["ids"], strict=True):
                self.user.shared.identify(uid, message_id)

    def copied(self, command, value):
        _, sources, targets = value.split(b" ")
        shared = self.user.shared
        for source, target in zip(unpack(sources), unpack(targets), strict=True):
            if command.more["to"] == INBOX and source in shared.letter_of:
                shared.identify(target, shared.letter_of[source])

    def after_copy(self, command, text):
        found = re.search(rb"\[COPYUID ([^\]]*)\]", text)
        if found:
            self.copied(command, found.group(1))

    def after_search(self, command, text):
        found = {int(n) for n in command.more["found"].split() if n.isdigit()}
        if found - set(range(1, len(self.view.messages) + 1)):
            raise Failure(f"{command.said!r} found {found} of {len(self.view.messages)}")
        for number, told in enumerate(command.more["all"], 1):
            is_it = command.more["test"](number, told)
            if is_it is False and number in found:
                raise Failure(f"{command.said!r} found number {number}, UID {told.uid}")
            if is_it and number not in found and b"[EXPUNGEISSUED]" not in text and told.uid not in self.user.shared.gone:
                raise Failure(f"{command.said!r} did not find number {number}, UID {told.uid}")

    def after_sort(self, command, text):
        found = [int(n) for n in command.more["found"].split()]
        if b" ALL" in command.said:
            self.each_once(command, found, text)
        if command.said.startswith(b"SORT (SIZE)"):
            letters = [self.user.shared.letter(self.view.messages[n - 1].uid) for n in found]
            sizes = [len(letter.data) for letter in letters if letter]
            if sizes != sorted(sizes):
                raise Failure(f"{command.said!r}: {sizes}")

    def after_thread(self, command, text):
        self.each_once(command, [int(n) for n in re.findall(rb"\d+", command.more["found"])], text)

    def each_once(self, command, found, text):
        """All that were there when we asked, perhaps some that came since."""
        fewest, most = len(command.more["all"]), len(self.view.messages)
        every = sorted(found) == list(range(1, len(found) + 1)) and fewest <= len(found)
        if len(found) > most or len(set(found)) != len(found) or not (every or b"[EXPUNGEISSUED]" in text):
            raise Failure(f"{command.said!r} of {fewest} to {most}: {found}")

    def after_close(self, _command, _text):
        self.keep_cache()
        self.view, self.state = None, "AUTH"

    def after_logout(self, _command, _text):
        if self.view:
            raise Failure("LOGOUT without BYE")

    def keep_cache(self):
        view, user = self.view, self.user
        if view and view.messages and all(t.uid and t.flags is not None for t in view.messages) and view.highest:
            user.caches.append((user.shared.validity, view.highest, {t.uid: t.flags for t in view.messages}, self.log[-25:]))
            del user.caches[:-20]

    # --- what is done ---

    def go_on(self):
        if not self.sock or self.state in ("GREETING", "LOGIN", "GONE"):
            if self.sock:
                self.flush()
            return
        while not self.run.stopping and self.left_of is None and not self.leaving and len(self.pending) < QUEUE_MAX:
            if not self.held:
                self.held = self.next()
            if not self.may_say(self.held):
                break
            name, self.held = self.held, None
            getattr(self, "do_" + name.lower())()
            if self.state == "GREETING":  # it has broken off, and begun again
                return
        self.flush()

    def next(self):
        turn = 0 if self.run.options.mix == "plain" else 2
        if self.at >= 0 and self.dice.random() * 100 < CHANCES[ORDER[self.at]][1]:
            return ORDER[self.at]
        while True:
            self.at = (self.at + 1) % len(ORDER) if self.run.options.order == "turn" else self.dice.randrange(len(ORDER))
            name = ORDER[self.at]
            if self.dice.random() * 100 < CHANCES[name][turn]:
                return name

    def may_say(self, name):
        names = {c.name for c in self.pending}
        if not names:
            return True
        if names & (CHANGES_STATE | {"IDLE"}):
            return False
        if name in ("LOGOUT", "SELECT", "CLOSE"):
            return name == "LOGOUT" and self.dice.random() < 0.3  # behind commands that are still under way
        return not (name in BY_NUMBER and names - NO_EXPUNGE)

    def some(self, most):
        """Numbers as a set, and the messages."""
        messages = self.view.messages if self.view else []
        if not messages or most < 1 or self.state != "SELECTED":
            return b"", []
        numbers = sorted({self.dice.randint(1, len(messages)) for _ in range(self.dice.randint(1, most))})
        return b",".join(b"%d" % n for n in numbers), [messages[n - 1] for n in numbers]

    def do_list(self):
        self.say("LIST", self.dice.choice([b'LIST "" *', b'LIST "" %', b'LIST "" "*" RETURN (STATUS (MESSAGES))', b'LSUB "" *']))

    def test_box(self):
        return b"test/%d" % self.dice.randrange(8) if self.dice.random() < 0.5 else b"test/%d/%d" % (self.dice.randrange(8), self.dice.randrange(8))

    def do_mcreate(self):
        self.say("MCREATE", b"CREATE " + self.test_box())

    def do_mdelete(self):
        self.say("MDELETE", b"DELETE " + self.test_box() if self.dice.random() < 0.7 else b"RENAME %s %s" % (self.test_box(), self.test_box()))

    def do_status(self):
        self.say("STATUS", b"STATUS INBOX (MESSAGES UNSEEN RECENT UIDNEXT)")

    def do_select(self):
        if self.state == "SELECTED":
            return
        self.view = View(self.user.shared, self.session, self.keyword)
        self.view.vanishing, self.view.readwrite = self.qresync, True
        caches = self.user.caches
        cache = self.dice.choice(caches) if self.qresync and caches and self.dice.random() < 0.8 else None
        how = b" (QRESYNC (%s %d))" % cache[:2] if cache else self.dice.choice([b"", b" (CONDSTORE)"])
        self.say("SELECT", b"SELECT INBOX" + how, cache=cache, lost=set(), changed={})

    def do_fetch(self):
        which, numbers = self.some(100)
        if not which:
            return
        items = [b"UID", b"FLAGS"]
        for _ in range(self.dice.randint(1, 4)):
            if self.dice.random() < 0.75:
                items.append(self.dice.choice([b"ENVELOPE", b"INTERNALDATE", b"BODY", b"BODYSTRUCTURE", b"RFC822.SIZE", b"MODSEQ"]))
            else:
                items.append(b"BODY.PEEK[HEADER.FIELDS (%s)]" % b" ".join(self.dice.sample(FIELDS, self.dice.randint(1, 4))))
        self.say("FETCH", b"FETCH %s (%s)" % (which, b" ".join(items)), numbers)

    def do_fetch2(self):
        which, numbers = self.some(1)
        if which:
            item = self.dice.choice([b"BODY.PEEK[HEADER]", b"RFC822.HEADER", b"BODY.PEEK[]", b"BODY.PEEK[1]", b"BODY.PEEK[TEXT]"])
            self.say("FETCH2", b"FETCH %s (UID %s)" % (which, item), numbers)

    def do_search(self):
        if self.state != "SELECTED" or not self.view.messages or any(c.name == "SEARCH" for c in self.pending):
            return
        first, second = self.a_key(), self.a_key()
        kind = self.dice.randrange(4)
        if kind == 0:
            text, test = b"OR %s %s" % (first[0], second[0]), lambda n, t: either(first[1](n, t), second[1](n, t))
        elif kind == 1:
            text, test = b"%s %s" % (first[0], second[0]), lambda n, t: opposite(either(opposite(first[1](n, t)), opposite(second[1](n, t))))
        elif kind == 2:
            text, test = b"NOT " + first[0], lambda n, t: opposite(first[1](n, t))
        else:
            text, test = first
        self.say("SEARCH", b"SEARCH " + text, all=list(self.view.messages), test=test)

    def a_key(self):
        """A search key, and whether a message matches it: None if we cannot know."""
        shared, dice, word = self.user.shared, self.dice, self.dice.choice(WORDS)
        part = word[dice.randrange(3):dice.choice([len(word), 4])]

        def by_letter(what):
            return lambda _, told: what(shared.letter(told.uid)) if shared.letter(told.uid) else None

        def by_date(what):
            return lambda _, told: what(day_of(shared.date_of[told.uid])) if told.uid in shared.date_of else None

        size, day = dice.randrange(200, 3000), dice.randrange(13000, 13040)
        date = time.strftime("%d-%b-%Y", time.gmtime(day * DAY)).encode()
        numbers = {dice.randint(1, len(self.view.messages)) for _ in range(5)}
        return dice.choice([
            (b"SMALLER %d" % size, by_letter(lambda x: len(x.data) < size)),
            (b"LARGER %d" % size, by_letter(lambda x: len(x.data) > size)),
            (b"SUBJECT " + part, by_letter(lambda x: part in x.subject)),
            (b"BODY " + part, by_letter(lambda x: part in x.text)),
            (b"TEXT " + part, by_letter(lambda x: part in x.text or part in x.subject)),
            (b"SENTBEFORE " + date, by_letter(lambda x: x.day < day)),
            (b"SENTON " + date, by_letter(lambda x: x.day == day)),
            (b"SENTSINCE " + date, by_letter(lambda x: x.day >= day)),
            (b"BEFORE " + date, by_date(lambda d: d < day)),
            (b"ON " + date, by_date(lambda d: d == day)),
            (b"SINCE " + date, by_date(lambda d: d >= day)),
            (b",".join(b"%d" % n for n in numbers), lambda n, _: n in numbers),
            (b"KEYWORD " + self.keyword, lambda _, told: told.mine if not told.asked else None)])

    def do_sort(self):
        if self.state == "SELECTED" and self.view.messages:
            keys = self.dice.choice([b"SIZE", b"ARRIVAL", b"DATE", b"SUBJECT", b"FROM", b"REVERSE TO CC", b"CC REVERSE SIZE"])
            which = self.dice.choice([b"ALL", b"FLAGGED", b"1:%d" % self.dice.randint(1, len(self.view.messages))])
            self.say("SORT", b"SORT (%s) US-ASCII %s" % (keys, which), all=list(self.view.messages))

    def do_thread(self):
        if self.state == "SELECTED" and self.view.messages:
            self.say("THREAD", b"THREAD %s US-ASCII ALL" % self.dice.choice([b"REFERENCES", b"ORDEREDSUBJECT"]), all=list(self.view.messages))

    def do_copy(self, verb=b"COPY"):
        if self.state == "SELECTED" and self.view.messages and len(self.view.messages) < 2 * MESSAGES_AIM:
            first = self.dice.randint(1, len(self.view.messages))
            last = min(len(self.view.messages), first + self.dice.randrange(5))
            to = self.dice.choice([COPIES, COPIES, COPIES, INBOX])
            self.say("COPY", b"%s %d:%d %s" % (verb, first, last, to), to=to)

    def do_move(self):
        self.do_copy(b"MOVE")

    def do_store(self):
        self.store("STORE", 10)

    def do_delete(self):
        count = len(self.view.messages) if self.view else 0
        self.store("DELETE", count - MESSAGES_AIM if count > MESSAGES_AIM + 5 else 4)

    def store(self, name, most):
        which, numbers = self.some(most)
        if not which:
            return
        silent = self.dice.random() < 0.3
        sign, flags, mine = b"+", [b"\\Deleted"], None
        if name == "STORE":
            sign = self.dice.choice([b"+", b"-"])
            flags = [f for f in [b"\\Seen", b"\\Answered", b"\\Flagged", b"\\Draft"] if self.dice.random() < 0.4]
            flags += [f for f in LABELS if self.dice.random() < 0.25]
            if self.dice.random() < 0.5:
                flags, mine = flags + [self.keyword], sign == b"+"
                for told in numbers:
                    told.mine = None  # until it is answered
        self.say(name, b"STORE %s %sFLAGS%s (%s)" % (which, sign, b".SILENT" if silent else b"", b" ".join(flags)), numbers,
                 silent=silent, mine=mine, answers=[told.answers for told in numbers])

    def do_expunge(self):
        if self.state == "SELECTED" and self.view.messages:
            self.say("EXPUNGE", b"EXPUNGE")

    def letter(self):
        """A new one, and its Message-ID."""
        self.letters += 1
        dice, message_id = self.dice, b"<%d.%d@pressure.example>" % (self.letters, self.number)
        day = dice.randrange(13000, 13040)
        sent = time.strftime("%d %b %Y 12:00:00 +0000", time.gmtime(day * DAY)).encode()
        subject = b" ".join(dice.sample(WORDS, dice.randint(1, 3)))
        lines = b"".join(b" ".join(dice.choice(WORDS) for _ in range(8)) + b"\r\n" for _ in range(dice.choice([1, 2, 30])))
        head = b"From: Ann %d <ann@pressure.example>\r\nTo: bob@pressure.example,\r\n carol@pressure.example\r\nDate: %s\r\nSubject: %s\r\n" % (
            self.number, sent, subject)
        if dice.random() < 0.4 and self.user.letters:
            head += b"References: %s\r\n" % dice.choice(list(self.user.letters)[-50:])
        head += b"Message-ID: %s\r\n" % message_id
        if dice.random() < 0.4:
            head += b"Content-Type: multipart/mixed; boundary=x\r\n"
            lines = b"--x\r\n\r\n%s\r\n--x\r\nContent-Type: text/html\r\n\r\n<p>%s</p>\r\n--x--\r\n" % (lines, dice.choice(WORDS))
        data = head + b"\r\n" + lines
        self.user.letters[message_id] = Letter(data, subject, None, day)
        return message_id, data

    def do_append(self):
        if len(self.view.messages if self.view else self.user.shared.letter_of) >= MESSAGES_AIM and self.state == "SELECTED":
            return
        ids, text = [], b"APPEND INBOX"
        for _ in range(2 if self.dice.random() < 0.1 else 1):
            message_id, data = self.letter()
            ids.append(message_id)
            if self.dice.random() < 0.5:
                text += b" (%s)" % b" ".join(f for f in [b"\\Seen", b"\\Flagged", LABELS[0], LABELS[1]] if self.dice.random() < 0.5)
            if self.dice.random() < 0.5:
                text += time.strftime(' "%d-%b-%Y 10:20:30 +0000"', time.gmtime(self.dice.randrange(13000, 13040) * DAY)).encode()
            text += b" {%d+}\r\n%s" % (len(data), data)
        if len(ids) == 1 and self.dice.random() < 0.3:
            text, _, self.left_of = text.partition(b"+}\r\n")
            self.left_of += b"\r\n"
            text += b"}"
        self.say("APPEND", text, ids=ids)

    def do_noop(self):
        self.say("NOOP", b"NOOP")

    def do_check(self):
        if self.state == "SELECTED":
            self.say("CHECK", b"CHECK")

    def do_idle(self):
        if not any(c.name == "IDLE" for c in self.pending):
            self.left_of = b""
            self.say("IDLE", b"IDLE")

    def do_close(self):
        if self.state == "SELECTED":
            self.say("CLOSE", self.dice.choice([b"CLOSE", b"UNSELECT"]))

    def do_logout(self):
        self.leaving = True
        if not self.pending:
            self.keep_cache()
        self.say("LOGOUT", b"LOGOUT")

    def do_disconnect(self):
        """In the middle of whatever is under way, perhaps of a command."""
        if not self.pending:
            self.keep_cache()
        if self.dice.random() < 0.4:
            self.out += self.dice.choice([b"x1 FETCH 1:* (UI", b"x1 APPEND INBOX {500+}\r\nSubject: half\r\n\r\n", b"x1 SEARCH {9+}\r\nSUB"])
        self.flush()
        self.begin()

    def tick(self, now):
        if self.done_at and now >= self.done_at:
            self.done_at = None
            self.out += b"DONE\r\n"
            self.flush()
        if now - self.heard > SILENCE:
            raise Failure(f"nothing for {SILENCE} s: {[c.said[:80] for c in self.pending]} {self.state}")


def either(a, b):
    return True if a or b else None if a is None or b is None else False


def opposite(a):
    return None if a is None else not a


def day_of(date):
    """Of an INTERNALDATE as told, in its own zone."""
    return calendar.timegm(time.strptime(date.decode()[:11].strip(), "%d-%b-%Y")) // DAY


class Run:
    def __init__(self, options, server):
        self.options, self.server = options, server
        self.selector = selectors.DefaultSelector()
        self.counts, self.sessions, self.stopping = {}, 0, False
        self.users = [User(*server.alias(f"user{n}")) for n in range(options.users)]
        for user in self.users:
            with raw_imap(server, user.address.decode()) as admin:
                admin.good(b"CREATE " + COPIES)
        self.clients = [Client(self, n) for n in range(options.clients)]

    def count(self, name):
        self.counts[name] = self.counts.get(name, 0) + 1

    def turn(self):
        for key, events in self.selector.select(0.02):
            self.guard(key.data, lambda client, e=events: (client.flush() if e & selectors.EVENT_WRITE else None,
                                                           client.readable() if e & selectors.EVENT_READ else None))
        now = time.monotonic()
        for client in self.clients:
            self.guard(client, lambda c: c.tick(now))

    def guard(self, client, what):
        try:
            what(client)
        except Exception as error:  # whatever it is, it fails the test
            log = "\n".join(f"    {line!r}" for line in client.log[-30:])
            raise Failure(f"seed {self.options.seed}, client {client.number} (qresync {client.qresync}): {type(error).__name__} {error}\n{log}") from error

    def checkpoint(self):
        """All finish, say CHECK, and agree."""
        self.stopping = True
        self.drain()
        for client in self.clients:
            if client.state == "SELECTED" and not client.leaving:
                client.say("CHECK", b"CHECK")
                client.flush()
        self.drain()
        for client in self.clients:
            if client.state == "SELECTED" and client.view.messages and not client.leaving:
                self.guard(client, lambda c: c.view.readwrite and self.agree_alone(c))
        self.drain()
        for user in self.users:
            self.agree(user, [c for c in self.clients if c.user is user and c.state == "SELECTED" and not c.leaving])
        self.stopping = False
        for client in self.clients:
            client.go_on()

    @staticmethod
    def agree_alone(client):
        """What we were told of is what FETCH now says."""
        client.known = [(t.uid, t.flags) for t in client.view.messages]
        client.say("FETCH", b"FETCH 1:* (UID FLAGS)", list(client.view.messages))
        client.flush()

    def drain(self):
        while any(c.pending or c.state in ("GREETING", "LOGIN") for c in self.clients if c.sock):
            self.turn()

    def agree(self, user, clients):
        with raw_imap(self.server, user.address.decode()) as admin:
            status = admin.good(b"STATUS INBOX (MESSAGES UNSEEN UIDNEXT)")[0]
            copies = admin.good(b"STATUS %s (MESSAGES)" % COPIES)[0]
            if int(re.search(rb"MESSAGES (\d+)", copies).group(1)) > COPIES_MAX:
                admin.good(b"DELETE " + COPIES)
                admin.good(b"CREATE " + COPIES)
        messages, unseen, uidnext = (int(re.search(b"%s (\\d+)" % w, status).group(1)) for w in (b"MESSAGES", b"UNSEEN", b"UIDNEXT"))
        said, recent = None, 0
        for client in clients:
            self.guard(client, lambda c: self.agree_with(c, messages, unseen, uidnext))
            now = [(t.uid, t.flags - {b"\\recent"}) for t in client.view.messages]
            if said is not None and said != now:
                raise Failure(f"checkpoint: {client.session} has {now}, another {said}")
            said, recent = now, recent + client.view.recent
            self.count("CHECKPOINT")
        if recent > messages:
            raise Failure(f"checkpoint: {recent} are RECENT of {messages}")

    @staticmethod
    def agree_with(client, messages, unseen, uidnext):
        view = client.view
        if len(view.messages) != messages:
            raise Failure(f"checkpoint: {len(view.messages)} messages, STATUS says {messages}")
        if not messages:
            return
        for told, (uid, flags) in zip(view.messages, client.known, strict=True):
            if uid not in (None, told.uid) or flags not in (None, told.flags):
                raise Failure(f"checkpoint: was told of {uid} {flags}, is {told.uid} {told.flags}")
        recent = sum(b"\\recent" in t.flags for t in view.messages)
        seen = sum(b"\\seen" in t.flags for t in view.messages)
        if recent != view.recent or messages - seen != unseen or view.messages[-1].uid >= uidnext:
            raise Failure(f"checkpoint: {recent} \\Recent, RECENT said {view.recent}; {messages - seen} unseen, STATUS {unseen}; {uidnext}")

    def play(self):
        for client in self.clients:
            client.begin()
        end, check = time.monotonic() + self.options.seconds, time.monotonic() + self.options.checkpoint
        while time.monotonic() < end:
            self.turn()
            if self.options.checkpoint and time.monotonic() >= check:
                self.checkpoint()
                check = time.monotonic() + self.options.checkpoint
        self.checkpoint()
        for client in self.clients:
            client.end()
        return dict(self.counts, sessions=self.sessions)


def parse(words):
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--clients", type=int, default=30)
    parser.add_argument("--users", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--checkpoint", type=float, default=2)
    parser.add_argument("--order", choices=["turn", "random"], default="turn")
    parser.add_argument("--mix", choices=["all", "plain"], default="all")
    parser.add_argument("--qresync", type=float, default=0.3)
    parser.add_argument("--build", default=None)
    return parser.parse_args(words)


def play(*words):
    options = parse(words)
    with Server(build=options.build) as server:
        return Run(options, server).play()


def test_in_turn():
    counts = play("--seconds", "5", "--clients", "12", "--checkpoint", "1")
    assert counts["sessions"] > 24 and counts["CHECKPOINT"] > 10 and counts["EXPUNGE"] > 50, counts


def test_at_random():
    counts = play("--seconds", "5", "--clients", "12", "--checkpoint", "1", "--order", "random", "--seed", "2")
    assert counts["CHECKPOINT"] > 10 and counts["SEARCH"] > 20 and counts["APPEND"] > 20, counts


def main():
    counts = play(*sys.argv[1:])
    print(", ".join(f"{name} {count}" for name, count in sorted(counts.items())))


if __name__ == "__main__":
    main()

"""A mailbox as one client knows it from what it is told, and what all clients know together. Everything that cannot be true is a Failure.

RFC 3501 sections 2.3.1, 5.2, 5.5 and 7; RFC 7162 for mod-sequences and VANISHED; RFC 4315 for APPENDUID and COPYUID."""
import re

from letterlock import Failure

SYSTEM = {b"\\seen", b"\\answered", b"\\flagged", b"\\deleted", b"\\draft", b"\\recent"}
WORD = re.compile(rb'"(?:[^"\\]|\\.)*"|\{(\d+)\}\r\n|[()]|[^ ()"{]+| ')
NAME = re.compile(rb"[A-Z0-9.]+(?:\[[^\]]*\](?:<\d+>)?)?")


def value_at(data, at):
    """One value: (its bytes, where it ends). A list is given as it stands, a string without its quotes, NIL as None."""
    start, depth = at, 0
    while True:
        found = WORD.match(data, at)
        if not found:
            raise Failure(f"not a value: {data[at:at + 60]!r}")
        word, at = found.group(0), found.end()
        if found.group(1):
            at += int(found.group(1))
        depth += (word == b"(") - (word == b")")
        if depth > 0:
            continue
        if found.group(1):
            return (data[start:at] if word == b")" else data[found.end():at]), at
        if word == b")":
            return data[start:at], at
        if word.startswith(b'"'):
            return re.sub(rb"\\(.)", rb"\1", word[1:-1]), at
        return (None if word.upper() == b"NIL" else word), at


def fetch_items(data):
    """The pairs of a FETCH response, "(" ... ")"."""
    at = 1
    while data[at:at + 1] != b")":
        found = NAME.match(data, at)
        if not found:
            raise Failure(f"not an item: {data[at:at + 60]!r}")
        value, at = value_at(data, found.end() + 1)
        yield found.group(0), value
        if data[at:at + 1] == b" ":
            at += 1


def unpack(ranges):
    found = []
    for part in ranges.split(b","):
        first, _, last = part.partition(b":")
        first, last = int(first), int(last or first)
        found += range(min(first, last), max(first, last) + 1)
    return found


class Letter:
    """What was put in: all its copies must look like it."""

    def __init__(self, data, subject, date, day):
        self.data, self.subject, self.date = data, subject, date  # date: INTERNALDATE as the client gave it, or None
        self.day = day                                             # of the Date field, as days since 1970
        head = data.index(b"\r\n\r\n") + 4
        self.header, self.text = data[:head], data[head:]
        self.fields = {}                                           # what HEADER.FIELDS said, by name
        self.seen = {}                                             # ENVELOPE, BODY, BODYSTRUCTURE, BODY[1], by name


class Shared:
    """What is true for all clients of one mailbox."""

    def __init__(self, letters):
        self.letters = letters      # Message-ID -> Letter
        self.letter_of = {}         # UID -> Message-ID
        self.date_of = {}           # UID -> INTERNALDATE as told
        self.recent_of = {}         # UID -> the session that has it as \Recent
        self.gone = set()           # UIDs that someone was told are expunged
        self.validity = None

    def identify(self, uid, message_id):
        was = self.letter_of.setdefault(uid, message_id)
        if was != message_id:
            raise Failure(f"UID {uid} was {was!r} and is {message_id!r}")
        if message_id not in self.letters:
            raise Failure(f"UID {uid} is {message_id!r}, which nobody has sent")

    def letter(self, uid):
        return self.letters.get(self.letter_of.get(uid))

    def same_always(self, uid, name, value):
        letter = self.letter(uid)
        if letter and letter.seen.setdefault(name, value) != value:
            raise Failure(f"UID {uid}: {name!r} was {letter.seen[name]!r}, is {value!r}")


class Told:
    """One message in one view."""

    def __init__(self, uid=None):
        self.uid, self.flags, self.modseq = uid, None, 0
        self.asked = 0    # commands under way that name it by number
        self.mine = None  # is our own keyword set? Nobody else sets it
        self.answers = 0  # FETCH FLAGS that came


class View:
    """One session's mailbox. session: a number that no other has; keyword: the one that only this client sets."""

    def __init__(self, shared, session, keyword):
        self.shared, self.session, self.keyword = shared, session, keyword
        self.messages, self.keywords, self.permanent = [], None, None
        self.recent = self.uidnext = self.highest = 0
        self.readwrite = False
        self.vanishing = False

    def exists(self, count):
        if count < len(self.messages):
            raise Failure(f"EXISTS went down from {len(self.messages)} to {count}")
        self.messages += [Told() for _ in range(count - len(self.messages))]

    def at(self, number):
        if not 1 <= number <= len(self.messages):
            raise Failure(f"number {number}, there are {len(self.messages)}")
        return self.messages[number - 1]

    def expunge(self, number):
        told = self.at(number)
        if told.asked:
            raise Failure(f"EXPUNGE of {number}, UID {told.uid}, which a command under way names")
        if told.uid:
            self.shared.gone.add(told.uid)
        del self.messages[number - 1]

    def vanished(self, uids, earlier):
        if not self.vanishing:
            raise Failure("VANISHED, and nobody enabled QRESYNC")
        for uid in uids:
            numbers = [number for number, told in enumerate(self.messages, 1) if told.uid == uid] or self.unknown_at(uid)
            for number in numbers[1:] and numbers:  # which one went we cannot know, so what we know of them is nothing
                self.messages[number - 1].flags = self.messages[number - 1].mine = None
            if numbers:
                self.expunge(numbers[-1])
            elif not earlier:
                raise Failure(f"VANISHED {uid}, which is not there")

    def unknown_at(self, uid):
        """The numbers whose UID we do not know, where this one can stand."""
        first = max((n for n, told in enumerate(self.messages, 1) if told.uid and told.uid < uid), default=0)
        last = min((n for n, told in enumerate(self.messages, 1) if told.uid and told.uid > uid), default=len(self.messages) + 1)
        return list(range(first + 1, last))

    def told_flags(self, flags):
        keywords = set(flags) - SYSTEM
        if {f for f in flags if f.startswith(b"\\")} - SYSTEM:
            raise Failure(f"FLAGS of system flags unknown: {flags}")
        used = {f for told in self.messages for f in told.flags or ()} - SYSTEM
        if used - keywords:
            raise Failure(f"keywords no longer in FLAGS, still used: {used - keywords}")
        self.keywords = keywords

    def told_permanent(self, flags):
        keywords = {f for f in flags if not f.startswith(b"\\")}
        if self.keywords is None or keywords - self.keywords:
            raise Failure(f"PERMANENTFLAGS not in FLAGS: {keywords - (self.keywords or set())}")
        self.permanent = keywords

    def fetch(self, number, data):
        told = self.at(number)
        items = list(fetch_items(data))
        for name, value in items:
            if name == b"UID":
                self.take_uid(number, told, int(value))
        for name, value in items:
            if name == b"FLAGS":
                self.take_flags(told, value[1:-1].lower().split())
            elif name == b"MODSEQ":
                self.take_modseq(told, int(value[1:-1]))
            elif told.uid and name != b"UID":
                self.take_content(told.uid, name, value)

    def take_uid(self, number, told, uid):
        if told.uid not in (None, uid):
            raise Failure(f"number {number} was UID {told.uid}, is {uid}")
        if told.uid is None:
            below = next((t.uid for t in reversed(self.messages[:number - 1]) if t.uid), 0)
            above = next((t.uid for t in self.messages[number:] if t.uid), 1 << 32)
            if not below < uid < above:
                raise Failure(f"number {number} is UID {uid}, between {below} and {above}")
            told.uid = uid

    def take_flags(self, told, flags):
        if len(set(flags)) != len(flags):
            raise Failure(f"a flag twice: {flags}")
        flags = set(flags)
        unknown = flags - SYSTEM - (self.keywords or set())
        if unknown:
            raise Failure(f"keywords used, not in FLAGS: {unknown}")
        if told.mine is not None and (self.keyword in flags) != told.mine:
            raise Failure(f"UID {told.uid}: {flags}, after our own STORE of {self.keyword!r}: {told.mine}")
        if b"\\recent" in flags and told.uid and self.readwrite:
            owner = self.shared.recent_of.setdefault(told.uid, self.session)
            if owner != self.session:
                raise Failure(f"UID {told.uid} is \\Recent in sessions {owner} and {self.session}")
        told.flags = flags
        told.answers += 1

    def take_modseq(self, told, modseq):
        if modseq < told.modseq or modseq < 1:
            raise Failure(f"UID {told.uid}: mod-sequence {told.modseq} became {modseq}")
        told.modseq = modseq
        self.highest = max(self.highest, modseq)

    def take_content(self, uid, name, value):
        shared = self.shared
        if name == b"INTERNALDATE":
            if shared.date_of.setdefault(uid, value) != value:
                raise Failure(f"UID {uid}: INTERNALDATE was {shared.date_of[uid]!r}, is {value!r}")
            return
        if value is None and name.startswith((b"BODY[", b"RFC822")):
            if uid not in shared.gone:
                raise Failure(f"UID {uid}: {name!r} is NIL")
            return
        if name == b"ENVELOPE":
            shared.identify(uid, re.search(rb'"(<[^"]*>)"\)$', value).group(1))
        elif name in (b"BODY[]", b"BODY[HEADER]", b"RFC822", b"RFC822.HEADER"):
            shared.identify(uid, re.search(rb"(?im)^Message-ID: (<.*>)\r$", value).group(1))
        letter = shared.letter(uid)
        if not letter:
            return
        want = {b"BODY[]": letter.data, b"RFC822": letter.data, b"BODY[HEADER]": letter.header,
                b"RFC822.HEADER": letter.header, b"BODY[TEXT]": letter.text, b"RFC822.TEXT": letter.text,
                b"RFC822.SIZE": b"%d" % len(letter.data)}.get(name)
        if want is not None and want != value:
            raise Failure(f"UID {uid}: {name!r} is {value[:300]!r}, was sent as {want[:300]!r}")
        if name.startswith(b"BODY[HEADER.FIELDS"):
            self.take_fields(uid, letter, name, value)
        elif want is None:
            shared.same_always(uid, name, value)

    def take_fields(self, uid, letter, name, value):
        asked = name[name.index(b"(") + 1:name.index(b")")].lower().split()
        fields = re.findall(rb"(?m)^[^\r\n]+\r\n(?:[ \t][^\r\n]*\r\n)*", letter.header)
        want = b"".join(f for f in fields if f.split(b":")[0].strip().lower() in asked) + b"\r\n"
        if value != want:
            raise Failure(f"UID {uid}: {name!r} is {value!r}, the header has {want!r}")

    def uids(self):
        return [told.uid for told in self.messages]

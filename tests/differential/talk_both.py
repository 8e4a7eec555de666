"""The same conversation with two servers, and what of their replies is left when all that may differ is taken away.

Taken away: the text of OK, NO and BAD; UIDVALIDITY, mod-sequences, object ids; the order of flags, of FETCH items and of
untagged replies to one command; keywords in FLAGS; several FETCH of one message; quoted or literal; how removals are numbered (turned into the numbers before any of
them). What is left is compared line by line, and what differs must stand in table.md."""
import os
import re

import letterlock


class Peer:
    """One server: sessions by name, logged in as one user."""

    def __init__(self, server, user, password):
        self.server, self.user, self.password = server, user, password
        self.sessions = {}

    def session(self, name):
        if name not in self.sessions:
            lines = letterlock.Lines(self.server, "imap")
            lines.line()
            lines.good(f'LOGIN "{self.user}" "{self.password}"'.encode())
            self.sessions[name] = lines
        return self.sessions[name]

    def close(self):
        for lines in self.sessions.values():
            lines.sock.close()
        self.sessions = {}


def tokens(data):
    """A response as nested lists: atoms as bytes, strings as str (latin-1), lists as list."""
    stack, at = [[]], 0
    while at < len(data):
        c = data[at:at + 1]
        if c == b" ":
            at += 1
        elif c == b"(":
            stack.append([])
            at += 1
        elif c == b")":
            done = stack.pop()
            stack[-1].append(done)
            at += 1
        elif c == b'"':
            end, text = at + 1, b""
            while data[end:end + 1] != b'"':
                if data[end:end + 1] == b"\\":
                    end += 1
                text += data[end:end + 1]
                end += 1
            stack[-1].append(text.decode("latin-1"))
            at = end + 1
        elif c == b"{" and re.match(rb"\{(\d+)\}\r\n", data[at:]):
            head = re.match(rb"\{(\d+)\}\r\n", data[at:])
            at += head.end()
            size = int(head.group(1))
            stack[-1].append(data[at:at + size].decode("latin-1"))
            at += size
        else:
            word = re.match(rb'(?:BODY|BINARY)[^ ()]*\[[^\]]*\](?:<\d+>)?|[^ ()"]+', data[at:])
            stack[-1].append(word.group(0))
            at += word.end()
    return stack[0]


def plain(value):
    if isinstance(value, list):
        return "(" + " ".join(plain(v) for v in value) + ")"
    return value.decode("latin-1") if isinstance(value, bytes) else repr(value)


def system_flags(value):
    """FLAGS and PERMANENTFLAGS: servers differ in when a keyword begins to exist; the model test watches those."""
    return flags([v for v in value if plain(v).startswith("\\")])


def flags(value):
    return "(" + " ".join(sorted(plain(v).lower() for v in value)) + ")"


def code_of(line):
    """Of a status response: its code, without what is the server's own."""
    found = re.match(rb"\[([^\]]*)\]", line)
    if not found:
        return ""
    code = found.group(1).decode("latin-1")
    word = code.split(" ")[0]
    if word in ("UIDVALIDITY", "HIGHESTMODSEQ", "MAILBOXID", "CAPABILITY"):
        return word
    if word in ("APPENDUID", "COPYUID"):
        return " ".join([word, "#"] + code.split(" ")[2:])
    if word == "PERMANENTFLAGS":
        return word + " " + system_flags(tokens(code.encode("latin-1"))[1])
    return code


def fetch(parts):
    items, said = {}, parts[3]  # of one message
    for name, value in zip(said[::2], said[1::2]):
        name = plain(name).upper() if "[HEADER.FIELDS" in plain(name).upper() else plain(name)
        items[name] = flags(value) if name == "FLAGS" else "#" if name == "MODSEQ" else plain(value)
    return int(parts[1]), items


def normal(response):
    """One untagged response; None: of no interest."""
    line = response[2:] if response.startswith(b"* ") else response
    word = line.split(b" ")[0].upper()
    if word in (b"OK", b"NO", b"BAD", b"BYE"):
        code = code_of(line[len(word) + 1:])
        return None if not code else f"{word.decode()} [{code}]"
    if word == b"CAPABILITY" or word == b"ID":
        return None
    parts = tokens(response)
    if len(parts) > 2 and parts[2] == b"FETCH":
        return fetch(parts)
    if word == b"FLAGS":
        return "FLAGS " + system_flags(parts[2])
    if word == b"LIST" or word == b"LSUB":
        name = parts[4] if isinstance(parts[4], str) else parts[4].decode("latin-1")
        return f"{word.decode()} {flags(parts[2])} {plain(parts[3])} {name}"
    if word == b"STATUS":
        name = parts[2] if isinstance(parts[2], str) else parts[2].decode("latin-1")
        pairs = sorted(f"{plain(k)} {plain(v) if plain(k) not in ('UIDVALIDITY', 'HIGHESTMODSEQ', 'MAILBOXID') else '#'}"
                       for k, v in zip(parts[3][::2], parts[3][1::2]))
        return f"STATUS {name} " + " ".join(pairs)
    text = " ".join(plain(p) for p in parts[1:])
    return re.sub(r"\(MODSEQ \d+\)|MODSEQ \d+", "MODSEQ #", re.sub(r"\(TAG '[^']*'\)", "(TAG)", text))


def merged(responses):
    """All that was said of one message in one command is one: data, and the flags that changed by it."""
    of_message, rest = {}, []
    for response in responses:
        if isinstance(response, tuple):
            of_message.setdefault(response[0], {}).update(response[1])
        else:
            rest.append(response)
    return rest + [f"{n} FETCH " + " ".join(f"{k}={items[k]}" for k in sorted(items)) for n, items in of_message.items()]


def removals(responses):
    """EXPUNGE numbers as they were before any of them."""
    gone, rest = [], []
    for response in responses:
        found = re.match(r"(\d+) EXPUNGE$", response)
        if not found:
            rest.append(response)
            continue
        number = int(found.group(1))
        for old in sorted(gone):
            if old <= number:
                number += 1
        gone.append(number)
    return rest + ([f"EXPUNGE of {sorted(gone)}"] if gone else [])


def say(peer, step):
    """A step is "s COMMAND", s the session; {text} with a line break inside is a literal. The lines of its reply."""
    name, command = step.split(" ", 1)
    lines = peer.session(name)
    data = command.encode("latin-1")
    pieces = re.split(rb"\{\{(.*?)\}\}", data, flags=re.S)
    out = b"t "
    for i, piece in enumerate(pieces):
        out += b"{%d+}\r\n" % len(piece) + piece if i % 2 else piece
    try:
        lines.send(out + b"\r\n")
        untagged = []
        while True:
            response = lines.response()
            if response.startswith(b"+ "):
                lines.send(b"DONE\r\n" if command == "IDLE" else b"*\r\n")
                continue
            if response.startswith(b"t "):
                break
            untagged.append(response)
    except (letterlock.Failure, OSError):
        peer.sessions.pop(name, None)
        return ["closed"]
    tail = response[2:]
    state = tail.split(b" ")[0].decode()
    code = code_of(tail[len(state) + 1:])
    got = removals(merged([n for n in (normal(u) for u in untagged) if n]))
    if not re.search("SELECT|EXAMINE", command):
        got = [line for line in got if not re.match(r"FLAGS |OK \[PERMANENTFLAGS", line)]
    return sorted(got) + [state + (f" [{code}]" if code else "")]


def compare(name, steps, ours, theirs):
    """(key, step, our lines, their lines) for each step that differs."""
    found = []
    for number, step in enumerate(steps, 1):
        step = step.replace("\n", "\r\n")
        a, b = say(ours, step), say(theirs, step)
        if a != b:
            found.append((f"{name}:{number}", step, [x for x in a if x not in b], [x for x in b if x not in a]))
    return found


RULES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "table.md")


def rules():
    """The explained differences: (id, side, pattern of the step, pattern of the line)."""
    found = []
    with open(RULES, encoding="utf-8") as file:
        for line in file:
            cells = [c.strip() for c in line.strip().strip("|").replace("\\|", "\0").split("|")]
            if re.match(r"D\d+$", cells[0]) and len(cells) >= 5:
                strip = [c.replace("\0", "|").strip("`") for c in cells]
                found.append((strip[0], strip[1], re.compile(strip[2]), re.compile(strip[3])))
    return found


def unexplained(found, known, used):
    """Take away the lines that the table explains; what is left."""
    left = []
    for key, step, a, b in found:
        sides = {"ours": list(a), "theirs": list(b)}
        for rule, side, of_step, of_line in known:
            if not of_step.search(step):
                continue
            for where in ("ours", "theirs") if side == "both" else (side,):
                kept = [x for x in sides[where] if not of_line.search(x)]
                if len(kept) != len(sides[where]):
                    used.add(rule)
                sides[where] = kept
        if sides["ours"] or sides["theirs"]:
            left.append((key, step, sides["ours"], sides["theirs"]))
    return left

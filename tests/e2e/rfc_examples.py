"""Examples of RFCs that need what a conversation file cannot do: compare one answer with another."""
import random
import re

from letterlock import Server, raw_imap


def append(client, mailbox, message, flags=""):
    client.good(f"APPEND {mailbox} {flags}{{{len(message)}+}}\r\n".encode() + message)


def status_id(client, mailbox):
    line = client.good(f"STATUS {mailbox} (MAILBOXID)".encode())[0]
    return re.search(rb"MAILBOXID \(([A-Za-z0-9_-]{1,255})\)", line)[1]


def test_objectid():
    """RFC 8474 sections 4 and 5."""
    with Server() as server:
        client = raw_imap(server, server.alias("ann")[0])
        made = [client.command(b"CREATE " + name)[1] for name in (b"foo", b"bar", b"foo")]
        ids = [re.fullmatch(rb"t OK \[MAILBOXID \(([A-Za-z0-9_-]+)\)\] .*", line)[1] for line in made[:2]]
        assert ids[0] != ids[1] and made[2].startswith(b"t NO"), made
        assert any(b"* OK [MAILBOXID (" + ids[0] + b")]" in line for line in client.good(b'SELECT "foo"'))
        assert [status_id(client, "foo"), status_id(client, "bar")] == ids
        client.good(b"RENAME foo renamed")
        assert [status_id(client, "renamed"), status_id(client, "bar")] == ids
        listed = client.good(b'LIST "" "*" RETURN (STATUS (MAILBOXID))')
        assert sum(line.startswith(b"* STATUS") for line in listed) == sum(line.startswith(b"* LIST") for line in listed)
        client.good(b"CREATE foo")
        assert status_id(client, "foo") not in ids  # not used again

        append(client, "INBOX", b"Subject: Message A\r\nMessage-ID: <fake.1@example.com>\r\n\r\na\r\n")
        append(client, "INBOX", b"Subject: Re: Message A\r\nMessage-ID: <fake.2@example.org>\r\n"
                                b"References: <fake.1@example.com>\r\n\r\nb\r\n")
        append(client, "INBOX", b"Subject: Message C\r\nMessage-ID: <fake.3@example.com>\r\n\r\nc\r\n")
        client.good(b"SELECT INBOX")
        row = re.compile(rb"\* (\d+) FETCH \(EMAILID \(([A-Za-z0-9_-]+)\) THREADID \(([A-Za-z0-9_-]+)\)\)")
        rows = [row.fullmatch(line).groups() for line in client.good(b"FETCH 1:* (EMAILID THREADID)")]
        assert len({one[1] for one in rows}) == 3 and rows[0][2] == rows[1][2] != rows[2][2], rows
        client.good(b"MOVE 2 foo")
        left = [row.fullmatch(line).groups()[1:] for line in client.good(b"FETCH 1:* (EMAILID THREADID)")]
        assert left == [rows[0][1:], rows[2][1:]], left
        assert client.good(b"SEARCH EMAILID " + rows[0][1])[0] == b"* SEARCH 1"
        assert client.good(b"SEARCH THREADID " + rows[0][2])[0] == b"* SEARCH 1"
        assert client.good(b"SEARCH EMAILID " + rows[1][1])[0] == b"* SEARCH"
        client.good(b'SELECT "foo"')
        moved = [row.fullmatch(line).groups()[1:] for line in client.good(b"FETCH 1:* (EMAILID THREADID)")]
        assert moved == [rows[1][1:]], moved
        client.good(b"COPY 1 bar")
        client.good(b"SELECT bar")
        copied = [row.fullmatch(line).groups()[1:] for line in client.good(b"FETCH 1:* (EMAILID THREADID)")]
        assert copied == moved, (copied, moved)  # the same content


def test_many_addresses():
    """What Outlook and imapfilter send for a list of addresses: one OR in the other, to the right, to the left, in parentheses."""
    dice = random.Random(5)
    with Server() as server:
        client = raw_imap(server, server.alias("ann")[0])
        people = [f"person{n}@host{n % 7}.example" for n in range(800)]
        senders = [dice.choice(people) for _ in range(150)]
        for sender in senders:
            append(client, "INBOX", f"From: <{sender}>\r\nSubject: x\r\n\r\ny\r\n".encode())
        client.good(b"SELECT INBOX")
        wanted = dice.sample(people, 500)
        found = [n + 1 for n, sender in enumerate(senders) if sender in wanted]
        assert 50 < len(found) < 140, len(found)
        keys = [f"FROM {one}" for one in wanted]
        shapes = {
            "right": " ".join(f"OR {one}" for one in keys[:-1]) + " " + keys[-1],
            "left": "OR " * (len(keys) - 1) + " ".join(keys),
            "parentheses": "".join(f"OR ({one}) (" for one in keys[:-1]) + keys[-1] + ")" * (len(keys) - 1),
        }
        for indexed in (False, True):  # before the messages are in the index, and (as a rule) after
            for name, criteria in shapes.items():
                line = client.good(f"SEARCH {criteria}".encode())[0]
                assert [int(n) for n in line.split()[2:]] == found, (name, indexed, line)
            others = client.good(f"SEARCH NOT ({shapes['right']})".encode())[0]
            assert len(others.split()) - 2 == len(senders) - len(found), others
        for hostile in ("NOT " * 30000 + "ALL", "(" * 30000 + "ALL" + ")" * 30000, "OR ALL " * 9000 + "ALL"):
            last = client.command(f"SEARCH {hostile}".encode())[1]
            assert last.startswith((b"t NO", b"t BAD")), last
        client.good(b"NOOP")

"""IMAP with Python's imaplib, and two clients in one mailbox (RFC 3501, 2177, 4315, 6851)."""
import email.utils
import imaplib
import re
import socket
import threading
import time

from corpus import message
from letterlock import Lines, Server, append, body_of, fetch_all, is_sanitized, raw_imap, same, wait_for
from skip import Skip

MESSAGE = (b"From: \"Ann, B.\" <a@elsewhere.example>\r\nTo: ann@example.com\r\nCc: c@x.example, Group: d@y.example;\r\n"
           b"Date: Mon, 1 Jan 2024 10:00:00 +0200\r\nSubject: =?iso-8859-1?Q?Gr=FC=DFe?=\r\nMessage-ID: <1@x.example>\r\nMIME-Version: 1.0\r\n"
           b"Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\npreamble\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
           b"f\xc3\xbcnf words\r\n--b\r\nContent-Type: application/pdf; name=x.pdf\r\nContent-Transfer-Encoding: base64\r\n"
           b"Content-Disposition: attachment; filename=x.pdf\r\n\r\nQUJDRA==\r\n--b--\r\n")


def simple(n):
    return b"From: s%d@elsewhere.example\r\nSubject: simple %d\r\n\r\nbody %d\r\n" % (n, n, n)


def filled(server, count=5, name="ann"):
    address, _ = server.alias(name)
    for n in range(1, count + 1):
        server.send(address, simple(n), lmtp=True)
    return address


def good(answer):
    kind, data = answer
    assert kind == "OK", data
    return data


def test_select_and_status():
    with Server() as server:
        ann = filled(server)
        client = server.imap(ann)
        assert good(client.select("INBOX")) == [b"5"]
        assert set(client.untagged_responses["FLAGS"][0].strip(b"()").split()) >= {
            rb"\Seen", rb"\Answered", rb"\Flagged", rb"\Deleted", rb"\Draft"}
        assert int(client.response("UIDNEXT")[1][0]) == 6 and int(client.response("UIDVALIDITY")[1][0]) > 0
        assert client.response("READ-WRITE")[0] == "READ-WRITE"
        assert rb"\*" in client.response("PERMANENTFLAGS")[1][0]
        good(client.close())
        assert good(client.select("INBOX", readonly=True)) == [b"5"]
        try:
            kind, _ = client.store("1", "+FLAGS", r"(\Seen)")
            assert kind == "NO"
        except imaplib.IMAP4.readonly:
            pass
        status = good(client.status("INBOX", "(MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)"))[0]
        assert b"MESSAGES 5" in status and b"UNSEEN 5" in status and b"UIDNEXT 6" in status, status
        assert client.select("Nowhere")[0] == "NO"
        assert client.state == "AUTH"  # RFC 3501 section 6.3.1: a failed SELECT leaves no mailbox selected
        client.logout()


def test_search():
    with Server() as server:
        ann = filled(server)
        server.send(ann, MESSAGE)
        client = server.imap(ann)
        good(client.select("INBOX"))
        good(client.store("2", "+FLAGS", r"(\Flagged keyword)"))
        for keys, wanted in (("ALL", b"1 2 3 4 5 6"), ("FLAGGED", b"2"), ("UNFLAGGED SUBJECT simple", b"1 3 4 5"), ("KEYWORD keyword", b"2"),
                             ("UNKEYWORD keyword SUBJECT SIMPLE", b"1 3 4 5"), ("OR FROM s1@ FROM s3@", b"1 3"), ("NOT BODY body", b"6"),
                             ('BODY "body 4"', b"4"), ("UID 3:4", b"3 4"), ("2,4:*", b"2 4 5 6"), ("*", b"6"), ("LARGER 600", b"6"),
                             ("SMALLER 600 UNSEEN", b"1 2 3 4 5"), ("SENTON 1-Jan-2024", b"6"), ("SENTBEFORE 1-Jan-2024", b""),
                             ("HEADER Message-ID 1@x", b"6"), ('HEADER Cc ""', b"6"), ("CC group", b"6"), ("BEFORE 1-Jan-2001", b""),
                             ("SINCE 1-Jan-2001 (OR UID 1 UID 5)", b"1 5"), ("TEXT elsewhere", b"1 2 3 4 5 6"), ("NEW", None), ("DRAFT", b"")):
            data = good(client.search(None, keys))
            assert wanted is None or data[0] == wanted, (keys, data)
        client.literal = "fünf".encode()
        assert good(client.search("UTF-8", "BODY")) == [b"6"]
        client.literal = "GRÜSSE".encode()
        assert good(client.search("UTF-8", "SUBJECT"))[0] in (b"", b"6")
        client.literal = "grüße".encode("iso-8859-1")
        assert good(client.search("ISO-8859-1", "SUBJECT")) == [b"6"]
        kind, data = client.search("NO-SUCH-CHARSET", "SUBJECT", "x")
        assert kind == "NO" and b"BADCHARSET" in data[0], data
        assert good(client.uid("SEARCH", "FLAGGED")) == [b"2"]
        client.logout()


def test_time_zone():
    """INTERNALDATE is said in the server's zone, and the days of SEARCH begin in it, summer time and all (RFC 3501 section 2.3.3)."""
    hours = [("24-Mar-2007 23:00:00 +0200", 24), ("25-Mar-2007 00:00:00 +0200", 25), ("25-Mar-2007 04:00:00 +0300", 25),
             ("25-Mar-2007 23:59:59 +0300", 25), ("26-Mar-2007 00:00:00 +0300", 26), ("25-Mar-2007 16:00:00 -0700", 26)]
    with Server(env={"TZ": "EET-2EEST,M3.5.0/3,M10.5.0/4"}) as server:
        ann, _ = server.alias("ann")
        lines = raw_imap(server, ann)
        for copies in (1, 60):  # 360: with so many, days are asked of the store first, which knows those of UTC
            lines.good(b"CREATE box%d" % copies)
            for _ in range(copies):
                lines.good(b"APPEND box%d" % copies + b"".join(b' "%s" {4+}\r\nx: y' % when.encode() for when, _ in hours))
            lines.good(b"SELECT box%d" % copies)
            for verb, fits in ((b"ON", lambda d, n: d == n), (b"BEFORE", lambda d, n: d < n), (b"SINCE", lambda d, n: d >= n)):
                for day in range(23, 28):
                    want = [n + 1 for n in range(len(hours) * copies) if fits(hours[n % len(hours)][1], day)]
                    found = lines.good(b"SEARCH %s %d-Mar-2007" % (verb, day))[0]
                    same([int(n) for n in found.split()[2:]], want, f"{verb} {day}, {copies} of each")
        dates = [re.search(rb'"([^"]*)"', row).group(1).decode() for row in lines.good(b"FETCH 1:6 INTERNALDATE")]
        same(dates, [when for when, _ in hours[:5]] + ["26-Mar-2007 02:00:00 +0300"])


def test_fetch():
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as lines:
            append(lines, b"INBOX", MESSAGE, b'(\\Seen) "02-Feb-2023 03:04:05 +0100"')
        client = server.imap(ann)
        good(client.select("INBOX"))
        [item] = good(client.fetch("1", "(FLAGS INTERNALDATE RFC822.SIZE UID)"))
        assert b'INTERNALDATE "02-Feb-2023 02:04:05 +0000"' in item or b'INTERNALDATE "02-Feb-2023 03:04:05 +0100"' in item, item
        assert b"RFC822.SIZE %d" % len(MESSAGE) in item and rb"\Seen" in item and b"UID 1" in item
        assert email.utils.mktime_tz(email.utils.parsedate_tz("Thu, 02 Feb 2023 03:04:05 +0100")) == int(
            time.mktime(imaplib.Internaldate2tuple(item)))
        [item] = good(client.fetch("1", "ENVELOPE"))
        assert b"".join(item.split()) == b"".join((
            b'1 (ENVELOPE ("Mon, 1 Jan 2024 10:00:00 +0200" "=?iso-8859-1?Q?Gr=FC=DFe?=" (("Ann, B." NIL "a" "elsewhere.example"))'
            b' (("Ann, B." NIL "a" "elsewhere.example")) (("Ann, B." NIL "a" "elsewhere.example")) ((NIL NIL "ann" "example.com"))'
            b' ((NIL NIL "c" "x.example")(NIL NIL "Group" NIL)(NIL NIL "d" "y.example")(NIL NIL NIL NIL)) NIL NIL "<1@x.example>"))').split()), item
        [item] = good(client.fetch("1", "BODYSTRUCTURE"))
        assert b'"text" "plain" ("charset" "utf-8") NIL NIL "7bit" 11 ' in item, item
        assert b'"application" "pdf" ("name" "x.pdf") nil nil "base64" 8' in item.lower() and b'("attachment" ("filename" "x.pdf"))' in item.lower()
        sections = {"BODY.PEEK[]": MESSAGE, "RFC822": MESSAGE, "BODY.PEEK[HEADER]": MESSAGE[:MESSAGE.index(b"\r\n\r\n") + 4],
                    "BODY.PEEK[TEXT]": MESSAGE[MESSAGE.index(b"\r\n\r\n") + 4:], "BODY.PEEK[1]": "fünf words".encode(),
                    "BODY.PEEK[2]": b"QUJDRA==", "BODY.PEEK[1.MIME]": b"Content-Type: text/plain; charset=utf-8\r\n\r\n",
                    "BODY.PEEK[]<10.5>": MESSAGE[10:15], "BODY.PEEK[]<0.100000>": MESSAGE,
                    "BODY.PEEK[HEADER.FIELDS (subject MESSAGE-id)]": b"Subject: =?iso-8859-1?Q?Gr=FC=DFe?=\r\nMessage-ID: <1@x.example>\r\n\r\n",
                    "BODY.PEEK[HEADER.FIELDS.NOT (From To Cc Date Subject Message-ID Content-Type)]": b"MIME-Version: 1.0\r\n\r\n"}
        for what, wanted in sections.items():
            data = good(client.fetch("1", f"({what})"))
            assert data[0][1] == wanted, (what, data)
        client.logout()
        with raw_imap(server, ann) as lines:
            lines.good(b"SELECT INBOX")
            assert lines.command(b"FETCH 9 FLAGS")[1].startswith(b"t BAD")  # no message has that number


def test_fetch_partial_reassembles():
    """Outlook and others fetch in slices: the slices of a message are the message."""
    with Server() as server:
        ann, _ = server.alias("ann")
        data = message(48)
        with raw_imap(server, ann) as lines:
            append(lines, b"INBOX", data)
            lines.good(b"SELECT INBOX")
            slices = b""
            for at in range(0, len(data) + 4096, 4096):
                response = lines.good(b"FETCH 1 BODY.PEEK[]<%d.4096>" % at)[0]
                head, rest = response.split(b"\r\n", 1) if b"{" in response else (response, b")")
                assert b"BODY[]<%d>" % at in head, head
                slices += rest[:-1]
            assert slices == data


def test_store_and_flags():
    with Server() as server:
        ann = filled(server)
        client = server.imap(ann)
        good(client.select("INBOX"))
        assert rb"\Seen" in good(client.store("1", "+FLAGS", r"(\Seen \Answered)"))[0]
        good(client.store("1:3", "FLAGS", "(one Two)"))
        row = good(client.fetch("2", "FLAGS"))[0]
        assert set(re.search(rb"FLAGS \((.*?)\)", row).group(1).split()) - {rb"\Recent"} == {b"one", b"Two"}, row
        good(client.store("2", "-FLAGS", "(ONE)"))  # keywords have no case
        row = good(client.fetch("2", "FLAGS"))[0]
        assert b"one" not in row and b"Two" in row
        assert good(client.store("1", "+FLAGS.SILENT", r"(\Draft)")) == [None]
        good(client.uid("STORE", "5", "+FLAGS", r"(\Deleted)"))
        assert good(client.search(None, "DELETED")) == [b"5"]
        good(client.fetch("4", "BODY[TEXT]"))
        assert good(client.search(None, "SEEN")) == [b"4"]  # RFC 3501 section 6.4.5: BODY[] sets \Seen, .PEEK does not
        good(client.fetch("3", "BODY.PEEK[TEXT]"))
        assert good(client.search(None, "SEEN")) == [b"4"]
        client.logout()


def test_copy_move_expunge():
    with Server() as server:
        ann = filled(server)
        client = server.imap(ann)
        good(client.create("Copies"))
        good(client.select("INBOX"))
        kind, data = client.copy("1", "Nowhere")
        assert kind == "NO" and b"TRYCREATE" in data[0], data
        good(client.store("2", "+FLAGS", r"(\Flagged word)"))
        good(client.copy("2:3", "Copies"))
        code = client.response("COPYUID")[1][0]
        assert re.fullmatch(rb"\d+ 2:3 1:2", code), code
        good(client.uid("MOVE", "4", "Copies"))
        assert good(client.search(None, "ALL")) == [b"1 2 3 4"]
        good(client.store("1,3", "+FLAGS", r"(\Deleted)"))
        good(client.expunge())
        assert good(client.uid("SEARCH", "ALL")) == [b"2 5"]
        good(client.store("1:2", "+FLAGS", r"(\Deleted)"))
        good(client.uid("EXPUNGE", "5"))
        assert good(client.uid("SEARCH", "ALL")) == [b"2"]
        good(client.select("Copies"))
        assert [body_of(data) for _, data in fetch_all(client, mailbox="Copies")] == [simple(2), simple(3), simple(4)]
        row = good(client.fetch("1", "FLAGS"))[0]
        assert rb"\Flagged" in row and b"word" in row
        good(client.select("INBOX"))
        good(client.close())  # expunges
        assert good(client.select("INBOX")) == [b"0"]
        server.send(ann, simple(6))
        good(client.noop())
        assert good(client.uid("SEARCH", "ALL")) == [b"6"]  # a UID is never used again
        client.logout()


def test_append():
    with Server() as server:
        ann, _ = server.alias("ann")
        client = server.imap(ann)
        data = good(client.append("INBOX", r"(\Seen keyword)", imaplib.Time2Internaldate(1_000_000_000), simple(1)))
        assert re.search(rb"APPENDUID \d+ 1\]", data[0]), data
        good(client.select("INBOX"))
        row = good(client.fetch("1", "(FLAGS INTERNALDATE)"))[0]
        assert rb"\Seen" in row and b"keyword" in row and b"09-Sep-2001" in row
        assert fetch_all(client) == [(1, simple(1))]
        kind, data = client.append("Nowhere", None, None, simple(1))
        assert kind == "NO" and b"TRYCREATE" in data[0]
        client.logout()


def test_mailboxes():
    with Server() as server:
        ann = filled(server, 2)
        client = server.imap(ann)
        listed = [row.decode() for row in good(client.list())]
        attributes = {re.search(r'"?([^" ]+)"?$', row).group(1): row for row in listed}
        for special in ("Drafts", "Sent", "Junk", "Trash", "Archive"):
            assert any("\\" + special + " " in row or "\\" + special + ")" in row for row in listed), (special, listed)
        assert "INBOX" in attributes
        good(client.create("a/b/c"))
        good(client.append("a/b/c", None, None, simple(9)))
        good(client.rename("a/b", "x/y"))
        names = " ".join(row.decode() for row in good(client.list('""', "*")))
        assert '"/"' in names and "x/y/c" in names and "a/b" not in names, names
        assert [data for _, data in fetch_all(client, mailbox="x/y/c")] == [simple(9)]
        good(client.close())
        good(client.rename("INBOX", "Old"))
        assert good(client.select("INBOX")) == [b"0"] and good(client.select("Old")) == [b"2"]
        good(client.select("INBOX"))
        good(client.delete("Old"))
        assert client.select("Old")[0] == "NO"
        assert client.delete("INBOX")[0] == "NO" and client.create("inbox")[0] == "NO" and client.rename("Nowhere", "Z")[0] == "NO"
        good(client.create("&AOQA9g-"))  # modified UTF-7 for äö
        assert any(b"&AOQA9g-" in row for row in good(client.list('""', "*")))
        good(client.subscribe("x/y"))
        assert any(b"x/y" in row for row in good(client.lsub('""', "*")))
        good(client.unsubscribe("x/y"))
        assert not any(row and row.endswith((b" x/y", b'"x/y"')) for row in good(client.lsub('""', "*")))
        assert good(client.namespace())[0].startswith(b'(("" "/")) NIL NIL')
        client.logout()


def test_state_survives_restart():
    """UIDs, flags, keywords, subscriptions, folders: invariant 3, and the rest."""
    with Server() as server:
        ann = filled(server)
        client = server.imap(ann)
        good(client.create("Kept/Deep"))
        good(client.subscribe("Kept/Deep"))
        good(client.select("INBOX"))
        validity = client.response("UIDVALIDITY")[1]
        good(client.store("5", "+FLAGS", r"(\Deleted)"))
        good(client.store("3", "+FLAGS", r"(\Answered Word)"))
        good(client.expunge())
        client.logout()
        server.stop()
        server.start()
        client = server.imap(ann)
        good(client.select("INBOX"))
        assert client.response("UIDVALIDITY")[1] == validity and client.response("UIDNEXT")[1] == [b"6"]
        row = good(client.fetch("3", "(UID FLAGS)"))[0]
        assert rb"\Answered" in row and b"Word" in row and b"UID 3" in row
        assert any(b"Kept/Deep" in row for row in good(client.lsub('""', "*")))
        client.logout()


def flags_in(response):
    return set(re.search(rb"FLAGS \((.*?)\)", response).group(1).split()) - {rb"\Recent"}


def left_after(messages, responses):
    """What a client knows after these EXPUNGEs, each counted as the one before has left it."""
    for response in responses:
        if response.endswith(b" EXPUNGE"):
            del messages[int(response.split()[1]) - 1]
    return messages


def test_two_clients_see_each_other():
    """Flags and new mail at once; EXPUNGE only where RFC 3501 section 7.4.1 allows it."""
    with Server() as server:
        ann = filled(server, 4)
        with raw_imap(server, ann) as one, raw_imap(server, ann, "imaps") as two:
            for lines in (one, two):
                lines.good(b"SELECT INBOX")
            one.good(b"STORE 1 +FLAGS (\\Flagged)")
            seen = two.good(b"NOOP")
            assert [flags_in(r) for r in seen if b" FETCH " in r] == [{rb"\Flagged"}], seen
            one.good(b"STORE 2:3 +FLAGS.SILENT (\\Deleted)")
            same(left_after([1, 2, 3, 4], one.good(b"EXPUNGE")), [1, 4])
            for command in (b"FETCH 1:* UID", b"STORE 4 +FLAGS (\\Seen)", b"SEARCH ALL"):
                untagged, last = two.command(command)
                assert last.startswith((b"t OK", b"t NO")) and not any(r.endswith(b"EXPUNGE") for r in untagged), (command, untagged)
            # what is gone but not yet announced is still there for this client, with its bytes
            untagged = two.good(b"FETCH 2 BODY.PEEK[]")
            assert any(b"body 2\r\n" in r for r in untagged), untagged
            same(left_after([1, 2, 3, 4], two.good(b"NOOP")), [1, 4])
            assert b"* SEARCH 1 2" in two.good(b"SEARCH ALL")
            append(two, b"INBOX", simple(7))
            assert b"* 3 EXISTS" in one.good(b"NOOP")


def test_idle_latency():
    """A flag and a message reach an idling session without a tick."""
    with Server() as server:
        ann = filled(server, 1)
        with raw_imap(server, ann) as one, raw_imap(server, ann) as two:
            for lines in (one, two):
                lines.good(b"SELECT INBOX")
            two.send(b"i IDLE\r\n")
            assert two.line().startswith(b"+")
            worst = 0.0
            for n in range(10):
                start = time.monotonic()
                one.good(b"STORE 1 %sFLAGS (\\Seen)" % (b"-" if n % 2 else b"+"))
                while not two.line().startswith(b"* 1 FETCH"):
                    pass
                worst = max(worst, time.monotonic() - start)
            assert worst < 1.0, f"{worst:.3f} s"
            append(one, b"INBOX", simple(2))
            while two.line() != b"* 2 EXISTS":
                pass
            two.send(b"DONE\r\n")
            while not two.line().startswith(b"i OK"):
                pass
            print(f"  IDLE: worst of 10 flag changes {worst * 1000:.1f} ms")


def test_mailbox_deleted_under_a_session():
    """The other session hears BYE, or finds the mailbox gone; the server goes on."""
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as one, raw_imap(server, ann) as two:
            one.good(b"CREATE Doomed")
            append(one, b"Doomed", simple(1))
            two.good(b"SELECT Doomed")
            one.good(b"DELETE Doomed")
            two.send(b"t NOOP\r\n")
            line = two.line()
            while not line.startswith(b"* BYE"):
                line = two.line()
            assert two.is_closed()
            assert one.command(b"SELECT Doomed")[1].startswith(b"t NO")


def test_many_writers_one_mailbox():
    """Four clients append, flag and expunge at once; all agree in the end, and no UID appears twice."""
    with Server() as server:
        ann, _ = server.alias("ann")
        failures = []

        def worker(number):
            try:
                with raw_imap(server, ann) as lines:
                    lines.good(b"SELECT INBOX")
                    for n in range(15):
                        append(lines, b"INBOX", simple(number * 100 + n))
                        lines.good(b"UID STORE 1:* +FLAGS.SILENT (seen%d)" % number)
                        if n % 5 == 4:
                            untagged = lines.good(b"UID SEARCH ALL")
                            found = [r for r in untagged if r.startswith(b"* SEARCH")][0].split()[2:]
                            if found:
                                lines.good(b"UID STORE %s +FLAGS.SILENT (\\Deleted)" % found[number % len(found)])
                                lines.good(b"EXPUNGE")
            except Exception as error:  # the test thread reports it
                failures.append(error)

        threads = [threading.Thread(target=worker, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures, failures
        client = server.imap(ann)
        found = fetch_all(client)
        uids = [uid for uid, _ in found]
        assert uids == sorted(set(uids)) and len({data for _, data in found}) == len(found)
        assert 48 <= len(found) <= 60, len(found)
        client.logout()


def test_slow_reader_blocks_nobody():
    """One client asks for everything and reads nothing; another is served, and memory stays bounded."""
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as slow, raw_imap(server, ann) as quick:
            big = simple(1) + (b"y" * 76 + b"\r\n") * 60000
            for _ in range(4):
                append(quick, b"INBOX", big)
            slow.good(b"SELECT INBOX")
            before = server.memory_kb()
            slow.send(b"a FETCH 1:* BODY.PEEK[]\r\nb FETCH 1:* BODY.PEEK[]\r\nc NOOP\r\n")
            time.sleep(0.5)
            start = time.monotonic()
            quick.good(b"SELECT INBOX")
            quick.good(b"FETCH 1:* FLAGS")
            assert time.monotonic() - start < 2
            growth = server.memory_kb() - before
            assert growth < 20 * 1024 or is_sanitized(), f"{growth} kB while a client did not read"
            for tag in (b"a", b"b"):
                for n in range(1, 5):
                    response = slow.response()
                    assert response.startswith(b"* %d FETCH" % n) and len(response) > len(big)
                assert slow.response().startswith(tag + b" OK")


def test_fifty_megabytes_by_append():
    """In by APPEND, searched, copied, its structure told, out again: all in bounded memory, while another session is served at once."""
    line = b"x" * 76 + b"\r\n"
    data = MESSAGE[:MESSAGE.index(b"--b\r\nContent-Type: application")] + line * (49 * 1024 * 1024 // len(line)) + b"--b--\r\n"
    with Server() as server:
        ann = filled(server, 2)
        with raw_imap(server, ann, "imaps") as lines, raw_imap(server, ann) as other:
            other.good(b"SELECT INBOX")
            lines.good(b"SELECT INBOX")
            before = server.memory_kb("VmHWM")
            append(lines, b"INBOX", data)
            for command in (b"FETCH 3 (ENVELOPE BODYSTRUCTURE)", b"SEARCH BODY nowhere-to-be-found", b"COPY 3 Trash"):
                lines.send(b"t " + command + b"\r\n")
                start = time.monotonic()
                other.good(b"NOOP")
                assert time.monotonic() - start < 2, command
                while not lines.response().startswith(b"t OK"):
                    pass
            lines.send(b"t FETCH 3 BODY.PEEK[]\r\n")
            while b"{" not in (response := lines.line()):
                pass
            same(int(response[response.rfind(b"{") + 1:-1]), len(data))
            assert lines.exactly(len(data)) == data
            growth = server.memory_kb("VmHWM") - before
            print(f"  50 MB by APPEND, SEARCH, COPY, FETCH: high water {growth} kB higher")
            assert growth < 40 * 1024 or is_sanitized(), f"{growth} kB"


def test_pipelined_commands():
    """RFC 3501 section 5.5: many commands in one write; each is answered, in order."""
    with Server() as server:
        ann = filled(server, 3)
        with Lines(server, "imap") as lines:
            lines.line()
            commands = [f'LOGIN "{ann}" "{server.passwords[ann]}"', "SELECT INBOX", "FETCH 1:* UID", "STORE 1 +FLAGS (\\Deleted)", "EXPUNGE",
                        "UID SEARCH ALL", "NOOP", "CLOSE", "LOGOUT"]
            lines.send("".join(f"p{n} {command}\r\n" for n, command in enumerate(commands)).encode())
            for n in range(len(commands)):
                response = lines.response()
                while response.startswith(b"* "):
                    response = lines.response()
                assert response.startswith(b"p%d OK" % n), response
            assert lines.is_closed()


def test_vault_locks_after_grace():
    with Server(settings={"vault_grace": "1s"}) as server:
        ann = filled(server, 1)
        unlocked = lambda: "vaults_unlocked: 1" in server.cli("status").stdout
        client = server.imap(ann)
        assert unlocked()
        client.logout()
        wait_for(lambda: not unlocked(), 10, 0.2, "the vault is locked")
        server.send(ann, simple(2))
        client = server.imap(ann)
        assert [body_of(data) for _, data in fetch_all(client)] == [simple(1), simple(2)]
        client.logout()


def own_address():
    """An address of this machine that is not loopback; no packet is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            raise Skip("this machine has no address but loopback") from None
        return probe.getsockname()[0]


def test_no_clear_login_from_elsewhere():
    """RFC 3501 section 6.2.3: LOGINDISABLED, and no mechanism, until TLS; and connections_per_address counts."""
    address = own_address()
    with Server(start=False, settings={"connections_per_address": "3"}) as server:
        server.configure(listen_imap=f"{address}:{server.port('imap')}")
        ann, password = server.alias("ann")
        server.start()
        server.connect = lambda name, timeout=30: socket.create_connection((address, server.port(name)), timeout=timeout)
        with Lines(server, "imap") as lines:
            greeting = lines.line()
            [capability] = lines.good(b"CAPABILITY")
            for said in (greeting, capability):
                assert b"AUTH=" not in said and (b"LOGINDISABLED" in said or b"CAPABILITY" not in said), said
            assert lines.command(f'LOGIN "{ann}" "{password}"'.encode())[1].startswith(b"t NO")
            assert lines.command(b"AUTHENTICATE PLAIN AGEAYg==")[1].startswith(b"t NO")
            lines.good(b"STARTTLS")
            lines.start_tls()
            [capability] = lines.good(b"CAPABILITY")
            assert b"LOGINDISABLED" not in capability and b"AUTH=SCRAM-SHA-256-PLUS" in capability, capability
            lines.good(f'LOGIN "{ann}" "{password}"'.encode())
            held = [Lines(server, "imap"), Lines(server, "imap")]
            with Lines(server, "imap") as one_more:
                assert one_more.line().startswith(b"* BYE")
            for other in held:
                other.sock.close()

"""Thirty defects that Proton's Gluon (31e040c, October 2024) was seen to have, and the test of ours that each would fail.

Those named "here" are in this file, under their number.

  mail is lost or changes
   1  STORE of many messages replaces flags in the first of each batch only    here
   2  STORE FLAGS () is answered and not kept                                  here
   3  EXPUNGE and MOVE of over 1,000 messages leave some                       here
   4  a keyword with a comma becomes two                                       here
   5  APPEND without a date is dated in year 1                                 here
   6  COPY to the same mailbox takes the old copy away                         here
   7  message content is not on the disk when its row is                       durability/kill power_cut, full_disk
   8  keywords are taken that PERMANENTFLAGS does not offer, and never told    here; store/public_vault messages (to the upstream)
   9  a step of migration that fails throws the mail away                      store/schema steps_run, newer_is_left_alone
  10  a query that cannot work is found by users                               store/schema every_kind_is_made_and_found
  what protects it does not
  11  one nonce for many blocks                                                keys/page_codec round_trip; keys/seal chunks
  12  blocks can be cut off or exchanged unnoticed                             keys/seal sizes, chunks; store/db damage_is_found
  13  the key is a bare hash of the password                                   keys/derive; keys/password; keys/slot bound
  14  envelopes, flags and names of mailboxes are in clear                     store/db nothing_in_clear; e2e/secrecy disk_and_log
  15  failed logins of one delay all others                                    e2e/limits wrong_logins_do_not_delay_others
  16  passwords are taken in clear, TLS comes too late                         talk/a0140-starttls; e2e/imap no_clear_login_from_elsewhere
  17  no ceiling in time, connections or bytes                                 e2e/limits (all of it)
  clients are told wrong things
  18  UID FETCH n:* beyond the last UID is empty                               here
  19  SELECT that fails leaves the old mailbox selected                        here
  20  a literal of no bytes, or of too many, ends the connection               here; talk/a0280-append-too-large
  21  the bytes of a refused literal are read as commands                      here; talk/b0220-literals, b0210-bad-syntax
  22  a set that overlaps itself is answered twice                             here
  23  FETCH replies come out of order                                          here
  24  STORE says nothing of messages that had the flags                        here
  25  BODYSTRUCTURE outside the grammar, wrong 1.MIME, NO for a missing part   here; e2e/structure (all of it)
  26  BYE and OK [UIDNEXT n] without text                                      here
  27  SUBSCRIBE twice and COPY out of EXAMINE are NO                           here
  28  SEARCH looks at bytes, not at text                                       here; talk/a0420-search-text
  29  \\Recent is shown to two sessions                                         here; talk/b0130-new-mail-and-recent
  30  LIST has another order each time, and no \\HasChildren                    here; talk/a0290-special-use-children"""
import re
import time

from letterlock import Failure, Server, append, raw_imap, same


def flags_of(lines, mailbox=b"INBOX"):
    """{uid: flags} as a session sees them that selects now."""
    lines.good(b"EXAMINE " + mailbox)
    return {int(re.search(rb"UID (\d+)", row).group(1)): set(re.search(rb"FLAGS \((.*?)\)", row).group(1).split()) - {rb"\Recent"}
            for row in lines.good(b"UID FETCH 1:* (FLAGS)") if b"FETCH (" in row}


def fill(lines, count, mailbox=b"INBOX", flags=b""):
    """That many small messages, a hundred in each APPEND (RFC 3502)."""
    for first in range(0, count, 100):
        parts = [b"Subject: %d\r\n\r\n" % n for n in range(first, min(count, first + 100))]
        lines.good(b"APPEND " + mailbox + b"".join(b" %s{%d+}\r\n%s" % (flags and b"(" + flags + b") ", len(part), part) for part in parts))


def test_01_02_replaced_flags_are_kept():
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as lines, raw_imap(server, ann) as other:
            fill(lines, 1200, flags=rb"\Seen $Old")
            lines.good(b"SELECT INBOX")
            same(len([r for r in lines.good(rb"STORE 1:* FLAGS (\Flagged $New)") if b"FETCH (" in r]), 1200)
            same(set(map(frozenset, flags_of(other).values())), {frozenset({rb"\Flagged", b"$New"})})
            lines.good(b"STORE 1:* FLAGS ()")
            same(set(map(frozenset, flags_of(other).values())), {frozenset()})


def test_03_thousands_go_at_once():
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as lines, raw_imap(server, ann) as other:
            fill(lines, 2500)
            lines.good(b"SELECT INBOX")
            lines.good(b"MOVE 1:* Archive")
            assert other.good(b"STATUS INBOX (MESSAGES)")[0].endswith(b" (MESSAGES 0)")
            same(len(flags_of(other, b"Archive")), 2500)
            lines.good(b"SELECT Archive")
            lines.good(rb"STORE 1:* +FLAGS.SILENT (\Deleted)")
            same(len([r for r in lines.good(b"EXPUNGE") if r.endswith(b" EXPUNGE")]), 2500)
            same(flags_of(other, b"Archive"), {})


def test_04_08_keywords():
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as lines, raw_imap(server, ann) as other:
            fill(lines, 2)
            said = lines.good(b"SELECT INBOX")
            assert any(rb"\*)]" in row and b"PERMANENTFLAGS" in row for row in said), said
            lines.good(b"STORE 1 +FLAGS (a,b)")
            same(flags_of(other)[1], {b"a,b"})
            assert any(b"PERMANENTFLAGS" in row and b"a,b" in row for row in other.good(b"SELECT INBOX"))
            same(other.good(b"SEARCH KEYWORD a"), [b"* SEARCH"])
            same(other.good(b"SEARCH KEYWORD a,b"), [b"* SEARCH 1"])


def test_05_date_of_append():
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as lines:
            fill(lines, 1)
            lines.good(b"SELECT INBOX")
            date = re.search(rb'INTERNALDATE "(.{20}) \+0000"', lines.good(b"FETCH 1 INTERNALDATE")[0]).group(1).decode()
            import calendar
            assert abs(calendar.timegm(time.strptime(date.strip(), "%d-%b-%Y %H:%M:%S")) - time.time()) < 60, date


def test_06_copy_into_the_same_mailbox():
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as lines, raw_imap(server, ann) as other:
            fill(lines, 2)
            lines.good(b"SELECT INBOX")
            lines.good(b"COPY 1:2 INBOX")
            lines.good(b"COPY 1 Archive")
            lines.good(b"COPY 1 Archive")
            same(sorted(flags_of(other)), [1, 2, 3, 4])
            same(sorted(flags_of(other, b"Archive")), [1, 2])


def test_18_22_23_sets():
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as lines:
            fill(lines, 300)
            lines.good(b"SELECT INBOX")
            same(lines.good(b"UID FETCH 1000:* UID"), [b"* 300 FETCH (UID 300)"])
            same(lines.good(b"UID SEARCH UID 1000:*"), [b"* SEARCH 300"])
            rows = lines.good(b"FETCH 5,1:3,2:4,5:1 (UID)")
            same(rows, [b"* %d FETCH (UID %d)" % (n, n) for n in range(1, 6)])
            rows = [int(row.split()[1]) for row in lines.good(b"FETCH 1:* (BODY.PEEK[] ENVELOPE)")]
            same(rows, list(range(1, 301)))


def test_19_failed_select():
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as lines:
            fill(lines, 1)
            lines.good(b"SELECT INBOX")
            assert lines.command(b"SELECT nowhere")[1].startswith(b"t NO")
            assert lines.command(b"FETCH 1 FLAGS")[1].startswith(b"t BAD")


def test_20_21_literals():
    with Server(settings={"message_size": "1M"}) as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as lines:
            append(lines, b"INBOX", b"")
            lines.send(b"t SELECT {0}\r\n")
            assert lines.line().startswith(b"+")
            lines.send(b"\r\n")
            assert lines.response()[:4] in (b"t NO", b"t BA")
            # too much, announced without waiting: it is read and thrown away, and the next command is the next command
            lines.send(b"t APPEND INBOX {1100000+}\r\n" + b"t1 LOGOUT\r\n" * 100000 + b"\r\nu NOOP\r\n")
            answer = lines.response()
            while not answer.startswith(b"u "):
                assert answer.startswith((b"t NO [TOOBIG]", b"* ")), answer
                answer = lines.response()
            # no literal, or one for which the client waits: the command is at fault, and answered with its tag
            for bad in (b"APPEND INBOX {12+", b"APPEND INBOX {-1}", b"APPEND INBOX {1x}", b"APPEND INBOX {99999999999999999999}",
                        b'LIST (NOSUCH) "" * RETURN ('):
                lines.send(b"v " + bad + b"\r\n")
                answer = lines.response()
                assert answer.startswith((b"v BAD", b"v NO")), (bad, answer)
            same(lines.good(b"NOOP"), [])
        # a literal of unknown size that is on its way: nobody can say where the next command begins, so there is none
        for bad in (b"{+}", b"{-1+}", b"{1x+}", b"{99999999999999999999+}"):
            with raw_imap(server, ann) as lines:
                lines.send(b"v APPEND INBOX " + bad + b"\r\nw CREATE Evil\r\n")
                answer = lines.response()
                assert answer.startswith((b"* BYE ", b"v BAD ", b"v NO ")), (bad, answer)
                assert lines.is_closed(), bad
        with raw_imap(server, ann) as lines:
            same(lines.good(b'LIST "" Evil'), [])


def test_24_store_of_what_is_so():
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as lines:
            fill(lines, 2, flags=rb"\Seen")
            lines.good(b"SELECT INBOX")
            same(len([r for r in lines.good(rb"STORE 1:2 +FLAGS (\Seen)") if rb"FETCH (" in r and rb"\Seen" in r]), 2)


def test_25_structure():
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as lines:
            append(lines, b"INBOX", b"Subject: plain\r\nX-Other: y\r\n\r\nbody\r\n")
            lines.good(b"SELECT INBOX")
            structure = lines.good(b"FETCH 1 (BODYSTRUCTURE)")[0]
            same(re.sub(rb'"us-ascii"', b'"US-ASCII"', structure, flags=re.I).lower(),
                 b'* 1 fetch (bodystructure ("text" "plain" ("charset" "us-ascii") nil nil "7bit" 6 1 nil nil nil nil))')
            for section, want in ((b"1.MIME", b"Subject: plain\r\nX-Other: y\r\n\r\n"), (b"1", b"body\r\n"), (b"2", None), (b"1.2", None),
                                  (b"1.HEADER", None)):
                row = lines.good(b"FETCH 1 BODY.PEEK[%s]" % section)[0]
                got = None if row.endswith(b"] NIL)") else re.search(rb"\{\d+\}\r\n(.*)\)$", row, re.S).group(1)
                if section == b"1.MIME":  # the message is no multipart: it has no MIME header of a part but its own Content- fields
                    assert got is None or got in (want, b"\r\n", b""), got
                else:
                    same(got, want, section)


def test_26_every_answer_has_text():
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as lines:
            rows = lines.good(b"EXAMINE INBOX") + lines.good(b"SELECT INBOX") + lines.good(b"LOGOUT")
            for row in rows:
                if row.startswith((b"* OK", b"* BYE", b"* NO")):
                    assert re.match(rb"\* (OK|NO|BYE) (\[[^\]]+\] )?\S", row), row


def test_27_no_needless_no():
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as lines:
            fill(lines, 1)
            lines.good(b"SUBSCRIBE Archive")
            lines.good(b"SUBSCRIBE Archive")
            lines.good(b"UNSUBSCRIBE Archive")
            lines.good(b"EXAMINE INBOX")
            lines.good(b"COPY 1 Archive")


def test_28_search_reads():
    import base64
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as lines:
            append(lines, b"INBOX", b"Subject: =?iso-8859-1?Q?Gr=FC=DFe?=\r\nContent-Type: text/plain; charset=utf-8\r\n"
                   b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes("Frühstück um neun\n".encode()).replace(b"\n", b"\r\n"))
            append(lines, b"INBOX", b"Content-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=C4=CF=CD\r\n")
            lines.good(b"SELECT INBOX")
            for key, word, found in (("SUBJECT", "GRÜSSE", b" 1"), ("BODY", "frühstück", b" 1"), ("TEXT", "дом", b" 2"), ("BODY", "RnLD", b"")):
                data = word.encode()
                same(lines.good(b"SEARCH CHARSET UTF-8 %s {%d+}\r\n%s" % (key.encode(), len(data), data)), [b"* SEARCH" + found], word)


def test_29_recent_once():
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as a, raw_imap(server, ann) as b, raw_imap(server, ann) as c:
            fill(a, 3)
            recent = [int(re.search(rb"\* (\d+) RECENT", b"\r\n".join(lines.good(verb + b" INBOX"))).group(1))
                      for lines, verb in ((a, b"SELECT"), (b, b"SELECT"), (c, b"EXAMINE"))]
            same(recent, [3, 0, 0])
            fill(c, 2)
            told = 0
            for lines in (a, b):
                rows = lines.good(b"NOOP") + lines.good(b"FETCH 1:* FLAGS")
                told += sum(rb"\Recent" in row and int(row.split()[1]) > 3 for row in rows if b"FETCH (" in row)
            same(told, 2, "the two new ones are recent for one of those who may take them")


def test_30_list_is_the_same_each_time():
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as lines:
            for name in (b"b", b"a/x", b"a/y", b"c/d/e"):
                lines.good(b"CREATE " + name)
            first = lines.good(b'LIST "" *')
            for _ in range(5):
                same(lines.good(b'LIST "" *'), first)
            for row in first:
                parent = row.endswith((b'"/" "a"', b'"/" a', b'"/" "c"', b'"/" c', b'"/" "c/d"', b'"/" c/d'))
                if (rb"\HasChildren" in row, rb"\HasNoChildren" in row) != (parent, not parent):
                    raise Failure(f"children: {row!r}")

"""Conversations for the differential test: lists of "session COMMAND". {{...}} is a literal. INBOX is empty at first."""
import random

MESSAGES = [
    "From: Fred Foobar <foobar@example.com>\nTo: mooch@example.com\nSubject: afternoon meeting\n"
    "Date: Mon, 7 Feb 1994 21:52:25 -0800\nMessage-Id: <B27397-0100000@example.com>\n\nHello Joe, do you think we can meet?\n",
    "From: a@example.com\nCc: =?utf-8?q?J=C3=B6rg?= <j@example.com>\nSubject: =?utf-8?b?R3LDvMOfZQ==?=\nMIME-Version: 1.0\n"
    "Content-Type: multipart/mixed; boundary=\"b\"\n\npreamble\n--b\nContent-Type: text/plain; charset=utf-8\n\nfirst part\n--b\n"
    "Content-Type: application/octet-stream; name=x.bin\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; "
    "filename=\"x.bin\"\n\nAAECAwQF\n--b--\nepilogue\n",
    "Subject: short\n\nx\n",
    "From: b@example.com\nSubject: message in a message\nMIME-Version: 1.0\nContent-Type: multipart/digest; boundary=d\n\n"
    "--d\n\nFrom: c@example.com\nSubject: inner\n\ninner text\n--d--\n",
    "\nno header at all\n",
]


def append(n, flags="", date="", mailbox="INBOX", session="a"):
    more = (f"({flags}) " if flags else "") + (f'"{date}" ' if date else "")
    return f"{session} APPEND {mailbox} {more}{{{{{MESSAGES[n]}}}}}"


DATE = "17-Jul-1996 02:44:25 +0000"
START = [append(0, r"\Seen", DATE), append(1, r"\Flagged $Forwarded", DATE), append(2, "", DATE), append(3, r"\Deleted \Draft", DATE)]

SCRIPTS = {
    "state": ["a NOOP", "a CHECK", "a FETCH 1 FLAGS", "a SELECT INBOX", "a CHECK", "a UNSELECT", "a CLOSE", "a EXAMINE INBOX", "a CLOSE",
              "a SELECT nowhere", "a FETCH 1 FLAGS", "a NONSENSE", "a LOGIN x y", "a NAMESPACE", "a IDLE", "a ENABLE CONDSTORE", "a ID NIL"],
    "mailboxes": ["a CREATE one", "a CREATE one", "a CREATE two/three", 'a LIST "" *', 'a LIST "" %', 'a LIST "" "two/%"', 'a LIST "two/" %',
                  'a LIST "" ""', "a SUBSCRIBE one", 'a LSUB "" *', "a RENAME one four", 'a LIST "" *', 'a LSUB "" *', "a UNSUBSCRIBE one",
                  "a RENAME two five", 'a LIST "" *', "a DELETE five", 'a LIST "" *', "a DELETE five/three", "a DELETE five", "a DELETE nowhere",
                  "a RENAME nowhere there", "a CREATE INBOX", "a DELETE INBOX", "a STATUS four (MESSAGES RECENT UIDNEXT UNSEEN)",
                  "a STATUS nowhere (MESSAGES)", "a CREATE six/", 'a LIST "" six', "a SELECT four", "a DELETE four", "a NOOP"],
    "append": START + ["a STATUS INBOX (MESSAGES UIDNEXT UNSEEN RECENT)", append(2, "", DATE, "nowhere"), "a SELECT INBOX",
                       append(2, r"\Answered"), "a FETCH 5 (UID FLAGS)", "a FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)",
                       f"a APPEND INBOX {{{{{MESSAGES[2]}}}}} {{{{{MESSAGES[4]}}}}}", "a FETCH 6:* (FLAGS RFC822.SIZE)"],
    "fetch": START + [append(4), "a SELECT INBOX"] + [f"a FETCH 1:* ({what})" for what in (
        "ENVELOPE", "BODY", "BODYSTRUCTURE", "BODY.PEEK[]", "BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]", "BODY.PEEK[1]", "BODY.PEEK[1.MIME]",
        "BODY.PEEK[2]", "BODY.PEEK[3]", "BODY.PEEK[1.HEADER]", "BODY.PEEK[HEADER.FIELDS (SUBJECT from)]",
        "BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT)]", "BODY.PEEK[]<5.20>", "BODY.PEEK[TEXT]<100000.5>", "RFC822.HEADER", "RFC822.SIZE UID FLAGS")] + [
        "a FETCH 1 FAST", "a FETCH 2 ALL", "a FETCH 3 FULL", "a FETCH 3 BODY[TEXT]", "a FETCH 3 FLAGS", "a FETCH 5 RFC822", "a FETCH 2 RFC822.TEXT",
        "a FETCH 9 FLAGS", "a FETCH 1:9 FLAGS", "a FETCH *:1 UID", "a UID FETCH 3:100 FLAGS", "a UID FETCH 100:* UID", "a UID FETCH 90 FLAGS",
        "a FETCH 0 FLAGS", "a FETCH 1 NONSENSE", "a FETCH 1,1,1:2 UID", "a FETCH 1 BODY.PEEK[0]"],
    "store": START + ["a SELECT INBOX", r"a STORE 1 +FLAGS (\Deleted)", r"a STORE 1:2 -FLAGS.SILENT (\Seen \Flagged)", "a FETCH 1:* FLAGS",
                      r"a STORE 3 FLAGS (\Draft Work)", "a STORE 3 FLAGS ()", r"a UID STORE 2 +FLAGS (work)", r"a STORE 1:* +FLAGS.SILENT \Seen",
                      "a FETCH 1:* FLAGS", r"a STORE 1 +FLAGS (\Recent)", r"a STORE 1 +FLAGS (\Nonsense)", r"a STORE 99 +FLAGS (\Seen)",
                      r"a UID STORE 99 +FLAGS (\Seen)", "a EXAMINE INBOX", r"a STORE 1 +FLAGS (\Answered)", "a EXPUNGE", "a CLOSE"],
    "grammar": START + ["a SELECT INBOX", "a STORE 1 FLAGS", "a FETCH 2 BODY.PEEK[0]", "a FETCH 1:* (FLAGS", "a FETCH 1", "a STORE", "a SEARCH", "a COPY 1", "a UID NOOP",
                        "a NOOP x", "a FETCH 1 (FLAGS) extra", r"a APPEND INBOX (\Recent) {{x}}"],
    "expunge": START + START + ["a SELECT INBOX", "a EXPUNGE", r"a STORE 1,3,5 +FLAGS.SILENT (\Deleted)", "a UID EXPUNGE 3:5", "a EXPUNGE",
                                "a FETCH 1:* UID", r"a STORE 1 +FLAGS (\Deleted)", "a CLOSE", "a SELECT INBOX", r"a STORE 1 +FLAGS (\Deleted)",
                                "a UNSELECT", "a SELECT INBOX", "a UID EXPUNGE 1:*", "a FETCH 1:* FLAGS"],
    "copy": START + ["a SELECT INBOX", "a COPY 1:2 nowhere", "a CREATE to", "a COPY 1:2 to", "a UID COPY 4,3 to", "a UID COPY 99 to", "a COPY 99 to",
                     "a STATUS to (MESSAGES UIDNEXT RECENT UNSEEN)", "a COPY 2 INBOX", "a MOVE 1,3 to", "a UID MOVE 99 to", "a MOVE 1 nowhere",
                     "a FETCH 1:* (UID FLAGS)", "a SELECT to", "a FETCH 1:* (UID FLAGS INTERNALDATE)", "a UID MOVE 1:* INBOX", "a NOOP"],
    "search": START + [append(4), "a SELECT INBOX"] + [f"a SEARCH {keys}" for keys in (
        "ALL", "SEEN", "UNSEEN", "DELETED", "NOT DELETED", "KEYWORD $forwarded", "UNKEYWORD $Forwarded", "OR SEEN FLAGGED", "2:4", "UID 2:*", "1:99",
        "SUBJECT meeting", "FROM foobar", "TEXT hello", "BODY \"inner text\"", "SUBJECT Grüße".encode().decode("latin-1"), "HEADER Message-Id B27397",
        "HEADER Cc \"\"", "LARGER 100", "SMALLER 100", "SINCE 1-Jan-1996", "BEFORE 17-Jul-1996", "ON 17-Jul-1996", "SENTSINCE 1-Feb-1994", "SENTON 7-Feb-1994",
        "(SEEN) NOT (FLAGGED DELETED)", "NONSENSE", "CHARSET UTF-8 SUBJECT meeting", "CHARSET X-NONE SUBJECT x", "NEW", "OLD", "RECENT", "CC j@", "TO mooch",
        "BCC x", "UNDRAFT UNANSWERED", "OR 1 OR 2 3")] + [
        "a SEARCH RETURN (MIN MAX COUNT) ALL", "a SEARCH RETURN () 2:3", "a SEARCH RETURN (ALL) DRAFT ANSWERED", "a UID SEARCH RETURN (COUNT) SEEN",
        "a SEARCH RETURN (SAVE) 2:3", "a FETCH $ FLAGS", "a UID SEARCH UID $", "a SEARCH RETURN (SAVE MIN) ALL", "a UID FETCH $ UID", "a UID SEARCH RETURN (MIN) KEYWORD none"],
    "sort": START + ["a SELECT INBOX", "a SORT (SUBJECT) UTF-8 ALL", "a SORT (REVERSE DATE) UTF-8 ALL", "a UID SORT (SIZE) UTF-8 ALL", "a SORT (FROM CC) UTF-8 ALL",
                     "a SORT (ARRIVAL) UTF-8 UNDELETED", "a THREAD REFERENCES UTF-8 ALL", "a THREAD ORDEREDSUBJECT UTF-8 ALL", "a SORT RETURN (MIN COUNT) (SUBJECT) UTF-8 ALL"],
    "two": START + ["a SELECT INBOX", "b SELECT INBOX", r"a STORE 1 +FLAGS (\Answered)", "b NOOP", r"b STORE 3:4 +FLAGS.SILENT (\Deleted)", "a NOOP", "b EXPUNGE",
                    "a FETCH 1:4 FLAGS", "a NOOP", "a FETCH 1:* UID", append(2, "", DATE, "INBOX", "b"), "a NOOP", "b NOOP", "a CREATE x", "b MOVE 1 x", "a SEARCH ALL", "a NOOP",
                    r"a STORE 1 +FLAGS (\Flagged)", r"b STORE 1 +FLAGS.SILENT (\Seen)", "b NOOP", "b FETCH 1 FLAGS"],
    "condstore": START + ["a SELECT INBOX (CONDSTORE)", "a FETCH 1:* (FLAGS MODSEQ)", r"a STORE 1 (UNCHANGEDSINCE 1) +FLAGS (\Answered)", r"a STORE 2 +FLAGS.SILENT (\Seen)",
                          "a FETCH 1:* UID (CHANGEDSINCE 1)", "a STATUS INBOX (HIGHESTMODSEQ)", "a SEARCH MODSEQ 1", r"a UID STORE 1:2 (UNCHANGEDSINCE 1000000) +FLAGS (\Draft)",
                          "a ENABLE QRESYNC", r"a STORE 1 +FLAGS (\Deleted)", "a UID EXPUNGE 1", "a UID FETCH 1:* FLAGS (CHANGEDSINCE 1 VANISHED)", "a EXPUNGE"],
}


def random_script(seed, count=60):
    """One session, at random: what the model test's generator says, as far as two servers can be expected to agree."""
    r = random.Random(seed)
    flags = [r"\Seen", r"\Answered", r"\Flagged", r"\Deleted", r"\Draft", "$A", "Bc"]
    steps = [append(r.randrange(4), " ".join(r.sample(flags, r.randrange(3))), DATE) for _ in range(5)] + ["a CREATE other", "a SELECT INBOX"]

    def numbers(uid):
        top = 14 if uid else 2
        one, two = r.randint(1, top), r.randint(1, top)
        return r.choice([f"{one}", f"{one}:{two}", "1:*", f"{one},{two}", "*"]) if uid else r.choice(["1", "1:*", "*", "*:1"])

    for _ in range(count):
        uid = r.random() < 0.6
        form = "UID " if uid else ""
        kind = r.random()
        some = " ".join(r.sample(flags, r.randrange(1, 3)))
        if kind < 0.25:
            steps.append(f"a {form}FETCH {numbers(uid)} ({r.choice(['FLAGS', 'UID FLAGS', 'RFC822.SIZE UID', 'INTERNALDATE', 'BODY[TEXT]', 'FLAGS BODY.PEEK[HEADER]', 'ENVELOPE'])})")
        elif kind < 0.5:
            steps.append(f"a {form}STORE {numbers(uid)} {r.choice(['', '+', '-'])}FLAGS{r.choice(['', '.SILENT'])} ({some})")
        elif kind < 0.65:
            steps.append(f"a {form}SEARCH {r.choice(['', 'RETURN (ALL) ', 'RETURN (MIN MAX COUNT) '])}{r.choice(['ALL', 'SEEN', 'UNSEEN', 'NOT DELETED', 'KEYWORD $A', 'OR DRAFT FLAGGED', 'UID 2:5', 'SUBJECT meeting', 'LARGER 200'])}")
        elif kind < 0.73:
            steps.append(f"a {form}COPY {numbers(uid)} {r.choice(['INBOX', 'other'])}")
        elif kind < 0.77:
            steps.append(f"a {form}MOVE {numbers(uid)} other")
        elif kind < 0.83:
            steps.append(r.choice(["a EXPUNGE", "a UID EXPUNGE 1:9", "a NOOP", "a CHECK"]))
        elif kind < 0.93:
            steps.append(append(r.randrange(5), some, DATE))
        else:
            steps.append(r.choice(["a STATUS other (MESSAGES UIDNEXT UNSEEN)", "a SELECT INBOX", "a EXAMINE INBOX", "a UNSELECT", "a CLOSE", "a IDLE"]))
        if steps[-1] in ("a UNSELECT", "a CLOSE", "a EXAMINE INBOX"):
            steps.append("a SELECT INBOX")
    return steps

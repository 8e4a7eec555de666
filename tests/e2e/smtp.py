"""Mail in: SMTP and LMTP as senders speak them, and as they should not."""
import os
import re
import smtplib
import ssl
import subprocess
import tempfile
import threading

from letterlock import Failure, Lines, Server, body_of, fetch_all, is_sanitized, raw_imap, same, waiting

MESSAGE = b"From: a@elsewhere.example\r\nTo: ann@example.com\r\nSubject: plain\r\n\r\n.dot\r\n..dots\r\nbody\r\n"


def stored(server, address):
    """All of INBOX, as it is stored."""
    client = server.imap(address, tls=True)
    try:
        return [data for _, data in fetch_all(client)]
    finally:
        client.logout()


def greeted(server, name="smtp", hello=b"EHLO client.example"):
    lines = Lines(server, name)
    code, _ = lines.reply()
    assert code == 220
    lines.extensions = lines.ask(hello)[1].split("\n")
    return lines


def ready(lines, *to, sender=b"s@elsewhere.example", more=b""):
    """MAIL and RCPT; all must be accepted."""
    assert lines.ask(b"MAIL FROM:<" + sender + b">" + more)[0] == 250
    for address in to:
        code, text = lines.ask(b"RCPT TO:<" + address.encode() + b">")
        assert code == 250, text


def content(lines, data):
    assert lines.ask(b"DATA")[0] == 354
    lines.send(re.sub(rb"(?m)^\.", b"..", data) + b".\r\n")
    return lines.reply()


def test_smtplib():
    with Server() as server:
        ann, _ = server.alias("ann")
        client = smtplib.SMTP("127.0.0.1", server.port("smtp"), timeout=30)
        client.ehlo("client.example")
        for name in ("starttls", "size", "pipelining", "8bitmime", "smtputf8", "enhancedstatuscodes", "chunking"):
            assert client.has_extn(name), name
        assert client.esmtp_features["size"] == "52428800", client.esmtp_features
        assert not client.has_extn("auth")
        context = ssl.create_default_context(cafile=os.path.join(server.data, "tls/cert.pem"))
        context.check_hostname = False
        assert client.starttls(context=context)[0] == 220
        client.ehlo("client.example")
        assert not client.has_extn("starttls")
        assert client.sendmail("a@elsewhere.example", [ann], MESSAGE, ["BODY=8BITMIME"]) == {}
        client.quit()
        same([body_of(data) for data in stored(server, ann)], [MESSAGE])


def test_swaks():
    with Server() as server:
        ann, _ = server.alias("ann")
        with tempfile.NamedTemporaryFile(suffix=".bin") as file:
            file.write(bytes(range(256)) * 40)
            file.flush()
            common = ["swaks", "--to", ann, "--from", "s@elsewhere.example", "--helo", "client.example", "--timeout", "20", "--body", "kept"]
            smtp = ["--server", "127.0.0.1", "--port", str(server.port("smtp"))]
            for more in ([*smtp, "--header", "Subject: one"],
                         [*smtp, "--tls", "--header", "Subject: two", "--attach", "@" + file.name],
                         [*smtp, "--pipeline", "--header", "Subject: three"],
                         ["--protocol", "LMTP", "--server", "127.0.0.1", "--port", str(server.port("lmtp")), "--header", "Subject: four"]):
                done = subprocess.run(common + more, capture_output=True, text=True, timeout=60)
                assert done.returncode == 0, done.stdout[-2000:] + done.stderr
        messages = stored(server, ann)
        same([re.search(rb"\r\nSubject: (\w+)", m).group(1) for m in messages], [b"one", b"two", b"three", b"four"])
        assert b" with ESMTP id " in messages[0] and b" with ESMTPS id " in messages[1] and b" with LMTP id " in messages[3]
        assert all(b"kept" in m for m in messages)


def test_trace_on_top_and_nothing_else():
    """RFC 5321 section 4.4: Return-Path and Received are put on top; the message below is untouched."""
    head = (rb"Return-Path: <(.*?)>\r\nReceived: from ([^ ]+) \(\[127\.0\.0\.1\]\)\r\n\tby mail\.example\.com \(Letterlock\) with (\w+) id \S+"
            rb"(\r\n\tfor <(.*?)>)?;\r\n\t[A-Z][a-z]{2}, [ \d]?\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000\r\n")
    with Server() as server:
        ann, _ = server.alias("ann")
        bob, _ = server.alias("bob")
        odd = b"Received: old\r\nreturn-path: <fake@x.example>\r\nSubject: \xe9\r\n  folded\r\n\r\n \r\n\ttail\r\n\r\n"
        with greeted(server) as lines:
            for to, sender in (([ann], b""), ([ann, bob], b'"a b"@elsewhere.example')):
                ready(lines, *to, sender=sender)
                assert content(lines, odd)[0] == 250
        with greeted(server, hello=b"HELO [192.0.2.7]") as lines:
            ready(lines, ann)
            assert content(lines, odd)[0] == 250
        messages = stored(server, ann)
        found = [re.match(head, m) for m in messages]
        assert all(found), messages
        assert [m.group(1, 2, 3, 5) for m in found] == [
            (b"", b"client.example", b"ESMTP", ann.encode()), (b'"a b"@elsewhere.example', b"client.example", b"ESMTP", None),
            (b"s@elsewhere.example", b"[192.0.2.7]", b"SMTP", ann.encode())]
        assert all(m[f.end():] == odd for m, f in zip(messages, found))
        assert stored(server, bob)[0][found[1].end():] == odd


def test_pipelining():
    """RFC 2920: two whole transactions in one write; answers in order."""
    with Server() as server:
        ann, _ = server.alias("ann")
        to = f"RCPT TO:<{ann}>\r\n".encode()
        with greeted(server) as lines:
            lines.send(b"MAIL FROM:<a@x.example>\r\nRCPT TO:<nobody@example.com>\r\n" + to + b"DATA\r\n")
            assert [lines.reply()[0] for _ in range(4)] == [250, 550, 250, 354]
            lines.send(b"one\r\n.\r\nMAIL FROM:<a@x.example>\r\n" + to + b"DATA\r\n")
            assert [lines.reply()[0] for _ in range(4)] == [250, 250, 250, 354]
            lines.send(b"two\r\n.\r\nRSET\r\nNOOP\r\nQUIT\r\n")
            assert [lines.reply()[0] for _ in range(4)] == [250, 250, 250, 221]
            assert lines.is_closed()
        same([body_of(m) for m in stored(server, ann)], [b"one\r\n", b"two\r\n"])


def test_bdat():
    """RFC 3030: chunks of any size, no dots, CR and LF of one line in two chunks."""
    with Server() as server:
        ann, _ = server.alias("ann")
        data = b"Subject: chunks\r\n\r\n.\r\n..\r\n.dot\r\n" + b"x" * 3000 + b"\r\n"
        cuts = [0, 1, 17, 18, 21, 22, 500, len(data)]
        with greeted(server) as lines:
            ready(lines, ann)
            for first, last in zip(cuts, cuts[1:]):
                lines.send(b"BDAT %d%s\r\n" % (last - first, b" LAST" if last == len(data) else b"") + data[first:last])
                assert lines.reply()[0] == 250
            ready(lines, ann)
            lines.send(b"BDAT 6\r\nab\r\nc\r" + b"BDAT 1\r\n\n" + b"BDAT 0 LAST\r\n")
            assert [lines.reply()[0] for _ in range(3)] == [250, 250, 250]
            # A chunk without recipients is read and refused; the connection goes on in step.
            lines.send(b"RSET\r\nMAIL FROM:<a@x.example>\r\nBDAT 10 LAST\r\nQUIT\r\nQUIT")
            assert [lines.reply()[0] for _ in range(2)] == [250, 250]
            assert lines.reply()[0] in (503, 554)
            assert lines.ask(b"RSET")[0] == 250
            # DATA and BDAT in one transaction (RFC 3030 section 2)
            ready(lines, ann)
            lines.send(b"BDAT 3\r\nabc")
            assert lines.reply()[0] == 250
            assert lines.ask(b"DATA")[0] == 503
        same([body_of(m) for m in stored(server, ann)], [data, b"ab\r\nc\r\n"])


def test_smtputf8():
    """RFC 6531: a UTF-8 sender needs SMTPUTF8 in MAIL, and Received says UTF8SMTP."""
    with Server() as server:
        ann, _ = server.alias("ann")
        sender = "jörg@exämple.example".encode()
        with greeted(server) as lines:
            assert lines.ask(b"MAIL FROM:<" + sender + b">")[0] == 553
            ready(lines, ann, sender=sender, more=b" SMTPUTF8 BODY=8BITMIME")
            assert content(lines, "Subject: hällo\r\n\r\nbödy\r\n".encode())[0] == 250
        [message] = stored(server, ann)
        assert message.startswith(b"Return-Path: <" + sender + b">\r\n") and b" with UTF8SMTP id " in message
        assert body_of(message) == "Subject: hällo\r\n\r\nbödy\r\n".encode()


def test_recipients():
    """Unknown, elsewhere, good and bad ones in one message: each its own answer, and postmaster as RFC 5321 section 4.5.1 has it."""
    with Server() as server:
        ann, _ = server.alias("ann")
        bob, _ = server.alias("bob")
        with greeted(server) as lines:
            assert lines.ask(b"MAIL FROM:<s@elsewhere.example>")[0] == 250
            answers = [lines.ask(b"RCPT TO:" + to) for to in (
                b"<ann@example.com>", b"<nobody@example.com>", b"<x@elsewhere.example>", b"<BOB@EXAMPLE.COM>", b"<not an address>",
                b"<ann@example.com> NOTIFY=NEVER")]
            assert [(code, text.split(" ")[0]) for code, text in answers] == [
                (250, answers[0][1].split(" ")[0]), (550, "5.1.1"), (550, "5.7.1"), (250, answers[3][1].split(" ")[0]), (501, "5.1.3"),
                (555, "5.5.4")], answers
            assert content(lines, MESSAGE)[0] == 250
            assert lines.ask(b"MAIL FROM:<s@elsewhere.example>")[0] == 250
            assert lines.ask(b"RCPT TO:<nobody@example.com>")[0] == 550
            code, text = lines.ask(b"DATA")
            assert code in (503, 554), text
        for address in (ann, bob):
            same([body_of(m) for m in stored(server, address)], [MESSAGE])


def test_lmtp_answers_each():
    """RFC 2033 section 4.2: one reply per accepted recipient; one that is full does not harm the other."""
    with Server() as server:
        ann, _ = server.alias("ann")
        small, _ = server.alias("small", "--quota", "20K")
        big = b"Subject: big\r\n\r\n" + b"x" * 70 * 500 + b"\r\n"
        with greeted(server, "lmtp", b"LHLO client.example") as lines:
            assert lines.ask(b"MAIL FROM:<s@elsewhere.example>")[0] == 250
            assert [lines.ask(b"RCPT TO:<%s>" % to)[0] for to in (ann.encode(), b"nobody@example.com", small.encode())] == [250, 550, 250]
            assert lines.ask(b"DATA")[0] == 354
            lines.send(big + b".\r\n")
            first, second = lines.reply(), lines.reply()
            assert first[0] == 250 and second[0] in (452, 552), (first, second)
            assert re.match(r"[45]\.2\.2 ", second[1]), second
            assert lines.ask(b"NOOP")[0] == 250
        same([body_of(m) for m in stored(server, ann)], [big])
        assert stored(server, small) == []


def test_size_limit():
    """RFC 1870: refused at MAIL when announced, at the end of the content when not; 552 5.3.4 both."""
    with Server(settings={"message_size": "65536"}) as server:
        ann, _ = server.alias("ann")
        with greeted(server) as lines:
            assert "SIZE 65536" in lines.extensions
            code, text = lines.ask(b"MAIL FROM:<a@x.example> SIZE=65537")
            assert code == 552 and text.startswith("5.3.4"), text
            fits = b"Subject: fits\r\n\r\n" + b"x" * (65536 - 19) + b"\r\n"
            ready(lines, ann, more=b" SIZE=65536")
            code, text = content(lines, fits)
            assert code == 250, text
            ready(lines, ann)
            code, text = content(lines, b"y" + fits)
            assert code == 552 and text.startswith("5.3.4"), text
            ready(lines, ann)
            lines.send(b"BDAT 65537 LAST\r\n" + b"z" * 65537)
            code, text = lines.reply()
            assert code == 552, text
            assert lines.ask(b"NOOP")[0] == 250
        same([body_of(m) for m in stored(server, ann)], [fits])


def test_quota():
    """Full now: 452; larger than the whole mailbox: 552. Locked and unlocked."""
    for unlocked in (False, True):
        with Server() as server:
            ann, _ = server.alias("ann", "--quota", "100K")
            session = server.imap(ann) if unlocked else None
            half = b"Subject: half\r\n\r\n" + (b"x" * 70 + b"\r\n") * 900
            with greeted(server) as lines:
                assert lines.ask(b"MAIL FROM:<a@x.example> SIZE=200000")[0] == 250
                code, text = lines.ask(f"RCPT TO:<{ann}>".encode())
                assert code == 552 and text.startswith("5.2.2"), text
                assert lines.ask(b"RSET")[0] == 250
                ready(lines, ann)
                assert content(lines, half)[0] == 250
                assert lines.ask(b"MAIL FROM:<a@x.example> SIZE=64000")[0] == 250
                code, text = lines.ask(f"RCPT TO:<{ann}>".encode())
                assert code == 452 and text.startswith("4.2.2"), text
                assert lines.ask(b"RSET")[0] == 250
                ready(lines, ann)
                code, text = content(lines, half)
                assert code in (452, 552) and text[1:].startswith(".2.2"), text
            if session:
                session.logout()
            same([body_of(m) for m in stored(server, ann)], [half])


def test_bare_line_ends_refused():
    """Smuggling (RFC 5321 section 2.3.8 and 4.1.1.4): only CRLF.CRLF ends a message, and a bare CR or LF is refused."""
    with Server() as server:
        ann, _ = server.alias("ann")
        smuggled = f"MAIL FROM:<evil@x.example>\r\nRCPT TO:<{ann}>\r\nDATA\r\nsmuggled\r\n.\r\n".encode()
        for end in (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\n.\r", b"\0\r\n.\n"):
            with greeted(server) as lines:
                ready(lines, ann)
                assert lines.ask(b"DATA")[0] == 354
                lines.send(b"Subject: a\r\n\r\nfirst" + end + smuggled)
                code, text = lines.reply()
                assert 500 <= code < 600, (end, code, text)
                code, text = lines.ask(b"NOOP")
                assert code == 250, (end, code, text)
        with greeted(server) as lines:
            ready(lines, ann)
            lines.send(b"BDAT 4 LAST\r\na\nb\n")
            assert 500 <= lines.reply()[0] < 600
            lines.send(b"NOOP\nNOOP\r\n")
            assert lines.reply()[0] == 500
        assert stored(server, ann) == []


def test_starttls_injection():
    """RFC 3207: what comes in clear behind STARTTLS is dropped, and EHLO begins anew."""
    with Server() as server:
        ann, _ = server.alias("ann")
        with greeted(server) as lines:
            ready(lines, ann, sender=b"before@x.example")
            lines.ask(b"RSET")
            lines.send(b"STARTTLS\r\nEHLO evil.example\r\nMAIL FROM:<evil@x.example>\r\n")
            assert lines.reply()[0] == 220
            assert lines.start_tls() == b""
            assert lines.ask(b"RCPT TO:<" + ann.encode() + b">")[0] == 503
            code, text = lines.ask(b"EHLO client.example")
            assert code == 250 and "STARTTLS" not in text.split("\n")
            assert lines.ask(b"STARTTLS")[0] == 503
            ready(lines, ann)
            assert content(lines, MESSAGE)[0] == 250
        [message] = stored(server, ann)
        assert b"evil" not in message and b" with ESMTPS id " in message


def test_line_and_count_limits():
    with Server(settings={"recipients": "100"}) as server:
        ann, _ = server.alias("ann")
        with greeted(server) as lines:
            assert lines.ask(b"NOOP " + b"x" * 5000)[0] == 500
            assert lines.ask(b"MAIL FROM:<a@x.example>")[0] == 250
            lines.send(f"RCPT TO:<{ann}>\r\n".encode() * 101)
            codes = [lines.reply()[0] for _ in range(101)]
            assert codes == [250] * 100 + [452], codes[-3:]
            assert content(lines, MESSAGE)[0] == 250
        # The same recipient a hundred times is one delivery.
        assert len(stored(server, ann)) in (1, 100)
        with greeted(server) as lines:
            for _ in range(60):
                code, text = lines.ask(b"XYZZY")
                if code == 421:
                    break
            assert code == 421 and lines.is_closed(), text


def test_new_mail_reaches_session():
    """Delivered while the vault is open: every session on INBOX learns of it (RFC 2177)."""
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as lines:
            lines.good(b"SELECT INBOX")
            lines.send(b"i IDLE\r\n")
            assert lines.line().startswith(b"+")
            server.send(ann, MESSAGE)
            seen = []
            while b"* 1 EXISTS" not in seen:
                seen.append(lines.line())
            lines.send(b"DONE\r\n")
            while not lines.line().startswith(b"i OK"):
                pass
            assert waiting(server) == 0


def test_parallel_senders():
    """Thirty connections at once; every acknowledged message is there once."""
    with Server() as server:
        ann, _ = server.alias("ann")
        failures = []

        def sender(number):
            try:
                with greeted(server) as lines:
                    for n in range(5):
                        ready(lines, ann)
                        assert content(lines, b"Subject: %d-%d\r\n\r\n" % (number, n) + MESSAGE)[0] == 250
            except (Failure, OSError, AssertionError) as error:
                failures.append(error)

        threads = [threading.Thread(target=sender, args=(n,)) for n in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures, failures
        subjects = sorted(re.search(rb"\r\nSubject: (\d+-\d+)", m).group(1) for m in stored(server, ann))
        assert subjects == sorted(b"%d-%d" % (a, b) for a in range(30) for b in range(5))


BIG_LINE = bytes(range(33, 109)) + b"\r\n"
BIG_COUNT = 49 * 1024 * 1024 // len(BIG_LINE)
BIG_GROWTH_KB = 40 * 1024


def send_big(lines, ann):
    ready(lines, ann)
    assert lines.ask(b"DATA")[0] == 354
    block = BIG_LINE * 8192
    lines.send(b"Subject: big\r\n\r\n")
    for _ in range(BIG_COUNT // 8192):
        lines.send(block)
    lines.send(BIG_LINE * (BIG_COUNT % 8192) + b".\r\n")
    code, text = lines.reply()
    assert code == 250, text


def test_fifty_megabytes_in_bounded_memory():
    """In by SMTP and out by IMAP: the server's high-water mark grows by less than the message, for a locked and an unlocked vault."""
    expected = len(b"Subject: big\r\n\r\n") + BIG_COUNT * len(BIG_LINE)
    with Server() as server:
        ann, _ = server.alias("ann")
        server.send(ann, MESSAGE)
        stored(server, ann)
        for unlocked in (False, True):
            if not unlocked:
                server.stop()
                server.start()
            session = raw_imap(server, ann) if unlocked else None
            before = server.memory_kb("VmHWM")
            with greeted(server) as lines:
                send_big(lines, ann)
            after_in = server.memory_kb("VmHWM")
            with session or raw_imap(server, ann) as lines:
                lines.good(b"SELECT INBOX")
                after_login = server.memory_kb("VmHWM")
                lines.send(b"f FETCH * BODY.PEEK[]\r\n")
                line = lines.line()
                size = int(line[line.rfind(b"{") + 1:-1])
                body = lines.exactly(size)
                assert lines.line() == b")" and lines.line().startswith(b"f OK")
                after_out = server.memory_kb("VmHWM")
                assert len(body_of(body)) == expected and body_of(body)[16:] == BIG_LINE * BIG_COUNT
            print(f"  50 MB, vault {'unlocked' if unlocked else 'locked'}: high water {before} kB, after SMTP {after_in}, "
                  f"after login {after_login}, after FETCH {after_out}")
            for name, value in (("SMTP", after_in), ("login", after_login), ("FETCH", after_out)):
                assert value - before < BIG_GROWTH_KB or is_sanitized(), f"{name}: from {before} to {value} kB"

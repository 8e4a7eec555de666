"""neomutt, driven by its own `push` inside a terminal made by script(1): list, read, flag, save, delete."""
import os
import re
import shutil
import subprocess

from letterlock import Server, append, body_of, fetch_all, raw_imap, same
from skip import Skip

MESSAGES = [f"From: a@elsewhere.example\r\nTo: ann@example.com\r\nDate: Mon, {n + 1} Jan 2024 10:00:00 +0000\r\nSubject: letter {n}\r\n"
            f"Message-ID: <{n}@x.example>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nbödy of letter {n}\r\n".encode() for n in range(4)]


def neomutt(server, address, keys, settings=(), folder="INBOX", secure=True, log=None):
    """Run the key presses; the screen as it came."""
    if not shutil.which("neomutt") or not shutil.which("script"):
        raise Skip("neomutt or script is not installed")
    home = os.path.join(server.parent, "home")
    os.makedirs(home, exist_ok=True)
    rc = os.path.join(home, "neomuttrc")
    scheme, port = ("imaps", server.port("imaps")) if secure else ("imap", server.port("imap"))
    user = address.replace("@", "%40")
    with open(rc, "w") as file:
        file.write("\n".join([
            f'set imap_user="{address}"', f'set imap_pass="{server.passwords[address]}"', f'set folder="{scheme}://{user}@127.0.0.1:{port}/"',
            f'set spoolfile="{scheme}://{user}@127.0.0.1:{port}/{folder}"', f'set certificate_file="{server.data}/tls/cert.pem"',
            "set ssl_verify_host=no", "set ssl_force_tls=no", "set ssl_starttls=no", "set wait_key=no", "set pager_stop=yes", "set sort=mailbox-order",
            "set beep=no", "set delete=yes", "set confirmappend=no", "set imap_check_subscribed=no", "set mbox_type=mbox", "set quit=yes",
            "set mark_old=no", "set sleep_time=0", "set timeout=1", "set copy=no", "set from=ann@example.com", "set header_cache=\"\"",
            *settings, f'push "{keys}"']) + "\n")
    command = f"stty cols 120 rows 40; exec neomutt -n -F {rc}" + (f" -d 3 -l {log}" if log else "")
    environment = dict(os.environ, TERM="xterm", HOME=home, LC_ALL="C.UTF-8")
    done = subprocess.run(["timeout", "40", "script", "-qec", command, "/dev/null"], capture_output=True, timeout=60, env=environment,
                          stdin=subprocess.DEVNULL)
    screen = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b[=>]", b" ", done.stdout).decode("utf-8", "replace")
    assert done.returncode == 0, (done.returncode, screen[-3000:], server.log()[-1500:])
    return screen


def flags_of(server, address):
    client = server.imap(address)
    client.select("INBOX", readonly=True)
    _, data = client.fetch("1:*", "(UID FLAGS)")
    client.logout()
    return {int(re.search(rb"UID (\d+)", row).group(1)): set(re.search(rb"FLAGS \((.*?)\)", row).group(1).split()) - {rb"\Recent"}
            for row in data if row}


def test_list_read_and_save():
    with Server() as server:
        ann, _ = server.alias("ann")
        for data in MESSAGES:
            server.send(ann, data)
        saved = os.path.join(server.parent, "saved")
        shown = os.path.join(server.parent, "shown")
        screen = neomutt(server, ann, "<first-entry><display-message><exit><pipe-message>"
                         f"cat >{shown}<enter><next-entry><copy-message>{saved}<enter>y<quit>")
        assert "letter 0" in screen and "letter 3" in screen, screen[-3000:]
        with open(shown, encoding="utf-8") as file:
            assert "bödy of letter 0\n" in file.read()
        with open(saved, "rb") as file:
            mbox = file.read()
        assert "bödy of letter 1\n".encode() in mbox and b"\nSubject: letter 1\n" in mbox
        assert rb"\Seen" in flags_of(server, ann)[1]


def test_flag_delete_and_save_to_folder():
    with Server() as server:
        ann, _ = server.alias("ann")
        client = server.imap(ann)
        client.create("Kept")
        for data in MESSAGES:
            server.send(ann, data)
        neomutt(server, ann, "<first-entry><flag-message><first-entry><next-entry><delete-message>"
                             "<first-entry><next-entry><next-entry><save-message>=Kept<enter><sync-mailbox><quit>")
        flags = flags_of(server, ann)
        assert sorted(flags) == [1, 4] and rb"\Flagged" in flags[1], flags
        assert [body_of(data) for _, data in fetch_all(client, mailbox="Kept")] == [MESSAGES[2]]
        client.logout()


def test_clear_and_tls_plain_and_login():
    """Debian's neomutt takes no SCRAM for IMAP (mbsync's tests do that); PLAIN and LOGIN, over IMAPS and over loopback in clear."""
    with Server() as server:
        ann, _ = server.alias("ann")
        server.send(ann, MESSAGES[0])
        for secure in (True, False):
            for name in ("plain", "login"):
                assert "letter 0" in neomutt(server, ann, "<quit>", [f'set imap_authenticators="{name}"'], secure=secure)
        same(server.log().count(" login alias="), 4)


def test_header_cache_and_resync():
    """It comes back after a time away: plainly, with CONDSTORE, and with QRESYNC, each over its header cache. The screen is right each time."""
    for name, settings in (("plain", []), ("condstore", ["set imap_condstore=yes"]), ("qresync", ["set imap_condstore=yes", "set imap_qresync=yes"])):
        with Server() as server:
            ann, _ = server.alias("ann")
            cache, log = os.path.join(server.parent, "cache"), os.path.join(server.parent, "neomutt-log")
            os.mkdir(cache)
            settings = [*settings, f'set header_cache="{cache}"', 'set index_format="%4C <%Z> %s"', 'set to_chars="      "']
            with raw_imap(server, ann) as far:
                for data in MESSAGES:
                    append(far, b"INBOX", data, rb"(\Seen)")
                screen = neomutt(server, ann, "<quit>", settings, secure=False, log=log)
                assert all(f"letter {n}" in screen for n in range(4)), screen[-3000:]
                far.good(b"SELECT INBOX")
                far.good(rb"UID STORE 1 +FLAGS (\Flagged)")
                far.good(rb"UID STORE 2 +FLAGS (\Deleted)")
                far.good(b"UID EXPUNGE 2")
                far.good(rb"UID STORE 4 -FLAGS (\Seen)")
                append(far, b"INBOX", MESSAGES[0].replace(b"letter 0", b"new one"))
                screen = neomutt(server, ann, "<last-entry><set-flag>!<sync-mailbox><quit>", settings, secure=False, log=log)
                lines = {title: mark for mark, title in re.findall(r"<(.{3})> +(letter \d|new one)", screen)[:4]}
                same(sorted(lines), ["letter 0", "letter 2", "letter 3", "new one"], f"{name}: {screen[-3000:]}")
                same(lines, {"letter 0": "  !", "letter 2": "   ", "letter 3": "N  ", "new one": "N !"}, name)
                with open(log + "0", errors="replace") as file:  # the newest
                    said = file.read()
                same(("(CHANGEDSINCE" in said, " VANISHED)" in said), (name != "plain", name == "qresync"), name)
                same(flags_of(server, ann), {1: {rb"\Seen", rb"\Flagged"}, 3: {rb"\Seen"}, 4: set(), 5: {rb"\Flagged"}}, name)

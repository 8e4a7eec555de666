"""imapfilter: rules in Lua that search, flag, copy, move and delete, and wait for new mail with IDLE."""
import os
import re
import shutil
import subprocess

from letterlock import Server, append, fetch_all, raw_imap, same, wait_for
from skip import Skip


def letter(n, sender="a@elsewhere.example", subject=None, body="body"):
    return f"From: {sender}\r\nTo: ann@example.com\r\nSubject: {subject or f'letter {n}'}\r\n\r\n{body} {n}\r\n".encode()


def write_rules(server, address, rules, secure=True):
    """The command line that runs these rules, and its environment."""
    if not shutil.which("imapfilter"):
        raise Skip("imapfilter is not installed")
    home = os.path.join(server.parent, "imapfilter")
    os.makedirs(home, exist_ok=True)
    path = os.path.join(home, "rules.lua")
    port = server.port("imaps" if secure else "imap")
    with open(path, "w") as file:
        file.write(f"""options.timeout = 20
options.certificates = false
options.hostnames = false
options.info = false
options.starttls = false
options.expunge = true
options.subscribe = true
options.create = true
account = IMAP {{ server = '127.0.0.1', port = {port}, username = '{address}', password = '{server.passwords[address]}'{", ssl = 'auto'" if secure else ""} }}
function show(results)
    local uids = {{}}
    for _, m in ipairs(results) do uids[#uids + 1] = m[2] end
    table.sort(uids)
    return table.concat(uids, ' ')
end
function say(name, what) io.stdout:write('>' .. name .. ' ' .. tostring(what) .. '\\n') io.stdout:flush() end
{rules}
""")
    return ["imapfilter", "-t", server.data + "/tls/cert.pem", "-c", path], dict(os.environ, HOME=home)


def imapfilter(server, address, rules, secure=True):
    """{name: what say(name, what) printed}"""
    command, environment = write_rules(server, address, rules, secure)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, (done.returncode, (done.stdout + done.stderr)[-3000:])
    return dict(re.findall(r"(?m)^>(\S+) (.*)$", done.stdout))


def test_search():
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as far:
            append(far, b"INBOX", letter(1, "news@list.example", "weekly news"))
            append(far, b"INBOX", letter(2, subject="invoice"), rb"(\Seen)")
            append(far, b"INBOX", letter(3, "news@list.example", "invoice for news", "x" * 3000), rb"(\Flagged $Work)")
        for secure in (True, False):
            said = imapfilter(server, ann, """
box = account.INBOX
say('all', show(box:select_all()))
say('unseen', show(box:is_unseen()))
say('and', show(box:is_unseen() * box:contain_subject('invoice')))
say('or', show(box:is_seen() + box:contain_from('list.example')))
say('not', show(box:select_all() - box:contain_from('list.example')))
say('larger', show(box:is_larger(2000)))
say('keyword', show(box:has_keyword('$Work')))
say('body', show(box:contain_body('body 2')))
say('match', show(box:match_subject('^inv')))
say('days', show(box:is_older(1)))
exist, recent, unseen, uidnext = box:check_status()
say('status', exist .. ' ' .. unseen .. ' ' .. uidnext)
boxes, folders = account:list_all()
table.sort(boxes)
say('boxes', table.concat(boxes, ' '))
for _, m in ipairs(box:contain_subject('weekly')) do
    say('subject', m[1][m[2]]:fetch_field('subject'))
    say('size', m[1][m[2]]:fetch_size())
    say('text', m[1][m[2]]:fetch_body():sub(1, 6))
end
""", secure)
            size = len(letter(1, "news@list.example", "weekly news"))
            # match_ reads the bodies it looks into with PEEK: nothing becomes \Seen
            same(said, {"all": "1 2 3", "unseen": "1 3", "and": "3", "or": "1 2 3", "not": "2", "larger": "3", "keyword": "3", "body": "2",
                        "match": "2 3", "days": "", "status": "3 2 4", "boxes": "Archive Drafts INBOX Junk Sent Trash",
                        "subject": "Subject: weekly news", "size": str(size), "text": "body 1"})


def test_flag_copy_move_delete():
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as far:
            for n in range(1, 9):
                append(far, b"INBOX", letter(n))
        imapfilter(server, ann, """
box = account.INBOX
function letter(n) return box:contain_subject('letter ' .. n) end
letter(1):mark_flagged()
letter(2):add_flags({ '\\\\Answered', 'Later' })
letter(3):mark_seen()
letter(4):move_messages(account['Lists/Made by rules'])
letter(5):copy_messages(account.Archive)
letter(6):delete_messages();
(letter(7) + letter(8)):move_messages(account.Junk)
account:create_mailbox('Empty')
account:rename_mailbox('Empty', 'Still empty')
account:unsubscribe_mailbox('Still empty')
""")
        client = server.imap(ann)
        client.select("INBOX", readonly=True)
        _, data = client.uid("FETCH", "1:*", "FLAGS")
        flags = {int(re.search(rb"UID (\d+)", row).group(1)): set(re.search(rb"FLAGS \((.*?)\)", row).group(1).split()) - {rb"\Recent"}
                 for row in data}
        same(flags, {1: {rb"\Flagged"}, 2: {rb"\Answered", b"Later"}, 3: {rb"\Seen"}, 5: set()})
        for mailbox, numbers in (('"Lists/Made by rules"', [4]), ("Archive", [5]), ("Junk", [7, 8])):
            same([data for _, data in fetch_all(client, mailbox=mailbox)], [letter(n) for n in numbers], mailbox)
        _, listed = client.list('""', '"Still*"')
        assert listed[0].endswith(b'"Still empty"'), listed
        _, listed = client.lsub('""', '"*"')
        assert any(b"Lists/Made by rules" in row for row in listed) and not any(b"empty" in row for row in listed), listed
        client.logout()


def test_idle():
    """enter_idle returns when a message comes; the rule then finds it."""
    with Server() as server:
        ann, _ = server.alias("ann")
        command, environment = write_rules(server, ann, """
account.INBOX:check_status()
say('ready', 1)
for n = 1, 2 do
    account.INBOX:enter_idle()
    account.INBOX:is_unseen():move_messages(account.Archive)
    say('moved', n)
end
""", secure=False)
        with raw_imap(server, ann) as far, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                                            env=environment, stdin=subprocess.DEVNULL) as process:
            try:
                same(process.stdout.readline(), ">ready 1\n")
                wait_for(lambda: server.log().count(" login alias=") >= 2, what="its login")
                for n in (1, 2):
                    idle = lambda: far.good(b"STATUS Archive (MESSAGES)")[0] .endswith(b"(MESSAGES %d)" % n)
                    wait_for(lambda: process.poll() is None, what="imapfilter")
                    while not idle():  # it may come before IDLE begins: then enter_idle sees the next one
                        append(far, b"INBOX", letter(n))
                        wait_for(idle, 2, what=f"move {n}")
                    same(process.stdout.readline(), f">moved {n}\n")
                same(process.wait(timeout=10), 0)
            finally:
                process.kill()

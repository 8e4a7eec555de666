"""Thunderbird without a screen, spoken to through Marionette: it logs in, downloads, and what it flags, moves and deletes arrives.

It is 100 MB, so tools/setup does not install it: the test runs where `thunderbird` is installed and is passed over elsewhere."""
import json
import os
import re
import shutil
import socket
import subprocess

from corpus import message
from letterlock import Failure, Server, append, fetch_all, raw_imap, same, wait_for
from skip import Skip

NUMBERS = [0, 2, 4, 6, 11, 23]

BEGIN = """
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const done = arguments[arguments.length - 1];
const server = () => MailServices.accounts.allServers.find(s => s.type == "imap");
const folder = name => server().rootFolder.getChildNamed(name);
const sleep = ms => new Promise(go => setTimeout(go, ms));
const until = async what => {
    for (let n = 0; n < 150; n++) {
        try { const got = what(); if (got) return got; } catch (e) {}
        await sleep(100);
    }
    throw Error(`${what}`);
};
const headers = f => [...f.messages].sort((a, b) => a.messageKey - b.messageKey);
const run = async function () {
"""
END = "\n}; run.apply(null, arguments).then(done, e => done('error: ' + e + ' ' + e.stack));"

LOGIN = """
const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
login.init("imap://127.0.0.1", null, "imap://127.0.0.1", arguments[0], arguments[1], "", "");
await Services.logins.addLoginAsync(login);
server().performBiff(null);
const inbox = await until(() => folder("INBOX"));
await until(() => inbox.getTotalMessages(false) == arguments[2]);
await until(() => headers(inbox).every(h => h.flags & Ci.nsMsgMessageFlags.Offline));
return headers(inbox).map(h => [h.messageKey, h.messageSize, h.messageId]);
"""

CHANGE = """
const inbox = folder("INBOX"), all = headers(inbox), archive = await until(() => folder("Archive"));
inbox.markMessagesRead([all[0]], true);
inbox.markMessagesFlagged([all[1]], true);
inbox.addKeywordsToMessages([all[1]], "$label1");
await new Promise(go => MailServices.copy.copyMessages(inbox, [all[2]], archive, true, { onStartCopy() {}, onProgress() {}, setMessageKey() {},
    getMessageId() { return null; }, onStopCopy(status) { go(status); } }, null, false));
await new Promise(go => MailServices.copy.copyMessages(inbox, [all[3]], archive, false, { onStartCopy() {}, onProgress() {}, setMessageKey() {},
    getMessageId() { return null; }, onStopCopy(status) { go(status); } }, null, false));
inbox.deleteMessages([all[4]], null, false, false, null, false);
await until(() => headers(inbox).length == all.length - 2);
return "done";
"""

LOOK = """
const inbox = folder("INBOX");
inbox.getNewMessages(null, null);
await until(() => headers(inbox).some(h => h.messageKey == arguments[0]) && headers(inbox).find(h => h.messageKey == 6)?.isRead);
return headers(inbox).map(h => [h.messageKey, h.isRead, h.isFlagged]);
"""


def preferences(server, address, port):
    return {
        "mail.accountmanager.accounts": "account1", "mail.accountmanager.defaultaccount": "account1",
        "mail.account.account1.identities": "id1", "mail.account.account1.server": "server1",
        "mail.identity.id1.useremail": address, "mail.identity.id1.fullName": "Ann", "mail.identity.id1.valid": True,
        "mail.server.server1.type": "imap", "mail.server.server1.hostname": "127.0.0.1", "mail.server.server1.port": server.port("imap"),
        "mail.server.server1.userName": address, "mail.server.server1.name": "ann", "mail.server.server1.socketType": 0,
        "mail.server.server1.authMethod": 3, "mail.server.server1.login_at_startup": False, "mail.server.server1.check_new_mail": False,
        "mail.server.server1.directory-rel": "[ProfD]ImapMail/127.0.0.1", "mail.root.imap-rel": "[ProfD]ImapMail",
        "mail.server.server1.offline_download": True, "mail.server.server1.autosync_offline_stores": True,
        "mail.server.server1.use_condstore": True, "mail.provider.suppress_dialog_on_startup": True, "mail.spotlight.firstRunDone": True,
        "mailnews.start_page.enabled": False, "app.update.enabled": False, "datareporting.policy.dataSubmissionEnabled": False,
        "toolkit.telemetry.enabled": False, "mail.rights.version": 1, "mail.shell.checkDefaultClient": False,
        "network.captive-portal-service.enabled": False, "network.connectivity-service.enabled": False, "extensions.update.enabled": False,
        "extensions.blocklist.enabled": False, "mail.chat.enabled": False, "marionette.port": port,
    }


class Thunderbird:
    """The program with a fresh profile; script() runs JavaScript in it and gives the answer."""

    def __init__(self, server, address):
        if not shutil.which("thunderbird"):
            raise Skip("thunderbird is not installed")
        profile = os.path.join(server.parent, "profile")
        os.makedirs(profile)
        port = server.port("imap") + 7
        with open(os.path.join(profile, "user.js"), "w") as file:
            file.writelines(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences(server, address, port).items())
        self.log = os.path.join(server.parent, "thunderbird-log")
        with open(self.log, "wb") as log:
            # the program itself, not Debian's script around it, so that killing it is killing it
            program = "/usr/lib/thunderbird/thunderbird" if os.path.exists("/usr/lib/thunderbird/thunderbird") else "thunderbird"
            self.process = subprocess.Popen([program, "--headless", "--no-remote", "--profile", profile, "--marionette",
                                             "--remote-allow-system-access"], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            env=dict(os.environ, HOME=server.parent, MOZ_HEADLESS="1"))
        self.count = 0
        try:
            sock = wait_for(lambda: self.connect(port), 15, what="Marionette")
            self.file = sock.makefile("rwb", buffering=0)
            self.receive()
            self.ask("WebDriver:NewSession", {})
            self.ask("Marionette:SetContext", {"value": "chrome"})
        except BaseException:
            self.end()
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.end()

    def end(self):
        self.process.kill()
        self.process.wait()

    @staticmethod
    def connect(port):
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=20)
        except OSError:
            return None

    def receive(self):
        size = b""
        while not size.endswith(b":"):
            byte = self.file.read(1)
            if not byte:
                raise Failure("Thunderbird went away")
            size += byte
        data = b""
        while len(data) < int(size[:-1]):
            data += self.file.read(int(size[:-1]) - len(data))
        return json.loads(data)

    def ask(self, name, arguments):
        self.count += 1
        data = json.dumps([0, self.count, name, arguments]).encode()
        self.file.write(b"%d:%s" % (len(data), data))
        _, _, error, answer = self.receive()
        if error:
            raise Failure(f"{name}: {error}")
        return answer.get("value")

    def script(self, text, *arguments):
        answer = self.ask("WebDriver:ExecuteAsyncScript", {"script": BEGIN + text + END, "args": list(arguments), "scriptTimeout": 18000})
        if isinstance(answer, str) and answer.startswith("error"):
            raise Failure(answer)
        return answer


def flags_of(lines, mailbox=b"INBOX"):
    lines.good(b"EXAMINE " + mailbox)
    return {int(re.search(rb"UID (\d+)", row).group(1)): set(re.search(rb"FLAGS \((.*?)\)", row).group(1).split()) - {rb"\Recent"}
            for row in lines.good(b"UID FETCH 1:* (FLAGS)") if b"FETCH (" in row}


def test_download_and_change_both_ways():
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as far:
            for n in NUMBERS:
                append(far, b"INBOX", message(n))
            with Thunderbird(server, ann) as client:
                came = client.script(LOGIN, ann, server.passwords[ann], len(NUMBERS))
                same([uid for uid, _, _ in came], list(range(1, len(NUMBERS) + 1)))
                for (_, _, name), n in zip(came, NUMBERS):
                    assert name.encode() in message(n), (name, n)
                same(client.script(CHANGE), "done")
                wait_for(lambda: sorted(flags_of(far)) == [1, 2, 4, 6] or None, what="the changes at the server")
                flags = wait_for(lambda: (lambda f: f if f[1] and f[2] and len(f[2]) == 2 else None)(flags_of(far)), what="flags")
                same(flags, {1: {rb"\Seen"}, 2: {rb"\Flagged", b"$label1"}, 4: set(), 6: set()})
                far.good(b"SELECT INBOX")
                far.good(rb"UID STORE 6 +FLAGS (\Seen \Flagged)")
                append(far, b"INBOX", message(29))
                seen = client.script(LOOK, len(NUMBERS) + 1)
                same([row for row in seen if row[0] == 6], [[6, True, True]])
                same([row[0] for row in seen], [1, 2, 4, 6, 7])
            other = server.imap(ann)
            same([data for _, data in fetch_all(other, mailbox="Archive")], [message(NUMBERS[2]), message(NUMBERS[3])], "moved and copied")
            same([data for _, data in fetch_all(other, mailbox="Trash")], [message(NUMBERS[4])], "thrown away")
            other.logout()

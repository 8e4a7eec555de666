"""The servers that bench/run.py measures, behind one face: users, ports, processor time, memory.

Letterlock is started by tests/lib/letterlock.py as the tests start it. Dovecot (Debian's packages dovecot-imapd and dovecot-lmtpd,
root needed) runs with a configuration of its own in a temporary folder and listens on loopback only."""
import glob
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
import letterlock  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")


def tree(pid):
    """The process and all that it started."""
    children = {}
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path, encoding="utf-8") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(path.split("/")[2]))
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        found.append(one)
        todo += children.get(one, [])
    return found


def cpu_seconds(pid):
    """User and system time of the tree, with its ended children."""
    total = 0
    for one in tree(pid):
        try:
            with open(f"/proc/{one}/stat", encoding="utf-8") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += sum(int(fields[i]) for i in (11, 12, 13, 14))
    return total / TICKS


def memory_kb(pid):
    """PSS of the tree; where the kernel does not show it (a process that forbids dumps, and we are not root), RSS."""
    total = 0
    for one in tree(pid):
        for path, field in ((f"/proc/{one}/smaps_rollup", "Pss:"), (f"/proc/{one}/status", "VmRSS:")):
            try:
                with open(path, encoding="utf-8") as file:
                    total += next(int(line.split()[1]) for line in file if line.startswith(field))
                break
            except (OSError, StopIteration):
                continue
    return total


def folder_bytes(folder):
    return sum(os.lstat(os.path.join(path, name)).st_size for path, _, names in os.walk(folder) for name in names)


class Letterlock:
    name = "Letterlock"
    has_smtp = locks = True
    tells_at_once = True

    def __init__(self, build, users):
        # Everything in these tables comes from one address: the ceilings on strangers must not be what is measured.
        self.server = letterlock.Server(build=build)
        self.users = [self.server.alias(f"user{n}") for n in range(users)]
        self.held = []

    @property
    def pid(self):
        return self.server.process.pid

    def port(self, name):
        return self.server.port(name)

    def unlock(self):
        """Hold a session on every vault, so that deliveries go straight in."""
        self.held = [self.server.imap(address, password) for address, password in self.users]

    def restart(self):
        """As it is after a boot: no memory left over from what was loaded into it."""
        self.server.stop()
        self.server.start()

    def disk_bytes(self):
        return folder_bytes(self.server.data)

    def settle(self):
        """Background work has been done, and the write-ahead logs have gone into their files."""
        time.sleep(2)
        self.restart()

    def remove(self):
        for client in self.held:
            client.shutdown()
        self.server.remove()


DOVECOT = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
instance_name = bench
listen = 127.0.0.1
protocols = imap lmtp
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login
passdb {{
  driver = static
  args = password=bench
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%n
}}
first_valid_uid = 1
mail_location = sdbox:~/sdbox
mail_fsync = optimized
mail_max_userip_connections = 10000
auth_username_format = %Ln
service imap-login {{
  service_count = 0
  process_min_avail = 2
  client_limit = 4000
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service imap {{
  process_limit = 2000
  client_limit = 1
}}
service lmtp {{
  process_limit = 200
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
service anvil {{
  client_limit = 9000
}}
service auth {{
  client_limit = 9000
}}
protocol lmtp {{
  postmaster_address = postmaster@example.com
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
"""


class Dovecot:
    """service_count = 0 for imap-login is Dovecot's own advice for speed; sdbox keeps one file a message, as synced as ours."""
    name = "Dovecot"
    has_smtp = locks = False
    tells_at_once = False  # news wait for half a second: a few of them say as much as hundreds

    def __init__(self, _build, users):
        if not shutil.which("dovecot"):
            raise SystemExit("bench: no dovecot here (apt-get install dovecot-imapd dovecot-lmtpd)")
        if os.getuid() != 0:
            raise SystemExit("bench: Dovecot wants to be started by root")
        import pwd
        who = pwd.getpwnam("mail")
        self.folder = tempfile.mkdtemp(prefix="ll-dovecot-")
        os.chmod(self.folder, 0o755)
        for name in ("run", "state", "mail"):
            os.mkdir(os.path.join(self.folder, name), 0o755)
        os.chown(os.path.join(self.folder, "mail"), who.pw_uid, who.pw_gid)
        base = letterlock.free_base()
        self.ports = {"imap": base + 143, "imaps": base + 993, "lmtp": base + 24}
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", "/CN=mail.example.com", "-keyout", f"{self.folder}/key.pem", "-out", f"{self.folder}/cert.pem"],
                       check=True, capture_output=True)
        config = os.path.join(self.folder, "dovecot.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(DOVECOT.format(folder=self.folder, uid=who.pw_uid, gid=who.pw_gid, **self.ports))
        self.process = subprocess.Popen(["dovecot", "-F", "-c", config])
        self.users = [(f"user{n}@example.com", "bench") for n in range(users)]
        self.pid = self.process.pid
        self.wait_until_up()

    def wait_until_up(self):
        for _ in range(100):
            try:
                with socket.create_connection(("127.0.0.1", self.ports["imap"]), timeout=1):
                    return
            except OSError:
                time.sleep(0.1)
        raise SystemExit(f"bench: Dovecot did not start; see {self.folder}/log")

    def port(self, name):
        return self.ports[name]

    def unlock(self):
        pass

    def restart(self):
        """Its sessions are processes: nothing is left over."""

    def disk_bytes(self):
        return folder_bytes(os.path.join(self.folder, "mail"))

    def settle(self):
        pass

    def remove(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


PEERS = {"letterlock": Letterlock, "dovecot": Dovecot}

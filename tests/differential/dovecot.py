"""Dovecot (Debian's dovecot-imapd) as the other server: its own configuration in a temporary folder, loopback only."""
import os
import shutil
import socket
import subprocess
import tempfile
import time

import letterlock
from skip import Skip

CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
instance_name = differential
listen = 127.0.0.1
protocols = imap
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%n
}}
first_valid_uid = 1
mail_location = sdbox:~/sdbox
mail_max_userip_connections = 100
auth_username_format = %Ln
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
"""


class Dovecot:
    """As a context manager. Skipped where there is none, or where we are not root (Dovecot wants it)."""

    def __init__(self):
        if not shutil.which("dovecot") or not os.path.exists("/usr/lib/dovecot/imap"):
            raise Skip("dovecot-imapd is not installed")
        if os.getuid() != 0:
            raise Skip("Dovecot wants to be started by root")
        import pwd
        who = pwd.getpwnam("mail")
        self.folder = tempfile.mkdtemp(prefix="ll-differential-")
        os.chmod(self.folder, 0o755)
        for name in ("run", "state", "mail"):
            os.mkdir(os.path.join(self.folder, name), 0o755)
        os.chown(os.path.join(self.folder, "mail"), who.pw_uid, who.pw_gid)
        self.port_number = letterlock.free_base() + 143
        config = os.path.join(self.folder, "dovecot.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(folder=self.folder, uid=who.pw_uid, gid=who.pw_gid, port=self.port_number))
        self.process = subprocess.Popen(["dovecot", "-F", "-c", config], stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                with socket.create_connection(("127.0.0.1", self.port_number), timeout=1):
                    return
            except OSError:
                time.sleep(0.1)
        self.remove()
        raise RuntimeError("Dovecot did not start")

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.remove()

    def connect(self, _name, timeout=30):
        return socket.create_connection(("127.0.0.1", self.port_number), timeout=timeout)

    def remove(self):
        self.process.terminate()
        self.process.wait(timeout=20)
        shutil.rmtree(self.folder, ignore_errors=True)

/* config_table.h - every setting, once: from this table come the parser, the file that `init` writes, `letterlock
 * config`, and the manual. SPDX-License-Identifier: MIT
 *
 * X(TYPE, name, default, min, max, help)     min and max are for numbers; TEXT and LISTEN have none
 *
 *     TEXT    any text              NUMBER  a whole number              SIZE  bytes, with K, M or G (1024)
 *     LISTEN  addresses with port   FLAG    yes or no                   TIME  with ms, s, m, h or d
 *
 * S(title) begins a section. */
#ifndef SERVER_CONFIG_TABLE_H
#define SERVER_CONFIG_TABLE_H

#define CONFIG_TABLE(S, X)                                                                                             \
    S("Who we are")                                                                                                    \
    X(TEXT, hostname, "localhost", 0, 0,                                                                               \
      "The name of this machine in the world's DNS: in greetings, in Received lines, and in the certificate.")         \
    S("Where we listen. Addresses with port, separated by spaces; * is every address of the machine; empty is off")    \
    X(LISTEN, listen_smtp, "*:25", 0, 0, "Mail from other servers (SMTP, RFC 5321), with STARTTLS.")                   \
    X(LISTEN, listen_lmtp, "127.0.0.1:24", 0, 0,                                                                       \
      "Mail from another mail server on this machine (LMTP, RFC 2033). Whoever can connect can deliver: keep it "      \
      "local.")                                                                                                        \
    X(LISTEN, listen_imap, "*:143", 0, 0,                                                                              \
      "IMAP with STARTTLS. Login without encryption is allowed only from this machine itself.")                        \
    X(LISTEN, listen_imaps, "*:993", 0, 0, "IMAP over TLS (RFC 8314).")                                                \
    S("TLS. Paths are relative to the data directory. SIGHUP reads the files again")                                   \
    X(TEXT, tls_certificate, "tls/cert.pem", 0, 0, "PEM file: our certificate first, then the intermediate ones.")     \
    X(TEXT, tls_key, "tls/key.pem", 0, 0, "PEM file: the private key of the certificate, unencrypted, mode 0600.")     \
    S("Mail that comes in")                                                                                            \
    X(SIZE, message_size, "50M", 65536, 1073741824, "The largest message taken, by SMTP, LMTP and IMAP APPEND.")       \
    X(NUMBER, recipients, "1000", 100, 1000, "The most recipients of one message (RFC 5321 asks for at least 100).")   \
    X(SIZE, quota, "10G", 0, 1099511627776,                                                                            \
      "What one alias may keep, waiting mail included, unless it or its account has a quota of its own. 0: no limit.") \
    S("Vaults")                                                                                                        \
    X(TIME, vault_grace, "60s", 0, 86400000,                                                                           \
      "How long a vault stays unlocked after its last session has ended; then its key is wiped from memory.")          \
    X(NUMBER, vaults_unlocked, "2000", 1, 100000,                                                                      \
      "The most vaults unlocked at once. Each costs five to six file descriptors and 0.4 MB or more.")                 \
    S("Login")                                                                                                         \
    X(TIME, login_failure_delay, "1500ms", 500, 60000,                                                                 \
      "A failed login is answered this long after it began, whatever the reason, so that time tells nothing.")         \
    X(NUMBER, login_hashes, "2", 1, 64,                                                                                \
      "How many chosen passwords are checked at once; each needs 64 MiB (Argon2id) and a processor for 0.1 s.")        \
    S("Limits")                                                                                                        \
    X(NUMBER, connections, "10000", 10, 1000000, "The most connections open at once.")                                 \
    X(NUMBER, connections_per_address, "50", 1, 1000000,                                                               \
      "The most connections from one address (for IPv6: one /64). This machine itself is exempt.")                     \
    X(TIME, imap_idle, "31m", 1800000, 86400000,                                                                       \
      "How long an IMAP client may be silent after login (RFC 3501 section 5.4 asks for 30 minutes or more).")         \
    X(NUMBER, workers, "8", 1, 256, "Threads for work that waits for the disk.")                                       \
    X(SIZE, spool_memory, "64M", 1048576, 17179869184,                                                                 \
      "Memory for messages on their way in. Beyond it they go to encrypted, nameless temporary files.")

#endif

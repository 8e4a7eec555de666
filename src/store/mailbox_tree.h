/* mailbox_tree.h - mailboxes among each other: create, delete, rename, subscribe (RFC 3501 sections 6.3.3 to 6.3.7).
 * SPDX-License-Identifier: MIT
 *
 * Names are whole paths with '/' between levels; children of a name are the range of names that begin with it and a
 * '/'. Names come checked (length, depth, NFC, INBOX in capitals). Each call is one job's work. A subscription belongs
 * to a name, not to a mailbox: it stays when the mailbox is deleted or renamed, as RFC 3501 section 6.3.6 demands. */
#ifndef STORE_MAILBOX_TREE_H
#define STORE_MAILBOX_TREE_H

#include "store/mailbox.h"

/* Bytes of a name; a rename may not push a child beyond it. The engine's default limit for what clients may say is the
 * same. */
#define MAILBOX_NAME_MAX 1000

/* Missing parents are made too. A \Noselect name becomes a mailbox again, with a new UIDVALIDITY. Special uses are
 * taken from the mailbox that has them. LL_EEXISTS; LL_ELIMIT (MAILBOXES_MAX); LL_EUNSUPPORTED: a use that no mailbox
 * here can have. */
LL_MUST_USE ll_status tree_create(writer *w, ll_span name, unsigned attributes);
/* No mailbox has these special uses any more. LL_EUNSUPPORTED. */
LL_MUST_USE ll_status tree_free_uses(writer *w, unsigned attributes);
/* The mailbox has exactly these, and no other has them. LL_EUNSUPPORTED; LL_EDENIED: \Noselect. */
LL_MUST_USE ll_status tree_set_uses(writer *w, const mailbox_row *m, unsigned attributes);
/* With all its messages. With children it stays as a \Noselect name. LL_ENOTFOUND; LL_EDENIED: INBOX, or \Noselect with
 * children. */
LL_MUST_USE ll_status tree_remove(writer *w, ll_span name);
/* With its children; UIDs, UIDVALIDITY and open sessions are as before. INBOX: its messages move to the new mailbox
 * `to`. LL_ENOTFOUND; LL_EEXISTS; LL_EINVAL: `to` lies below `from`; LL_ELIMIT. */
LL_MUST_USE ll_status tree_rename(writer *w, ll_span from, ll_span to);
/* Also names without mailbox. LL_ELIMIT. */
LL_MUST_USE ll_status tree_subscribe(writer *w, ll_span name, bool on);

/* INBOX and the special-use mailboxes of a new vault, RFC 6154. */
LL_MUST_USE ll_status tree_fill(writer *w);

#endif

/* capabilities.c - see capabilities.h
 * SPDX-License-Identifier: MIT */
#include "imap/capabilities.h"

#include "imap/message_limit.h"
#include "imap/status.h"

#include <inttypes.h>

bool capabilities_login(const ll_session *s)
{
    return s->secure || s->clear_login;
}

static void add_mechanisms(const ll_session *s, text *out)
{
    ll_span rest = span_str(s->host->mechanisms ? s->host->mechanisms(s->context) : "");
    while (rest.size) {
        ll_span one = span_cut(&rest, ' ');
        if (one.size)
            text_print(out, " AUTH=%.*s", SPAN_PRINT(one));
    }
}

/* What concerns mailboxes and APPEND. What the connector must have for it is known only after login. */
static void add_mailbox_words(const ll_session *s, text *out)
{
    text_add_str(out, " LIST-EXTENDED LIST-STATUS STATUS=SIZE");      /* RFC 5258, 5819, 8438 */
    text_print(out, " APPENDLIMIT=%" PRIu64, status_append_limit(s)); /* RFC 7889 */
    if (s->limits.append_messages > 1)
        text_add_str(out, " MULTIAPPEND"); /* RFC 3502 */
    text_add_str(out, " CATENATE BINARY"); /* RFC 4469, 3516 */
    if (session_can(s, replace))
        text_add_str(out, " REPLACE"); /* RFC 8508 */
    if (session_can(s, quota))
        text_add_str(out, " QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE"); /* RFC 9208 */
    if (session_has_metadata(s))
        text_add_str(out, " METADATA METADATA-SERVER LIST-METADATA"); /* RFC 5464, 9590 */
    if (session_offers(s, LL_OFFERS_OBJECTID))
        text_add_str(out, " OBJECTID"); /* RFC 8474 */
    if (session_offers(s, LL_OFFERS_SAVEDATE))
        text_add_str(out, " SAVEDATE"); /* RFC 8514 */
}

/* RFC 4731, 5182, 5032, 9394, 5256, 5957, 5267, 6203 */
static void add_search_words(const ll_session *s, text *out)
{
    if (session_can(s, metadata) && session_can(s, metadata_set))
        text_add_str(out, " FILTERS"); /* RFC 5466 */
    text_add_str(out, " ESEARCH SEARCHRES WITHIN PARTIAL SORT SORT=DISPLAY ESORT THREAD=ORDEREDSUBJECT "
                      "THREAD=REFERENCES SEARCH=FUZZY MULTISEARCH CONTEXT=SEARCH CONTEXT=SORT XREGEX");
}

void capabilities_add(const ll_session *s, text *out)
{
    text_add_str(out, "IMAP4rev1 IMAP4rev2 ID ENABLE IDLE NAMESPACE UNSELECT UIDPLUS MOVE CHILDREN SPECIAL-USE "
                      "CREATE-SPECIAL-USE UTF8=ACCEPT UIDONLY"); /* RFC 9051, 6855, 9586, and many */
    /* RFC 7888: one of the two. A stranger's literals have a ceiling (see input.c); IMAP4rev2 has LITERAL- in itself,
     * and LITERAL+ includes it. */
    text_add_str(out, s->state == SESSION_NOT_AUTHENTICATED ? " LITERAL-" : " LITERAL+");
    if (session_can(s, changes))
        text_add_str(out, " CONDSTORE QRESYNC"); /* RFC 7162 */
    if (session_can(s, survey) && session_can(s, watch))
        text_add_str(out, " NOTIFY"); /* RFC 5465 */
    add_mailbox_words(s, out);
    add_search_words(s, out);
    text_add_str(out, " PREVIEW INPROGRESS"); /* RFC 8970, 9585 */
    message_limit_capabilities(s, out);
    if (s->state != SESSION_NOT_AUTHENTICATED) {
        if (!s->compress)
            text_add_str(out, " COMPRESS=DEFLATE"); /* RFC 4978 */
        if (session_host_can(s, unauthenticated))
            text_add_str(out, " UNAUTHENTICATE"); /* RFC 8437 */
        return;
    }
    text_add_str(out, " SASL-IR");
    if (!s->secure && s->host->start_tls)
        text_add_str(out, " STARTTLS");
    if (capabilities_login(s))
        add_mechanisms(s, out);
    else
        text_add_str(out, " LOGINDISABLED");
}

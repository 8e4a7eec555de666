/* smtp_answer.c - the questions that an smtp_server puts to its host, and what follows from the answers.
 * SPDX-License-Identifier: MIT
 *
 * An answer only says its reply and leaves a note; what follows from it (settle) happens when the host's method has
 * returned, so that a host that answers at once is never entered from inside its own call. */
#include "wire/smtp_server_state.h"

#include <assert.h>

/* How an answer sounds: indexed by smtp_ask. */
static const struct {
    const char *noun, *enhanced, *accepted;
} words_of[] = {
    [SMTP_ASK_NONE] = {"", "2.0.0", ""},
    [SMTP_ASK_MAIL] = {"Sender", "2.1.0", "Sender accepted"},
    [SMTP_ASK_RCPT] = {"Recipient", "2.1.5", "Recipient accepted"},
    [SMTP_ASK_BEGIN] = {"Message", "2.0.0", "Go on"},
    [SMTP_ASK_END] = {"Message", "2.0.0", "Message accepted"},
};

static void settle_mail(smtp_server *s, bool accepted)
{
    if (!accepted) {
        smtp_server_forget(s);
        return;
    }
    s->state = SMTP_STATE_MAIL;
    s->open = s->mailed = true;
    s->transactions++;
}

static void settle_rcpt(smtp_server *s, bool accepted)
{
    if (accepted)
        s->recipients++;
    else if (s->answer_code >= 500 && ++s->rejected > s->limits.rejected_recipients)
        smtp_server_leave(s, "4.7.0", "Too many recipients were refused");
}

/* The host has said 421 itself. */
static void settle_goodbye(smtp_server *s, smtp_ask ask)
{
    if (ask == SMTP_ASK_END)
        smtp_server_forget(s); /* the answer was the end of the transaction */
    smtp_server_end(s);
}

static void settle(smtp_server *s)
{
    smtp_ask ask = s->asking;
    bool accepted = s->answer_code < 400;
    s->asking = SMTP_ASK_NONE;
    if (s->answer_code == 421)
        settle_goodbye(s, ask);
    else if (ask == SMTP_ASK_MAIL)
        settle_mail(s, accepted);
    else if (ask == SMTP_ASK_RCPT)
        settle_rcpt(s, accepted);
    else if (ask == SMTP_ASK_END)
        smtp_message_done(s, accepted);
    else if (!s->leaving) /* else 421 takes the place of 354 */
        smtp_message_begun(s, accepted);
    if (s->leaving && s->asking == SMTP_ASK_NONE)
        smtp_server_leave(s, "4.3.2", "Going down");
}

void smtp_answer_ask(smtp_server *s, smtp_ask ask)
{
    s->asking = ask;
    s->answered = false;
    s->answer_index = 0;
    s->answer_code = 0;
    s->inside++;
    if (ask == SMTP_ASK_MAIL)
        s->host->mail(s->context, &s->mail);
    else if (ask == SMTP_ASK_RCPT)
        s->host->rcpt(s->context, &s->to);
    else if (ask == SMTP_ASK_BEGIN)
        s->host->data_begin(s->context);
    else
        s->host->data_end(s->context);
    s->inside--;
    if (s->answered)
        settle(s);
}

/* The last answer to the question has come. */
static void answered(smtp_server *s)
{
    s->answered = true;
    if (s->inside)
        return;
    settle(s);
    s->host->wake(s->context);
}

static void say(smtp_server *s, int code, const char *enhanced, ll_span words)
{
    smtp_reply_add(&s->output, code, enhanced, words, smtp_server_utf8(s));
}

void smtp_server_reply_code(smtp_server *s, int code, const char *enhanced, ll_span words)
{
    assert(s->asking != SMTP_ASK_NONE && !s->answered && code >= 200 && code < 600);
    bool accepted = code < 400;
    if (s->asking != SMTP_ASK_BEGIN || code == 421) {
        bool each = s->lmtp && s->asking == SMTP_ASK_END && code != 421;
        for (size_t i = s->answer_index; i < (each ? s->recipients : s->answer_index + 1); i++)
            say(s, code, enhanced, words);
    } else if (!accepted && s->by_chunk) {
        smtp_message_keep_refusal(s, code, enhanced, words); /* to be said when the chunk has been read */
    } else if (!accepted) {
        say(s, code, enhanced, words);
    }
    if (s->answer_code == 0 || s->answer_code >= 400 || code == 421)
        s->answer_code = code;
    answered(s);
}

/* Code, enhanced code and words for a status; the words are the host's if it gave any, otherwise ours in `own`. */
static int status_words(const smtp_server *s, ll_status status, ll_span *words, text *own, const char **enhanced)
{
    assert(status <= LL_OK);
    if (words->size == 0) {
        if (status == LL_OK)
            text_add_str(own, words_of[s->asking].accepted);
        else
            text_print(own, "%s: %s", words_of[s->asking].noun, ll_status_text(status));
        *words = text_span(own);
    }
    *enhanced = status == LL_OK ? words_of[s->asking].enhanced : ll_status_enhanced(status);
    return ll_status_smtp(status);
}

void smtp_server_reply(smtp_server *s, ll_status status, ll_span words)
{
    text own;
    text_init(&own, s->allocator, SMTP_REPLY_TEXT_MAX);
    const char *enhanced;
    int code = status_words(s, status, &words, &own, &enhanced);
    smtp_server_reply_code(s, code, enhanced, words);
    text_fini(&own);
}

void smtp_server_reply_rcpt_code(smtp_server *s, size_t index, int code, const char *enhanced, ll_span words)
{
    assert(s->lmtp && s->asking == SMTP_ASK_END && !s->answered && index == s->answer_index);
    assert(code >= 200 && code < 600);
    say(s, code, enhanced, words);
    if (s->answer_code == 0 || s->answer_code >= 400)
        s->answer_code = code == 421 ? 451 : code; /* one recipient's 421 does not end the others' connection */
    if (++s->answer_index == s->recipients)
        answered(s);
}

void smtp_server_reply_rcpt(smtp_server *s, size_t index, ll_status status, ll_span words)
{
    text own;
    text_init(&own, s->allocator, SMTP_REPLY_TEXT_MAX);
    const char *enhanced;
    int code = status_words(s, status, &words, &own, &enhanced);
    smtp_server_reply_rcpt_code(s, index, code, enhanced, words);
    text_fini(&own);
}

/* The header is C++ too: a session greets, and a mailbox is made, from C++.
 * SPDX-License-Identifier: MIT */
#include <letterlock.h>

#include <cstdio>
#include <string>

static const char *mechanisms(void *)
{
    return "PLAIN";
}

static ll_status take(void *context, ll_span bytes)
{
    static_cast<std::string *>(context)->append(bytes.data, bytes.size);
    return LL_OK;
}

/* A message's parts and text. */
static bool reads_a_message()
{
    const std::string mail =
        "Subject: =?utf-8?Q?=C3=A9t=C3=A9?=\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n";
    ll_message *m = nullptr;
    if (ll_message_new(&m, nullptr))
        return false;
    ll_message_push(m, {mail.data(), mail.size()});
    ll_part part{};
    part.size = sizeof part;
    ll_envelope envelope{};
    envelope.size = sizeof envelope;
    std::string subject, text;
    ll_decoder *decoder = nullptr;
    bool right = ll_message_end(m) == LL_OK && ll_message_part(m, 0, &part) && ll_message_envelope(m, 0, &envelope) &&
                 ll_message_words(m, envelope.subject, take, &subject) == LL_OK &&
                 ll_decoder_new(&decoder, m, 0, LL_DECODE_UTF8) == LL_OK &&
                 ll_decoder_push(decoder, {mail.data() + part.body_offset, static_cast<size_t>(part.body_size)}, take,
                                 &text) == LL_OK &&
                 ll_decoder_end(decoder, take, &text) == LL_OK && subject == "\xc3\xa9t\xc3\xa9" && text == "hello";
    ll_decoder_del(&decoder);
    ll_message_del(&m);
    return right;
}

int main()
{
    ll_host host{};
    host.size = sizeof host;
    host.mechanisms = mechanisms;
    ll_limits limits;
    ll_limits_init(&limits);
    ll_session_config config{};
    config.size = sizeof config;
    config.flags = LL_SESSION_CLEAR_LOGIN;
    config.limits = &limits;
    config.host = &host;
    config.greeting = {"from C++", 8};
    ll_session *session = nullptr;
    if (ll_session_new(&session, &config) != LL_OK)
        return 1;
    ll_span out = ll_session_output(session);
    bool greeted = std::string(out.data, out.size).find("from C++") != std::string::npos;
    ll_session_del(&session);

    ll_view *view = nullptr;
    ll_flags flags{};
    ll_flags_add(&flags, LL_FLAG_SEEN);
    if (ll_view_new(&view, nullptr, 1) || ll_view_add(view, 7, &flags))
        return 1;
    ll_view_seal(view, 8, 1);
    bool right = ll_view_count(view) == 1 && ll_view_unseen(view) == 0 && ll_view_has(view, 7);
    ll_view_unref(&view);
    std::printf("%s %s\n", greeted ? "greeted" : "no greeting", ll_status_text(LL_EQUOTA));
    return greeted && right && reads_a_message() ? 0 : 1;
}

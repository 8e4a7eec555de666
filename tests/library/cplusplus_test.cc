/* The header is C++ too: a session greets, and a mailbox is made, from C++.
 * SPDX-License-Identifier: MIT */
#include <letterlock.h>

#include <cstdio>
#include <string>

static const char *mechanisms(void *)
{
    return "PLAIN";
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
    return greeted && right ? 0 : 1;
}

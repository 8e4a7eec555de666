/* operation_domain.c - domain add, list, remove; config
 * SPDX-License-Identifier: MIT */
#include "server/operation.h"

#include <time.h>

enum { domain_batch = 64 /* names read from the directory at once */ };

ll_status operation_domain_add(server *s, const json_t *arguments, json_t **result, text *error)
{
    ll_span name = operation_string(arguments, "domain");
    ll_status status = directory_domain_add(s->directory, name, time(NULL));
    if (status == LL_EEXISTS)
        text_print(error, "%.*s is there already", SPAN_PRINT(name));
    else if (status == LL_EINVAL)
        text_print(error, "\"%.*s\" is not a domain name: give one such as example.com (non-ASCII names as xn--...)",
                   SPAN_PRINT(name));
    *result = json_object();
    return status;
}

ll_status operation_domain_remove(server *s, const json_t *arguments, json_t **result, text *error)
{
    ll_span name = operation_string(arguments, "domain");
    ll_status status = directory_domain_remove(s->directory, name);
    if (status == LL_ENOTFOUND)
        text_print(error, "there is no domain %.*s; `letterlock domain list` shows all", SPAN_PRINT(name));
    else if (status == LL_EDENIED)
        text_print(error, "%.*s still has aliases: remove them first, so that no mail is destroyed by accident",
                   SPAN_PRINT(name));
    *result = json_object();
    return status;
}

ll_status operation_domain_list(server *s, const json_t *arguments, json_t **result, text *error)
{
    (void)arguments;
    (void)error;
    char names[domain_batch][DIRECTORY_DOMAIN_MAX + 1];
    char after[DIRECTORY_DOMAIN_MAX + 1] = "";
    size_t count = domain_batch;
    *result = json_array();
    while (count == domain_batch) {
        ll_status status = directory_domain_list(s->directory, span_str(after), names, domain_batch, &count);
        if (status)
            return status;
        for (size_t i = 0; i < count; i++)
            json_array_append_new(*result, json_pack("{s:s}", "domain", names[i]));
        if (count)
            memcpy(after, names[count - 1], sizeof after);
    }
    return LL_OK;
}

ll_status operation_config(server *s, const json_t *arguments, json_t **result, text *error)
{
    (void)arguments;
    (void)error;
    text list;
    text_init(&list, NULL, 1 << 20);
    config_list(s->config, &list);
    ll_status status = text_status(&list);
    *result = json_array();
    ll_span rest = text_span(&list);
    while (rest.size) {
        ll_span line = span_cut(&rest, '\n');
        json_array_append_new(*result, json_stringn(line.data, line.size));
    }
    text_fini(&list);
    return status;
}

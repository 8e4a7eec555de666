/* search_filter.c - see search_filter.h
 * SPDX-License-Identifier: MIT */
#include "imap/search_filter.h"

#include "imap/search_find.h"

static const ll_span roots[] = {{"/private/filters/values/", 24}, {"/shared/filters/values/", 23}};

bool search_filter_is_entry(ll_span entry, ll_span *name)
{
    for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
        if (!span_starts_nocase(entry, roots[i]))
            continue;
        *name = span_from(entry, roots[i].size);
        return name->size && span_find(*name, '/') == name->size;
    }
    return false;
}

ll_status search_filter_check(ll_span value, const ll_session *s, arena *memory)
{
    lexer in;
    search_keys keys;
    lexer_init(&in, value, memory, (unsigned)s->limits.depth);
    lexer look = in;
    if (lexer_is_word(&look, "CHARSET")) /* search_keys_insert does not take it either: it is UTF-8 */
        return LL_ESYNTAX;
    return search_keys_parse(&keys, &in, s->limits.search_keys, s->limits.set_ranges);
}

/* Names in entries are in lower case; so are the keys'. The private one counts first. */
static const ll_metadata *find(const ll_call *call, ll_span name)
{
    for (size_t root = 0; root < sizeof roots / sizeof roots[0]; root++)
        for (size_t i = 0; i < call->metadata_count; i++) {
            const ll_metadata *one = &call->metadata[i];
            ll_span its;
            if (one->value.data && span_starts_nocase(one->entry, roots[root]) &&
                search_filter_is_entry(one->entry, &its) && span_equal_nocase(its, name))
                return one;
        }
    return NULL;
}

static ll_status undefined(command *c, ll_span name)
{
    c->code = command_print(c, "UNDEFINED-FILTER %.*s", SPAN_PRINT(name));
    c->text = "There is no such filter";
    return LL_ENOTFOUND;
}

static ll_status insert(search_keys *keys, search_key *key, ll_span value, const ll_session *s, arena *memory)
{
    return search_keys_insert(keys, key, value, memory, (unsigned)s->limits.depth, s->limits.search_keys,
                              s->limits.set_ranges);
}

static ll_status insert_all(search_keys *keys, ll_session *s, command *c)
{
    for (; keys->filters_done < keys->filters_count; keys->filters_done++) { /* it grows meanwhile */
        search_key *key = keys->filters[keys->filters_done];
        const ll_metadata *value = find(s->call, key->name);
        if (!value || key->passes >= search_filter_passes_max)
            return undefined(c, key->name);
        ll_status status = insert(keys, key, value->value, s, &c->memory);
        if (status == LL_ESYNTAX || status == LL_EINVAL || status == LL_ECHARSET) {
            c->text = command_print(c, "The filter %.*s is not a whole search", SPAN_PRINT(key->name));
            return LL_EUNSUPPORTED;
        }
        if (status)
            return search_find_parsed(c, keys, status);
    }
    return LL_OK;
}

ll_status search_filter_step(search_keys *keys, ll_session *s, command *c)
{
    if (keys->filters_done == keys->filters_count)
        return LL_OK;
    if (!keys->filters_asked) {
        keys->filters_asked = true;
        if (session_asked(s, s->connector->metadata(s->self, session_call(s), SPAN(""))) == LL_LATER)
            return LL_LATER;
    }
    if (s->call->status < 0)
        return session_call_failed(s, c);
    return insert_all(keys, s, c);
}

ll_status search_filter_repeat(search_keys *keys, const search_keys *like, const ll_session *s, arena *memory)
{
    for (; keys->filters_done < keys->filters_count; keys->filters_done++) {
        search_key *key = keys->filters[keys->filters_done];
        if (keys->filters_done >= like->filters_count)
            return LL_EINVAL; /* not of the same text */
        ll_status status = insert(keys, key, like->filters[keys->filters_done]->value, s, memory);
        if (status)
            return status;
    }
    return LL_OK;
}

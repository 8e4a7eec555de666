/* operation_search.c - search: find messages of one user, who gives the password
 * SPDX-License-Identifier: MIT */
#include "server/operation.h"

#include "mime/header.h"
#include "mime/word.h"
#include "server/self_client.h"

#include <stdlib.h>

enum {
    search_results_max = 1000, /* messages told of: more cannot be read by a person, who should say more */
    search_mailboxes_max = 10000
};

typedef struct search {
    self_client client;
    json_t *found;
    const json_t *arguments;
    text *error;
} search;

const argument *operation_search_input(const json_t *arguments)
{
    static const argument password = {"password", ARGUMENT_INPUT, NULL, "password of the user"};
    return json_object_get(arguments, "password") ? NULL : &password;
}

static ll_status refused(search *x, ll_status status)
{
    if (status == LL_EAUTH || status == LL_EINVAL)
        text_print(x->error, "the server says: %s", text_str(&x->client.refusal));
    return status == LL_EUNAVAILABLE ? LL_EIO : status; /* the command line takes that for "no server runs" */
}

static ll_status ask(search *x, const text *command)
{
    ll_status status = text_status(command);
    return refused(x, status ? status : self_client_command(&x->client, text_span(command)));
}

/* --- mailboxes --- */

static bool contains(ll_span in, const char *what)
{
    for (size_t i = 0, size = strlen(what); i + size <= in.size; i++)
        if (span_equal_nocase(span_of(in.data + i, size), span_of(what, size)))
            return true;
    return false;
}

/* The name at the end of a LIST response: quoted, a literal, or an atom. */
static void add_name(json_t *names, ll_span response)
{
    const char *delimiter = memmem(response.data, response.size, ") \"/\" ", 6);
    if (!delimiter)
        return;
    ll_span attributes = span_first(response, (size_t)(delimiter - response.data));
    ll_span name = span_from(response, attributes.size + 6);
    if (contains(attributes, "\\Noselect") || contains(attributes, "\\NonExistent") || !name.size)
        return;
    text plain;
    text_init(&plain, NULL, 65536);
    if (name.data[0] == '{')
        text_add(&plain, span_from(name, span_find(name, '\n') + 1));
    else if (name.data[0] == '"') {
        for (size_t i = 1; i + 1 < name.size; i++) {
            i += name.data[i] == '\\';
            text_add_byte(&plain, name.data[i]);
        }
    } else
        text_add(&plain, name);
    json_array_append_new(names, json_stringn(text_str(&plain), plain.size));
    text_fini(&plain);
}

static ll_status list_mailboxes(search *x, json_t *names)
{
    ll_span wanted = operation_string(x->arguments, "mailbox");
    if (wanted.size) {
        json_array_append_new(names, json_stringn(wanted.data, wanted.size));
        return LL_OK;
    }
    ll_status status = refused(x, self_client_command(&x->client, SPAN("LIST \"\" \"*\"")));
    ll_span rest = text_span(&x->client.answer), response;
    while (!status && self_client_response(&rest, &response) && json_array_size(names) < search_mailboxes_max)
        if (contains(span_first(response, 7), "* LIST "))
            add_name(names, response);
    return status;
}

/* --- messages --- */

/* A field's decoded value on one line. */
static json_t *field_value(ll_span header, const char *name)
{
    mime_field field;
    text plain;
    text_init(&plain, NULL, 65536);
    if (mime_header_find(header, span_str(name), &field))
        mime_word_decode(field.value, &plain);
    for (size_t i = 0; i < plain.size; i++)
        if ((unsigned char)plain.data[i] < ' ' || plain.data[i] == 0x7f)
            plain.data[i] = ' ';
    json_t *value = json_stringn(text_str(&plain), plain.size);
    text_fini(&plain);
    return value;
}

/* "* n FETCH (UID u BODY[HEADER.FIELDS (...)] {size}CRLF header)" */
static ll_status add_message(search *x, const char *mailbox, ll_span response)
{
    const char *uid = memmem(response.data, response.size, "UID ", 4);
    const char *brace = memmem(response.data, response.size, "}\r\n", 3);
    if (!uid || !brace)
        return LL_OK;
    size_t header = (size_t)(brace + 3 - response.data);
    json_t *row = json_pack("{s:s, s:I}", "mailbox", mailbox, "uid", (json_int_t)strtoul(uid + 4, NULL, 10));
    static const char *const fields[] = {"Date", "From", "Subject"};
    static const char *const names[] = {"date", "from", "subject"};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (json_object_set_new(row, names[i], field_value(span_from(response, header), fields[i]))) {
            json_decref(row);
            return LL_ENOMEM;
        }
    return json_array_append_new(x->found, row) ? LL_ENOMEM : LL_OK;
}

/* The numbers of "* SEARCH 1 2 3", with commas. */
static size_t take_uids(search *x, text *uids)
{
    ll_span rest = text_span(&x->client.answer), response, number;
    size_t count = 0;
    while (self_client_response(&rest, &response)) {
        if (!contains(span_first(response, 8), "* SEARCH"))
            continue;
        response = span_from(response, 8);
        while (response.size) {
            number = span_cut(&response, ' ');
            if (!number.size)
                continue;
            if (count++)
                text_add_byte(uids, ',');
            text_add(uids, number);
        }
    }
    return count;
}

static ll_status fetch(search *x, const char *mailbox, const text *uids)
{
    text command;
    text_init(&command, NULL, 1 << 20);
    text_print(&command, "UID FETCH %s (BODY.PEEK[HEADER.FIELDS (DATE FROM SUBJECT)])", text_str(uids));
    ll_status status = ask(x, &command);
    ll_span rest = text_span(&x->client.answer), response;
    while (!status && self_client_response(&rest, &response))
        if (contains(response, " FETCH ("))
            status = add_message(x, mailbox, response);
    text_fini(&command);
    return status;
}

/* UID SEARCH [XREGEX] field string */
static void add_criteria(const search *x, text *command)
{
    static const char *const keys[] = {"SUBJECT", "FROM", "TO", "CC", "BCC", "BODY", "TEXT"};
    ll_span field = operation_string(x->arguments, "field");
    bool is_key = !field.size, regex = operation_flag(x->arguments, "regex");
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        is_key = is_key || span_equal_nocase(field, span_str(keys[i]));
    if (!field.size)
        field = SPAN("TEXT");
    text_add_str(command, regex ? "UID SEARCH XREGEX " : "UID SEARCH ");
    if (regex || !is_key) {
        text_add_str(command, regex ? "" : "HEADER ");
        self_client_add_string(command, field);
    } else
        text_add(command, field);
    text_add_byte(command, ' ');
    self_client_add_string(command, operation_string(x->arguments, "pattern"));
}

static ll_status search_mailbox(search *x, const char *mailbox)
{
    text command, uids;
    text_init(&command, NULL, 1 << 20);
    text_init(&uids, NULL, self_client_answer);
    text_add_str(&command, "EXAMINE ");
    self_client_add_string(&command, span_str(mailbox));
    ll_status status = ask(x, &command);
    text_clear(&command);
    add_criteria(x, &command);
    if (!status)
        status = ask(x, &command);
    size_t count = status ? 0 : take_uids(x, &uids);
    if (json_array_size(x->found) + count > search_results_max) {
        text_print(x->error, "more than %d messages match: search for more, or in one mailbox (--mailbox)",
                   search_results_max);
        status = LL_ELIMIT;
    }
    if (!status && count)
        status = fetch(x, mailbox, &uids);
    text_fini(&command);
    text_fini(&uids);
    return status;
}

static ll_status run(search *x, server *s)
{
    json_t *names = json_array();
    ll_status status = self_client_open(&x->client, s, operation_string(x->arguments, "user"),
                                        operation_string(x->arguments, "password"));
    status = refused(x, status);
    if (!status)
        status = names ? list_mailboxes(x, names) : LL_ENOMEM;
    for (size_t i = 0; i < json_array_size(names) && !status; i++)
        status = search_mailbox(x, json_string_value(json_array_get(names, i)));
    self_client_close(&x->client);
    json_decref(names);
    return status;
}

ll_status operation_search(server *s, const json_t *arguments, json_t **result, text *error)
{
    search x = {.arguments = arguments, .error = error, .found = json_array()};
    *result = x.found;
    if (!x.found)
        return LL_ENOMEM;
    if (!operation_string(arguments, "user").size) {
        text_add_str(error, "--user ADDRESS is needed: whose mail to search");
        return LL_EINVAL;
    }
    if (!s->loop) {
        text_add_str(error, "the server does not run: start it (letterlock serve), then search");
        return LL_EUNAVAILABLE;
    }
    return run(&x, s);
}

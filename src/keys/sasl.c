/* sasl.c - see sasl.h
 * SPDX-License-Identifier: MIT
 *
 *     START ──> MESSAGE (PLAIN, SCRAM without initial response) ──┐
 *       │                                                         ├──> HOST ──> OVER            PLAIN, LOGIN
 *       ├───────────────────────────────────────────────────────>─┤      └────> PROOF ──> OVER  SCRAM
 *       └──> LOGIN_USER ──> LOGIN_PASSWORD ───────────────────────┘ */
#include "keys/sasl.h"

#include "base/memory.h"
#include "base/text.h"
#include "keys/derive.h"
#include "keys/password.h"
#include "keys/random.h"
#include "keys/scram.h"
#include "keys/scram_message.h"

#include <assert.h>
#include <sodium.h>

typedef enum state { START, MESSAGE, LOGIN_USER, LOGIN_PASSWORD, HOST, PROOF, OVER } state;

enum {
    SERVER_NONCE = 18,                       /* random bytes of our half of the nonce: 24 characters */
    AUTH_MESSAGE_MAX = 4 * SASL_MESSAGE_MAX, /* two client messages and the server's between them */
    BASE64_OF_KEY = sodium_base64_ENCODED_LEN(KEYS_KEY, sodium_base64_VARIANT_ORIGINAL)
};

typedef struct binding {
    uint8_t data[SASL_BINDING_MAX];
    size_t size;
} binding;

/* A generated slot under trial, with its place among those that the host gave. */
typedef struct candidate {
    slot slot;
    size_t index;
} candidate;

struct sasl {
    const ll_allocator *allocator;
    sasl_mechanism mechanism;
    state state;
    bool plus_offered;
    binding tls_exporter, tls_server_end_point;
    text server_nonce; /* given for a test, or empty */

    text user, password;
    text challenge; /* SCRAM: server-first-message, once made */
    text final;
    text expected_binding; /* SCRAM: what c= must be */
    text nonce;            /* SCRAM: the client's, then ours */
    text first_bare;       /* SCRAM: client-first-message-bare */
    uint8_t alias[KEYS_ID];
    candidate *candidates;
    size_t candidates_count;

    ll_status status;
    size_t index;
    uint8_t key[KEYS_KEY];
};

static const char *const names[] = {"PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"};

bool sasl_mechanism_find(ll_span name, sasl_mechanism *mechanism)
{
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (span_equal_nocase(name, span_str(names[i]))) {
            *mechanism = (sasl_mechanism)i;
            return true;
        }
    return false;
}

const char *sasl_mechanism_name(sasl_mechanism mechanism)
{
    return names[mechanism];
}

static bool is_scram(const sasl *s)
{
    return s->mechanism == SASL_SCRAM_SHA_256 || s->mechanism == SASL_SCRAM_SHA_256_PLUS;
}

/* ------------------------------------------------------------------------------------------ Beginning and end */

static bool binding_init(binding *b, ll_span data)
{
    if (data.size > sizeof b->data)
        return false;
    b->size = data.size;
    if (data.size)
        memcpy(b->data, data.data, data.size);
    return true;
}

ll_status sasl_new(sasl **out, sasl_mechanism mechanism, const sasl_config *config)
{
    *out = NULL;
    sasl *s = memory_new(config->allocator, sizeof *s);
    if (!s)
        return LL_ENOMEM;
    s->allocator = config->allocator;
    s->mechanism = mechanism;
    s->plus_offered = config->plus_offered;
    text_init(&s->server_nonce, s->allocator, SASL_NONCE_MAX);
    text_init(&s->user, s->allocator, SASL_USER_MAX);
    text_init(&s->password, s->allocator, PASSWORD_MAX);
    text_init(&s->challenge, s->allocator, SASL_MESSAGE_MAX);
    text_init(&s->final, s->allocator, SASL_MESSAGE_MAX);
    text_init(&s->expected_binding, s->allocator, 2 * SASL_MESSAGE_MAX);
    text_init(&s->nonce, s->allocator, 2 * SASL_NONCE_MAX);
    text_init(&s->first_bare, s->allocator, SASL_MESSAGE_MAX);
    text_add(&s->server_nonce, config->server_nonce);
    bool fits = binding_init(&s->tls_exporter, config->tls_exporter) &&
                binding_init(&s->tls_server_end_point, config->tls_server_end_point);
    ll_status status = fits ? text_status(&s->server_nonce) : LL_EINVAL;
    if (status)
        sasl_del(&s);
    *out = s;
    return status;
}

static void forget_candidates(sasl *s)
{
    if (s->candidates)
        memory_wipe(s->candidates, s->candidates_count * sizeof *s->candidates);
    memory_free(s->allocator, s->candidates);
    s->candidates = NULL;
    s->candidates_count = 0;
}

void sasl_del(sasl **exchange)
{
    sasl *s = *exchange;
    if (!s)
        return;
    *exchange = NULL;
    forget_candidates(s);
    text *const all[] = {&s->server_nonce,     &s->user,  &s->password,  &s->challenge, &s->final,
                         &s->expected_binding, &s->nonce, &s->first_bare};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        text_wipe(all[i]);
    const ll_allocator *allocator = s->allocator;
    memory_wipe(s, sizeof *s);
    memory_free(allocator, s);
}

static sasl_answer refuse(sasl *s, ll_status status)
{
    s->state = OVER;
    s->status = status;
    text_wipe(&s->password);
    text_clear(&s->final);
    forget_candidates(s);
    memory_wipe(s->key, sizeof s->key);
    return SASL_NO;
}

static sasl_answer challenge_with(sasl *s, ll_span words, state next)
{
    text_clear(&s->challenge);
    text_add(&s->challenge, words);
    if (text_status(&s->challenge))
        return refuse(s, text_status(&s->challenge));
    s->state = next;
    return SASL_CHALLENGE;
}

/* The user is known by name; the host must say the rest. */
static sasl_answer ask_host(sasl *s)
{
    s->state = HOST;
    return SASL_NEED_USER;
}

/* ------------------------------------------------------------------------------------------------- PLAIN and LOGIN */

/* A name or password of the client's: too long or not text is its mistake, no memory is ours. */
static ll_status keep(text *to, ll_span bytes)
{
    if (bytes.size == 0 || !password_is_text(bytes))
        return LL_ESYNTAX;
    text_add(to, bytes);
    return text_status(to) == LL_ELIMIT ? LL_ESYNTAX : text_status(to);
}

/* message = [authzid] NUL authcid NUL passwd, RFC 4616 section 2 */
static sasl_answer plain_message(sasl *s, ll_span message)
{
    ll_span rest = message;
    size_t first = span_find(rest, '\0');
    ll_span authzid = span_cut(&rest, '\0');
    size_t second = span_find(rest, '\0');
    ll_span user = span_cut(&rest, '\0');
    if (first == message.size || first + 1 + second == message.size)
        return refuse(s, LL_ESYNTAX);
    ll_status status = keep(&s->user, user);
    if (!status)
        status = keep(&s->password, rest);
    if (!status && authzid.size && !span_equal_nocase(authzid, user))
        status = LL_EDENIED;
    return status ? refuse(s, status) : ask_host(s);
}

static sasl_answer login_user(sasl *s, ll_span message)
{
    ll_status status = keep(&s->user, message);
    return status ? refuse(s, status) : challenge_with(s, SPAN("Password:"), LOGIN_PASSWORD);
}

static sasl_answer login_password(sasl *s, ll_span message)
{
    ll_status status = keep(&s->password, message);
    return status ? refuse(s, status) : ask_host(s);
}

sasl_answer sasl_give_login(sasl *exchange, ll_status status, const uint8_t *key, size_t index)
{
    sasl *s = exchange;
    assert(s->state == HOST && (status != LL_OK || (key && !is_scram(s))));
    if (status)
        return refuse(s, status);
    text_wipe(&s->password);
    memcpy(s->key, key, KEYS_KEY);
    s->index = index;
    s->state = OVER;
    return SASL_DONE;
}

/* -------------------------------------------------------------------------------------------------------- SCRAM */

static void add_base64(text *to, const void *bytes, size_t size)
{
    size_t encoded = sodium_base64_encoded_len(size, sodium_base64_VARIANT_ORIGINAL); /* with its NUL */
    char *at = text_grow(to, encoded);
    if (!at)
        return;
    sodium_bin2base64(at, encoded, bytes, size, sodium_base64_VARIANT_ORIGINAL);
    text_grown(to, encoded - 1);
}

/* Which channel binding did the client choose, and may it? RFC 5802 section 6. *chosen is NULL for none. */
static ll_status scram_binding(const sasl *s, const scram_first *first, const binding **chosen)
{
    *chosen = NULL;
    if (s->mechanism == SASL_SCRAM_SHA_256) {
        /* 'y': it saw no -PLUS in our list. If we had offered it, somebody took it out. */
        bool downgraded = first->flag == 'y' && s->plus_offered;
        return first->flag == 'p' || downgraded ? LL_EDENIED : LL_OK;
    }
    if (first->flag != 'p')
        return LL_EDENIED;
    if (span_equal(first->binding, SPAN("tls-exporter")))
        *chosen = &s->tls_exporter;
    else if (span_equal(first->binding, SPAN("tls-server-end-point")))
        *chosen = &s->tls_server_end_point;
    return *chosen && (*chosen)->size ? LL_OK : LL_EDENIED;
}

/* cbind-input = gs2-header [ cbind-data ] */
static void scram_expect_binding(sasl *s, ll_span header, const binding *chosen)
{
    text input;
    text_init(&input, s->allocator, SASL_MESSAGE_MAX + SASL_BINDING_MAX);
    text_add(&input, header);
    if (chosen)
        text_add(&input, derive_span(chosen->data, chosen->size));
    add_base64(&s->expected_binding, text_str(&input), input.size);
    if (text_status(&input))
        s->expected_binding.status = text_status(&input);
    text_fini(&input);
}

static ll_status scram_names(sasl *s, const scram_first *first)
{
    if (!scram_name_decode(first->user, &s->user))
        return text_status(&s->user) == LL_ENOMEM ? LL_ENOMEM : LL_ESYNTAX;
    if (text_status(&s->user))
        return text_status(&s->user) == LL_ELIMIT ? LL_ESYNTAX : text_status(&s->user);
    /* Nobody acts for another: the escaped forms of equal names are equal. */
    return first->authzid.size && !span_equal_nocase(first->authzid, first->user) ? LL_EDENIED : LL_OK;
}

static sasl_answer scram_client_first(sasl *s, ll_span message)
{
    scram_first first;
    const binding *chosen;
    if (!scram_first_parse(message, &first) || first.nonce.size > SASL_NONCE_MAX)
        return refuse(s, LL_ESYNTAX);
    ll_status status = scram_binding(s, &first, &chosen);
    if (!status)
        status = scram_names(s, &first);
    if (status)
        return refuse(s, status);
    scram_expect_binding(s, first.header, chosen);
    text_add(&s->first_bare, first.bare);
    text_add(&s->nonce, first.nonce);
    if (s->server_nonce.size) {
        text_add(&s->nonce, text_span(&s->server_nonce));
    } else {
        uint8_t ours[SERVER_NONCE];
        random_bytes(ours, sizeof ours);
        add_base64(&s->nonce, ours, sizeof ours);
    }
    if (text_status(&s->expected_binding) || text_status(&s->first_bare) || text_status(&s->nonce))
        return refuse(s, LL_ENOMEM);
    return ask_host(s);
}

/* server-first-message = nonce "," salt "," iteration-count */
static sasl_answer scram_server_first(sasl *s, const slot_salts *salts)
{
    text_clear(&s->challenge);
    text_add_str(&s->challenge, "r=");
    text_add(&s->challenge, text_span(&s->nonce));
    text_add_str(&s->challenge, ",s=");
    add_base64(&s->challenge, salts->scram, KEYS_SALT);
    text_print(&s->challenge, ",i=%u", salts->scram_iterations);
    if (text_status(&s->challenge))
        return refuse(s, text_status(&s->challenge));
    s->state = PROOF;
    return SASL_CHALLENGE;
}

/* A slot that nothing opens: an account without generated slots, or none at all, costs what others cost. */
static void candidate_fake(candidate *c)
{
    c->slot = (slot){.kind = SLOT_GENERATED};
    random_bytes(c->slot.stored_key, KEYS_KEY);
}

sasl_answer sasl_give_slots(sasl *exchange, const uint8_t alias[KEYS_ID], const slot_salts *salts, const slot *slots,
                            size_t count)
{
    sasl *s = exchange;
    assert(s->state == HOST && is_scram(s) && !s->candidates);
    if (count > SLOT_COUNT_MAX)
        return refuse(s, LL_ELIMIT);
    s->candidates = memory_new(s->allocator, (count + 1) * sizeof *s->candidates);
    if (!s->candidates)
        return refuse(s, LL_ENOMEM);
    memcpy(s->alias, alias, KEYS_ID);
    for (size_t i = 0; i < count; i++)
        if (slots[i].kind == SLOT_GENERATED)
            s->candidates[s->candidates_count++] = (candidate){slots[i], i};
    if (s->candidates_count == 0)
        candidate_fake(&s->candidates[s->candidates_count++]);
    return scram_server_first(s, salts);
}

sasl_answer sasl_give_nobody(sasl *exchange, const uint8_t secret[KEYS_KEY])
{
    uint8_t alias[KEYS_ID];
    slot_salts salts;
    random_id(alias);
    slot_salts_fake(secret, text_span(&exchange->user), &salts);
    return sasl_give_slots(exchange, alias, &salts, NULL, 0);
}

/* The client's nonce and ours, and the channel that both ends see. */
static ll_status scram_check_frame(const sasl *s, const scram_last *last)
{
    if (!span_equal(last->nonce, text_span(&s->nonce)))
        return LL_EAUTH;
    return span_equal(last->binding, text_span(&s->expected_binding)) ? LL_OK : LL_EDENIED;
}

static bool decode_proof(ll_span base64, uint8_t proof[KEYS_KEY])
{
    size_t size = 0;
    return base64.size == BASE64_OF_KEY - 1 &&
           sodium_base642bin(proof, KEYS_KEY, base64.data, base64.size, NULL, &size, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           size == KEYS_KEY;
}

static ll_status scram_open(sasl *s, const candidate *c, ll_span auth_message, const uint8_t client_key[KEYS_KEY])
{
    uint8_t signature[KEYS_KEY];
    /* The proof is right; a slot that does not open now is damaged. */
    ll_status status = slot_unwrap_client_key(&c->slot, s->alias, client_key, s->key);
    if (status)
        return status == LL_EAUTH ? LL_ECORRUPT : status;
    s->index = c->index;
    scram_sign(c->slot.server_key, auth_message, signature);
    text_add_str(&s->final, "v=");
    add_base64(&s->final, signature, sizeof signature);
    return text_status(&s->final);
}

static ll_status scram_prove(sasl *s, ll_span auth_message, const uint8_t proof[KEYS_KEY])
{
    uint8_t client_key[KEYS_KEY];
    for (size_t i = 0; i < s->candidates_count; i++) {
        if (!scram_check(s->candidates[i].slot.stored_key, auth_message, proof, client_key))
            continue;
        ll_status status = scram_open(s, &s->candidates[i], auth_message, client_key);
        memory_wipe(client_key, sizeof client_key);
        return status;
    }
    return LL_EAUTH;
}

static sasl_answer scram_client_final(sasl *s, ll_span message)
{
    scram_last last;
    uint8_t proof[KEYS_KEY];
    if (!scram_last_parse(message, &last) || !decode_proof(last.proof, proof))
        return refuse(s, LL_ESYNTAX);
    ll_status status = scram_check_frame(s, &last);
    if (status)
        return refuse(s, status);
    text auth_message;
    text_init(&auth_message, s->allocator, AUTH_MESSAGE_MAX);
    const ll_span parts[] = {text_span(&s->first_bare), SPAN(","), text_span(&s->challenge), SPAN(","),
                             last.without_proof};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        text_add(&auth_message, parts[i]);
    status = text_status(&auth_message);
    if (!status)
        status = scram_prove(s, text_span(&auth_message), proof);
    memory_wipe(proof, sizeof proof);
    text_wipe(&auth_message);
    if (status)
        return refuse(s, status);
    forget_candidates(s);
    s->state = OVER;
    return SASL_DONE;
}

/* ------------------------------------------------------------------------------------------------------ Exchange */

static sasl_answer first_message(sasl *s, ll_span message)
{
    if (s->mechanism == SASL_LOGIN)
        return login_user(s, message);
    return s->mechanism == SASL_PLAIN ? plain_message(s, message) : scram_client_first(s, message);
}

sasl_answer sasl_start(sasl *exchange, ll_span initial)
{
    sasl *s = exchange;
    assert(s->state == START);
    if (initial.size > SASL_MESSAGE_MAX)
        return refuse(s, LL_ESYNTAX);
    if (initial.data)
        return first_message(s, initial);
    return s->mechanism == SASL_LOGIN ? challenge_with(s, SPAN("Username:"), LOGIN_USER)
                                      : challenge_with(s, SPAN(""), MESSAGE);
}

sasl_answer sasl_response(sasl *exchange, ll_span response)
{
    sasl *s = exchange;
    assert(s->state != START && s->state != HOST);
    if (s->state == OVER)
        return refuse(s, LL_EINVAL);
    if (response.size > SASL_MESSAGE_MAX)
        return refuse(s, LL_ESYNTAX);
    switch (s->state) {
    case MESSAGE:
        return first_message(s, response);
    case LOGIN_USER:
        return login_user(s, response);
    case LOGIN_PASSWORD:
        return login_password(s, response);
    default:
        return scram_client_final(s, response);
    }
}

sasl_mechanism sasl_mechanism_of(const sasl *exchange)
{
    return exchange->mechanism;
}

ll_span sasl_challenge(const sasl *exchange)
{
    return text_span(&exchange->challenge);
}

ll_span sasl_user(const sasl *exchange)
{
    return text_span(&exchange->user);
}

ll_span sasl_password(const sasl *exchange)
{
    return exchange->state == HOST && !is_scram(exchange) ? text_span(&exchange->password) : span_of(NULL, 0);
}

const uint8_t *sasl_key(const sasl *exchange)
{
    return exchange->state == OVER && exchange->status == LL_OK ? exchange->key : NULL;
}

size_t sasl_slot(const sasl *exchange)
{
    return exchange->index;
}

ll_span sasl_final(const sasl *exchange)
{
    return text_span(&exchange->final);
}

ll_status sasl_status(const sasl *exchange)
{
    return exchange->status;
}

/* certificate.c - see certificate.h
 * SPDX-License-Identifier: MIT */
#include "keys/certificate.h"

#include "keys/random.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

enum {
    HOST_MAX = 253,       /* a DNS name as text, RFC 1035 section 2.3.4 */
    COMMON_NAME_MAX = 64, /* ub-common-name, RFC 5280 appendix A */
    DAYS_MAX = 3650,
    HOUR = 3600,
    DAY = 86400
};

/* ------------------------------------------------------------------------------------------------------ Make */

static bool is_address(const char *host)
{
    struct in6_addr address;
    return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

/* Letters, digits, dots and dashes only, because the name goes into OpenSSL's little configuration language. */
static bool is_host_name(ll_span host)
{
    for (size_t i = 0; i < host.size; i++) {
        char c = ascii_lower(host.data[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '.' && c != '-')
            return false;
    }
    return host.size > 0 && host.data[0] != '.' && host.data[0] != '-';
}

static bool add_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool good = extension && X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return good;
}

static bool set_serial(X509 *certificate)
{
    /* 127 random bits: positive, and not 0 in this life. */
    uint8_t bytes[16];
    random_bytes(bytes, sizeof bytes);
    bytes[0] &= 0x7f;
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool good = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return good;
}

static bool set_names(X509 *certificate, const char *host)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    const char *common = strlen(host) <= COMMON_NAME_MAX ? host : "letterlock";
    if (!X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)common, -1, -1, 0))
        return false;
    char alternative[HOST_MAX + 8];
    snprintf(alternative, sizeof alternative, "%s:%s", is_address(host) ? "IP" : "DNS", host);
    return X509_set_issuer_name(certificate, name) && add_extension(certificate, NID_subject_alt_name, alternative) &&
           add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(certificate, NID_key_usage, "critical,digitalSignature") &&
           add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
           add_extension(certificate, NID_subject_key_identifier, "hash");
}

static X509 *build(const char *host, unsigned days, int64_t now, EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    if (certificate && X509_set_version(certificate, X509_VERSION_3) && set_serial(certificate) &&
        ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)(now - HOUR)) &&
        ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)(now + (int64_t)days * DAY)) &&
        X509_set_pubkey(certificate, key) && set_names(certificate, host) && X509_sign(certificate, key, EVP_sha256()))
        return certificate;
    X509_free(certificate);
    return NULL;
}

/* Everything written to a memory BIO. */
static ll_status take_bio(BIO *bio, text *to)
{
    char *data = NULL;
    long size = BIO_get_mem_data(bio, &data);
    if (size <= 0)
        return LL_ENOMEM;
    text_add(to, span_of(data, (size_t)size));
    return text_status(to);
}

static ll_status write_pem(EVP_PKEY *key, X509 *certificate, text *key_pem, text *certificate_pem)
{
    BIO *first = BIO_new(BIO_s_secmem()), *second = BIO_new(BIO_s_mem());
    ll_status status = LL_ENOMEM;
    if (first && second && PEM_write_bio_PKCS8PrivateKey(first, key, NULL, NULL, 0, NULL, NULL) &&
        PEM_write_bio_X509(second, certificate))
        status = take_bio(first, key_pem);
    if (!status)
        status = take_bio(second, certificate_pem);
    BIO_free(first);
    BIO_free(second);
    return status;
}

ll_status certificate_make(ll_span host, unsigned days, int64_t now, text *key_pem, text *certificate_pem)
{
    char name[HOST_MAX + 1];
    if (host.size == 0 || host.size > HOST_MAX || days == 0 || days > DAYS_MAX || now < HOUR ||
        memchr(host.data, 0, host.size))
        return LL_EINVAL;
    memcpy(name, host.data, host.size);
    name[host.size] = '\0';
    if (!is_address(name) && !is_host_name(host))
        return LL_EINVAL;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = key ? build(name, days, now, key) : NULL;
    ll_status status = certificate ? write_pem(key, certificate, key_pem, certificate_pem) : LL_ENOMEM;
    X509_free(certificate);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return status;
}

/* ------------------------------------------------------------------------------------------------------ Read */

static bool read_time(const ASN1_TIME *from, int64_t *to)
{
    struct tm parts;
    if (!ASN1_TIME_to_tm(from, &parts))
        return false;
    *to = timegm(&parts);
    return true;
}

/* A name from a certificate is the word of a stranger: only what can be a name is taken. */
static void add_name(text *names, ll_span name)
{
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] <= ' ' || name.data[i] > '~')
            return;
    if (name.size == 0)
        return;
    text_add(names, name);
    text_add_byte(names, '\n');
}

static void add_address(text *names, const ASN1_OCTET_STRING *address)
{
    char words[INET6_ADDRSTRLEN];
    int size = ASN1_STRING_length(address);
    if ((size == 4 || size == 16) &&
        inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(address), words, sizeof words))
        add_name(names, span_str(words));
}

static void add_alternatives(const X509 *certificate, text *names)
{
    GENERAL_NAMES *all = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; all && i < sk_GENERAL_NAME_num(all); i++) {
        const GENERAL_NAME *one = sk_GENERAL_NAME_value(all, i);
        if (one->type == GEN_DNS)
            add_name(names, span_of((const char *)ASN1_STRING_get0_data(one->d.dNSName),
                                    (size_t)ASN1_STRING_length(one->d.dNSName)));
        else if (one->type == GEN_IPADD)
            add_address(names, one->d.iPAddress);
    }
    GENERAL_NAMES_free(all);
}

static void add_common_name(const X509 *certificate, text *names)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0)
        return;
    unsigned char *words = NULL;
    int size = ASN1_STRING_to_UTF8(&words, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (size > 0)
        add_name(names, span_of((const char *)words, (size_t)size));
    OPENSSL_free(words);
}

/* No password is ever asked for at a terminal. */
static int no_password(char *to, int size, int writing, void *context)
{
    (void)to, (void)size, (void)writing, (void)context;
    return -1;
}

static X509 *parse_certificate(ll_span pem)
{
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
    X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, no_password, NULL) : NULL;
    BIO_free(bio);
    ERR_clear_error();
    return certificate;
}

ll_status certificate_read(ll_span pem, certificate_facts *facts)
{
    *facts = (certificate_facts){0};
    text_init(&facts->names, NULL, CERTIFICATE_NAMES_MAX);
    if (pem.size > CERTIFICATE_PEM_MAX)
        return LL_ELIMIT;
    X509 *certificate = pem.size ? parse_certificate(pem) : NULL;
    if (!certificate)
        return LL_ESYNTAX;
    bool good = read_time(X509_get0_notBefore(certificate), &facts->not_before) &&
                read_time(X509_get0_notAfter(certificate), &facts->not_after);
    facts->self_signed = X509_NAME_cmp(X509_get_subject_name(certificate), X509_get_issuer_name(certificate)) == 0;
    add_alternatives(certificate, &facts->names);
    if (facts->names.size == 0)
        add_common_name(certificate, &facts->names);
    X509_free(certificate);
    ERR_clear_error();
    return good ? text_status(&facts->names) : LL_ESYNTAX;
}

void certificate_facts_fini(certificate_facts *facts)
{
    text_fini(&facts->names);
}

bool certificate_covers(const certificate_facts *facts, ll_span host)
{
    ll_span rest = text_span(&facts->names);
    ll_span parent = span_from(host, span_find(host, '.'));
    while (rest.size) {
        ll_span name = span_cut(&rest, '\n');
        if (span_equal_nocase(name, host))
            return true;
        if (span_starts_nocase(name, SPAN("*.")) && parent.size > 1 && parent.size < host.size &&
            span_equal_nocase(span_from(name, 1), parent))
            return true;
    }
    return false;
}

ll_status certificate_fits(ll_span certificate_pem, ll_span key_pem)
{
    if (certificate_pem.size > CERTIFICATE_PEM_MAX || key_pem.size > CERTIFICATE_PEM_MAX || key_pem.size == 0)
        return LL_ESYNTAX;
    X509 *certificate = parse_certificate(certificate_pem);
    BIO *bio = BIO_new_mem_buf(key_pem.data, (int)key_pem.size);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
    ll_status status = LL_ESYNTAX;
    if (certificate && key)
        status = X509_check_private_key(certificate, key) == 1 ? LL_OK : LL_EINVAL;
    BIO_free(bio);
    EVP_PKEY_free(key);
    X509_free(certificate);
    ERR_clear_error();
    return status;
}

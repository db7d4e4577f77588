#include "streamer/edge/tls_identity.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "shared/base/memory.h"

enum {
    CHAIN_MAX = 10
};

struct pair {
    X509 *certificate;
    EVP_PKEY *key;
    STACK_OF(X509) * chain;
};

struct tls_identity {
    const char *certificate_path;
    const char *key_path;
    struct pair pair;
    SSL_CTX *context;
};

static void clear_identity(struct pair *pair)
{
    X509_free(pair->certificate);
    EVP_PKEY_free(pair->key);
    sk_X509_pop_free(pair->chain, X509_free);
    *pair = (struct pair){ 0 };
}

static bool say_identity(char *reason, const char *path, const char *what)
{
    char library[128] = "";
    unsigned long code = ERR_peek_last_error();
    if (code)
        ERR_error_string_n(code, library, sizeof library);
    ERR_clear_error();
    (void)snprintf(reason, TLS_IDENTITY_REASON_SIZE, "%.256s: %s%s%s%s", path, what,
                   code ? " (" : "", library, code ? ")" : "");
    return false;
}

/* Daemons have nobody to ask. */
static int no_password(char *buffer, int size, int writing, void *context)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

static bool read_certificates(struct pair *pair, const char *path, char *reason)
{
    BIO *file = BIO_new_file(path, "r");
    if (!file)
        return say_identity(reason, path, "cannot be read");
    pair->certificate = PEM_read_bio_X509_AUX(file, NULL, no_password, NULL);
    pair->chain = sk_X509_new_null();
    X509 *issuer = NULL;
    while (pair->certificate && sk_X509_num(pair->chain) < CHAIN_MAX &&
           (issuer = PEM_read_bio_X509(file, NULL, no_password, NULL)) != NULL)
        (void)sk_X509_push(pair->chain, issuer);
    BIO_free(file);
    /* The end of the file is an error as well. */
    if (pair->certificate)
        ERR_clear_error();
    return pair->certificate ? true : say_identity(reason, path, "no certificate in PEM form");
}

static bool read_key(struct pair *pair, const char *path, char *reason)
{
    BIO *file = BIO_new_file(path, "r");
    if (!file)
        return say_identity(reason, path, "cannot be read");
    pair->key = PEM_read_bio_PrivateKey(file, NULL, no_password, NULL);
    BIO_free(file);
    return pair->key ? true : say_identity(reason, path, "no unencrypted private key in PEM form");
}

static bool read_pair(struct pair *pair, const struct tls_identity *identity, char *reason)
{
    *pair = (struct pair){ 0 };
    ERR_clear_error();
    bool good = read_certificates(pair, identity->certificate_path, reason) &&
                read_key(pair, identity->key_path, reason);
    if (good && X509_check_private_key(pair->certificate, pair->key) != 1)
        good = say_identity(reason, identity->key_path, "not the key of the certificate");
    if (!good)
        clear_identity(pair);
    return good;
}

/* OpenSSL calls it in each handshake. The context itself is not changed, which would keep the old
 * certificate beside a new one whose key is of another kind. */
static int on_certificate_wanted(SSL *connection, void *context)
{
    const struct tls_identity *identity = context;
    SSL_certs_clear(connection);
    return SSL_use_cert_and_key(connection, identity->pair.certificate, identity->pair.key,
                                identity->pair.chain, 1);
}

/* What we write is not for HTTP/2. A client that speaks nothing else is told so by the handshake
 * (RFC 7301 section 3.2). */
static int on_protocols(SSL *connection, const unsigned char **chosen, unsigned char *size,
                        const unsigned char *offers, unsigned offers_size, void *context)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *found = NULL;
    (void)connection;
    (void)context;
    if (SSL_select_next_proto(&found, size, ours, sizeof ours - 1, offers, offers_size) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *make_context(struct tls_identity *identity)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    assert(context);
    long set = SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    assert(set == 1);
    (void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    /* Sessions are resumed by tickets, which cost the server no memory. */
    (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_cert_cb(context, on_certificate_wanted, identity);
    SSL_CTX_set_alpn_select_cb(context, on_protocols, NULL);
    return context;
}

struct tls_identity *tls_identity_create(const char *certificate_path, const char *key_path,
                                         char *reason)
{
    struct tls_identity *identity = memory_allocate_zeroed(1, sizeof *identity);
    identity->certificate_path = certificate_path;
    identity->key_path = key_path;
    identity->context = make_context(identity);
    if (tls_identity_reload(identity, reason))
        return identity;
    tls_identity_destroy(identity);
    return NULL;
}

void tls_identity_destroy(struct tls_identity *identity)
{
    if (!identity)
        return;
    SSL_CTX_free(identity->context);
    clear_identity(&identity->pair);
    free(identity);
}

bool tls_identity_reload(struct tls_identity *identity, char *reason)
{
    struct pair pair;
    if (!read_pair(&pair, identity, reason))
        return false;
    clear_identity(&identity->pair);
    identity->pair = pair;
    return true;
}

static uint64_t certificate_expires_ms(const X509 *certificate)
{
    struct tm time;
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) != 1)
        return 0;
    time_t seconds = timegm(&time);
    return seconds > 0 ? (uint64_t)seconds * 1000 : 0;
}

uint64_t tls_identity_expires_ms(const struct tls_identity *identity)
{
    uint64_t first_ms = certificate_expires_ms(identity->pair.certificate);
    for (int i = 0; i < sk_X509_num(identity->pair.chain); i++) {
        uint64_t expires_ms = certificate_expires_ms(sk_X509_value(identity->pair.chain, i));
        if (expires_ms < first_ms)
            first_ms = expires_ms;
    }
    return first_ms;
}

struct ssl_ctx_st *tls_identity_context(const struct tls_identity *identity)
{
    return identity->context;
}

#include "shared/redis/redis_tls.h"

#include "shared/redis/redis_address.h"

#ifndef CERTSTREAM_REDIS_TLS

const char *redis_tls_begin(struct redisContext *context, const struct redis_tls_files *files,
                            const char *host, const char **complaint)
{
    (void)context, (void)files, (void)host, (void)complaint;
    return "this build's hiredis has no TLS";
}

#else

#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "shared/process/host_lookup.h"

static const char *load_files(SSL_CTX *settings, const struct redis_tls_files *files)
{
    bool has_authorities = *files->ca
                               ? SSL_CTX_load_verify_locations(settings, files->ca, NULL) == 1
                               : SSL_CTX_set_default_verify_paths(settings) == 1;
    if (!has_authorities)
        return "cannot read the certificates of authorities (ca)";
    if (!*files->certificate)
        return NULL;
    if (SSL_CTX_use_certificate_chain_file(settings, files->certificate) != 1)
        return "cannot read the certificate (cert)";
    if (SSL_CTX_use_PrivateKey_file(settings, files->key, SSL_FILETYPE_PEM) != 1)
        return "cannot read the key, or it is not the certificate's";
    return NULL;
}

/* hiredis asks the server for a certificate, but not for whom it is. */
static bool expect_host(SSL *ssl, const char *host)
{
    if (host_is_numeric(host))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    return SSL_set_tlsext_host_name(ssl, host) == 1 && SSL_set1_host(ssl, host) == 1;
}

/* Told of each certificate of the chain: says no more than OpenSSL does, but keeps its word. */
static int on_certificate(int accepted, X509_STORE_CTX *chain)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());
    const char **complaint = SSL_get_app_data(ssl);
    if (!accepted)
        *complaint = X509_verify_cert_error_string(X509_STORE_CTX_get_error(chain));
    return accepted;
}

/* `ssl` is the connection's if all goes well, else it is freed. */
static const char *begin(struct redisContext *context, SSL *ssl, const char *host)
{
    const char *wrong = "cannot check certificates for this host's name";
    if (expect_host(ssl, host)) {
        if (redisInitiateSSL(context, ssl) == REDIS_OK)
            return NULL;
        wrong = *context->errstr ? context->errstr : "the TLS handshake failed";
    }
    SSL_free(ssl);
    return wrong;
}

const char *redis_tls_begin(struct redisContext *context, const struct redis_tls_files *files,
                            const char *host, const char **complaint)
{
    SSL_CTX *settings = SSL_CTX_new(TLS_client_method());
    if (!settings)
        return "out of memory";
    (void)SSL_CTX_set_min_proto_version(settings, TLS1_2_VERSION);
    SSL_CTX_set_verify(settings, SSL_VERIFY_PEER, on_certificate);
    const char *wrong = load_files(settings, files);
    SSL *ssl = wrong ? NULL : SSL_new(settings);
    if (ssl)
        (void)SSL_set_app_data(ssl, complaint);
    if (!wrong)
        wrong = ssl ? begin(context, ssl, host) : "out of memory";
    SSL_CTX_free(settings);
    ERR_clear_error();
    return wrong;
}

#endif

/* Any bytes as the proven and the claimed side of an entry: the first two say where the one ends
 * and the other begins. */
#include <stdlib.h>

#include "ingest/ct/precertificate.h"
#include "shared/x509/certificate.h"
#include "shared/x509/der.h"
#include "tests/fuzz/fuzz.h"

enum {
    LIMIT = 64 << 20,
    HEADER = 2
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key_hash[SHA256_SIZE] = { 1 };
    static const struct precertificate_issuer issuers[] = { { { 0 }, true }, { { 1 }, false } };
    if (size < HEADER)
        return 0;
    size_t first = ((size_t)data[0] << 8 | data[1]) % (size - HEADER + 1);
    struct precertificate precertificate = { .tbs = bytes_of(data + HEADER, first),
                                             .issuer_key_hash = key_hash,
                                             .der = bytes_of(data + HEADER + first,
                                                             size - HEADER - first) };
    for (size_t count = 0; count <= 2; count++)
        (void)precertificate_check(&precertificate, issuers, count);
    (void)precertificate_check(&precertificate, issuers + 1, 1);
    struct buffer wrapped;
    buffer_init(&wrapped, LIMIT);
    precertificate_wrap(&wrapped, precertificate.tbs);
    struct certificate *certificate = certificate_create();
    (void)certificate_parse(certificate, buffer_bytes(&wrapped));
    /* What is wrapped is found again, byte for byte. */
    struct bytes tbs = certificate_tbs(certificate);
    struct reader reader = reader_of(precertificate.tbs);
    struct der_element whole = { 0 };
    bool is_element = der_next(&reader, &whole) && reader_finished(&reader);
    if (is_element && whole.tag == DER_SEQUENCE && !bytes_equal(tbs, precertificate.tbs))
        abort();
    certificate_destroy(certificate);
    buffer_free(&wrapped);
    return 0;
}

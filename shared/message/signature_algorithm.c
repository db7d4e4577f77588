#include "shared/message/signature_algorithm.h"

#include "shared/x509/der.h"
#include "shared/x509/object_id.h"
#include "shared/x509/public_key.h"

struct algorithm {
    struct bytes id;
    const char *names[2]; /* by dialect; NULL: has no name there */
};

#define ID(text)                                  \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }
#define PKCS1(last) ID("\x2a\x86\x48\x86\xf7\x0d\x01\x01" last)
#define X9_62(last) ID("\x2a\x86\x48\xce\x3d\x04" last)
#define PKIX(last)  ID("\x2b\x06\x01\x05\x05\x07\x06" last)
#define NIST(last)  ID("\x60\x86\x48\x01\x65\x03\x04\x03" last)

/* The first ones are nearly all there is. */
static const struct algorithm algorithms[] = {
    { X9_62("\x03\x02"), { "sha256, ecdsa", "ecdsa, sha256" } },
    { PKCS1("\x0b"), { "sha256, rsa", "sha256, rsa" } },
    { X9_62("\x03\x03"), { "sha384, ecdsa", "ecdsa, sha384" } },
    { PKCS1("\x0c"), { "sha384, rsa", "sha384, rsa" } },
    { PKCS1("\x0d"), { "sha512, rsa", "sha512, rsa" } },
    { PKCS1("\x05"), { "sha1, rsa", "sha1, rsa" } },
    { PKCS1("\x0e"), { "sha224, rsa", NULL } },
    { PKCS1("\x04"), { "md5, rsa", "md5, rsa" } },
    { PKCS1("\x02"), { "md2, rsa", "md2, rsa" } },
    { X9_62("\x03\x04"), { "sha512, ecdsa", "ecdsa, sha512" } },
    { X9_62("\x03\x01"), { "sha224, ecdsa", NULL } },
    { X9_62("\x01"), { "sha1, ecdsa", "ecdsa, sha1" } },
    { ID("\x2a\x86\x48\xce\x38\x04\x03"), { "sha1, dsa", "dsa, sha1" } },
    { NIST("\x01"), { "sha224, dsa", NULL } },
    { NIST("\x02"), { "sha256, dsa", "dsa, sha256" } },
    { NIST("\x03"), { "sha384, dsa", NULL } },
    { NIST("\x04"), { "sha512, dsa", NULL } },
    { NIST("\x05"), { "sha3-224, dsa", NULL } },
    { NIST("\x06"), { "sha3-256, dsa", NULL } },
    { NIST("\x07"), { "sha3-384, dsa", NULL } },
    { NIST("\x08"), { "sha3-512, dsa", NULL } },
    { NIST("\x09"), { "sha3-224, ecdsa", NULL } },
    { NIST("\x0a"), { "sha3-256, ecdsa", NULL } },
    { NIST("\x0b"), { "sha3-384, ecdsa", NULL } },
    { NIST("\x0c"), { "sha3-512, ecdsa", NULL } },
    { NIST("\x0d"), { "sha3-224, rsa", NULL } },
    { NIST("\x0e"), { "sha3-256, rsa", NULL } },
    { NIST("\x0f"), { "sha3-384, rsa", NULL } },
    { NIST("\x10"), { "sha3-512, rsa", NULL } },
    /* RFC 8692. */
    { PKIX("\x1e"), { "shake128, rsa-pss", NULL } },
    { PKIX("\x1f"), { "shake256, rsa-pss", NULL } },
    { PKIX("\x20"), { "shake128, ecdsa", NULL } },
    { PKIX("\x21"), { "shake256, ecdsa", NULL } },
};

/* RSASSA-PSS names its hash in the parameters (RFC 4055 section 3.1), SHA-1 if it does not. */
static const uint8_t pss[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a };

static const struct algorithm pss_hashes[] = {
    { ID("\x60\x86\x48\x01\x65\x03\x04\x02\x01"), { "sha256, rsa-pss", NULL } },
    { ID("\x60\x86\x48\x01\x65\x03\x04\x02\x02"), { "sha384, rsa-pss", NULL } },
    { ID("\x60\x86\x48\x01\x65\x03\x04\x02\x03"), { "sha512, rsa-pss", NULL } },
    { ID("\x60\x86\x48\x01\x65\x03\x04\x02\x04"), { "sha224, rsa-pss", NULL } },
    { ID("\x2b\x0e\x03\x02\x1a"), { "sha1, rsa-pss", NULL } },
    { ID("\x60\x86\x48\x01\x65\x03\x04\x02\x07"), { "sha3-224, rsa-pss", NULL } },
    { ID("\x60\x86\x48\x01\x65\x03\x04\x02\x08"), { "sha3-256, rsa-pss", NULL } },
    { ID("\x60\x86\x48\x01\x65\x03\x04\x02\x09"), { "sha3-384, rsa-pss", NULL } },
    { ID("\x60\x86\x48\x01\x65\x03\x04\x02\x0a"), { "sha3-512, rsa-pss", NULL } },
};

static const char *find_algorithm(const struct algorithm *table, size_t count, struct bytes id,
                                  enum certificate_dialect dialect)
{
    for (size_t i = 0; i < count; i++)
        if (bytes_equal(table[i].id, id))
            return table[i].names[dialect];
    return NULL;
}

/* The hash is part of the algorithm. Of these certstream-server-go knows Ed25519 only. */
static const char *find_hashless(struct bytes id, enum certificate_dialect dialect)
{
    const char *name = public_key_signature_name(id);
    bool is_known = dialect == CERTIFICATE_DIALECT_CERTSTREAM || !name || !strcmp(name, "ed25519");
    return is_known ? name : NULL;
}

static struct bytes pss_hash(struct reader algorithm)
{
    static const uint8_t sha1[] = { 0x2b, 0x0e, 0x03, 0x02, 0x1a };
    struct reader parameters = der_enter(&algorithm, DER_SEQUENCE);
    if (!der_is_next(&parameters, DER_CONTEXT_CONSTRUCTED | 0))
        return bytes_of(sha1, sizeof sha1);
    struct reader hash = der_enter(&parameters, DER_CONTEXT_CONSTRUCTED | 0);
    struct reader identifier = der_enter(&hash, DER_SEQUENCE);
    return der_take(&identifier, DER_OBJECT_ID);
}

bool signature_algorithm_append(struct buffer *out, struct bytes algorithm,
                                enum certificate_dialect dialect)
{
    struct reader reader = reader_of(algorithm);
    struct bytes id = der_take(&reader, DER_OBJECT_ID);
    if (!reader_ok(&reader))
        return false;
    const char *name =
        find_algorithm(algorithms, sizeof algorithms / sizeof *algorithms, id, dialect);
    if (bytes_equal(id, bytes_of(pss, sizeof pss)))
        name = find_algorithm(pss_hashes, sizeof pss_hashes / sizeof *pss_hashes, pss_hash(reader),
                              dialect);
    else if (!name)
        name = find_hashless(id, dialect);
    if (!name && dialect == CERTIFICATE_DIALECT_GO)
        name = "unknown";
    if (!name)
        return object_id_append_dotted(out, id);
    buffer_append_string(out, name);
    return true;
}

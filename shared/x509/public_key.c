#include "shared/x509/public_key.h"

#include "shared/x509/der.h"

struct key_name {
    struct bytes id;
    const char *name;
};

#define ROW(id, name)                                   \
    {                                                   \
        { (const uint8_t *)(id), sizeof(id) - 1 }, name \
    }
#define RSA_ID   "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"
#define PSS_ID   "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"
#define EC_ID    "\x2a\x86\x48\xce\x3d\x02\x01"
#define DSA_ID   "\x2a\x86\x48\xce\x38\x04\x01"
#define NIST(id) "\x60\x86\x48\x01\x65\x03\x04\x03" id

enum key_form {
    KEY_RSA,
    KEY_RSA_OF_X500, /* the older identifier, which OpenSSL takes as well */
    KEY_PSS,
    KEY_EC,
    KEY_DSA,
};

/* The first ones are nearly all there is. */
static const struct key_name types[] = {
    [KEY_RSA] = ROW(RSA_ID, "rsa"),     [KEY_RSA_OF_X500] = ROW("\x55\x08\x01\x01", "rsa"),
    [KEY_PSS] = ROW(PSS_ID, "rsa-pss"), [KEY_EC] = ROW(EC_ID, "ec"),
    [KEY_DSA] = ROW(DSA_ID, "dsa"),     ROW("\x2b\x65\x6e", "x25519"),
    ROW("\x2b\x65\x6f", "x448"),
};

/* RFC 8410, RFC 9881 (ML-DSA), RFC 9909 (SLH-DSA). */
static const struct key_name signature_names[] = {
    ROW("\x2b\x65\x70", "ed25519"),          ROW("\x2b\x65\x71", "ed448"),
    ROW(NIST("\x11"), "ml-dsa-44"),          ROW(NIST("\x12"), "ml-dsa-65"),
    ROW(NIST("\x13"), "ml-dsa-87"),          ROW(NIST("\x14"), "slh-dsa-sha2-128s"),
    ROW(NIST("\x15"), "slh-dsa-sha2-128f"),  ROW(NIST("\x16"), "slh-dsa-sha2-192s"),
    ROW(NIST("\x17"), "slh-dsa-sha2-192f"),  ROW(NIST("\x18"), "slh-dsa-sha2-256s"),
    ROW(NIST("\x19"), "slh-dsa-sha2-256f"),  ROW(NIST("\x1a"), "slh-dsa-shake-128s"),
    ROW(NIST("\x1b"), "slh-dsa-shake-128f"), ROW(NIST("\x1c"), "slh-dsa-shake-192s"),
    ROW(NIST("\x1d"), "slh-dsa-shake-192f"), ROW(NIST("\x1e"), "slh-dsa-shake-256s"),
    ROW(NIST("\x1f"), "slh-dsa-shake-256f"),
};

static const struct key_name curves[] = {
    ROW("\x2a\x86\x48\xce\x3d\x03\x01\x07", "P-256"),
    ROW("\x2b\x81\x04\x00\x22", "P-384"),
    ROW("\x2b\x81\x04\x00\x23", "P-521"),
    ROW("\x2b\x81\x04\x00\x21", "P-224"),
    ROW("\x2a\x86\x48\xce\x3d\x03\x01\x01", "P-192"),
    ROW("\x2b\x81\x04\x00\x0a", "secp256k1"),
    ROW("\x2b\x24\x03\x03\x02\x08\x01\x01\x07", "brainpoolP256r1"),
    ROW("\x2b\x24\x03\x03\x02\x08\x01\x01\x0b", "brainpoolP384r1"),
    ROW("\x2b\x24\x03\x03\x02\x08\x01\x01\x0d", "brainpoolP512r1"),
    ROW("\x2a\x81\x1c\xcf\x55\x01\x82\x2d", "SM2"),
};

#define FIND(table, id) find_name(table, sizeof(table) / sizeof *(table), id)

static const char *find_name(const struct key_name *names, size_t count, struct bytes id)
{
    for (size_t i = 0; i < count; i++)
        if (bytes_equal(names[i].id, id))
            return names[i].name;
    return NULL;
}

const char *public_key_signature_name(struct bytes algorithm)
{
    return FIND(signature_names, algorithm);
}

/* The size of a positive INTEGER; 0 of any other. */
static uint64_t count_bits(struct bytes integer)
{
    while (integer.size && integer.data[0] == 0)
        integer = bytes_of(integer.data + 1, integer.size - 1);
    if (!integer.size)
        return 0;
    uint64_t bits = 8 * (uint64_t)integer.size;
    for (unsigned first = integer.data[0]; !(first & 0x80); first <<= 1)
        bits--;
    return bits;
}

/* RSAPublicKey (RFC 8017 appendix A.1.1) begins with the modulus, Dss-Parms (RFC 3279 section
 * 2.3.2) with the prime: a SEQUENCE whose first INTEGER gives the key's size. */
static uint64_t first_integer_bits(struct bytes sequence)
{
    struct reader outer = reader_of(sequence);
    struct reader inside = der_enter(&outer, DER_SEQUENCE);
    return count_bits(der_take(&inside, DER_INTEGER));
}

static struct bytes key_of(struct bytes bit_string)
{
    return bit_string.size ? bytes_of(bit_string.data + 1, bit_string.size - 1) : bit_string;
}

static bool has_type(const struct public_key *key, enum key_form form)
{
    return key->type == types[form].name;
}

bool public_key_is_on_curve(const struct public_key *key)
{
    return has_type(key, KEY_EC);
}

bool public_key_read(struct public_key *key, struct bytes info)
{
    *key = (struct public_key){ 0 };
    struct reader outer = reader_of(info);
    struct reader inside = der_enter(&outer, DER_SEQUENCE);
    struct reader algorithm = der_enter(&inside, DER_SEQUENCE);
    struct bytes id = der_take(&algorithm, DER_OBJECT_ID);
    if (!reader_ok(&algorithm) || !id.size)
        return false;
    key->algorithm = id;
    key->type = FIND(types, id);
    if (!key->type)
        key->type = public_key_signature_name(id);
    if (has_type(key, KEY_RSA) || has_type(key, KEY_RSA_OF_X500) || has_type(key, KEY_PSS))
        key->bits = first_integer_bits(key_of(der_take(&inside, DER_BIT_STRING)));
    else if (has_type(key, KEY_DSA))
        key->bits = first_integer_bits(reader_rest(&algorithm));
    else if (has_type(key, KEY_EC) && der_is_next(&algorithm, DER_OBJECT_ID))
        key->curve = der_take(&algorithm, DER_OBJECT_ID);
    key->curve_name = key->curve.size ? FIND(curves, key->curve) : NULL;
    return true;
}

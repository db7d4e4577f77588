#include "tests/support/ct_log/made_key.h"

#include <assert.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/objects.h>

#include "tests/support/ct_log/der_writer.h"
#include "tests/support/seeded_random.h"

struct kind {
    int curve;    /* 0: RSA */
    size_t width; /* bytes of a coordinate, or of the modulus */
    const char *curve_object;
    const char *signature_object;
};

static const struct kind kinds[] = {
    [MADE_KEY_P256] = { NID_X9_62_prime256v1, 32, "1.2.840.10045.3.1.7", "1.2.840.10045.4.3.2" },
    [MADE_KEY_P384] = { NID_secp384r1, 48, "1.3.132.0.34", "1.2.840.10045.4.3.3" },
    [MADE_KEY_RSA_2048] = { 0, 256, NULL, "1.2.840.113549.1.1.11" },
    [MADE_KEY_RSA_4096] = { 0, 512, NULL, "1.2.840.113549.1.1.12" },
};

enum {
    WIDTH_MAX = 512
};

/* A random number with its highest bit set, so that its encoding has one length. */
static struct bytes draw_number(uint8_t *out, size_t size, struct seeded_random *random)
{
    seeded_random_fill(random, out, size);
    out[0] |= 0x80;
    out[size - 1] |= 1;
    return bytes_of(out, size);
}

static void write_point(struct buffer *out, const struct kind *kind, struct seeded_random *random)
{
    uint8_t scalar[WIDTH_MAX], point_bytes[1 + 2 * WIDTH_MAX];
    seeded_random_fill(random, scalar, kind->width);
    scalar[0] = 1; /* far below the order of the curve */
    EC_GROUP *group = EC_GROUP_new_by_curve_name(kind->curve);
    BIGNUM *number = BN_bin2bn(scalar, (int)kind->width, NULL);
    assert(group && number);
    EC_POINT *point = EC_POINT_new(group);
    assert(point);
    bool made = EC_POINT_mul(group, point, number, NULL, NULL, NULL) == 1;
    size_t size = EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, point_bytes,
                                     sizeof point_bytes, NULL);
    assert(made && size == 1 + 2 * kind->width);
    (void)made;
    buffer_append(out, point_bytes, size);
    EC_POINT_free(point);
    BN_free(number);
    EC_GROUP_free(group);
}

static void write_modulus(struct buffer *out, const struct kind *kind, struct seeded_random *random)
{
    static const uint8_t exponent[] = { 1, 0, 1 };
    uint8_t modulus[WIDTH_MAX];
    size_t key = der_begin(out, DER_SEQUENCE);
    der_write_unsigned(out, draw_number(modulus, kind->width, random));
    der_write_unsigned(out, bytes_of(exponent, sizeof exponent));
    der_end(out, key);
}

void made_key_write(struct buffer *out, enum made_key key, struct seeded_random *random)
{
    const struct kind *kind = &kinds[key];
    size_t info = der_begin(out, DER_SEQUENCE);
    size_t algorithm = der_begin(out, DER_SEQUENCE);
    der_write_object(out, kind->curve ? "1.2.840.10045.2.1" : "1.2.840.113549.1.1.1");
    if (kind->curve)
        der_write_object(out, kind->curve_object);
    else
        der_write_string(out, DER_NULL, "");
    der_end(out, algorithm);
    size_t bits = der_begin(out, DER_BIT_STRING);
    buffer_append_byte(out, 0);
    if (kind->curve)
        write_point(out, kind, random);
    else
        write_modulus(out, kind, random);
    der_end(out, bits);
    der_end(out, info);
}

void made_key_write_signature_algorithm(struct buffer *out, enum made_key key)
{
    size_t algorithm = der_begin(out, DER_SEQUENCE);
    der_write_object(out, kinds[key].signature_object);
    if (!kinds[key].curve)
        der_write_string(out, DER_NULL, "");
    der_end(out, algorithm);
}

void made_key_write_signature(struct buffer *out, enum made_key key, struct seeded_random *random)
{
    uint8_t number[WIDTH_MAX];
    size_t width = kinds[key].width;
    size_t bits = der_begin(out, DER_BIT_STRING);
    buffer_append_byte(out, 0);
    if (kinds[key].curve) {
        size_t pair = der_begin(out, DER_SEQUENCE);
        der_write_unsigned(out, draw_number(number, width, random));
        der_write_unsigned(out, draw_number(number, width, random));
        der_end(out, pair);
    } else {
        buffer_append_bytes(out, draw_number(number, width, random));
    }
    der_end(out, bits);
}

/* Any bytes as a key in PEM, up to the first zero byte, and the rest as a signature. No key but the
 * pinned one is taken, and a refusal always says why. */
#include <stdlib.h>

#include "ingest/lists/list_signature.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t pin[SHA256_SIZE] = { 1 };
    const uint8_t *end = size ? memchr(data, 0, size) : NULL;
    size_t pem_size = end ? (size_t)(end - data) : size;
    const char *wrong = NULL;
    struct list_key *key = list_key_create(bytes_of(data, pem_size), pin, &wrong);
    if (key || !wrong)
        abort();
    wrong = NULL;
    key = list_key_create(bytes_of(data, pem_size), NULL, &wrong);
    if (!key != !!wrong)
        abort();
    if (key && end)
        (void)list_key_has_signed(key, bytes_of_string("a list"),
                                  bytes_of(end + 1, size - pem_size - 1));
    list_key_destroy(key);
    return 0;
}

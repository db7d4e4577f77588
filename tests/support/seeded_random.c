#include "tests/support/seeded_random.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/evp.h>

/* The finalizer of splitmix64: a bijection whose output bits each depend on every input bit. */
uint64_t seeded_random_mix(uint64_t value)
{
    value ^= value >> 30;
    value *= 0xbf58476d1ce4e5b9;
    value ^= value >> 27;
    value *= 0x94d049bb133111eb;
    value ^= value >> 31;
    return value;
}

struct seeded_random seeded_random_of_run(void)
{
    struct seeded_random random;
    const char *seed = getenv("CERTSTREAM_SEED");
    bool made = true;
    if (seed)
        random.state = strtoull(seed, NULL, 10);
    else
        made = getrandom(&random.state, sizeof random.state, 0) == sizeof random.state;
    assert(made);
    (void)made;
    (void)printf("CERTSTREAM_SEED=%llu\n", (unsigned long long)random.state);
    return random;
}

struct seeded_random seeded_random_of(const char *seed, const char *purpose, uint64_t number)
{
    uint8_t digest[32];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    /* The NULs keep ("ab", "c") and ("a", "bc") apart. */
    bool made = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(context, seed, strlen(seed) + 1) == 1 &&
                EVP_DigestUpdate(context, purpose, strlen(purpose) + 1) == 1 &&
                EVP_DigestFinal_ex(context, digest, NULL) == 1;
    assert(made);
    (void)made;
    EVP_MD_CTX_free(context);
    uint64_t state = 0;
    for (size_t i = 0; i < sizeof state; i++)
        state = state << 8 | digest[i];
    return (struct seeded_random){ seeded_random_mix(state + number) };
}

uint64_t seeded_random_next(struct seeded_random *random)
{
    random->state += 0x9e3779b97f4a7c15;
    return seeded_random_mix(random->state);
}

uint64_t seeded_random_below(struct seeded_random *random, uint64_t limit)
{
    assert(limit > 0);
    return seeded_random_next(random) % limit;
}

double seeded_random_fraction(struct seeded_random *random)
{
    return (double)(seeded_random_next(random) >> 11) * 0x1p-53;
}

void seeded_random_fill(struct seeded_random *random, uint8_t *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)(seeded_random_next(random) >> 56);
}

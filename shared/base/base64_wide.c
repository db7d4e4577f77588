#include "shared/base/base64_wide.h"

#ifdef __x86_64__

#include <immintrin.h>
#include <stdbool.h>

enum {
    RUN = 32,       /* characters in a register */
    RUN_BYTES = 24, /* what they encode */
    /* A store is of 32 bytes, of which the next run writes the last eight again; three groups more
     * encode as many. */
    RUN_AND_ROOM = RUN + 12,
};

#define AVX2 __attribute__((target("avx2")))

/* The same 16 bytes for either half of a register: the instructions below look up in halves. */
#define BOTH(...) _mm256_broadcastsi128_si256(_mm_setr_epi8(__VA_ARGS__))

/* The class of a character is its upper four bits, which say in which run of letters it can be:
 * '0' to '9', 'A' to 'O', 'P' to 'Z', 'a' to 'o', 'p' to 'z'. '+' and '/' have the same, so '/' is
 * made class 1, which no letter has. */
AVX2 static __m256i classify(__m256i letters)
{
    __m256i upper = _mm256_and_si256(_mm256_srli_epi16(letters, 4), _mm256_set1_epi8(0x0f));
    return _mm256_add_epi8(upper, _mm256_cmpeq_epi8(letters, _mm256_set1_epi8('/')));
}

/* Each letter between the first and the last of its class. Bytes compare as signed: no class is
 * between 127 and -128, and those from 0x80 on are below any first letter. */
AVX2 static bool are_letters(__m256i letters, __m256i classes)
{
    const __m256i first =
        BOTH(127, '/', '+', '0', 'A', 'P', 'a', 'p', 127, 127, 127, 127, 127, 127, 127, 127);
    const __m256i last = BOTH(-128, '/', '+', '9', 'O', 'Z', 'o', 'z', -128, -128, -128, -128, -128,
                              -128, -128, -128);
    __m256i below = _mm256_cmpgt_epi8(_mm256_shuffle_epi8(first, classes), letters);
    __m256i above = _mm256_cmpgt_epi8(letters, _mm256_shuffle_epi8(last, classes));
    __m256i outside = _mm256_or_si256(below, above);
    return _mm256_testz_si256(outside, outside);
}

/* The six bits of each letter, which is as far from its value as all of its class. */
AVX2 static __m256i letter_values(__m256i letters, __m256i classes)
{
    const __m256i distance = BOTH(0, 63 - '/', 62 - '+', 52 - '0', 0 - 'A', 15 - 'P', 26 - 'a',
                                  41 - 'p', 0, 0, 0, 0, 0, 0, 0, 0);
    return _mm256_add_epi8(letters, _mm256_shuffle_epi8(distance, classes));
}

/* 32 times six bits to 24 bytes and eight of nothing: neighbours to 12 bits, and those to 24, by
 * multiplying the former of two; then the three bytes of each 32 in their order, and both halves
 * side by side. */
AVX2 static __m256i join_values(__m256i values)
{
    __m256i pairs = _mm256_maddubs_epi16(values, _mm256_set1_epi16(0x0140));
    __m256i groups = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00011000));
    __m256i halves =
        _mm256_shuffle_epi8(groups, BOTH(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1));
    return _mm256_permutevar8x32_epi32(halves, _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7));
}

AVX2 static size_t decode_runs(uint8_t *to, const uint8_t *from, size_t size)
{
    size_t done = 0;
    for (; size - done >= RUN_AND_ROOM; done += RUN, to += RUN_BYTES) {
        __m256i letters = _mm256_loadu_si256((const __m256i *)(const void *)(from + done));
        __m256i classes = classify(letters);
        if (!are_letters(letters, classes))
            break;
        _mm256_storeu_si256((__m256i *)(void *)to, join_values(letter_values(letters, classes)));
    }
    return done;
}

size_t base64_wide_decode(uint8_t *to, const uint8_t *from, size_t size)
{
    return __builtin_cpu_supports("avx2") ? decode_runs(to, from, size) : 0;
}

#else

size_t base64_wide_decode(uint8_t *to, const uint8_t *from, size_t size)
{
    (void)to, (void)from, (void)size;
    return 0;
}

#endif

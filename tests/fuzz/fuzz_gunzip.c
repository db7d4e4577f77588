/* Any bytes as a gzip file, with a limit that the first byte chooses. */
#include <stdlib.h>

#include "ingest/http/gunzip.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct buffer out;
    buffer_init(&out, (size_t)1 << (data[0] % 21));
    enum gunzip_result result = gunzip(&out, bytes_of(data + 1, size - 1));
    if (out.size > out.limit ||
        (result == GUNZIP_DONE && !gunzip_is_likely(bytes_of(data + 1, size - 1))))
        abort();
    buffer_free(&out);
    return 0;
}

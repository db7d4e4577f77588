#include "ingest/ct/protocol_rows.h"
#include "ingest/ct/rfc6962.h"

bool rfc6962_protocol_read_head(struct signed_head *head, struct bytes body, const uint8_t *log_id,
                                struct digest *sha256)
{
    (void)log_id;
    (void)sha256;
    return signed_head_read_sth(head, body);
}

static bool rfc6962_has_no_tiles(uint64_t start, uint64_t count)
{
    (void)start;
    (void)count;
    return false;
}

const struct log_protocol rfc6962_protocol = {
    .name = "rfc6962",
    .list_member = "logs",
    .url_member = "url",
    .poll_ms = UINT64_C(10) * 1000,
    .page_max = RFC6962_PAGE_MAX,
    .bytes_per_entry = 8192,
    .head_path = "ct/v1/get-sth",
    .read_head = rfc6962_protocol_read_head,
    .is_tile = rfc6962_has_no_tiles,
    .head_name = "get-sth",
    .start_name = "proof of the start",
    .range_name = "get-entries",
    .proof_name = "proof",
};

/* /api/shares: what shares.h counts, as JSON; made once a second, whatever number of clients ask.
 */
#ifndef STREAMER_HTTP_SHARE_ANSWER_H
#define STREAMER_HTTP_SHARE_ANSWER_H

#include "shared/base/buffer.h"

struct share_answer;
struct shares;

/* `shares` is borrowed as long as the answer exists. */
struct share_answer *share_answer_create(const struct shares *shares);
/* NULL is fine. */
void share_answer_destroy(struct share_answer *answer);

/* A JSON object, of the last second at the oldest; lives until the next call. `now_ms` is since
 * 1970. */
struct bytes share_answer_get(struct share_answer *answer, uint64_t now_ms);

#endif

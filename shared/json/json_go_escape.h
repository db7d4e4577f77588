/* The inside of a JSON string in the way of Go's encoding/json. */
#ifndef SHARED_JSON_JSON_GO_ESCAPE_H
#define SHARED_JSON_JSON_GO_ESCAPE_H

#include "shared/base/buffer.h"

/* Does what json_escape does, but U+2028, U+2029 and what is not UTF-8 become \uXXXX, and DEL stays
 * as it is. With `html` also '<', '>' and '&' are escaped, as Go's Marshal does. */
void json_go_escape(struct buffer *out, struct bytes text, bool html);

#endif

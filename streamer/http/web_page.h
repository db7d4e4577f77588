/* The page that GET / answers: the parts in web/, put together and compiled in. */
#ifndef STREAMER_HTTP_WEB_PAGE_H
#define STREAMER_HTTP_WEB_PAGE_H

#include <stddef.h>

extern const unsigned char web_page[];
extern const size_t web_page_size;
extern const char web_page_tag[]; /* an entity tag, with its quotes */
/* Header lines that go with it. The page brings all it needs, and talks to its own server only. */
extern const char web_page_headers[];

#endif

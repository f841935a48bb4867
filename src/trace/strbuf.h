/* SPDX-License-Identifier: MIT
 *
 * strbuf.h: text put together piece by piece in a buffer of fixed size: quicker
 * than snprintf. Knows neither Lua nor libuv.
 */
#ifndef STRBUF_H
#define STRBUF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A piece that does not fit is left out, and sets `full`. */
typedef struct net_strbuf {
  char *text;
  size_t len, size;
  int full;
} net_strbuf;

static inline void net_strbuf_bytes(net_strbuf *b, const char *bytes,
                                    size_t len) {
  if (len > b->size - b->len) {
    b->full = 1;
    return;
  }
  memcpy(b->text + b->len, bytes, len);
  b->len += len;
}

/* Puts a string constant. */
#define NET_PUT(b, constant) net_strbuf_bytes(b, constant, sizeof constant - 1)

static inline void net_strbuf_text(net_strbuf *b, const char *text) {
  net_strbuf_bytes(b, text, strlen(text));
}

void net_strbuf_number(net_strbuf *b, uint64_t n);
void net_strbuf_json(net_strbuf *b, const char *text, size_t len);
void net_strbuf_printable(net_strbuf *b, const char *bytes, size_t len);

#endif

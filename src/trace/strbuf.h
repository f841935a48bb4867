/* SPDX-License-Identifier: MIT
 *
 * jot.h: text that is put together piece by piece, and soon is a line of a
 * trace: quicker than snprintf, and never longer than its room. Knows neither
 * Lua nor libuv.
 */
#ifndef STRBUF_H
#define STRBUF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What does not fit is left out, and `full` says so. */
typedef struct net_strbuf {
  char *text;
  size_t len, size;
  int full;
} net_strbuf;

static inline void net_strbuf_bytes(net_strbuf *j, const char *bytes,
                                    size_t len) {
  if (len > j->size - j->len) {
    j->full = 1;
    return;
  }
  memcpy(j->text + j->len, bytes, len);
  j->len += len;
}

/* A string constant. */
#define NET_PUT(j, constant) net_strbuf_bytes(j, constant, sizeof constant - 1)

static inline void net_strbuf_text(net_strbuf *j, const char *text) {
  net_strbuf_bytes(j, text, strlen(text));
}

void net_strbuf_number(net_strbuf *j, uint64_t n);
void net_strbuf_json(net_strbuf *j, const char *text, size_t len);
void net_strbuf_printable(net_strbuf *j, const char *bytes, size_t len);

#endif

/* SPDX-License-Identifier: MIT
 *
 * jot.c: numbers, bytes and JSON strings, one after the other.
 */
#include "jot.h"

#include <string.h>

static const char hex[] = "0123456789abcdef";

void net_jot_bytes(net_jot *j, const char *bytes, size_t len) {
  if (len > j->size - j->len) {
    j->full = 1;
    return;
  }
  memcpy(j->text + j->len, bytes, len);
  j->len += len;
}

void net_jot_text(net_jot *j, const char *text) {
  net_jot_bytes(j, text, strlen(text));
}

void net_jot_number(net_jot *j, uint64_t n) {
  char digits[20], *first = digits + sizeof digits;
  do *--first = (char)('0' + n % 10);
  while ((n /= 10) > 0);
  net_jot_bytes(j, first, (size_t)(digits + sizeof digits - first));
}

/* How many of the bytes need no escape: they are printable ASCII, and neither
 * a backslash nor `quote`. */
static size_t plain(const char *bytes, size_t len, char quote) {
  size_t n = 0;
  while (n < len && bytes[n] >= ' ' && bytes[n] <= '~' && bytes[n] != '\\' &&
         bytes[n] != quote)
    n++;
  return n;
}

/* Bytes as net.escape writes them: any terminal shows what is there. */
void net_jot_printable(net_jot *j, const char *bytes, size_t len) {
  for (size_t i = 0; i < len; i++) {
    size_t n = plain(bytes + i, len - i, '\\');
    net_jot_bytes(j, bytes + i, n);
    i += n;
    if (i == len) return;
    unsigned char c = (unsigned char)bytes[i];
    if (c == '\\')
      net_jot_bytes(j, "\\\\", 2);
    else
      net_jot_bytes(j, (const char[]){'\\', 'x', hex[c >> 4], hex[c & 15]}, 4);
  }
}

/* The length of the character of UTF-8 at c, of several bytes; 0: it is none
 * (RFC 3629, section 4). */
static size_t character(const char *text, size_t len) {
  const unsigned char *c = (const unsigned char *)text;
  size_t n = c[0] < 0xc2 ? 0 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;
  if (n == 0 || c[0] > 0xf4 || n > len) return 0;
  for (size_t i = 1; i < n; i++)
    if ((c[i] & 0xc0) != 0x80) return 0;
  int wrong = (c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f) ||
              (c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] > 0x8f);
  return wrong ? 0 : n;
}

/* What stands between the quotes of a JSON string, RFC 8259, section 7. A byte
 * that is no UTF-8 becomes U+FFFD. */
void net_jot_json(net_jot *j, const char *text, size_t len) {
  for (size_t i = 0; i < len; i++) {
    size_t n = plain(text + i, len - i, '"');
    net_jot_bytes(j, text + i, n);
    i += n;
    if (i == len) return;
    unsigned char c = (unsigned char)text[i];
    size_t more = character(text + i, len - i);
    if (more > 0) {
      net_jot_bytes(j, text + i, more);
      i += more - 1;
    } else if (c >= 0x80)
      net_jot_bytes(j, "\\ufffd", 6);
    else if (c == '"' || c == '\\')
      net_jot_bytes(j, (const char[]){'\\', (char)c}, 2);
    else
      net_jot_bytes(
          j, (const char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
  }
}

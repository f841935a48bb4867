/* SPDX-License-Identifier: MIT
 *
 * strbuf.c: numbers, and bytes as JSON strings have them.
 */
#include "trace/strbuf.h"

static const char hex[] = "0123456789abcdef";

void net_strbuf_number(net_strbuf *b, uint64_t n) {
  static const char pairs[] = "0001020304050607080910111213141516171819"
                              "2021222324252627282930313233343536373839"
                              "4041424344454647484950515253545556575859"
                              "6061626364656667686970717273747576777879"
                              "8081828384858687888990919293949596979899";
  char digits[20], *first = digits + sizeof digits;
  for (; n >= 100; n /= 100) {
    first -= 2;
    memcpy(first, pairs + n % 100 * 2, 2);
  }
  if (n >= 10) *--first = pairs[n * 2 + 1];
  *--first = n >= 10 ? pairs[n * 2] : (char)('0' + n);
  net_strbuf_bytes(b, first, (size_t)(digits + sizeof digits - first));
}

/* Are these eight bytes plain? A quick test, which may miss that they are. */
static int plain8(const char *bytes) {
  const uint64_t each = 0x0101010101010101, top = each << 7;
  uint64_t v;
  memcpy(&v, bytes, sizeof v);
  uint64_t below = v - each * ' ', quote = (v ^ each * '"') - each;
  uint64_t backslash = (v ^ each * '\\') - each, above = v + each;
  return ((v | below | quote | backslash | above) & top) == 0;
}

/* Returns how many bytes stand for themselves in a JSON string and on any
 * terminal: printable ASCII except quotes and backslashes. */
static size_t plain(const char *bytes, size_t len) {
  size_t n = 0;
  while (len - n >= 8 && plain8(bytes + n)) n += 8;
  while (n < len && bytes[n] >= ' ' && bytes[n] <= '~' && bytes[n] != '"' &&
         bytes[n] != '\\')
    n++;
  return n;
}

/* Returns the length of the UTF-8 character of several bytes at `text`; 0:
 * there is none (RFC 3629, section 4). */
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

/* The same for visible characters only: 0 also for controls, for characters
 * without a width, and for those that break a line or change its direction. */
static size_t visible(const char *text, size_t len) {
  static const uint32_t invisible[][2] = {{0x80, 0x9f},     {0x61c, 0x61c},
                                          {0x200b, 0x200f}, {0x2028, 0x202f},
                                          {0x2060, 0x206f}, {0xfeff, 0xfeff}};
  size_t n = character(text, len);
  if (n == 0) return 0;
  uint32_t c = (unsigned char)text[0] & (0x7fu >> n);
  for (size_t i = 1; i < n; i++) c = c << 6 | (text[i] & 0x3f);
  for (size_t i = 0; i < sizeof invisible / sizeof *invisible; i++)
    if (c >= invisible[i][0] && c <= invisible[i][1]) return 0;
  return n;
}

/* Puts text as between the quotes of a JSON string (RFC 8259, section 7). A
 * byte that is not UTF-8 becomes U+FFFD. */
void net_strbuf_json(net_strbuf *b, const char *text, size_t len) {
  for (size_t i = 0; i < len; i++) {
    size_t n = plain(text + i, len - i);
    net_strbuf_bytes(b, text + i, n);
    i += n;
    if (i == len) return;
    unsigned char c = (unsigned char)text[i];
    size_t more = character(text + i, len - i);
    if (more > 0) {
      net_strbuf_bytes(b, text + i, more);
      i += more - 1;
    } else if (c >= 0x80) {
      NET_PUT(b, "\\ufffd");
    } else if (c == '"' || c == '\\') {
      net_strbuf_bytes(b, (const char[]){'\\', (char)c}, 2);
    } else {
      const char u[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
      net_strbuf_bytes(b, u, sizeof u); /* all of it, or nothing */
    }
  }
}

enum { LONGEST = 5 }; /* \\xNN */

/* Each byte as it is shown. A table, because the branches of a function would
 * be mispredicted. */
static struct {
  char text[LONGEST + 2];
  unsigned char len;
} shown[256];

static void fill_shown(void) {
  for (unsigned c = 0; c < 256; c++) {
    char *p = shown[c].text;
    int printable = c >= ' ' && c <= '~';
    if (!printable || c == '"' || c == '\\') *p++ = '\\';
    if (!printable || c == '\\') *p++ = '\\';
    if (!printable) {
      *p++ = 'x';
      *p++ = hex[c >> 4];
      *p++ = hex[c & 15];
    } else {
      if (c == '\\') *p++ = '\\';
      *p++ = (char)c;
    }
    shown[c].len = (unsigned char)(p - shown[c].text);
  }
}

/* Puts bytes as a terminal may show them: visible text as it is, and everything
 * else as net.escape writes it. */
void net_strbuf_printable(net_strbuf *b, const char *bytes, size_t len) {
  size_t i = plain(bytes, len);
  net_strbuf_bytes(b, bytes, i);
  if (i == len) return;
  if (len - i > (b->size - b->len) / LONGEST) {
    b->full = 1;
    return;
  }
  if (shown[0].len == 0) fill_shown();
  char *p = b->text + b->len;
  for (; i < len; i++) {
    unsigned char c = (unsigned char)bytes[i]; /* most begin no character */
    int second = (bytes[i + (i + 1 < len)] & 0xc0) == 0x80;
    size_t more = (c >= 0xc2) & second ? visible(bytes + i, len - i) : 0;
    if (more > 0) {
      memcpy(p, bytes + i, more);
      p += more;
      i += more - 1;
    } else {
      memcpy(p, shown[c].text, LONGEST);
      p += shown[c].len;
    }
  }
  b->len = (size_t)(p - b->text);
}

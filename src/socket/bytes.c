/* SPDX-License-Identifier: MIT
 *
 * bytes.c: the byte order of integers, and bytes as text: hexadecimal or
 * escaped.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "core/error.h"

static lua_Integer check_unsigned(lua_State *L, lua_Integer max) {
  lua_Integer n = luaL_checkinteger(L, 1);
  luaL_argcheck(L, n >= 0 && n <= max, 1,
                max > UINT16_MAX ? "not in 0..4294967295" : "not in 0..65535");
  return n;
}

/* net.htonl(n), net.ntohl(n) -> integer                         byteorder(3) */
static int net_htonl(lua_State *L) {
  lua_pushinteger(L, htonl((uint32_t)check_unsigned(L, UINT32_MAX)));
  return 1;
}

/* net.htons(n), net.ntohs(n) -> integer                         byteorder(3) */
static int net_htons(lua_State *L) {
  lua_pushinteger(L, htons((uint16_t)check_unsigned(L, UINT16_MAX)));
  return 1;
}

/* net.hexlify(bytes) -> text */
static int net_hexlify(lua_State *L) {
  size_t len;
  const char *bytes = luaL_checklstring(L, 1, &len);
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  for (size_t i = 0; i < len; i++) {
    char digits[3];
    snprintf(digits, sizeof digits, "%02x", (unsigned char)bytes[i]);
    luaL_addlstring(&b, digits, 2);
  }
  luaL_pushresult(&b);
  return 1;
}

/* Returns the value of a hexadecimal digit, or -1. */
static int digit_value(char c) {
  static const char digits[] = "0123456789abcdef0123456789ABCDEF";
  const char *at = memchr(digits, c, sizeof digits - 1);
  return at ? (int)(at - digits) % 16 : -1;
}

/* net.unhexlify(text) -> bytes */
static int net_unhexlify(lua_State *L) {
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  int valid = len % 2 == 0;
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  for (size_t i = 0; valid && i < len; i += 2) {
    int high = digit_value(text[i]), low = digit_value(text[i + 1]);
    valid = high >= 0 && low >= 0;
    luaL_addchar(&b, (char)(high * 16 + low));
  }
  luaL_pushresult(&b);
  return valid ? 1
               : net_error_reason(L, "unhexlify", NULL,
                                  "each byte needs two hexadecimal digits",
                                  "EINVAL");
}

/* net.escape(bytes) -> text */
static int net_escape(lua_State *L) {
  size_t len;
  const char *bytes = luaL_checklstring(L, 1, &len);
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)bytes[i];
    char text[5] = {(char)c, '\0'};
    if (c < ' ' || c > '~')
      snprintf(text, sizeof text, "\\x%02x", c);
    else if (c == '\\')
      strcpy(text, "\\\\");
    luaL_addstring(&b, text);
  }
  luaL_pushresult(&b);
  return 1;
}

const luaL_Reg net_bytes_functions[] = {
    {"htonl", net_htonl},
    {"htons", net_htons},
    {"ntohl", net_htonl}, /* the same operation */
    {"ntohs", net_htons},
    {"hexlify", net_hexlify},
    {"unhexlify", net_unhexlify},
    {"escape", net_escape},
    {NULL, NULL},
};

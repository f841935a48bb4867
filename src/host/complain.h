/* SPDX-License-Identifier: MIT
 *
 * complain.h: how the host says that it cannot do something.
 */
#ifndef COMPLAIN_H
#define COMPLAIN_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Prints "netlab: " and the message, in one write; returns EXIT_FAILURE. */
__attribute__((format(__printf__, 1, 2))) static inline int
net_complain(const char *format, ...) {
  char line[128]; /* the format of the line: no message is cut short */
  va_list args;
  snprintf(line, sizeof line, "netlab: %s\n", format);
  va_start(args, format);
  vfprintf(stderr, line, args);
  va_end(args);
  return EXIT_FAILURE;
}

#endif

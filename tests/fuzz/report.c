/* SPDX-License-Identifier: MIT
 *
 * report.c: the search for a code in an error's message, which finds nothing or
 * a place within the text.
 */
#include "fuzz.h"

#include <stdlib.h>

#define net_report_error report_error /* beside the module's own */
#include "core/report.c"

void fuzz_err(const uint8_t *data, size_t size) {
  char *text = calloc(1, size + 1); /* exact, for AddressSanitizer */
  memcpy(text, data, size);
  const char *code = code_in(text);
  if (code && (code <= text || code[strlen(code) - 1] != ')'))
    fuzz_wrong("no code in '%s'", text);
  free(text);
}

/* SPDX-License-Identifier: MIT
 *
 * recorder.h: starts and ends the trace of a script, for --trace.
 */
#ifndef RECORDER_H
#define RECORDER_H

int net_recorder_start(const char *target, const char *lab, char **args);
void net_recorder_stop(void);

#endif

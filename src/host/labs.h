/* SPDX-License-Identifier: MIT
 *
 * labs.h: the list of the labs, for --list.
 */
#ifndef LABS_H
#define LABS_H

int net_labs_list(void);

#endif

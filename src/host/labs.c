/* SPDX-License-Identifier: MIT
 *
 * labs.c: finds the folder of the labs and lists them, each with its first
 * line, which names the slide: "-- Lab 12: ...   slide: ...".
 */
#include "host/labs.h"

#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "host/complain.h"

/* Where the labs are, relative to the program: in a checkout, after `make
 * install`, and in a LuaRocks tree. */
static const char *const folders[] = {"labs", "../share/netlab/labs",
                                      "../lib/luarocks/rocks-" LUA_VERSION_MAJOR
                                      "." LUA_VERSION_MINOR
                                      "/netlab/scm-1/labs"};

enum { MOST = 100 }; /* labs in a folder */

typedef struct lab {
  char name[64], line[128];
} lab;

static int number(const lab *l) {
  return (int)strtol(l->line + strcspn(l->line, "0123456789"), NULL, 10);
}

static int by_number(const void *a, const void *b) {
  const lab *x = a, *y = b;
  int difference = number(x) - number(y);
  return difference ? difference : strcmp(x->name, y->name);
}

/* Reads the first line of a lab. Returns false if the file is not one. */
static int read_lab(lab *l, const char *folder, const char *name) {
  char path[4096 + 256];
  const char *end = strrchr(name, '.');
  if (end == NULL || strcmp(end, ".lua") != 0) return 0;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "r");
  if (file == NULL) return 0;
  *l = (lab){{0}, {0}};
  snprintf(l->name, sizeof l->name, "%s", name);
  if (fgets(l->line, sizeof l->line, file) == NULL) l->line[0] = '\0';
  fclose(file);
  l->line[strcspn(l->line, "\r\n")] = '\0';
  return 1;
}

/* Reads the labs of a folder. Returns how many, or -1 without such a folder. */
static int read_folder(lab labs[MOST], const char *folder) {
  uv_fs_t entries;
  uv_dirent_t entry;
  int count = 0;
  if (uv_fs_scandir(NULL, &entries, folder, 0, NULL) < 0) count = -1;
  while (count >= 0 && count < MOST && !uv_fs_scandir_next(&entries, &entry))
    count += read_lab(&labs[count], folder, entry.name);
  uv_fs_req_cleanup(&entries);
  return count;
}

/* Lists a folder in the order of the slides. Returns false without it. */
static int list_folder(const char *folder) {
  lab labs[MOST];
  int count = read_folder(labs, folder);
  if (count < 0) return 0;
  qsort(labs, (size_t)count, sizeof *labs, by_number);
  printf("in %s:\n", folder);
  for (int i = 0; i < count; i++)
    printf("%-27s %s\n", labs[i].name,
           labs[i].line + strspn(labs[i].line, "- "));
  return 1;
}

/* --list: prints the labs of the slides, then the further ones. Returns the
 * exit status. */
int net_labs_list(void) {
  char here[2048], folder[4096];
  size_t size = sizeof here;
  if (uv_exepath(here, &size))
    return net_complain("cannot find the folder of this program");
  *strrchr(here, '/') = '\0';
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
    snprintf(folder, sizeof folder, "%s/%s", here, folders[i]);
    if (!list_folder(folder)) continue;
    snprintf(folder, sizeof folder, "%s/%s/more", here, folders[i]);
    list_folder(folder);
    return EXIT_SUCCESS;
  }
  return net_complain("no labs found next to this program");
}

/* keeps_asking FILE: asks the filesystem for the attributes of FILE, again and again, until it is killed or they cannot
   be had. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

int main(int argc, char** argv) {
  struct statx attributes;
  if (argc != 2) {
    fprintf(stderr, "usage: keeps_asking FILE\n");
    return 2;
  }
  while (statx(AT_FDCWD, argv[1], AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &attributes) == 0) {
  }
  perror(argv[1]);
  return 1;
}

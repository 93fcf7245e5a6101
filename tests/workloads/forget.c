/* forget DIRECTORY: makes the kernel drop what it caches of this mount and nobody uses (fs/super.c reconfigure_super).
   Asks the filesystem nothing. */
#include <stdio.h>
#include <sys/mount.h>

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: forget DIRECTORY\n");
    return 2;
  }
  if (mount("none", argv[1], NULL, MS_REMOUNT | MS_NOSUID | MS_NODEV, NULL) == 0) return 0;
  perror(argv[1]);
  return 1;
}

/* forget DIRECTORY: makes the kernel drop what it caches of this mount and nobody uses (fs/super.c reconfigure_super).
 */
#include <stdio.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

int main(int argc, char** argv) {
  struct statvfs mount_point;
  if (argc != 2 || statvfs(argv[1], &mount_point) != 0) {
    fprintf(stderr, "usage: forget DIRECTORY\n");
    return 2;
  }
  const unsigned long kept = mount_point.f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC);
  if (mount("none", argv[1], NULL, MS_REMOUNT | kept, NULL) == 0) return 0;
  perror(argv[1]);
  return 1;
}

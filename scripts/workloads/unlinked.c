/* Files, and a directory, that are used after their last name is gone: written, read, cut, linked anew by nothing. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "workload.h"

enum { kFiles = 20 };

int main(void) {
  int files[kFiles];
  char name[32];
  char text[64];
  struct stat status;
  for (int i = 0; i < kFiles; i++) {
    sprintf(name, "f%d", i);
    MUST((files[i] = open(name, O_CREAT | O_EXCL | O_RDWR, 0600)) >= 0);
    MUST(pwrite(files[i], "before\n", 7, 0) == 7);
  }
  MUST(link("f0", "second") == 0);
  for (int i = 0; i < kFiles; i++) {
    sprintf(name, "f%d", i);
    if (i % 2 == 0) {
      MUST(unlink(name) == 0);
    } else { /* displaced, which is another way to go */
      MUST(mknod("displacer", S_IFREG | 0600, 0) == 0);
      MUST(rename("displacer", name) == 0);
    }
  }
  MUST(fstat(files[0], &status) == 0 && status.st_nlink == 1);
  MUST(unlink("second") == 0);
  for (int i = 0; i < kFiles; i++) {
    MUST(fstat(files[i], &status) == 0 && status.st_nlink == 0 && status.st_size == 7);
    MUST(pwrite(files[i], "after\n", 6, 7) == 6);
    MUST(fchmod(files[i], 0640) == 0);
    MUST(ftruncate(files[i], 100 + i) == 0);
    MUST(pread(files[i], text, sizeof(text), 0) == (ssize_t)sizeof(text));
    MUST(memcmp(text, "before\nafter\n\0\0", 15) == 0);
    MUST(fsync(files[i]) == 0);
    MUST(fstat(files[i], &status) == 0 && status.st_size == 100 + i && (status.st_mode & 0777) == 0640);
  }
  for (int i = kFiles - 1; i >= 0; i--) MUST(close(files[i]) == 0);
  int directory;
  MUST(mkdir("d", 0700) == 0);
  MUST((directory = open("d", O_RDONLY | O_DIRECTORY)) >= 0);
  MUST(rmdir("d") == 0);
  MUST(fstat(directory, &status) == 0 && status.st_nlink == 0);
  MUST_FAIL(openat(directory, "x", O_CREAT | O_RDWR, 0600), ENOENT);
  MUST(close(directory) == 0);
  /* A file that never had a name, and gets one. */
  int unnamed;
  MUST((unnamed = open(".", O_TMPFILE | O_RDWR, 0600)) >= 0);
  MUST(write(unnamed, "named late\n", 11) == 11);
  sprintf(text, "/proc/self/fd/%d", unnamed);
  MUST(linkat(AT_FDCWD, text, AT_FDCWD, "named", AT_SYMLINK_FOLLOW) == 0);
  MUST(stat("named", &status) == 0 && status.st_size == 11 && status.st_nlink == 1);
  MUST(close(unnamed) == 0);
  return 0;
}

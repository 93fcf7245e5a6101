/* Extended attributes, record locks and flock locks, each with what must fail; locks of two processes that wait for
   each other's in turn. */
#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "workload.h"

static void xattrs(void) {
  char value[256];
  int fd;
  MUST((fd = open("x", O_CREAT | O_RDWR, 0600)) >= 0);
  MUST(setxattr("x", "user.one", "1", 1, XATTR_CREATE) == 0);
  MUST_FAIL(setxattr("x", "user.one", "1", 1, XATTR_CREATE), EEXIST);
  MUST_FAIL(setxattr("x", "user.two", "2", 1, XATTR_REPLACE), ENODATA);
  MUST(fsetxattr(fd, "user.one", "changed", 7, XATTR_REPLACE) == 0);
  MUST(getxattr("x", "user.one", NULL, 0) == 7);
  MUST(getxattr("x", "user.one", value, sizeof(value)) == 7 && memcmp(value, "changed", 7) == 0);
  MUST_FAIL(getxattr("x", "user.one", value, 3), ERANGE);
  MUST_FAIL(getxattr("x", "user.none", value, sizeof(value)), ENODATA);
  MUST(listxattr("x", value, sizeof(value)) == 9 && strcmp(value, "user.one") == 0);
  MUST_FAIL(listxattr("x", value, 2), ERANGE);
  MUST(setxattr("x", "user.empty", "", 0, 0) == 0);
  MUST(getxattr("x", "user.empty", value, sizeof(value)) == 0);
  MUST(removexattr("x", "user.empty") == 0);
  MUST_FAIL(removexattr("x", "user.empty"), ENODATA);
  MUST(unlink("x") == 0);
  MUST(fsetxattr(fd, "user.late", "after unlink", 12, 0) == 0);
  MUST(fgetxattr(fd, "user.late", value, sizeof(value)) == 12);
  MUST(close(fd) == 0);
}

static int lock(int fd, int command, short type, off_t start, off_t length) {
  struct flock range;
  memset(&range, 0, sizeof(range));
  range.l_type = type;
  range.l_start = start;
  range.l_len = length;
  return fcntl(fd, command, &range);
}

static short who_holds(int fd, off_t start, off_t length) {
  struct flock range;
  memset(&range, 0, sizeof(range));
  range.l_type = F_WRLCK;
  range.l_start = start;
  range.l_len = length;
  MUST(fcntl(fd, F_GETLK, &range) == 0);
  return range.l_type;
}

/* Counts in the file itself: a lost update shows that the lock did not hold. */
static void count_up(int use_flock) {
  for (int round = 0; round < 8; round++) {
    int fd;
    char digit = 0;
    MUST((fd = open("counter", O_RDWR)) >= 0);
    MUST((use_flock ? flock(fd, LOCK_EX) : lock(fd, F_SETLKW, F_WRLCK, 0, 1)) == 0);
    MUST(pread(fd, &digit, 1, 0) == 1);
    digit++;
    MUST(pwrite(fd, &digit, 1, 0) == 1);
    MUST((use_flock ? flock(fd, LOCK_UN) : lock(fd, F_SETLKW, F_UNLCK, 0, 1)) == 0);
    MUST(close(fd) == 0);
  }
}

static void locks(void) {
  int barrier[2];
  MUST(pipe(barrier) == 0);
  int fd;
  MUST((fd = open("l", O_CREAT | O_RDWR, 0600)) >= 0);
  MUST(lock(fd, F_SETLK, F_WRLCK, 0, 100) == 0);
  MUST(lock(fd, F_SETLK, F_UNLCK, 40, 20) == 0);
  const pid_t other = fork();
  MUST(other >= 0);
  if (other == 0) {
    char byte;
    MUST(read(barrier[0], &byte, 1) == 1); /* the parent has its flock */
    MUST_FAIL(lock(fd, F_SETLK, F_RDLCK, 0, 0), EAGAIN);
    MUST(lock(fd, F_SETLK, F_WRLCK, 40, 20) == 0);
    MUST(who_holds(fd, 0, 10) == F_WRLCK);
    MUST(who_holds(fd, 50, 5) == F_UNLCK);
    int mine;
    MUST((mine = open("l", O_RDWR)) >= 0);
    MUST_FAIL(flock(mine, LOCK_SH | LOCK_NB), EAGAIN);
    _exit(0);
  }
  MUST(flock(fd, LOCK_EX) == 0);
  MUST(write(barrier[1], "", 1) == 1);
  int status;
  MUST(waitpid(other, &status, 0) == other && status == 0);
  MUST(who_holds(fd, 0, 0) == F_UNLCK);
  MUST(close(fd) == 0);
}

static void turns(int use_flock) {
  int fd;
  MUST((fd = open("counter", O_CREAT | O_TRUNC | O_RDWR, 0600)) >= 0);
  MUST(pwrite(fd, "\0", 1, 0) == 1);
  enum { kProcesses = 3 };
  for (int i = 0; i < kProcesses; i++) {
    const pid_t child = fork();
    MUST(child >= 0);
    if (child == 0) {
      count_up(use_flock);
      _exit(0);
    }
  }
  int status;
  for (int i = 0; i < kProcesses; i++) MUST(wait(&status) > 0 && status == 0);
  char digit = 0;
  int again;
  MUST((again = open("counter", O_RDONLY)) >= 0);
  MUST(pread(again, &digit, 1, 0) == 1);
  MUST(digit == 8 * kProcesses);
  MUST(close(fd) == 0 && close(again) == 0);
}

int main(void) {
  xattrs();
  locks();
  turns(0);
  turns(1);
  return 0;
}

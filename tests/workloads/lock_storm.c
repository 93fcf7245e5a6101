/* Six processes that take, wait for and give back record locks and flocks of one file: lock_storm DIRECTORY ROUNDS.
   Each picks its steps from its own seed. Status 1 if a lock that may be waited for is not had. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kProcesses = 6 };

static uint32_t next(uint32_t* seed) {
  *seed ^= *seed << 13;
  *seed ^= *seed >> 17;
  *seed ^= *seed << 5;
  return *seed;
}

static int set(int fd, int how, short type, off_t start, off_t length) {
  struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
  return fcntl(fd, how, &lock);
}

static int run(uint32_t process, int rounds) {
  uint32_t seed = 2463534242U + process * 7919U;
  int fd = open("f", O_RDWR);
  int failed = fd < 0;
  for (int round = 0; round < rounds && !failed; round++) {
    const short type = next(&seed) % 2 == 0 ? F_WRLCK : F_RDLCK;
    const off_t start = next(&seed) % 4;
    const off_t length = 1 + next(&seed) % 4;
    switch (next(&seed) % 5) {
      case 0:
      case 1:
        failed = set(fd, F_SETLKW, type, start, length) != 0 || set(fd, F_SETLK, F_UNLCK, 0, 0) != 0;
        break;
      case 2:
        if (set(fd, F_SETLK, type, start, length) == 0) {
          failed = pwrite(fd, "x", 1, (off_t)process) != 1 || set(fd, F_SETLK, F_UNLCK, 0, 0) != 0;
        } else {
          failed = errno != EAGAIN && errno != EACCES;
        }
        break;
      case 3:
        failed = flock(fd, LOCK_EX) != 0 || pwrite(fd, "y", 1, (off_t)process) != 1 || flock(fd, LOCK_UN) != 0;
        break;
      default: /* given back by closing it */
        failed = flock(fd, LOCK_SH | (next(&seed) % 2 == 0 ? LOCK_NB : 0)) != 0 && errno != EWOULDBLOCK;
        close(fd);
        fd = open("f", O_RDWR);
        failed |= fd < 0;
    }
  }
  return failed;
}

int main(int argc, char** argv) {
  if (argc < 3 || chdir(argv[1]) != 0) {
    fprintf(stderr, "usage: lock_storm DIRECTORY ROUNDS\n");
    return 2;
  }
  close(open("f", O_CREAT | O_RDWR, 0644));
  for (uint32_t process = 0; process < kProcesses; process++) {
    const pid_t child = fork();
    if (child < 0) return 1;
    if (child == 0) _exit(run(process, atoi(argv[2])));
  }
  int failed = 0;
  int status = 0;
  while (wait(&status) > 0) failed |= !WIFEXITED(status) || WEXITSTATUS(status) != 0;
  return failed;
}

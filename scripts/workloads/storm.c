/* Eight processes create, rename, link, unlink and list in one directory: storm DIRECTORY [ROUNDS].
   Each picks its steps from its own seed. They use the same few names, so that they meet; a step that fails because
   another was first (ENOENT, EEXIST) is part of the storm, any other failure ends it with status 1. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kProcesses = 8, kNames = 24 };

static uint32_t next(uint32_t* seed) {
  *seed ^= *seed << 13;
  *seed ^= *seed >> 17;
  *seed ^= *seed << 5;
  return *seed;
}

static void create(const char* name, uint32_t value) {
  char text[64];
  int fd = open(name, O_CREAT | O_RDWR, 0644);
  if (fd < 0) return;
  const int length = snprintf(text, sizeof(text), "%u\n", value);
  const int failed = write(fd, text, (size_t)length) != length;
  close(fd);
  errno = failed ? EIO : 0;
}

static void list(void) {
  DIR* directory = opendir(".");
  if (directory == NULL) return;
  struct stat status;
  const struct dirent* entry;
  errno = 0;
  while ((entry = readdir(directory)) != NULL) {
    if (fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 && errno != ENOENT) break;
    errno = 0;
  }
  const int failure = errno;
  closedir(directory);
  errno = failure;
}

static int run(uint32_t process, int rounds) {
  uint32_t seed = 2463534242U + process * 7919U;
  for (int round = 0; round < rounds; round++) {
    char from[16];
    char to[16];
    snprintf(from, sizeof(from), "n%u", next(&seed) % kNames);
    snprintf(to, sizeof(to), "n%u", next(&seed) % kNames);
    const char* step = "";
    errno = 0;
    switch (next(&seed) % 8) {
      case 0:
      case 1:
      case 2:
        step = "create";
        create(from, next(&seed));
        break;
      case 3:
        step = "rename";
        (void)rename(from, to);
        break;
      case 4:
        step = "link";
        (void)link(from, to);
        break;
      case 5:
        step = "unlink";
        (void)unlink(from);
        break;
      default:
        step = "list";
        list();
        break;
    }
    if (errno != 0 && errno != ENOENT && errno != EEXIST) {
      fprintf(stderr, "storm: %s %s: %s\n", step, from, strerror(errno));
      return 1;
    }
  }
  return 0;
}

int main(int argc, char** argv) {
  const int rounds = argc > 2 ? atoi(argv[2]) : 300;
  if (argc < 2 || chdir(argv[1]) != 0) {
    fprintf(stderr, "usage: storm DIRECTORY [ROUNDS]\n");
    return 2;
  }
  for (uint32_t process = 0; process < kProcesses; process++) {
    const pid_t child = fork();
    if (child < 0) return 1;
    if (child == 0) _exit(run(process, rounds));
  }
  int failed = 0;
  int status = 0;
  while (wait(&status) > 0) failed |= !WIFEXITED(status) || WEXITSTATUS(status) != 0;
  return failed;
}

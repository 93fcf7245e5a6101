// busy_client DIRECTORY NAME ROUNDS: asks a mounted raw server as fast as one thread can, about ten requests a round.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

bool round(const std::string& name) {
  struct stat status {};
  if (::stat(name.c_str(), &status) != 0) return false;
  if (::mkdir("shared", 0755) == 0 || errno != ENOSPC) return false;  // one client at a time: the directory is locked
  const int file = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  char text[64];
  const bool read = ::pread(file, text, sizeof(text), 0) > 0;
  return ::close(file) == 0 && read;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4 || ::chdir(argv[1]) != 0) return 2;
  const std::string name = argv[2];
  for (long left = std::atol(argv[3]); left > 0; --left) {
    if (!round(name + std::to_string(left % 8))) {
      std::perror(name.c_str());
      return 1;
    }
  }
  return 0;
}

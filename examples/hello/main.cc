// hello MOUNTPOINT
#include <cstdio>

#include "examples/hello/hello.h"
#include "examples/serve.h"

int main(int argc, char** argv) {
  const fusereplay::ServeArguments arguments = fusereplay::parse_serve_arguments(argc, argv);
  if (arguments.mountpoint.empty()) {
    std::fputs("usage: hello [-o MOUNT_OPTION[,MOUNT_OPTION...]] MOUNTPOINT\n", stderr);
    return 2;
  }
  return fusereplay::serve(
      fusereplay::make_hello(),
      {.name = "hello", .mountpoint = arguments.mountpoint, .mount_options = arguments.options, .threads = 1});
}

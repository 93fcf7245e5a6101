// hello [-f | -b] [--log FILE] [-o OPTION[,OPTION...]] MOUNTPOINT
#include <cstdio>

#include "core/session/serve.h"
#include "examples/hello/hello.h"

int main(int argc, char** argv) {
  const fusereplay::ServeArguments arguments = fusereplay::parse_serve_arguments(argc, argv);
  if (arguments.mountpoint.empty()) {
    std::fprintf(stderr, "usage: hello %s\n", fusereplay::kServeUsage);
    return 2;
  }
  return fusereplay::serve(fusereplay::make_hello(), {.name = "hello",
                                                      .mountpoint = arguments.mountpoint,
                                                      .mount_options = arguments.options,
                                                      .ground = arguments.ground,
                                                      .log = arguments.log});
}

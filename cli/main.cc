// The command over the example filesystems.
#include "cli/run_command.h"
#include "examples/registry.h"

int main(int argc, char** argv) {
  return fusereplay::run_command(argc, argv, fusereplay::example_filesystems());
}

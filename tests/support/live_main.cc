// main() of every program with live tests: the namespace comes before gtest, and before any thread.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/live_environment.h"

int main(int argc, char** argv) {
  const fusereplay::testing::LiveEnvironment environment;
  ::testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}

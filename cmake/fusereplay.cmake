# What every target here shares, and one function for each kind of target.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

add_library(fusereplay_options INTERFACE)
target_include_directories(fusereplay_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(fusereplay_options INTERFACE -Wall -Wextra -Werror)
target_link_libraries(fusereplay_options INTERFACE Threads::Threads)
if(FUSEREPLAY_SANITIZE)
  target_compile_options(fusereplay_options INTERFACE -fsanitize=${FUSEREPLAY_SANITIZE} -fno-omit-frame-pointer
                                                      -fno-sanitize-recover=all)
  target_link_options(fusereplay_options INTERFACE -fsanitize=${FUSEREPLAY_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # clang's function sanitizer cannot assemble coroutines: "Cannot represent a difference across sections".
    target_compile_options(fusereplay_options INTERFACE -fno-sanitize=function)
  else()
    # g++ 12 sees overflows in the standard library's own copies once sanitizers stand between.
    target_compile_options(fusereplay_options INTERFACE -Wno-stringop-overflow -Wno-maybe-uninitialized)
  endif()
endif()

# fusereplay_library(NAME sources... [LINK libs...]): fusereplay::NAME, a static library of one room.
function(fusereplay_library name)
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  add_library(fusereplay_${name} STATIC ${arg_UNPARSED_ARGUMENTS})
  add_library(fusereplay::${name} ALIAS fusereplay_${name})
  target_link_libraries(fusereplay_${name} PUBLIC fusereplay_options ${arg_LINK})
endfunction()

# fusereplay_test(NAME sources... [LINK libs...] [LIVE] [CONCURRENT]): one GoogleTest program, registered with ctest as NAME.
# LIVE marks a program that mounts: it needs /dev/fuse and root or user namespaces, and skips loudly without. Its
# main() and fixtures are in tests/support (live_mount.h).
# CONCURRENT marks a program with threads that share something: scripts/test runs it under ThreadSanitizer too.
add_custom_target(concurrent_tests)
function(fusereplay_test name)
  cmake_parse_arguments(arg "LIVE;CONCURRENT" "" "LINK" ${ARGN})
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  if(arg_LIVE)
    set(main fusereplay::live_support)
  else()
    set(main GTest::gmock_main)
  endif()
  target_link_libraries(${name} PRIVATE fusereplay_options ${arg_LINK} ${main})
  add_test(NAME ${name} COMMAND ${name})
  set(labels)
  if(arg_LIVE)
    list(APPEND labels live)
  endif()
  if(arg_CONCURRENT)
    list(APPEND labels concurrent)
    add_dependencies(concurrent_tests ${name})
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT 300 LABELS "${labels}")
endfunction()

# fusereplay_benchmark(NAME sources... [LINK libs...]): one Google Benchmark program.
function(fusereplay_benchmark name)
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE fusereplay_options ${arg_LINK} benchmark::benchmark_main)
endfunction()

# fusereplay_fuzzer(NAME sources... [LINK libs...]): one libFuzzer program, built where FUSEREPLAY_FUZZERS is on.
function(fusereplay_fuzzer name)
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  if(FUSEREPLAY_FUZZERS)
    add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
    target_link_libraries(${name} PRIVATE fusereplay_options ${arg_LINK})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  endif()
endfunction()

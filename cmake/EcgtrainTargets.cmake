# Settings and helpers that every target of the tree shares. Nothing here edits global flags: a target opts in by
# being made through one of these functions.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set_property(GLOBAL PROPERTY JOB_POOLS torch_pool=2)

find_program(ECGTRAIN_CCACHE ccache)
if(ECGTRAIN_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${ECGTRAIN_CCACHE}")
endif()

include(Sanitizers)
add_library(ecgtrain_options INTERFACE)
target_compile_options(ecgtrain_options INTERFACE -Wall -Wextra -Wpedantic -Wno-missing-field-initializers
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>
  $<$<BOOL:${ECGTRAIN_WARNINGS_AS_ERRORS}>:-Werror>)
target_include_directories(ecgtrain_options INTERFACE "${CMAKE_SOURCE_DIR}")
target_compile_definitions(ecgtrain_options INTERFACE ECGTRAIN_VERSION="${PROJECT_VERSION}"
  $<$<CONFIG:RelWithDebInfo>:_GLIBCXX_ASSERTIONS>)
target_link_options(ecgtrain_options INTERFACE -fuse-ld=mold)
target_link_libraries(ecgtrain_options INTERFACE ecgtrain_sanitizers)

# ecgtrain_library(NAME SOURCES ... [PUBLIC libs...] [PRIVATE libs...]): one folder, one target.
function(ecgtrain_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC ecgtrain_options ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
endfunction()

# ecgtrain_program(NAME SOURCES ... [LIBS libs...])
function(ecgtrain_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ecgtrain_options ecgtrain_sanitizer_runtime ${ARG_LIBS})
endfunction()

# ecgtrain_test(NAME SOURCES ... [LIBS libs...] [LABELS labels...] [ENVIRONMENT VAR=value...]): a GoogleTest program.
# Labels in use: unit, contract, integration, fault, training; `grpc` marks those that start servers or clients, `long` those that only
# `./dev test --long` runs. A program that does more under ECGTRAIN_LONG=1 needs a TIMEOUT for that.
function(ecgtrain_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LIBS;LABELS;ENVIRONMENT" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(ECGTRAIN_SANITIZE)
    math(EXPR ARG_TIMEOUT "${ARG_TIMEOUT} * 5")
  endif()
  add_executable(${name} ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  target_link_libraries(${name} PRIVATE ecgtrain_options ecgtrain_sanitizer_runtime ${ARG_LIBS} GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT}
    ENVIRONMENT "ECGTRAIN_SOURCE_DIR=${CMAKE_SOURCE_DIR};ECGTRAIN_BIN_DIR=${CMAKE_BINARY_DIR}/bin;${ECGTRAIN_SANITIZER_ENVIRONMENT};${ARG_ENVIRONMENT}")
endfunction()

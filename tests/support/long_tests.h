// Parts of tests that take longer than everybody's patience: `./dev test --long` runs them.
#ifndef ECGTRAIN_TESTS_SUPPORT_LONG_TESTS_H_
#define ECGTRAIN_TESTS_SUPPORT_LONG_TESTS_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <string>

namespace ecgtrain {

// ECGTRAIN_LONG is 1.
inline bool LongTests() {
  const char* value = std::getenv("ECGTRAIN_LONG");
  return value != nullptr && std::string(value) == "1";
}

// A test says how much it went through: `./dev test` adds the counts of a name up and prints them at the end.
// "crash_points" is printed as "crash points". Once a test and name.
inline void RecordCount(const std::string& name, int64_t count) {
  ::testing::Test::RecordProperty("count_" + name, std::to_string(count));
}

}  // namespace ecgtrain

#endif  // ECGTRAIN_TESTS_SUPPORT_LONG_TESTS_H_

// Where tests find the real measurements: $DRST_DATA. Without it a test is skipped on a developer's machine
// and fails in CI.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace drst::testing {

inline std::filesystem::path data_folder() {
  const char* folder = std::getenv("DRST_DATA");
  return folder == nullptr ? std::filesystem::path() : std::filesystem::path(folder);
}

}  // namespace drst::testing

/// First line of a test that needs real data; leaves `data` (a path) in scope.
// NOLINTBEGIN(bugprone-macro-parentheses): a declared name cannot stand in parentheses
#define DRST_NEEDS_DATA(data)                                                                              \
  const std::filesystem::path data = drst::testing::data_folder();                                         \
  if (!std::filesystem::exists(data / "perf" / "combined.csv")) {                                          \
    if (std::getenv("CI") != nullptr) FAIL() << "DRST_DATA does not name the folder of real measurements"; \
    GTEST_SKIP() << "set DRST_DATA to the folder of real measurements";                                    \
  }
// NOLINTEND(bugprone-macro-parentheses)

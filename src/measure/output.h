// The output folder of `drst preprocess`: made aside, put in place whole. Internal to this room.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"

namespace drst::detail {

class PreprocessOutput {
 public:
  /// InputError if another process works there, or an earlier run's tables are there and are not to be
  /// overwritten.
  PreprocessOutput(std::filesystem::path out, bool overwrite);
  PreprocessOutput(const PreprocessOutput&) = delete;
  PreprocessOutput& operator=(const PreprocessOutput&) = delete;
  ~PreprocessOutput();  ///< removes what is still aside
  [[nodiscard]] const std::filesystem::path& unfinished() const { return unfinished_; }
  /// Earlier tables go, the new files come; `preprocess.json` last. InputError if a file is in the way that
  /// no earlier run made.
  void take_place();

 private:
  [[nodiscard]] std::vector<std::string> made_before() const;

  std::filesystem::path out_, unfinished_;
  std::unique_ptr<FileLock> lock_;
};

inline constexpr const char* manifest_name = "preprocess.json";

}  // namespace drst::detail

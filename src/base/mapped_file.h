// A file as bytes in memory without a copy, for readers that go over it once.
//
// Regular files are mapped read-only; pipes and other streams are read into memory. A file that another
// process cuts short while it is mapped ends the process (SIGBUS), so this is for inputs, not for logs that
// live.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/files.h"

namespace drst {

class MappedFile {
 public:
  /// InputError if it is missing, a folder, or larger than `limit`; FailedError if it cannot be mapped.
  explicit MappedFile(const std::filesystem::path& path, std::uint64_t limit = default_read_limit);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();
  [[nodiscard]] std::string_view bytes() const { return bytes_; }

 private:
  void* mapping_ = nullptr;
  std::string copy_;
  std::string_view bytes_;
};

}  // namespace drst

// Archives read in place: .zip, .tar, and .tar compressed by gzip, xz, bzip2 or zstd.
//
// Nothing is unpacked to disk: an entry's bytes go to memory, bounded. Entries that are links or devices, or
// whose names are absolute, hold `..`, or could not be names of files here, are counted as unsafe and not
// read. An archive that declares or holds more than the limits ends in an InputError, as does a damaged one.
// One thread an object.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "measure/dirt.h"

struct archive;
struct archive_entry;

namespace drst {

struct ArchiveLimits {
  std::uint64_t max_entries = 1'000'000;
  std::uint64_t max_file_bytes = std::uint64_t{1} << 30;
  std::uint64_t max_bytes = std::uint64_t{64} << 30;  ///< of all entries, unpacked
};

/// By its name.
bool is_archive(const std::filesystem::path& path);
/// "runs.tar.xz" -> "runs".
std::string archive_stem(const std::filesystem::path& path);
/// "firewall.csv.gz" -> "firewall.csv"; as it is without such an ending.
std::string_view without_compression(std::string_view name);

class ArchiveReader {
 public:
  ArchiveReader(std::filesystem::path path, const ArchiveLimits& limits);
  ArchiveReader(const ArchiveReader&) = delete;
  ArchiveReader& operator=(const ArchiveReader&) = delete;
  ~ArchiveReader();
  /// The name of the next regular file ("a/b.csv", no leading "./"), in the archive's order.
  std::optional<std::string> next(FileDirt& dirt);
  /// Of the entry that next() named; nullopt, and counted as too large, beyond the limit.
  std::optional<std::string> read(FileDirt& dirt);

 private:
  [[noreturn]] void fail(const std::string& what) const;

  std::filesystem::path path_;
  ArchiveLimits limits_;
  archive* archive_ = nullptr;
  archive_entry* entry_ = nullptr;
  std::uint64_t entries_ = 0;
  std::uint64_t declared_ = 0;
  std::uint64_t read_ = 0;
};

/// A name of an archive's entry, as a path inside it: "./a//b" is "a/b". nullopt if it must not be used.
std::optional<std::string> safe_entry_name(std::string_view name);

/// A single compressed file, or a plain one; nullopt beyond `max_bytes`. InputError if it cannot be read.
std::optional<std::string> read_maybe_compressed(const std::filesystem::path& path, std::uint64_t max_bytes);

}  // namespace drst

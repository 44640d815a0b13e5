#include "measure/archive.h"

#include <archive.h>
#include <archive_entry.h>

#include <array>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"

namespace drst {

namespace {

constexpr std::array<std::string_view, 10> archive_endings = {
    ".tar.xz", ".tar.gz", ".tar.bz2", ".tar.zst", ".txz", ".tgz", ".tbz2", ".tzst", ".tar", ".zip"};
constexpr std::array<std::string_view, 4> compressions = {".gz", ".xz", ".bz2", ".zst"};
constexpr std::size_t longest_component = 200;  // file systems take 255, and we add endings
constexpr std::size_t longest_name = 1024;

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return text;
}

std::string_view archive_ending(const std::string& lower_name) {
  for (const auto ending : archive_endings)
    if (lower_name.size() > ending.size() && lower_name.ends_with(ending)) return ending;
  return {};
}

archive* open_archive(const std::filesystem::path& path, bool raw) {
  archive* opened = archive_read_new();
  if (opened == nullptr) throw FailedError("out of memory for " + path.string());
  archive_read_support_filter_gzip(opened);
  archive_read_support_filter_xz(opened);
  archive_read_support_filter_bzip2(opened);
  archive_read_support_filter_zstd(opened);
  if (raw) {
    archive_read_support_format_raw(opened);
  } else {
    archive_read_support_format_tar(opened);
    archive_read_support_format_zip(opened);
  }
  if (archive_read_open_filename(opened, path.c_str(), std::size_t{1} << 18) != ARCHIVE_OK) {
    const char* why = archive_error_string(opened);
    const std::string words = why == nullptr ? "unknown reason" : why;
    archive_read_free(opened);
    throw InputError(path.string() + " cannot be read as an archive: " + words);
  }
  return opened;
}

/// Everything of the current entry; nullopt beyond `most`. Negative answers go to `failed`.
template <class Failed>
std::optional<std::string> read_entry(archive* from, std::uint64_t most, const Failed& failed) {
  std::string bytes;
  constexpr std::size_t step = std::size_t{1} << 18;
  for (;;) {
    const std::size_t have = bytes.size();
    if (have > most) return std::nullopt;
    bytes.resize(have + step);
    const la_ssize_t got = archive_read_data(from, bytes.data() + have, step);
    if (got < 0) failed();
    bytes.resize(have + static_cast<std::size_t>(got));
    if (got == 0) return bytes;
  }
}

}  // namespace

bool is_archive(const std::filesystem::path& path) {
  return !archive_ending(lower(path.filename().string())).empty();
}

std::string archive_stem(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  return name.substr(0, name.size() - archive_ending(lower(name)).size());
}

std::string_view without_compression(std::string_view name) {
  for (const auto ending : compressions)
    if (name.size() > ending.size() && name.ends_with(ending))
      return name.substr(0, name.size() - ending.size());
  return name;
}

std::optional<std::string> safe_entry_name(std::string_view name) {
  if (name.empty() || name.size() > longest_name || name.front() == '/' || name.front() == '\\')
    return std::nullopt;
  if (name.size() > 1 && name[1] == ':') return std::nullopt;  // C:\...
  std::string path;
  std::size_t at = 0;
  while (at <= name.size()) {
    const std::size_t end = std::min(name.find_first_of("/\\", at), name.size());
    const auto part = name.substr(at, end - at);
    at = end + 1;
    if (part.empty() || part == ".") continue;
    if (part == ".." || part.size() > longest_component) return std::nullopt;
    for (const char c : part)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return std::nullopt;
    if (!path.empty()) path += '/';
    path += part;
  }
  if (path.empty()) return std::nullopt;
  return path;
}

ArchiveReader::ArchiveReader(std::filesystem::path path, const ArchiveLimits& limits)
    : path_(std::move(path)), limits_(limits), archive_(open_archive(path_, false)) {}

ArchiveReader::~ArchiveReader() { archive_read_free(archive_); }

void ArchiveReader::fail(const std::string& what) const {
  const char* why = archive_error_string(archive_);
  throw InputError(path_.string() + ": " + what + (why == nullptr ? "" : std::string(" (") + why + ")") +
                   "; check the archive, or unpack it and give the folder");
}

std::optional<std::string> ArchiveReader::next(FileDirt& dirt) {
  for (;;) {
    const int code = archive_read_next_header(archive_, &entry_);
    if (code == ARCHIVE_EOF) return std::nullopt;
    if (code != ARCHIVE_OK && code != ARCHIVE_WARN) fail("the archive is damaged");
    if (++entries_ > limits_.max_entries)
      throw InputError(path_.string() + " has more than " + to_text(limits_.max_entries) +
                       " entries (preprocess.max_entries)");
    if (archive_entry_size_is_set(entry_) != 0)
      declared_ += static_cast<std::uint64_t>(std::max<la_int64_t>(0, archive_entry_size(entry_)));
    // Passing over an entry unpacks it, too: who declares too much is refused before.
    if (declared_ > limits_.max_bytes)
      throw InputError(path_.string() + " unpacks to more than " + to_text(limits_.max_bytes >> 20) +
                       " MiB (preprocess.max_archive_mib)");
    if (archive_entry_filetype(entry_) == AE_IFDIR) continue;
    const char* name = archive_entry_pathname(entry_);
    auto safe = name == nullptr ? std::nullopt : safe_entry_name(name);
    if (!safe || archive_entry_filetype(entry_) != AE_IFREG || archive_entry_hardlink(entry_) != nullptr) {
      dirt.add(Dirt::unsafe_entry);
      continue;
    }
    return safe;
  }
}

std::optional<std::string> ArchiveReader::read(FileDirt& dirt) {
  if (archive_entry_size_is_set(entry_) != 0 &&
      archive_entry_size(entry_) > static_cast<la_int64_t>(limits_.max_file_bytes)) {
    dirt.add(Dirt::too_large);
    return std::nullopt;
  }
  auto bytes = read_entry(archive_, limits_.max_file_bytes, [&] { fail("the archive is damaged"); });
  if (!bytes) {
    dirt.add(Dirt::too_large);
    return std::nullopt;
  }
  read_ += bytes->size();
  if (read_ > limits_.max_bytes)
    throw InputError(path_.string() + " unpacks to more than " + to_text(limits_.max_bytes >> 20) +
                     " MiB (preprocess.max_archive_mib)");
  return bytes;
}

std::optional<std::string> read_maybe_compressed(const std::filesystem::path& path, std::uint64_t max_bytes) {
  const std::string name = path.filename().string();
  if (without_compression(name) == name) {
    if (std::filesystem::file_size(path) > max_bytes) return std::nullopt;
    return read_file(path, max_bytes);
  }
  archive* opened = open_archive(path, true);
  archive_entry* entry = nullptr;
  std::optional<std::string> bytes;
  try {
    const int code = archive_read_next_header(opened, &entry);
    if (code == ARCHIVE_EOF) {
      bytes.emplace();
    } else {
      const auto failed = [&] {
        const char* why = archive_error_string(opened);
        throw InputError(path.string() + " cannot be unpacked" +
                         (why == nullptr ? "" : ": " + std::string(why)));
      };
      if (code != ARCHIVE_OK && code != ARCHIVE_WARN) failed();
      bytes = read_entry(opened, max_bytes, failed);
    }
  } catch (...) {
    archive_read_free(opened);
    throw;
  }
  archive_read_free(opened);
  return bytes;
}

}  // namespace drst

// A file that is one object or one operation on it: its name tells number, kind, size and key, its head key
// and digest. Internal to the upload queue.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "store/upload_queue.h"

namespace drst {

/// A key as the end of a file name; of a long one its digest.
std::string upload_file_part(const std::string& key);
std::string upload_file_name(const Upload& upload);
/// nullopt: no such file. Of a long key, `key` is still its digest.
std::optional<Upload> parse_upload_name(const std::string& name);

std::string write_upload(const std::string& key, std::string_view bytes);
struct UploadContent {
  std::string key;
  std::string_view bytes;  ///< of the text that was read
};
/// nullopt: damaged.
std::optional<UploadContent> read_upload(std::string_view text);
/// The key in the head of a file, nothing else read or checked.
std::optional<std::string> read_upload_key(const std::filesystem::path& file);

}  // namespace drst

#include <zip.h>

#include <algorithm>
#include <memory>

#include "base/error.h"
#include "base/text.h"
#include "table/npy.h"

namespace drst {

namespace {

constexpr std::uint64_t max_members = 4096;
/// Deflate cannot pack tighter than this (RFC 1951: 258 bytes from 2 bits); a member that claims more is a
/// lie.
constexpr std::uint64_t deflate_ratio = 1032;

std::string words(zip_error_t& error) { return zip_error_strerror(&error); }

[[noreturn]] void fail(const std::string& what) { throw FailedError("cannot pack an NPZ file: " + what); }

struct Archive {
  zip_t* handle = nullptr;
  explicit Archive(zip_t* opened) : handle(opened) {}
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;
  ~Archive() {
    if (handle != nullptr) zip_discard(handle);
  }
};

/// Opens an archive in memory. libzip takes the source over only if that works.
zip_t* open_archive(zip_source_t* source, int flags, zip_error_t& error) {
  zip_t* archive = source == nullptr ? nullptr : zip_open_from_source(source, flags, &error);
  if (archive == nullptr && source != nullptr) zip_source_free(source);
  return archive;
}

/// Reads one member, whose sizes are checked before memory is taken for it.
std::string read_member(zip_t* archive, std::uint64_t index, const zip_stat_t& member,
                        const std::string& where, std::uint64_t budget) {
  constexpr auto needed =
      static_cast<zip_uint64_t>(ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_ENCRYPTION_METHOD);
  if ((member.valid & needed) != needed)
    throw InputError(where + " does not say how large it is; the file is damaged");
  if (member.encryption_method != ZIP_EM_NONE) throw InputError(where + " is encrypted");
  if (member.size > budget)
    throw InputError(where + " would unpack to " + to_text(member.size) + " bytes; " + to_text(budget) +
                     " more are allowed");
  if (member.size / deflate_ratio > member.comp_size + 1)
    throw InputError(where + " claims to unpack to more than its packed bytes can hold; the file is damaged");
  const std::unique_ptr<zip_file_t, decltype(&zip_fclose)> file(zip_fopen_index(archive, index, 0),
                                                                &zip_fclose);
  if (!file) throw InputError(where + " cannot be read: " + zip_strerror(archive));
  std::string bytes(member.size, '\0');
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const auto got = zip_fread(file.get(), bytes.data() + filled, bytes.size() - filled);
    if (got < 0) throw InputError(where + " is damaged: " + zip_file_strerror(file.get()));
    if (got == 0) throw InputError(where + " is cut short");
    filled += static_cast<std::size_t>(got);
  }
  char probe = 0;  // the checksum is compared when the end is reached
  if (zip_fread(file.get(), &probe, 1) != 0)
    throw InputError(where + " is damaged: checksum or length is wrong");
  return bytes;
}

}  // namespace

std::string to_npz(const std::map<std::string, Array>& members) {
  if (members.empty()) throw InputError("an NPZ file needs at least one array");
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* const target = zip_source_buffer_create(nullptr, 0, 0, &error);
  Archive archive(open_archive(target, ZIP_CREATE | ZIP_TRUNCATE, error));
  if (archive.handle == nullptr) fail(words(error));
  zip_source_keep(target);  // outlives zip_close, to be read back
  const std::unique_ptr<zip_source_t, decltype(&zip_source_free)> kept(target, &zip_source_free);

  std::vector<std::string> contents;  // libzip reads them when the archive is closed
  contents.reserve(members.size());
  for (const auto& [name, array] : members) {
    contents.push_back(to_npy(array));
    const auto& bytes = contents.back();
    zip_source_t* const source = zip_source_buffer(archive.handle, bytes.data(), bytes.size(), 0);
    const auto index = source == nullptr
                           ? -1
                           : zip_file_add(archive.handle, (name + ".npy").c_str(), source, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
      zip_source_free(source);
      fail(zip_strerror(archive.handle));
    }
    const auto at = static_cast<zip_uint64_t>(index);
    constexpr zip_uint16_t midnight = 0;
    constexpr zip_uint16_t first_day =
        0x21;  // 1980-01-01, ZIP's epoch: the same content gives the same bytes
    if (zip_file_set_dostime(archive.handle, at, midnight, first_day, 0) != 0 ||
        zip_set_file_compression(archive.handle, at, ZIP_CM_DEFAULT, 0) != 0)
      fail(zip_strerror(archive.handle));
  }
  if (zip_close(archive.handle) != 0) fail(zip_strerror(archive.handle));
  archive.handle = nullptr;

  zip_stat_t status;
  zip_stat_init(&status);
  if (zip_source_stat(target, &status) != 0 || zip_source_open(target) != 0) fail("libzip lost the archive");
  std::string bytes(status.size, '\0');
  const auto got = zip_source_read(target, bytes.data(), bytes.size());
  zip_source_close(target);
  if (got < 0 || static_cast<std::uint64_t>(got) != bytes.size()) fail("libzip lost part of the archive");
  return bytes;
}

std::map<std::string, Array> parse_npz(std::string_view bytes, const std::string& source,
                                       std::uint64_t max_bytes) {
  if (bytes.empty())
    throw InputError(source + ": the NPZ file is empty");  // to libzip that is an archive of nothing
  zip_error_t error;
  zip_error_init(&error);
  const Archive archive(
      open_archive(zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error), ZIP_RDONLY, error));
  if (archive.handle == nullptr)
    throw InputError(source + ": this is not a whole NPZ (ZIP) file: " + words(error));
  const auto count = zip_get_num_entries(archive.handle, 0);
  if (count < 0 || static_cast<std::uint64_t>(count) > max_members)
    throw InputError(source + ": " + to_text(count) + " members; at most " + to_text(max_members) +
                     " are read");
  std::map<std::string, Array> members;
  std::uint64_t budget = max_bytes;
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(count); ++i) {
    zip_stat_t member;
    zip_stat_init(&member);
    if (zip_stat_index(archive.handle, i, 0, &member) != 0 || (member.valid & ZIP_STAT_NAME) == 0)
      throw InputError(source + ": member " + to_text(i) +
                       " cannot be read: " + zip_strerror(archive.handle));
    std::string_view name = member.name;
    const std::string where = source + ": member '" + std::string(name) + "'";
    if (!name.ends_with(".npy")) throw InputError(where + " is not an array (.npy)");
    name.remove_suffix(4);
    const std::string content = read_member(archive.handle, i, member, where, budget);
    budget -= content.size();
    if (!members.emplace(name, parse_npy(content, where, max_bytes)).second)
      throw InputError(where + " is there twice");
  }
  return members;
}

}  // namespace drst

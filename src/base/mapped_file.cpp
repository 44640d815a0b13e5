#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>

#include "base/error.h"
#include "base/text.h"

namespace drst {

MappedFile::MappedFile(const std::filesystem::path& path, std::uint64_t limit) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid())
    throw InputError("cannot read " + path.string() + ": " + std::generic_category().message(errno));
  struct stat status {};
  // An empty mapping is an error, and files of /proc claim to be empty.
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_size == 0) {
    copy_ = read_file(path, limit);
    bytes_ = copy_;
    return;
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size > limit)
    throw InputError(path.string() + " has " + to_text(size) + " bytes; at most " + to_text(limit) +
                     " are read");
  void* const mapping = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (mapping == MAP_FAILED)
    throw FailedError("cannot map " + path.string() + ": " + std::generic_category().message(errno));
  mapping_ = mapping;
  ::madvise(mapping_, size, MADV_SEQUENTIAL);  // only advice: nothing to do where it is refused
  bytes_ = {static_cast<const char*>(mapping_), size};
}

MappedFile::~MappedFile() {
  if (mapping_ != nullptr) ::munmap(mapping_, bytes_.size());
}

}  // namespace drst

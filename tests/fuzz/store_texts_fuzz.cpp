// A shared credentials file as people keep it, and the files of the upload queue as a broken disk gives them
// back: read as they were written, or refused.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "store/s3_credentials.h"
#include "store/upload_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace drst;
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const char* profile : {"default", ""}) {
    const auto found = parse_shared_credentials(text, profile);
    if (found && (found->access_key.empty() || found->secret_key.empty())) __builtin_trap();
    if (!found && found.error().reason.empty()) __builtin_trap();
  }
  if (const auto read = read_upload(text)) {
    if (write_upload(read->key, read->bytes) != text) __builtin_trap();
  }
  if (const auto upload = parse_upload_name(text)) {
    const auto again = parse_upload_name(upload_file_name(*upload));
    if (upload->key.front() != '=' &&
        (!again || again->key != upload->key || again->number != upload->number))
      __builtin_trap();
  }
  return 0;
}

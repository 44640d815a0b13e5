// Answers of an S3 service or STS, of any bytes: a value within its bounds, or a reason.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "store/s3_xml.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace drst;
  const std::string_view xml(reinterpret_cast<const char*>(data), size);
  (void)parse_s3_error(xml);
  if (const auto page = parse_s3_page(xml)) {
    std::size_t keys = 0;
    for (const auto& key : page->keys) keys += key.size();
    // Whoever pages on must get somewhere, and nothing grows by being read.
    if (keys > size || (page->truncated && page->next.empty())) __builtin_trap();
  } else if (page.error().reason.empty()) {
    __builtin_trap();
  }
  if (const auto id = parse_s3_upload_id(xml); id && id->empty()) __builtin_trap();
  if (const auto credentials = parse_sts_credentials(xml); credentials && credentials->secret_key.empty())
    __builtin_trap();
  return 0;
}

// A block of the embedded log from any bytes: walked as the log walks it; what decodes must lie inside the
// batch, and a block written from it must decode to the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "stream/block.h"
#include "stream/bytes.h"
#include "stream/group_codec.h"

namespace {

using namespace drst;

/// Puts right checksums over whatever is there, else no mutation would get past them.
std::string with_checksums(std::string bytes) {
  if (bytes.size() < BlockHeader::size) return bytes;
  put_at(bytes, 32, crc32_of(std::string_view(bytes).substr(0, 32)));
  for (std::size_t at = BlockHeader::size; at + 8 <= bytes.size();) {
    const std::size_t size = get_at<uint32_t>(bytes, at);
    if (size > bytes.size() - at - 8) break;
    put_at(bytes, at + 4, crc32_of(std::string_view(bytes).substr(at + 8, size)));
    at += 8 + size;
  }
  return bytes;
}

void walk(std::string_view bytes) {
  const auto header = read_block_header(bytes);
  if (!header) return;
  Batch batch;
  auto& storage = batch.storage();
  std::string_view rest = bytes.substr(BlockHeader::size);
  std::string again;
  BlockHeader counted{.base = header->base};
  write_block_header(counted, again);
  for (uint32_t i = 0; i < header->records && i < 1000; ++i) {
    const auto frame = take_frame(rest);
    if (!frame || !decode_frame(*frame, 0, i, storage)) return;
    const RecordView& record = storage.records.back();
    NewRecord copy{std::string(record.key), std::string(record.value), {}, record.timestamp};
    for (const auto& [key, value] : record.headers)
      copy.headers.push_back({std::string(key), std::string(value)});
    if (frame_size(copy) != frame->payload.size() + 8) std::abort();
    const std::size_t start = again.size();
    add_frame(copy, again, counted);
    if (again.substr(start + 8) != frame->payload) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  walk(bytes);
  walk(with_checksums(bytes));
  std::string group = bytes;
  if (group.size() >= 8) drst::put_at(group, 4, drst::crc32_of(std::string_view(group).substr(8)));
  if (const auto state = drst::decode_group(group)) {
    std::string encoded;
    drst::encode_group(*state, encoded);
    if (!drst::decode_group(encoded)) std::abort();
  }
  return 0;
}

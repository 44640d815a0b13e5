#include "stream/block.h"

#include <libdeflate.h>

#include <algorithm>

#include "stream/bytes.h"

namespace drst {

namespace {

constexpr uint32_t block_magic = 0x31425244;  // "DRB1"
constexpr std::size_t header_crc_at = 32;
constexpr std::size_t frame_head = 8;
constexpr std::size_t payload_head = 20;
constexpr std::size_t header_head = 8;

}  // namespace

uint32_t crc32_of(std::string_view bytes) { return libdeflate_crc32(0, bytes.data(), bytes.size()); }

std::optional<BlockHeader> read_block_header(std::string_view block) {
  if (block.size() < BlockHeader::size || get_at<uint32_t>(block, 0) != block_magic ||
      get_at<uint32_t>(block, header_crc_at) != crc32_of(block.substr(0, header_crc_at)))
    return std::nullopt;
  return BlockHeader{.records = get_at<uint32_t>(block, 4),
                     .base = get_at<int64_t>(block, 8),
                     .bytes_before = get_at<uint64_t>(block, 16),
                     .newest_us = get_at<int64_t>(block, 24)};
}

void write_block_header(const BlockHeader& header, std::string& block) {
  if (block.size() < BlockHeader::size) block.resize(BlockHeader::size);
  put_at(block, 0, block_magic);
  put_at(block, 4, header.records);
  put_at(block, 8, header.base);
  put_at(block, 16, header.bytes_before);
  put_at(block, 24, header.newest_us);
  put_at(block, header_crc_at, crc32_of(std::string_view(block).substr(0, header_crc_at)));
  put_at(block, 36, uint32_t{0});
}

std::size_t frame_size(const NewRecord& record) {
  std::size_t size = frame_head + payload_head + record.key.size() + record.value.size();
  for (const auto& header : record.headers) size += header_head + header.key.size() + header.value.size();
  return size;
}

void add_frame(const NewRecord& record, std::string& block, BlockHeader& header) {
  const std::size_t start = block.size();
  const auto size32 = [](std::size_t size) { return static_cast<uint32_t>(size); };
  const int64_t timestamp = record.timestamp.time_since_epoch().count();
  put(block, size32(frame_size(record) - frame_head));
  put(block, uint32_t{0});  // the checksum, when its bytes are there
  put(block, timestamp);
  put(block, size32(record.key.size()));
  put(block, size32(record.value.size()));
  put(block, size32(record.headers.size()));
  for (const auto& [key, value] : record.headers) {
    put(block, size32(key.size()));
    put(block, size32(value.size()));
  }
  block += record.key;
  block += record.value;
  for (const auto& [key, value] : record.headers) {
    block += key;
    block += value;
  }
  put_at(block, start + 4, crc32_of(std::string_view(block).substr(start + frame_head)));
  ++header.records;
  header.newest_us = std::max(header.newest_us, timestamp);
}

std::optional<Frame> take_frame(std::string_view& rest) {
  const auto size = take<uint32_t>(rest);
  const auto crc = take<uint32_t>(rest);
  if (!size || !crc) return std::nullopt;
  const auto payload = take_bytes(rest, *size);
  if (!payload) return std::nullopt;
  return Frame{*crc, *payload};
}

std::size_t content_bytes(const Frame& frame) {
  if (frame.payload.size() < payload_head) return 0;
  return std::size_t{get_at<uint32_t>(frame.payload, 8)} + get_at<uint32_t>(frame.payload, 12);
}

bool decode_frame(const Frame& frame, int partition, int64_t offset, Batch::Storage& batch) {
  if (frame.payload.size() < payload_head || crc32_of(frame.payload) != frame.crc) return false;
  std::string_view sizes = frame.payload;
  const Time timestamp{Duration(*take<int64_t>(sizes))};
  const std::size_t key_size = *take<uint32_t>(sizes);
  const std::size_t value_size = *take<uint32_t>(sizes);
  const std::size_t header_count = *take<uint32_t>(sizes);
  if (header_count > sizes.size() / header_head) return false;
  std::string_view rest = batch.keep(sizes.substr(header_count * header_head));
  const auto key = take_bytes(rest, key_size);
  const auto value = take_bytes(rest, value_size);
  if (!key || !value) return false;
  const auto headers = batch.make_headers(header_count);
  for (auto& [header_key, header_value] : headers) {
    const auto name = take_bytes(rest, *take<uint32_t>(sizes));
    if (!name) return false;
    const auto text = take_bytes(rest, *take<uint32_t>(sizes));
    if (!text) return false;
    header_key = *name;
    header_value = *text;
  }
  if (!rest.empty()) return false;
  batch.records.push_back({partition, offset, timestamp, *key, *value, headers});
  return true;
}

}  // namespace drst

// A block: the value under which the embedded log keeps many records of one partition. All numbers
// little-endian.
//
//   header    40 bytes: "DRB1" | u32 records | i64 first offset | u64 bytes of all earlier blocks of the
//             partition, kept or not | i64 newest timestamp, us | u32 CRC-32 of the 32 bytes before | u32 0
//   a record  u32 payload size | u32 CRC-32 of the payload | payload
//   payload   i64 timestamp, us | u32 key size | u32 value size | u32 headers |
//             per header: u32 key size, u32 value size | key | value | per header: key, value
//
// CRC-32 is zlib's, so that any script can check it. Every size is checked against what is there before it is
// used: a damaged block is an absent value, never a wild read. The running byte count makes retention by size
// a subtraction. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "stream/batch.h"
#include "stream/log.h"

namespace drst {

struct BlockHeader {
  static constexpr std::size_t size = 40;
  uint32_t records = 0;
  int64_t base = 0;  ///< offset of the first record
  uint64_t bytes_before = 0;
  int64_t newest_us = INT64_MIN;

  [[nodiscard]] int64_t end() const { return base + records; }
};

/// nullopt: these bytes are no block, or its header is damaged.
std::optional<BlockHeader> read_block_header(std::string_view block);
/// Writes over the first 40 bytes.
void write_block_header(const BlockHeader& header, std::string& block);

std::size_t frame_size(const NewRecord& record);
/// Appends one frame, and counts it in `header`.
void add_frame(const NewRecord& record, std::string& block, BlockHeader& header);

struct Frame {
  uint32_t crc = 0;
  std::string_view payload;
};
/// Takes the first frame off `rest`; nullopt if it is not whole.
std::optional<Frame> take_frame(std::string_view& rest);
/// Key and value bytes of a frame, as counted by PollLimits; 0 if it is too short to say.
std::size_t content_bytes(const Frame& frame);
/// Copies the record into `batch`, with that partition and offset. False: damaged, and nothing was added.
bool decode_frame(const Frame& frame, int partition, int64_t offset, Batch::Storage& batch);

uint32_t crc32_of(std::string_view bytes);

}  // namespace drst

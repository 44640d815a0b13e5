// The blocks of one partition in the embedded log's `blocks` table: found, read, appended to and dropped
// through an LMDB cursor. Used inside a transaction, by its thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "stream/block.h"
#include "stream/log.h"
#include "stream/log_environment.h"

namespace drst {

/// Key of a block: topic '\0' u32 partition, u64 first offset, both big-endian so that blocks lie in the
/// order of offsets.
class BlockKey {
 public:
  /// LogError if the topic's name is longer than a key may be.
  BlockKey(std::string_view topic, int partition);
  /// The key with this offset; good until the next call.
  std::string_view at(int64_t offset);
  [[nodiscard]] std::string_view prefix() const { return {text_.data(), size_ - 8}; }
  [[nodiscard]] int partition() const { return partition_; }
  [[nodiscard]] std::string name() const;  ///< for messages

 private:
  // Not on the heap: a consumer looks at watermarks with each batch.
  std::array<char, LogEnvironment::longest_key> text_;
  std::size_t size_;
  int partition_;
};

struct Block {
  BlockHeader header;
  std::string_view bytes;  ///< all of it; good until the transaction ends or writes
};

class BlockTable {
 public:
  BlockTable(const LogEnvironment& environment, MDB_cursor* cursor, BlockKey& key)
      : environment_(environment), cursor_(cursor), key_(key) {}

  std::optional<Block> first();
  std::optional<Block> last();
  /// The block that holds `offset`; the first one after it if that is forgotten; none if it is still to come.
  std::optional<Block> holding(int64_t offset);
  /// After the one found last.
  std::optional<Block> next();
  Watermarks watermarks();

  /// See ConsumerSource::fetch.
  int64_t fetch(int64_t from, Batch::Storage& batch, const PollLimits& limits, bool one_at_least);

  /// Adds records behind the last block, filling that up first. Returns the first offset; `new_blocks`:
  /// whether blocks were begun.
  int64_t append(std::span<const NewRecord> records, std::size_t block_bytes, std::string& scratch,
                 bool& new_blocks);
  /// Drops oldest blocks while `goes` says so, never the last one and at most `limit`; returns how many.
  template <class Goes>
  std::size_t drop_while(std::size_t limit, const Goes& goes) {
    const auto newest = last();
    std::size_t dropped = 0;
    for (auto oldest = first(); newest && oldest && dropped < limit; oldest = first()) {
      if (oldest->header.base == newest->header.base || !goes(*oldest, *newest)) break;
      environment_.check(mdb_cursor_del(cursor_, 0), "write to");
      ++dropped;
    }
    return dropped;
  }

 private:
  std::optional<Block> here(int code, const MDB_val& key, const MDB_val& value);
  std::optional<Block> move(MDB_cursor_op to);
  void store(const BlockHeader& header, std::string& bytes);

  const LogEnvironment& environment_;
  MDB_cursor* cursor_;
  BlockKey& key_;
};

}  // namespace drst

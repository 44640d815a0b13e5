#include "stream/block_table.h"

#include <algorithm>
#include <limits>

#include "base/text.h"

namespace drst {

namespace {

void put_big_endian(char* out, uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i, value >>= 8) out[i] = static_cast<char>(value & 0xff);
}

uint64_t big_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

constexpr std::size_t offset_bytes = 8;

}  // namespace

BlockKey::BlockKey(std::string_view topic, int partition)
    : size_(topic.size() + 1 + 4 + offset_bytes), partition_(partition) {
  if (size_ > text_.size())
    throw LogError(ExitCode::input,
                   "topic name of " + to_text(topic.size()) + " bytes; choose a shorter one");
  std::fill(std::copy(topic.begin(), topic.end(), text_.begin()), text_.end(), '\0');
  put_big_endian(text_.data() + topic.size() + 1, static_cast<uint64_t>(partition), 4);
}

std::string_view BlockKey::at(int64_t offset) {
  put_big_endian(text_.data() + size_ - offset_bytes, static_cast<uint64_t>(offset), offset_bytes);
  return {text_.data(), size_};
}

std::string BlockKey::name() const {
  return "topic '" + std::string(text_.data(), size_ - 1 - 4 - offset_bytes) + "', partition " +
         to_text(partition_);
}

/// What the cursor stands on, if it is a block of this partition.
std::optional<Block> BlockTable::here(int code, const MDB_val& key, const MDB_val& value) {
  if (code == MDB_NOTFOUND) return std::nullopt;
  environment_.check(code, "read");
  const auto name = as_text(key);
  const auto prefix = key_.prefix();
  if (name.size() != prefix.size() + offset_bytes || !name.starts_with(prefix)) return std::nullopt;
  const auto base = static_cast<int64_t>(big_endian(name.substr(prefix.size())));
  const auto header = read_block_header(as_text(value));
  if (!header || header->base != base || header->records == 0 || base < 0 ||
      base > std::numeric_limits<int64_t>::max() - header->records)
    environment_.damaged(key_.name() + ": the block at offset " + to_text(base) + " has a bad header");
  return Block{*header, as_text(value)};
}

std::optional<Block> BlockTable::move(MDB_cursor_op to) {
  MDB_val key{};
  MDB_val value{};
  const int code = mdb_cursor_get(cursor_, &key, &value, to);
  return here(code, key, value);
}

std::optional<Block> BlockTable::first() {
  MDB_val key = as_value(key_.at(0));
  MDB_val value{};
  const int code = mdb_cursor_get(cursor_, &key, &value, MDB_SET_RANGE);
  return here(code, key, value);
}

std::optional<Block> BlockTable::last() {
  MDB_val key = as_value(key_.at(-1));  // 0xff...: behind all
  MDB_val value{};
  const int code = mdb_cursor_get(cursor_, &key, &value, MDB_SET_RANGE);
  if (code != MDB_NOTFOUND) environment_.check(code, "read");
  return move(code == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
}

std::optional<Block> BlockTable::holding(int64_t offset) {
  MDB_val key = as_value(key_.at(offset));
  MDB_val value{};
  const int code = mdb_cursor_get(cursor_, &key, &value, MDB_SET_RANGE);
  if (code == MDB_SUCCESS) {
    if (auto exact = here(code, key, value); exact && exact->header.base == offset) return exact;
  } else if (code != MDB_NOTFOUND) {
    environment_.check(code, "read");
  }
  const auto before = move(code == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
  if (!before) return first();  // all before `offset` is forgotten, or there is nothing at all
  if (before->header.end() > offset) return before;
  return next();  // none in a whole log: blocks have no gaps
}

std::optional<Block> BlockTable::next() { return move(MDB_NEXT); }

Watermarks BlockTable::watermarks() {
  const auto newest = last();
  if (!newest) return {};
  const int64_t end = newest->header.end();
  return {first()->header.base, end};
}

int64_t BlockTable::fetch(int64_t from, Batch::Storage& batch, const PollLimits& limits, bool one_at_least) {
  int64_t wanted = std::max<int64_t>(from, 0);
  std::size_t bytes_left = limits.max_bytes;
  std::size_t taken = 0;
  for (auto block = holding(wanted); block && taken < limits.max_records; block = next()) {
    if (taken > 0 && block->header.base != wanted)
      environment_.damaged(key_.name() + ": offsets " + to_text(wanted) + " to " +
                           to_text(block->header.base - 1) + " are missing");
    wanted = std::max(wanted, block->header.base);
    std::string_view rest = block->bytes.substr(BlockHeader::size);
    for (int64_t offset = block->header.base; offset < block->header.end(); ++offset) {
      const auto frame = take_frame(rest);
      if (frame && offset < wanted) continue;
      if (frame && taken == limits.max_records) return wanted;
      const std::size_t bytes = frame ? content_bytes(*frame) : 0;
      if (bytes > bytes_left && !(one_at_least && taken == 0)) return taken == 0 ? from : wanted;
      if (!frame || !decode_frame(*frame, key_.partition(), offset, batch))
        environment_.damaged(key_.name() + ": the record at offset " + to_text(offset) +
                             " does not match its checksum");
      bytes_left -= std::min(bytes_left, bytes);
      ++taken;
      wanted = offset + 1;
    }
    if (!rest.empty())
      environment_.damaged(key_.name() + ": bytes left over behind offset " +
                           to_text(block->header.end() - 1));
  }
  return taken == 0 ? from : wanted;
}

int64_t BlockTable::append(std::span<const NewRecord> records, std::size_t block_bytes, std::string& scratch,
                           bool& new_blocks) {
  BlockHeader header;
  scratch.clear();
  if (const auto tail = last()) {
    if (tail->bytes.size() + (records.empty() ? 0 : frame_size(records[0])) <= block_bytes) {
      header = tail->header;
      scratch = tail->bytes;
    } else {
      header = {.base = tail->header.end(), .bytes_before = tail->header.bytes_before + tail->bytes.size()};
    }
  }
  const int64_t first_offset = header.end();
  new_blocks = header.records == 0;
  if (scratch.empty()) write_block_header(header, scratch);
  for (const auto& record : records) {
    if (header.records > 0 && scratch.size() + frame_size(record) > block_bytes) {
      store(header, scratch);
      header = {.base = header.end(), .bytes_before = header.bytes_before + scratch.size()};
      new_blocks = true;
      scratch.clear();
      write_block_header(header, scratch);
    }
    add_frame(record, scratch, header);
  }
  if (header.records > 0) store(header, scratch);
  return first_offset;
}

void BlockTable::store(const BlockHeader& header, std::string& bytes) {
  write_block_header(header, bytes);
  MDB_val key = as_value(key_.at(header.base));
  MDB_val value = as_value(bytes);
  environment_.check(mdb_cursor_put(cursor_, &key, &value, 0), "write to");
}

}  // namespace drst

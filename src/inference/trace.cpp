#include "inference/trace.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/text.h"

namespace drst {

namespace {
static_assert(std::endian::native == std::endian::little, "trace records are little-endian");

constexpr std::string_view magic = "DRT2";
// status, three indices, partition, four 64-bit numbers, four floats, imputed, number of voices,
// length of the id
constexpr std::size_t least_row_bytes = 1 + 3 * 2 + 4 + 4 * 8 + 4 * 4 + 4 + 1 + 2;

template <class T>
void put(std::string& out, T value) {
  char raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  out.append(raw, sizeof value);
}

void put_text(std::string& out, std::string_view text) {
  text = text.substr(0, TraceWriter::max_text);
  put(out, static_cast<uint16_t>(text.size()));
  out.append(text);
}

/// Takes fields off the front; once one is not there, `ok()` is false and all that follow are zero.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t left() const { return rest_.size(); }
  template <class T>
  T take() {
    T value{};
    if (const auto raw = take_bytes(sizeof value); ok_) std::memcpy(&value, raw.data(), sizeof value);
    return value;
  }
  std::string_view take_text() { return take_bytes(take<uint16_t>()); }
  std::string_view take_bytes(std::size_t count) {
    if (!ok_ || count > rest_.size()) {
      ok_ = false;
      return {};
    }
    const auto taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};
}  // namespace

void TraceWriter::clear() {
  names_used_ = 0;
  bytes_.clear();
  rows_ = 0;
}

uint16_t TraceWriter::name_index(const std::string& name) {
  for (std::size_t i = names_used_; i-- > 0;)  // the last one is nearly always the one
    if (names_[i] == name) return static_cast<uint16_t>(i);
  if (names_used_ == 0xffff)
    throw FailedError("a trace record holds at most 65535 different releases and consumers");
  if (names_used_ == names_.size()) names_.emplace_back();
  names_[names_used_] = name;
  return static_cast<uint16_t>(names_used_++);
}

void TraceWriter::add(const TraceRow& row) {
  if (rows_ == max_rows) throw FailedError("a trace record holds at most " + to_text(max_rows) + " rows");
  put(bytes_, static_cast<uint8_t>(row.status));
  put(bytes_, name_index(row.release));
  put(bytes_, name_index(row.consumer));
  put(bytes_, name_index(row.mixture));
  put(bytes_, row.partition);
  put(bytes_, row.offset);
  put(bytes_, row.row);
  put(bytes_, static_cast<int64_t>(row.ts.time_since_epoch().count()));
  put(bytes_, row.memory_offset);
  put(bytes_, row.truth);
  put(bytes_, row.pred_orig);
  put(bytes_, row.pred_adj);
  put(bytes_, row.pred_live);
  put(bytes_, row.imputed);
  put(bytes_, row.voices_used);
  for (std::size_t i = 0; i < row.voices_used; ++i) put(bytes_, row.voices[i]);
  put_text(bytes_, row.id);
  ++rows_;
}

void TraceWriter::finish(std::string& value) const {
  value.assign(magic);
  put(value, static_cast<uint32_t>(rows_));
  put(value, static_cast<uint16_t>(names_used_));
  for (std::size_t i = 0; i < names_used_; ++i) put_text(value, names_[i]);
  value.append(bytes_);
}

std::string encode_trace(const std::vector<TraceRow>& rows) {
  TraceWriter writer;
  for (const auto& row : rows) writer.add(row);
  std::string value;
  writer.finish(value);
  return value;
}

Result<std::vector<TraceRow>> decode_trace(std::string_view bytes) {
  Reader reader(bytes);
  if (reader.take_bytes(magic.size()) != magic)
    return failure("not a trace record (it does not begin with DRT2)");
  const auto count = reader.take<uint32_t>();
  std::vector<std::string_view> names(reader.take<uint16_t>());
  for (auto& name : names) name = reader.take_text();
  // What a row needs at least bounds what a false count can make us allocate.
  if (!reader.ok() || count > reader.left() / least_row_bytes)
    return failure("the trace record is cut short");
  std::vector<TraceRow> rows(count);
  for (auto& row : rows) {
    const auto status = reader.take<uint8_t>();
    const std::size_t release = reader.take<uint16_t>();
    const std::size_t consumer = reader.take<uint16_t>();
    const std::size_t mixture = reader.take<uint16_t>();
    row.partition = reader.take<int32_t>();
    row.offset = reader.take<int64_t>();
    row.row = reader.take<int64_t>();
    row.ts = Time(Duration(reader.take<int64_t>()));
    row.memory_offset = reader.take<int64_t>();
    row.truth = reader.take<float>();
    row.pred_orig = reader.take<float>();
    row.pred_adj = reader.take<float>();
    row.pred_live = reader.take<float>();
    row.imputed = reader.take<uint32_t>();
    row.voices_used = reader.take<uint8_t>();
    if (row.voices_used > TraceRow::most_voices)
      return failure("the trace record has a row with " + to_text(row.voices_used) + " voices");
    for (std::size_t i = 0; i < row.voices_used; ++i) row.voices[i] = reader.take<float>();
    row.id = reader.take_text();
    if (!reader.ok()) return failure("the trace record is cut short");
    if (status > static_cast<uint8_t>(TraceRow::Status::dead_lettered) || release >= names.size() ||
        consumer >= names.size() || mixture >= names.size())
      return failure("the trace record has a row with an unknown status, release, consumer or mixture");
    row.status = static_cast<TraceRow::Status>(status);
    row.release = names[release];
    row.consumer = names[consumer];
    row.mixture = names[mixture];
  }
  if (reader.left() != 0) return failure("the trace record has bytes after its last row");
  return rows;
}

}  // namespace drst

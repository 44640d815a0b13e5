// The text between a record's values, learned from the last record: a short cut for records that only differ
// in values.
//
// A producer writes every record alike: same names, same order, same blanks. Where the bytes between the
// values equal those of a record that the parser has accepted, and each value is a JSON value of its kind,
// the record is JSON, too, and its values are where they were expected: no second look at names or structure
// is needed. Anything else (a missing feature, an escape in a text, another producer) is no match, which says
// nothing about the record: the parser decides. Measured against parsing each record:
// bench/stream_record_bench.cpp. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace drst {

/// Reads one JSON number, correctly rounded; the end of it, or nullptr if there is none or it is not finite.
const char* read_json_number(const char* at, const char* end, double& number);

class RecordLayout {
 public:
  /// `others_label`: of another lane, a number or null as well, which is passed over.
  enum class Kind : std::uint8_t { feature, label, others_label, send_ts, stage, id };
  struct Texts {
    std::optional<double> label;
    std::string_view send_ts, stage, id;  // into the record
  };

  /// Begins to learn from a record.
  void begin();
  /// The value's place in the text that is being learned, in the order of the text.
  void add(Kind kind, std::string_view value, std::uint32_t column = 0);
  /// The layout cannot be used: the record held something that is not matched by value.
  void spoil() { spoiled_ = true; }
  /// False: nothing learned. `columns` are known by now.
  bool finish(std::string_view text, std::size_t columns);

  [[nodiscard]] bool usable(std::size_t columns) const { return !slots_.empty() && columns_ == columns; }
  /// False: no match; `values` may have been written to.
  bool match(std::string_view text, double* values, Texts& texts) const;
  /// Columns that a matching record does not hold.
  [[nodiscard]] const std::vector<std::uint32_t>& absent() const { return absent_; }

 private:
  struct Slot {
    Kind kind = Kind::feature;
    std::uint32_t column = 0;
    std::uint32_t literal_begin = 0;  // text before the value, in literals_
    std::uint32_t literal_size = 0;
  };
  struct Place {
    Kind kind;
    std::uint32_t column;
    std::string_view value;
  };

  std::vector<Place> places_;  // while learning
  std::vector<char> held_;     // by column, in finish
  bool spoiled_ = false;
  std::size_t columns_ = 0;
  std::string literals_;
  std::vector<Slot> slots_;
  std::uint32_t tail_begin_ = 0;
  std::vector<std::uint32_t> absent_;
};

}  // namespace drst

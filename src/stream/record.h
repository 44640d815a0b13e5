// A sample on the wire (SPEC 4): JSON written by to_chars, read by simdjson's on-demand parser.
//
//   {"features": {"<column>": number, ...}, "label": number|null, "send_ts": "<ISO 8601 UTC, Z>", "stage":
//   "<name>",
//    "id": "<run_id>-<row>"}      header run_id; features named "<column>@-1" are the previous sample's
//    counters.
// A late label on <topic>-labels: {"id": ..., "label": number, "send_ts": ...}. Where a chain has several
// targets, "label" is the first one's, and both carry "labels": {"<further target>": number|null, ...} behind
// it; a late label's "label" may then be null. A sentinel: header drst-sentinel = 1, drst-run-id, value
// __DRST_EOF__. Encoder and decoder keep buffers: one instance a thread, no allocation after warm-up.
#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/settings.h"
#include "base/time.h"
#include "stream/log.h"

namespace drst {

inline constexpr std::string_view sentinel_header = "drst-sentinel";
inline constexpr std::string_view sentinel_run_header = "drst-run-id";
inline constexpr std::string_view sentinel_value = "__DRST_EOF__";
inline constexpr std::string_view run_id_header = "run_id";
inline constexpr std::string_view lag_suffix = "@-1";
inline constexpr std::string_view reason_header =
    "drst-reason";  ///< on dead letters; with drst-partition, drst-offset

/// "<topic>-labels", "<topic>-dead", "<topic>-trace"
std::string labels_topic(const std::string& topic);
std::string dead_letter_topic(const std::string& topic);
std::string trace_topic(const std::string& topic);

/// By header, or by value where a client dropped the headers.
[[nodiscard]] bool is_sentinel(const RecordView& record);
/// The run a sentinel belongs to; empty if it does not say.
[[nodiscard]] std::string_view sentinel_run(const RecordView& record);
NewRecord make_sentinel(const std::string& run_id, Time now);

std::string make_id(std::string_view run_id, int64_t row);
struct IdParts {
  std::string_view run_id;
  int64_t row;
};
/// Splits at the last '-'; nullopt if what follows is not a row number as make_id writes it, or nothing
/// stands before.
std::optional<IdParts> split_id(std::string_view id);

/// Of a further target.
struct FurtherLabel {
  std::string_view target;
  std::optional<double> value;
};

/// Writes samples of one fixed set of columns.
class RecordEncoder {
 public:
  explicit RecordEncoder(const std::vector<std::string>& columns);
  /// One sample: values in the order of `columns`, those that are not finite are left out (JSON has no NaN);
  /// an empty id is left out, too. Without further targets there is no "labels". The text lives until the
  /// next call.
  std::string_view encode(std::string_view id, std::span<const double> values, std::optional<double> label,
                          Time send_ts, std::string_view stage, std::span<const FurtherLabel> further = {});

 private:
  std::vector<std::string> prefixes_;  // `"column":`, escaped once
  std::size_t features_bound_ = 0;     // most bytes that the features can take
  std::string buffer_;
};
std::string encode_label(std::string_view id, std::optional<double> label, Time send_ts,
                         std::span<const FurtherLabel> further = {});

/// Everything that learns from labels works in single precision, in which a larger one is infinite.
inline bool usable_label(double label) { return std::isfinite(static_cast<float>(label)); }

/// One decoded sample. Views live until the next decode with the same decoder.
struct Sample {
  std::string_view id;          ///< empty if the record has none
  std::string_view run_id;      ///< from id or header
  int64_t row = -1;             ///< from id; -1 without one
  std::optional<double> label;  ///< null or absent: none; else usable_label
  bool bad_label = false;       ///< it had one that is not usable
  Time send_ts{};               ///< the record's timestamp if absent or unreadable
  std::string_view stage;
  std::span<const double> values;  ///< one for each of decoder.columns(), NaN: missing or null
  /// Current-sample features with a usable number (lags not counted, here and below).
  std::size_t finite = 0;
  std::size_t absent = 0;      ///< current-sample columns the decoder knows and the record lacks
  std::size_t non_finite = 0;  ///< current-sample features that were null, not numbers, or infinite
};

/// What a hostile record may cost. A record beyond a limit is refused with a reason.
struct WireLimits {
  int64_t max_columns = 4096;
  int64_t max_value_bytes = 4 << 20;
  int64_t max_name_bytes = 512;
  int64_t max_label_bytes = 65'536;
  bool layouts = true;  ///< take the short cut of record_layout.h
};
void describe(SettingsVisitor& visitor, WireLimits& limits);

/// Reads samples. Columns are learned by name: the first record fixes their order, new names are appended as
/// they come (bounded), so `values` may grow from record to record; `columns_version()` changes when it does.
/// A refused record teaches nothing. Python's bare NaN and Infinity are read as missing; everything else must
/// be JSON, to the last byte.
class RecordDecoder {
 public:
  /// `lane`: whose label is read (stream/lane.h). The others' are looked at as far as it takes to skip them.
  explicit RecordDecoder(const WireLimits& limits = {}, std::string lane = {});
  ~RecordDecoder();
  RecordDecoder(RecordDecoder&&) noexcept;
  /// Start with known columns (e.g. a model's inputs) so that their positions are fixed.
  void expect(const std::vector<std::string>& columns);
  /// Failure: not JSON, no features object, a name twice, over a limit ...: a reason fit for the dead-letter
  /// header.
  Result<Sample> decode(const RecordView& record);
  [[nodiscard]] const std::vector<std::string>& columns() const;
  [[nodiscard]] std::uint64_t columns_version() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct LabelMessage {
  std::string id;
  std::optional<double> label;  ///< none: the message is about other targets only
  Time send_ts{};
};
/// Failure: not JSON, over a limit, no id, a label that is not usable, or no label of any target.
Result<LabelMessage> decode_label(std::string_view json, const WireLimits& limits = {},
                                  std::string_view lane = {});

}  // namespace drst

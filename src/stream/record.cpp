#include "stream/record.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace drst {

namespace {

// Shortest double, or a 53-bit integer, with room to spare.
constexpr std::size_t number_bound = 32;
constexpr std::size_t time_bound = 27;

/// The text in quotes, escaped; bytes that are not UTF-8 become U+FFFD, since JSON cannot carry them.
std::string json_text(std::string_view text) {
  return nlohmann::json(std::string(text)).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

bool is_plain(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x80 || c == '"' || c == '\\') return false;
  }
  return true;
}

char* put(char* out, std::string_view text) {
  if (!text.empty()) std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

/// `escaped` is the text in quotes if it is not plain (see text_if_needed).
char* put_text(char* out, std::string_view text, const std::string& escaped) {
  if (!escaped.empty()) return put(out, escaped);
  *out++ = '"';
  out = put(out, text);
  *out++ = '"';
  return out;
}

/// Most bytes that put_labels takes.
std::size_t labels_bound(std::span<const FurtherLabel> further) {
  std::size_t bound = 0;
  for (const auto& [target, value] : further)
    bound += number_bound + 8 + (is_plain(target) ? target.size() : json_text(target).size());
  return bound == 0 ? 0 : bound + 16;
}

std::string text_if_needed(std::string_view text) { return is_plain(text) ? std::string() : json_text(text); }

char* put_number(char* out, double value) {
  // Counters are whole numbers: to_chars of an integer takes a third of the time and writes the same digits.
  constexpr double exact = 9007199254740992.0;  // 2^53
  const bool whole =
      value > -exact && value < exact && value == std::trunc(value) && !(value == 0 && std::signbit(value));
  if (whole) return std::to_chars(out, out + number_bound, static_cast<int64_t>(value)).ptr;
  return std::to_chars(out, out + number_bound, value).ptr;
}

char* put_label(char* out, std::optional<double> label) {
  return label && std::isfinite(*label) ? put_number(out, *label) : put(out, "null");
}

char* put_time(char* out, Time time) {
  *out++ = '"';
  write_iso8601(time, out);
  out += time_bound;
  *out++ = '"';
  return out;
}

/// The labels of further targets as a member behind "label"; nothing if there are none.
char* put_labels(char* out, std::span<const FurtherLabel> further) {
  if (further.empty()) return out;
  out = put(out, R"(,"labels":{)");
  for (const auto& [target, value] : further) {
    out = put_text(out, target, text_if_needed(target));
    *out++ = ':';
    out = put_label(out, value);
    *out++ = ',';
  }
  out[-1] = '}';
  return out;
}

}  // namespace

std::string labels_topic(const std::string& topic) { return topic + "-labels"; }
std::string dead_letter_topic(const std::string& topic) { return topic + "-dead"; }
std::string trace_topic(const std::string& topic) { return topic + "-trace"; }

bool is_sentinel(const RecordView& record) {
  return record.value == sentinel_value || record.header(sentinel_header) == "1";
}

std::string_view sentinel_run(const RecordView& record) {
  if (const auto run = record.header(sentinel_run_header)) return *run;
  return record.header(run_id_header).value_or(std::string_view());
}

NewRecord make_sentinel(const std::string& run_id, Time now) {
  NewRecord record;
  record.value = sentinel_value;
  record.headers = {{std::string(sentinel_header), "1"}, {std::string(sentinel_run_header), run_id}};
  record.timestamp = now;
  return record;
}

std::string make_id(std::string_view run_id, int64_t row) {
  std::string id(run_id);
  id += '-';
  id += to_text(row);
  return id;
}

std::optional<IdParts> split_id(std::string_view id) {
  const auto dash = id.rfind('-');
  if (dash == std::string_view::npos || dash == 0) return std::nullopt;
  const auto digits = id.substr(dash + 1);
  // "007" would be a second name of row 7 and defeat the dropping of repeats.
  if (digits.size() > 1 && digits.front() == '0') return std::nullopt;
  const auto row = parse_int(digits);
  if (!row) return std::nullopt;
  return IdParts{id.substr(0, dash), *row};
}

void describe(SettingsVisitor& visitor, WireLimits& limits) {
  visitor.visit(
      "max_columns", limits.max_columns,
      {"columns", "distinct feature names a reader learns from a topic; a chain has 60, with lags 120", 1,
       1e6});
  visitor.visit("max_value_bytes", limits.max_value_bytes,
                {"bytes", "largest record that is parsed; one of 120 features has 5 kB", 64, 1e9});
  visitor.visit("max_name_bytes", limits.max_name_bytes,
                {"bytes", "longest feature name or id; they are kept in memory for the whole run", 1, 65536});
  visitor.visit("max_label_bytes", limits.max_label_bytes,
                {"bytes", "largest label record that is parsed; ours have 80", 64, 1e9});
  visitor.visit("layouts", limits.layouts,
                {"",
                 "read records written like the last one without parsing them; twice as fast, same result; "
                 "off to compare"});
}

RecordEncoder::RecordEncoder(const std::vector<std::string>& columns) {
  prefixes_.reserve(columns.size());
  for (const auto& column : columns) {
    prefixes_.push_back(json_text(column) + ":");
    features_bound_ += prefixes_.back().size() + number_bound + 1;
  }
}

std::string_view RecordEncoder::encode(std::string_view id, std::span<const double> values,
                                       std::optional<double> label, Time send_ts, std::string_view stage,
                                       std::span<const FurtherLabel> further) {
  const std::string escaped_id = text_if_needed(id);
  const std::string escaped_stage = text_if_needed(stage);
  constexpr std::size_t frame = 128;  // member names, braces, quotes
  const std::size_t bound = features_bound_ + frame + number_bound + time_bound + id.size() + stage.size() +
                            escaped_id.size() + escaped_stage.size() + labels_bound(further);
  if (buffer_.size() < bound) buffer_.resize(bound);

  char* const begin = buffer_.data();
  char* out = put(begin, R"({"features":{)");
  const std::size_t count = std::min(values.size(), prefixes_.size());
  for (std::size_t i = 0; i < count; ++i) {
    if (!std::isfinite(values[i])) continue;
    out = put(out, prefixes_[i]);
    out = put_number(out, values[i]);
    *out++ = ',';
  }
  if (out[-1] == ',') --out;
  out = put(out, R"(},"label":)");
  out = put_label(out, label);
  out = put_labels(out, further);
  out = put(out, R"(,"send_ts":)");
  out = put_time(out, send_ts);
  out = put(out, R"(,"stage":)");
  out = put_text(out, stage, escaped_stage);
  if (!id.empty()) {
    out = put(out, R"(,"id":)");
    out = put_text(out, id, escaped_id);
  }
  *out++ = '}';
  return {begin, static_cast<std::size_t>(out - begin)};
}

std::string encode_label(std::string_view id, std::optional<double> label, Time send_ts,
                         std::span<const FurtherLabel> further) {
  const std::string escaped = text_if_needed(id);
  constexpr std::size_t frame = 64;
  std::string text(frame + id.size() + escaped.size() + number_bound + time_bound + labels_bound(further),
                   ' ');
  char* out = put(text.data(), R"({"id":)");
  out = put_text(out, id, escaped);
  out = put(out, R"(,"label":)");
  out = put_label(out, label);
  out = put_labels(out, further);
  out = put(out, R"(,"send_ts":)");
  out = put_time(out, send_ts);
  *out++ = '}';
  text.resize(static_cast<std::size_t>(out - text.data()));
  return text;
}

}  // namespace drst

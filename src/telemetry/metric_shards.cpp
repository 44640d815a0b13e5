#include "telemetry/metric_shards.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "telemetry/metric_stream.h"

namespace drst {

namespace {
constexpr std::size_t number_digits = 6;

std::string numbered(uint64_t number) {
  std::string digits = to_text(number);
  if (digits.size() < number_digits) digits.insert(0, number_digits - digits.size(), '0');
  return digits;
}

std::string cell(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

std::string cell(const MetricField& field) {
  if (field.is_text) return cell(field.text);
  return std::isfinite(field.value) ? to_text(field.value) : std::string();
}

std::string line(const std::vector<std::string>& cells, std::size_t columns) {
  std::string text;
  for (std::size_t i = 0; i < columns; ++i) {
    if (i > 0) text += ',';
    if (i < cells.size()) text += cells[i];
  }
  return text + "\r\n";
}

/// A metric's name as part of a key.
std::string key_part(std::string_view metric) {
  std::string part(metric);
  for (char& c : part) {
    const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (!fine) c = '_';
  }
  return part;
}
}  // namespace

MetricShards::MetricShards(ObjectStore& store, std::string stream, const TelemetrySettings& settings)
    : store_(store),
      folder_("results/metrics/" + std::move(stream) + "/"),
      most_bytes_(static_cast<std::size_t>(settings.buffer_bytes)) {
  check_key(folder_ + "x");
}

void MetricShards::add(Time when, std::string_view component, std::string_view metric,
                       const std::vector<MetricField>& fields) {
  std::vector<std::string> cells;
  cells.reserve(fields.size());
  std::size_t bytes = component.size() + 32;
  for (const auto& field : fields) bytes += cells.emplace_back(cell(field)).size() + 1;

  const std::lock_guard lock(mutex_);
  if (bytes_ + pending_bytes_ + bytes > most_bytes_) {
    ++dropped_;
    return;
  }
  bytes_ += bytes;
  Table& table = tables_[key_part(metric)];
  if (table.columns.empty()) table.columns = {"ts", "component"};
  std::vector<std::string> row(table.columns.size());
  row[0] = to_iso8601(when);
  row[1] = cell(component);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto name = cell(fields[i].name);
    auto column = std::find(table.columns.begin() + 2, table.columns.end(), name);
    if (column == table.columns.end()) {
      table.columns.push_back(name);
      column = table.columns.end() - 1;
      row.emplace_back();
    }
    row[static_cast<std::size_t>(column - table.columns.begin())] = std::move(cells[i]);
  }
  table.rows.push_back(std::move(row));
}

std::string MetricShards::next_key(const std::string& metric) {
  const std::string prefix = folder_ + metric + "-";
  auto [number, is_new] = numbers_.try_emplace(metric, 0);
  if (is_new)  // of earlier lives
    for (const auto& key : store_.list(prefix))
      if (const auto last =
              parse_int(key.substr(prefix.size(), key.find('.', prefix.size()) - prefix.size())))
        number->second = std::max(number->second, static_cast<uint64_t>(std::max<int64_t>(*last, 0)));
  return prefix + numbered(++number->second) + ".csv";
}

bool MetricShards::upload() {
  std::map<std::string, Table> tables;
  {
    const std::lock_guard lock(mutex_);
    tables.swap(tables_);
    pending_bytes_ += bytes_;
    bytes_ = 0;
  }
  for (auto& [metric, table] : tables) {
    Shard shard{metric, line(table.columns, table.columns.size())};
    for (const auto& row : table.rows) shard.text += line(row, table.columns.size());
    pending_.push_back(std::move(shard));
  }
  try {
    while (!pending_.empty()) {
      // A key that somebody else took in between is not ours to replace.
      while (!store_.put_new(next_key(pending_.front().metric), pending_.front().text)) {
      }
      pending_.erase(pending_.begin());
    }
  } catch (const Error& error) {
    if (!refused_)
      log::warning("metrics cannot be put into " + store_.url() + ": " + error.what() +
                   "; they are kept in memory, and dropped when that is full");
    refused_ = true;
    return false;
  }
  refused_ = false;
  const std::lock_guard lock(mutex_);
  pending_bytes_ = 0;
  return true;
}

bool MetricShards::half_full() const {
  const std::lock_guard lock(mutex_);
  return 2 * (bytes_ + pending_bytes_) >= most_bytes_;
}

uint64_t MetricShards::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

}  // namespace drst

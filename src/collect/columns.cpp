#include "collect/columns.h"

#include "base/text.h"

namespace drst {

namespace {
constexpr std::size_t none = ~std::size_t{0};
}

std::string column_prefix(const SourceSpec& spec) {
  std::string name = spec.name;
  if (spec.type == "perf" || spec.type == "perf_stat") {
    name = spec.vnf;
  } else if (spec.type == "latency" || spec.type == "prometheus") {
    return "";
  } else if (name.empty()) {
    name = spec.type == "nic" ? spec.interface : spec.type == "dpdk" ? "port" + to_text(spec.port) : spec.type;
  }
  return name + "_";
}

std::string row_name(const SourceSpec& spec, const std::string& column) {
  if (const auto whole = spec.rename.find(column); whole != spec.rename.end()) return whole->second;
  const std::string prefix = column_prefix(spec);
  if (!prefix.empty() && column.starts_with(prefix)) {
    const auto bare = spec.rename.find(column.substr(prefix.size()));
    if (bare != spec.rename.end()) return bare->second;
  }
  return column;
}

ColumnSet::ColumnSet(const SourceSpec& spec, const CollectSettings& settings)
    : prefix_(column_prefix(spec)),
      all_wanted_(spec.columns.empty()),
      most_(static_cast<std::size_t>(settings.max_columns)) {
  for (const auto& column : spec.columns) {
    if (names_.size() == most_) {
      left_out_ = spec.columns.size() - most_;
      break;
    }
    if (!places_.emplace(column, names_.size()).second) continue;
    names_.push_back(prefix_ + column);
    met_.push_back(0);
  }
}

std::optional<std::size_t> ColumnSet::place(std::string_view column) {
  std::string key(column);
  if (const auto known = places_.find(key); known != places_.end()) {
    if (known->second == none) return std::nullopt;
    met_[known->second] = 1;
    return known->second;
  }
  if (!all_wanted_) return std::nullopt;
  if (names_.size() == most_) {
    // Each is counted once; a source with ever new names must not take the memory either.
    if (places_.size() < 4 * most_) {
      places_.emplace(std::move(key), none);
      ++left_out_;
    }
    return std::nullopt;
  }
  names_.push_back(prefix_ + key);
  met_.push_back(1);
  places_.emplace(std::move(key), names_.size() - 1);
  return names_.size() - 1;
}

std::string ColumnSet::words() const {
  std::vector<std::string> lacking;
  for (std::size_t i = 0; i < names_.size(); ++i)
    if (met_[i] == 0) lacking.push_back(names_[i].substr(prefix_.size()));
  std::string words;
  if (!lacking.empty()) words = "not there: " + join_first(lacking);
  if (left_out_ > 0)
    words +=
        (words.empty() ? "" : "; ") + to_text(left_out_) + " columns beyond collect.max_columns are left out";
  return words;
}

std::string join_words(const std::vector<std::string>& parts) {
  std::string words;
  for (const auto& part : parts) {
    if (part.empty()) continue;
    if (!words.empty()) words += "; ";
    words += part;
  }
  return words;
}

}  // namespace drst

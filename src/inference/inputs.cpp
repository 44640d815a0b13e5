#include "inference/inputs.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <unordered_map>

#include "stream/record.h"

namespace drst {

void InputMap::rebuild(const std::vector<std::string>& inputs, const std::vector<std::string>& columns) {
  std::unordered_map<std::string_view, int32_t> positions;
  positions.reserve(columns.size());
  for (std::size_t i = 0; i < columns.size(); ++i) positions.emplace(columns[i], static_cast<int32_t>(i));
  const auto find = [&](std::string_view name) {
    const auto found = positions.find(name);
    return found == positions.end() ? -1 : found->second;
  };
  sources_.clear();
  news_.clear();
  for (const std::string_view input : inputs) {
    Source source;
    source.column = find(input);
    source.lag = input.ends_with(lag_suffix);
    if (source.lag) source.fallback = find(input.substr(0, input.size() - lag_suffix.size()));
    sources_.push_back(source);
  }
}

uint32_t InputMap::gather(std::span<const double> values, float* out) {
  constexpr float missing = std::numeric_limits<float>::quiet_NaN();
  // A counter beyond what a float holds is as good as none; the comparison is false for NaN as well.
  const auto value_at = [&](int32_t column) {
    if (column < 0) return missing;
    const double value = values[static_cast<std::size_t>(column)];
    return std::abs(value) <= static_cast<double>(std::numeric_limits<float>::max())
               ? static_cast<float>(value)
               : missing;
  };
  uint32_t absent = 0;
  for (Source& source : sources_) {
    float value = value_at(source.column);
    if (std::isnan(value)) {
      if (source.lag) {
        value = value_at(source.fallback);
      } else {
        ++absent;
        if (!source.told) news_.push_back(static_cast<uint32_t>(&source - sources_.data()));
        source.told = true;
      }
    }
    *out++ = value;
  }
  return absent;
}

}  // namespace drst

#include "learn/select.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <unordered_map>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"

namespace drst {
namespace {

struct Column {
  std::size_t position = 0;
  double correlation = 0;
};

enum class Verdict { usable, constant, all_missing };

/// Two passes: counters are around 1e10, where the one-pass formula loses all digits of small variations.
Verdict correlate(const Dataset& data, std::span<const std::size_t> rows, std::size_t position,
                  double& correlation) {
  const auto cell = [&](std::size_t r) {
    return static_cast<double>(data.x[r * data.inputs.size() + position]);
  };
  double n = 0, mean_x = 0, mean_y = 0;
  for (const std::size_t r : rows) {
    if (std::isnan(cell(r))) continue;
    ++n;
    mean_x += cell(r);
    mean_y += static_cast<double>(data.y[r]);
  }
  if (n == 0) return Verdict::all_missing;
  mean_x /= n;
  mean_y /= n;
  double xx = 0, xy = 0, yy = 0;
  bool varies = false;
  double first = std::nan("");
  for (const std::size_t r : rows) {
    if (std::isnan(cell(r))) continue;
    if (std::isnan(first)) first = cell(r);
    varies = varies || cell(r) != first;
    const double dx = cell(r) - mean_x;
    const double dy = static_cast<double>(data.y[r]) - mean_y;
    xx += dx * dx;
    xy += dx * dy;
    yy += dy * dy;
  }
  if (!varies) return Verdict::constant;
  correlation = yy > 0 && xx > 0 ? std::clamp(xy / std::sqrt(xx * yy), -1.0, 1.0) : 0.0;
  return Verdict::usable;
}

std::string cells_of(const Dataset& data, std::span<const std::size_t> rows, std::size_t position) {
  std::string bytes;
  bytes.reserve(rows.size() * sizeof(float));
  for (const std::size_t r : rows) {
    const float value = data.x[r * data.inputs.size() + position];
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    bytes.append(raw, sizeof raw);
  }
  return bytes;
}

}  // namespace

FeatureChoice choose_features(const Dataset& data, std::span<const std::size_t> train_rows, std::size_t k) {
  FeatureChoice choice;
  std::vector<Column> usable;
  std::unordered_multimap<uint64_t, std::size_t> seen;  // hash of the cells -> position
  for (std::size_t i = 0; i < data.inputs.size(); ++i) {
    Column column{i, 0};
    switch (correlate(data, train_rows, i, column.correlation)) {
      case Verdict::constant:
        ++choice.constant;
        continue;
      case Verdict::all_missing:
        ++choice.all_missing;
        continue;
      case Verdict::usable:
        break;
    }
    const std::string cells = cells_of(data, train_rows, i);
    const auto [begin, end] = seen.equal_range(fnv1a(cells));
    if (std::any_of(begin, end,
                    [&](const auto& entry) { return cells_of(data, train_rows, entry.second) == cells; })) {
      ++choice.duplicate;
      continue;
    }
    seen.emplace(fnv1a(cells), i);
    usable.push_back(column);
  }
  if (k != 0 && usable.size() > k) {
    std::stable_sort(usable.begin(), usable.end(), [](const Column& a, const Column& b) {
      return std::abs(a.correlation) > std::abs(b.correlation);
    });
    usable.resize(k);
    std::sort(usable.begin(), usable.end(),
              [](const Column& a, const Column& b) { return a.position < b.position; });
  }
  for (const Column& column : usable) {
    choice.inputs.push_back(data.inputs[column.position]);
    choice.correlation.push_back(column.correlation);
  }
  return choice;
}

FeatureChoice need_features(const Dataset& data, std::span<const std::size_t> train_rows, std::size_t k) {
  FeatureChoice choice = choose_features(data, train_rows, k);
  if (choice.inputs.empty())
    throw InputError("no usable input among " + to_text(data.inputs.size()) +
                     " columns: " + to_text(choice.all_missing) + " without a value, " +
                     to_text(choice.constant) + " constant");
  return choice;
}

}  // namespace drst

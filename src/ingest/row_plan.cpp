#include "ingest/row_plan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "stream/record.h"

namespace drst {

// NOLINTNEXTLINE(performance-unnecessary-value-param): its tables are moved out, by structured bindings
RowPlan::RowPlan(std::vector<StageTable> stages, std::vector<std::string> targets,
                 const ProducerSettings& settings, const std::string& chain_key)
    : targets_(std::move(targets)),
      lags_(settings.lags),
      by_key_(settings.partitioner == "key"),
      label_every_(settings.label_every),
      key_hash_(fnv1a(chain_key)) {
  const auto is_feature = [&](const std::string& name) {
    return std::find(targets_.begin(), targets_.end(), name) == targets_.end() &&
           std::find(settings.kpis.begin(), settings.kpis.end(), name) == settings.kpis.end();
  };
  for (auto& [name, table] : stages) {
    Stage stage;
    stage.first_row = rows_;
    for (const auto& target : targets_) {
      const auto column = table.find(target);
      if (!column)
        throw InputError(
            std::string("stage '")
                .append(name)
                .append("' has no column '")
                .append(target)
                .append("' to label its rows with; choose another with --target, or another table"));
      stage.targets.push_back(*column);
      for (const double value : table.column(*column))
        if (!std::isnan(value) && !usable_label(value)) ++unusable_labels_;
    }
    for (std::size_t c = 0; c < table.columns(); ++c)
      if (is_feature(table.names()[c])) stage.features.push_back(c);
    if (stage.features.empty())
      throw InputError("stage '" + name + "' has no counters, only KPIs (model.kpis names those)");
    for (const auto c : stage.features) stage.columns.push_back(table.names()[c]);
    if (lags_)
      for (const auto c : stage.features) stage.columns.push_back(table.names()[c] + std::string(lag_suffix));
    rows_ += static_cast<int64_t>(table.rows());
    stage.name = std::move(name);
    stage.table = std::move(table);
    if (stage.table.rows() > 0) stages_.push_back(std::move(stage));
  }
  if (rows_ == 0)
    throw InputError("the stream has no rows; name tables with --stage NAME=FILE, or a folder with --data");
}

int RowPlan::partition(int64_t row, int partitions) const {
  const auto count = static_cast<uint64_t>(partitions);
  return static_cast<int>((by_key_ ? key_hash_ : static_cast<uint64_t>(row)) % count);
}

std::size_t RowPlan::stage(int64_t row) const {
  const auto after = std::upper_bound(stages_.begin(), stages_.end(), row,
                                      [](int64_t r, const Stage& stage) { return r < stage.first_row; });
  return static_cast<std::size_t>(after - stages_.begin()) - 1;
}

double RowPlan::truth(int64_t row, std::size_t target) const {
  const Stage& stage = stage_of(row);
  const double value = stage.table.at(static_cast<std::size_t>(row - stage.first_row), stage.targets[target]);
  return usable_label(value) ? value : std::numeric_limits<double>::quiet_NaN();
}

std::optional<double> RowPlan::label(int64_t row, std::size_t target) const {
  if (label_every_ <= 0 || row % label_every_ != 0) return std::nullopt;
  const double value = truth(row, target);
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

bool RowPlan::labelled(int64_t row) const {
  for (std::size_t target = 0; target < targets_.size(); ++target)
    if (label(row, target)) return true;
  return false;
}

std::string RowPlan::digest(std::size_t stage) const {
  constexpr std::size_t piece = 1u << 20;
  const Stage& of = stages_[stage];
  std::string bytes;
  const auto add = [&bytes](double value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  for (const auto c : of.features) bytes.append(of.table.names()[c]).append(1, '\0');
  for (std::size_t r = 0; r < of.table.rows(); ++r) {
    if (bytes.size() > piece) bytes = sha256_hex(bytes);
    for (const auto c : of.features) add(of.table.at(r, c));
    for (const auto c : of.targets) add(of.table.at(r, c));
    add(of.table.has_previous(r) ? 1 : 0);
  }
  return sha256_hex(bytes);
}

void RowPlan::values(int64_t row, std::vector<double>& values) const {
  const Stage& stage = stage_of(row);
  const auto local = static_cast<std::size_t>(row - stage.first_row);
  values.clear();
  for (const auto c : stage.features) values.push_back(stage.table.at(local, c));
  if (!lags_) return;
  const bool has_previous = stage.table.has_previous(local);
  for (const auto c : stage.features)
    values.push_back(has_previous ? stage.table.at(local - 1, c) : std::numeric_limits<double>::quiet_NaN());
}

}  // namespace drst

#include "table/table.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "base/error.h"
#include "base/text.h"

namespace drst {

namespace {
constexpr double missing = std::numeric_limits<double>::quiet_NaN();
}  // namespace

Table::Table(std::vector<std::string> names, std::size_t rows) {
  for (auto& name : names) add_column(std::move(name), std::vector<double>(rows, missing));
  rows_ = rows;
  if (rows > 0) experiment_starts_ = {0};
}

std::optional<std::size_t> Table::find(std::string_view name) const {
  const auto found = index_.find(name);
  if (found == index_.end()) return std::nullopt;
  return found->second;
}

std::size_t Table::require(std::string_view name) const {
  if (const auto found = find(name)) return *found;
  std::string message = "no column '" + std::string(name) + "'";
  const std::string hint = did_you_mean(name, names_);
  if (!hint.empty()) {
    message += hint;
  } else if (names_.empty()) {
    message += "; the table has no columns";
  } else {
    const auto shown = std::min<std::size_t>(5, names_.size());
    message += "; the table has " + to_text(names_.size()) +
               " columns: " + join(std::span(names_).first(shown)) + (shown < names_.size() ? ", ..." : "");
  }
  throw InputError(message);
}

std::span<const double> Table::column(std::string_view name) const { return data_[require(name)]; }

void Table::add_column(std::string name, std::vector<double> values) {
  if (name.empty()) throw InputError("a column needs a name");
  if (index_.contains(name))
    throw InputError("column '" + name + "' is there twice; rename or remove one of them");
  if (names_.empty()) {
    if (rows_ != values.size())
      experiment_starts_ = values.empty() ? std::vector<std::size_t>{} : std::vector<std::size_t>{0};
    rows_ = values.size();
  } else if (values.size() != rows_) {
    throw InputError("column '" + name + "' has " + to_text(values.size()) + " values; the table has " +
                     to_text(rows_) + " rows");
  }
  index_.emplace(name, names_.size());
  names_.push_back(std::move(name));
  data_.push_back(std::move(values));
}

void Table::remove_column(std::string_view name) {
  const auto at = require(name);
  index_.erase(names_[at]);
  names_.erase(names_.begin() + static_cast<std::ptrdiff_t>(at));
  data_.erase(data_.begin() + static_cast<std::ptrdiff_t>(at));
  for (auto& [other, position] : index_)
    if (position > at) --position;
}

void Table::set_experiment_starts(std::vector<std::size_t> starts) {
  const bool ascending =
      std::adjacent_find(starts.begin(), starts.end(), std::greater_equal<>()) == starts.end();
  const bool good =
      rows_ == 0 ? starts.empty() : !starts.empty() && starts.front() == 0 && starts.back() < rows_;
  if (!good || !ascending)
    throw InputError("experiment starts must ascend from 0 and lie within the " + to_text(rows_) + " rows");
  experiment_starts_ = std::move(starts);
}

bool Table::has_previous(std::size_t row) const {
  return row > 0 && row < rows_ &&
         !std::binary_search(experiment_starts_.begin(), experiment_starts_.end(), row);
}

Table Table::slice(std::size_t begin, std::size_t end) const {
  if (begin > end || end > rows_)
    throw InputError("rows " + to_text(begin) + " to " + to_text(end) + " do not lie within the table's " +
                     to_text(rows_) + " rows");
  Table part;
  part.rows_ = end - begin;
  part.names_ = names_;
  part.index_ = index_;
  part.data_.reserve(data_.size());
  for (const auto& values : data_)
    part.data_.emplace_back(values.begin() + static_cast<std::ptrdiff_t>(begin),
                            values.begin() + static_cast<std::ptrdiff_t>(end));
  if (begin < end) part.experiment_starts_.push_back(0);
  for (const auto start : experiment_starts_)
    if (start > begin && start < end) part.experiment_starts_.push_back(start - begin);
  return part;
}

void Table::append(const Table& other) {
  if (&other == this) {
    append(Table(other));
    return;
  }
  if (names_.empty() && rows_ == 0) {
    *this = other;
    return;
  }
  const std::size_t total = rows_ + other.rows_;
  for (const auto& name : other.names_)
    if (!index_.contains(name)) add_column(name, std::vector<double>(rows_, missing));
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (const auto source = other.find(names_[i])) {
      data_[i].insert(data_[i].end(), other.data_[*source].begin(), other.data_[*source].end());
    } else {
      data_[i].resize(total, missing);
    }
  }
  for (const auto start : other.experiment_starts_) experiment_starts_.push_back(rows_ + start);
  rows_ = total;
}

std::vector<std::string> ChainSchema::counter_names() const {
  std::vector<std::string> names;
  names.reserve(events.size() * vnfs.size());
  for (const auto& event : events)
    for (const auto& vnf : vnfs) names.emplace_back(vnf).append("_").append(event);
  return names;
}

std::vector<std::string> ChainSchema::all_names() const {
  std::vector<std::string> names = kpis;
  for (auto& name : counter_names()) names.push_back(std::move(name));
  return names;
}

}  // namespace drst

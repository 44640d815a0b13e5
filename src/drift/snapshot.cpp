#include "drift/snapshot.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "stream/record.h"

namespace drst {

namespace {
constexpr float missing = std::numeric_limits<float>::quiet_NaN();
}

void SnapshotWindow::push(const std::string& id, int64_t row, std::span<const double> values,
                          std::optional<double> label) {
  Entry entry;
  if (entries_.size() >= rows_) {  // its memory is used again
    entry = std::move(entries_.front());
    entries_.pop_front();
  }
  entry.id = id;
  entry.row = row;
  entry.label = label ? static_cast<float>(*label) : missing;
  if (const auto early = early_.find({row, id}); early != early_.end()) {
    if (!label) entry.label = early->second;
    early_.erase(early);
  }
  entry.values.clear();
  for (const double value : values) entry.values.push_back(static_cast<float>(value));
  entries_.push_back(std::move(entry));
}

void SnapshotWindow::label(const std::string& id, double label) {
  if (id.empty()) return;
  // Late labels are mostly of recent records, and few.
  const auto found =
      std::find_if(entries_.rbegin(), entries_.rend(), [&](const Entry& entry) { return entry.id == id; });
  if (found != entries_.rend()) {
    found->label = static_cast<float>(label);
    return;
  }
  const auto parts = split_id(id);
  if (!parts || (!entries_.empty() && parts->row <= entries_.back().row)) return;
  early_[{parts->row, id}] = static_cast<float>(label);
  if (early_.size() > most_early_) early_.erase(std::prev(early_.end()));  // the one that would wait longest
}

DriftWindow SnapshotWindow::take(const std::vector<std::string>& columns) const {
  DriftWindow window;
  window.columns = columns;
  window.values.reserve(entries_.size() * columns.size());
  for (const auto& entry : entries_) {
    window.rows.push_back(entry.row);
    window.labels.push_back(entry.label);
    const std::size_t known = std::min(entry.values.size(), columns.size());
    window.values.insert(window.values.end(), entry.values.begin(),
                         entry.values.begin() + static_cast<std::ptrdiff_t>(known));
    window.values.insert(window.values.end(), columns.size() - known, missing);
  }
  return window;
}

void SnapshotWindow::save(StateWriter& out) const {
  out.number<uint64_t>(entries_.size());
  for (const auto& entry : entries_) {
    out.text(entry.id);
    out.number(entry.row);
    out.number(entry.label);
    out.numbers(entry.values);
  }
  out.number<uint64_t>(early_.size());
  for (const auto& [key, label] : early_) {
    out.number(key.first);
    out.text(key.second);
    out.number(label);
  }
}

void SnapshotWindow::restore(StateReader& in) {
  const auto count = in.number<uint64_t>();
  if (count > rows_) in.refuse("contradicts itself");
  entries_.clear();
  for (uint64_t i = 0; i < count; ++i) {
    Entry entry;
    entry.id = in.text();
    entry.row = in.number<int64_t>();
    entry.label = in.number<float>();
    entry.values = in.numbers<float>();
    entries_.push_back(std::move(entry));
  }
  const auto early = in.number<uint64_t>();
  if (early > most_early_) in.refuse("contradicts itself");
  early_.clear();
  for (uint64_t i = 0; i < early; ++i) {
    const auto row = in.number<int64_t>();
    std::string id = in.text();
    early_[{row, std::move(id)}] = in.number<float>();
  }
}

}  // namespace drst

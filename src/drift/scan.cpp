#include "drift/scan.h"

#include <algorithm>
#include <utility>

namespace drst {

namespace {
constexpr int64_t rows_between_reports = 1000;
}

TableScan::TableScan(const DriftSettings& settings, std::vector<std::string> kpis, uint64_t seed,
                     std::shared_ptr<const DriftHistory> history)
    : kpis_(std::move(kpis)), detector_(settings, seed) {
  detector_.set_history(std::move(history));
}

void TableScan::add(const Table& table, const std::function<bool(int64_t)>& progress,
                    std::vector<SignalPoint>* points) {
  std::vector<std::string> names;
  std::vector<std::size_t> columns;
  for (std::size_t c = 0; c < table.columns(); ++c) {
    if (std::find(kpis_.begin(), kpis_.end(), table.names()[c]) != kpis_.end()) continue;
    names.push_back(table.names()[c]);
    columns.push_back(c);
  }
  std::vector<double> values(columns.size());
  for (std::size_t r = 0; r < table.rows(); ++r) {
    for (std::size_t i = 0; i < columns.size(); ++i) values[i] = table.at(r, columns[i]);
    if (auto alarm = detector_.push(rows_, names, values)) {
      settle(alarm->change_row);
      alarms_.push_back(std::move(*alarm));
      detector_.acknowledge();
    } else if (detector_.evaluated() && detector_.phase() == "watching") {
      look();
    }
    if (points != nullptr && detector_.evaluated()) points->push_back(*detector_.evaluated());
    if (++rows_ % rows_between_reports == 0 && progress && !progress(rows_)) return;
  }
}

void TableScan::look() {
  const SignalPoint& point = *detector_.evaluated();
  for (std::size_t f = 0; f < point.by_feature.size(); ++f) {
    const double bits = point.by_feature[f];
    if (bits < quiet_move_bits) continue;
    const std::string& name = detector_.columns()[f];
    QuietMove& move = moved_.try_emplace(name, QuietMove{name, point.row, bits}).first->second;
    move.bits = std::max(move.bits, bits);
  }
}

/// An alarm was raised: what moved since its change is told by it.
void TableScan::settle(int64_t change_row) {
  for (auto& [name, move] : moved_)
    if (move.row < change_row) quiet_.push_back(std::move(move));
  moved_.clear();
}

std::vector<QuietMove> TableScan::quiet_moves() const {
  std::vector<QuietMove> moves = quiet_;
  for (const auto& [name, move] : moved_) moves.push_back(move);
  std::stable_sort(moves.begin(), moves.end(), [](const auto& a, const auto& b) { return a.row < b.row; });
  return moves;
}

std::vector<Alarm> scan(const Table& table, const std::vector<std::string>& kpis,
                        const DriftSettings& settings, uint64_t seed, std::vector<SignalPoint>* points,
                        std::shared_ptr<const DriftHistory> history) {
  TableScan all(settings, kpis, seed, std::move(history));
  all.add(table, nullptr, points);
  return all.alarms();
}

}  // namespace drst

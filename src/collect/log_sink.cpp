#include "collect/log_sink.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "stream/checks.h"
#include "stream/each_record.h"

namespace drst {

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

/// What the end of a partition tells of a run.
struct Tail {
  std::int64_t next_row = 0;
  bool ended = false;
};

/// A run of weeks is not read again: the run's last row in a partition is among its last records, unless
/// several runs share the topic, whose rows are then looked for further back, by doubling.
Tail tail_of(Log& log, const std::string& topic, int partition, const std::string& run_id,
             const WireLimits& limits) {
  const Watermarks marks = log.watermarks(topic, partition);
  RecordDecoder decoder(limits);
  Tail tail;
  for (std::int64_t span = 256;; span *= 2) {
    const std::int64_t from = std::max(marks.begin, marks.end - span);
    each_record(
        log, topic, partition,
        [&](const RecordView& record) {
          if (is_sentinel(record)) {
            tail.ended = tail.ended || sentinel_run(record) == run_id;
          } else if (record.header(run_id_header) == run_id) {
            const auto sample = decoder.decode(record);
            if (sample && sample->run_id == run_id) tail.next_row = std::max(tail.next_row, sample->row + 1);
          }
        },
        from);
    if (tail.next_row > 0 || tail.ended || from == marks.begin) return tail;
  }
}

}  // namespace

LogSink::LogSink(Log& log, const Clock& clock, ProducerSettings settings, std::string run_id,
                 std::vector<std::string> targets, std::string chain)
    : log_(log),
      clock_(clock),
      settings_(std::move(settings)),
      run_id_(std::move(run_id)),
      targets_(std::move(targets)),
      chain_(std::move(chain)),
      place_(log_, clock_, settings_.topic, static_cast<int>(settings_.partitions), run_id_) {
  check_log_name("run", run_id_);
  go_on();
}

void LogSink::keep_place() try { place_.keep(); } catch (const LeaseLost&) {
  ready_ = false;  // somebody may have appended meanwhile
  throw;
}

void LogSink::go_on() {
  keep_place();
  if (ready_) return;
  log_.ensure_topic(labels_topic(settings_.topic), 1);
  partitions_ = log_.partitions(settings_.topic);
  for (int partition = 0; partition < partitions_; ++partition) {
    const Tail tail = tail_of(log_, settings_.topic, partition, run_id_, settings_.wire);
    if (tail.ended)
      throw InputError("run '" + run_id_ + "' has ended in topic '" + settings_.topic +
                       "'; choose another --run-id");
    next_row_ = std::max(next_row_, tail.next_row);
  }
  if (next_row_ > 0) log::info("run '" + run_id_ + "' goes on at row " + to_text(next_row_));
  ready_ = true;
}

void LogSink::begin(const std::vector<std::string>& columns) {
  features_.clear();
  std::vector<std::string> names;
  for (std::size_t column = 0; column < columns.size(); ++column) {
    if (std::ranges::find(settings_.kpis, columns[column]) != settings_.kpis.end()) continue;
    if (columns[column].ends_with(lag_suffix))
      throw InputError("a column '" + columns[column] + "' would be taken for the row before; rename it");
    features_.push_back(column);
    names.push_back(columns[column]);
  }
  if (names.empty()) throw InputError("the chain has no counters, only KPIs (model.kpis names those)");
  labels_.clear();
  for (const auto& target : targets_) {
    const auto at = std::ranges::find(columns, target);
    labels_.push_back(at == columns.end() ? -1 : at - columns.begin());
  }
  if (settings_.lags)
    for (std::size_t i = 0; i < features_.size(); ++i) names.push_back(names[i] + std::string(lag_suffix));
  encoder_ = std::make_unique<RecordEncoder>(names);
  before_.clear();
}

void LogSink::put(const CollectedRow& row) {
  go_on();
  if (tried_tick_ >= 0 && tried_tick_ != row.tick) ++next_row_;  // that number may be another row's
  tried_tick_ = row.tick;
  values_.clear();
  for (const std::size_t column : features_) values_.push_back(row.values[column]);
  if (settings_.lags) {
    const bool lagged = row.follows && before_.size() == features_.size();
    for (std::size_t i = 0; i < features_.size(); ++i) values_.push_back(lagged ? before_[i] : missing);
  }
  const auto label_of = [&](std::size_t target) -> std::optional<double> {
    if (labels_[target] < 0) return std::nullopt;
    const double label = row.values[static_cast<std::size_t>(labels_[target])];
    return usable_label(label) ? std::optional(label) : std::nullopt;
  };
  std::vector<FurtherLabel> further;
  for (std::size_t target = 1; target < targets_.size(); ++target)
    further.push_back({targets_[target], label_of(target)});
  NewRecord record;
  const bool by_key = settings_.partitioner == "key";
  if (by_key) record.key = chain_;
  record.value =
      encoder_->encode(make_id(run_id_, next_row_), values_, label_of(0), row.at,
                       settings_.stage_on_wire ? std::string_view(chain_) : std::string_view(), further);
  record.headers = {{std::string(run_id_header), run_id_}};
  record.timestamp = row.at;
  const auto turn = by_key ? fnv1a(chain_) : static_cast<std::uint64_t>(next_row_);
  log_.append(settings_.topic, static_cast<int>(turn % static_cast<std::uint64_t>(partitions_)),
              {&record, 1});
  tried_tick_ = -1;
  ++next_row_;
  before_.assign(values_.begin(), values_.begin() + static_cast<std::ptrdiff_t>(features_.size()));
}

void LogSink::finish(bool ended) {
  if (ended)
    for (int partition = 0; partition < partitions_; ++partition) {
      const NewRecord sentinel = make_sentinel(run_id_, clock_.now());
      log_.append(settings_.topic, partition, {&sentinel, 1});
    }
  log_.sync();
  place_.leave();
}

}  // namespace drst

#include "report/summary.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "store/prefix_store.h"
#include "stream/lane.h"
#include "stream/record.h"
#include "table/npy.h"

namespace drst {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::string required(ObjectStore& store, const std::string& key) {
  auto bytes = store.get(key);
  if (!bytes) throw InputError(store.url() + " lacks " + key);
  return std::move(*bytes);
}

[[noreturn]] void has_not_ended(const ObjectStore& store, const std::string& run_id) {
  throw InputError(
      "run " + run_id + " in " + store.url() + " has not ended: its producer writes results/truth/" + run_id +
      ".npz when it has sent the last row; wait for its end, or, if it was stopped, give the same "
      "`drst produce` once more, which goes on");
}

template <class T>
const std::vector<T>& member(const std::map<std::string, Array>& members, const std::string& name,
                             const std::string& source) {
  const auto found = members.find(name);
  if (found == members.end() || !std::holds_alternative<std::vector<T>>(found->second.data))
    throw InputError(source + " has no member '" + name + "' of the expected type");
  return std::get<std::vector<T>>(found->second.data);
}

struct Truth {
  std::vector<std::string> id;
  std::vector<int64_t> row, partition, offset;
  std::vector<double> label;
  std::vector<int64_t> stage;
  std::vector<std::string> stage_names;
};

template <class T>
std::vector<double> as_doubles(const std::vector<T>& values) {
  return {values.begin(), values.end()};
}

std::vector<double> numbers(const std::map<std::string, Array>& members, const std::string& name,
                            const std::string& source) {
  const auto found = members.find(name);
  if (found == members.end()) throw InputError(source + " has no member '" + name + "'");
  return std::visit(
      [&](const auto& values) -> std::vector<double> {
        if constexpr (std::is_arithmetic_v<typename std::decay_t<decltype(values)>::value_type>)
          return as_doubles(values);
        else
          throw InputError(source + ": member '" + name + "' must be numbers");
      },
      found->second.data);
}

/// A run has its own; stores of former versions have the newest run's only. `lane`: whose labels.
Truth read_truth(ObjectStore& store, const std::string& run_id, const std::string& lane) {
  const std::string own = "results/truth/" + run_id + ".npz";
  const std::string key = store.exists(own) ? own : "results/truth.npz";
  const auto bytes = store.get(key);
  if (!bytes) has_not_ended(store, run_id);
  const auto members = parse_npz(*bytes, key);
  Truth truth;
  truth.id = member<std::string>(members, "id", key);
  truth.label = numbers(members, "label" + (lane.empty() ? "" : "_" + lane), key);
  const auto whole = [&](const char* name, std::vector<int64_t>& into) {
    for (const double value : numbers(members, name, key)) into.push_back(static_cast<int64_t>(value));
  };
  whole("row", truth.row);
  whole("partition", truth.partition);
  whole("offset", truth.offset);
  whole("stage", truth.stage);
  truth.stage_names = member<std::string>(members, "stage_names", key);
  const auto n = truth.id.size();
  if (truth.label.size() != n || truth.row.size() != n || truth.stage.size() != n ||
      truth.partition.size() != n || truth.offset.size() != n)
    throw InputError(key + ": its members differ in length");
  for (const auto stage : truth.stage)
    if (stage < 0 || static_cast<std::size_t>(stage) >= truth.stage_names.size())
      throw InputError(key + ": a row names stage " + to_text(stage) + ", which stage_names lacks");
  return truth;
}

/// Of one run; a consumer that took no part in it may have left its share of another.
std::vector<TraceRow> read_all_traces(ObjectStore& store, const std::string& run_id) {
  std::vector<TraceRow> rows;
  for (const auto& key : store.list("results/")) {
    if (!key.ends_with("_inference_trace.npz")) continue;
    auto part = read_trace_file(required(store, key), key);
    std::erase_if(part, [&](const TraceRow& row) {
      const auto id = split_id(row.id);
      return id && id->run_id != run_id;
    });
    rows.insert(rows.end(), std::make_move_iterator(part.begin()), std::make_move_iterator(part.end()));
  }
  return rows;
}

std::vector<TraceRow> read_unpredicted(ObjectStore& store) {
  const auto bytes = store.get(unpredicted_key);
  return bytes ? read_unpredicted_file(*bytes, unpredicted_key) : std::vector<TraceRow>();
}

std::vector<ResourceRecord> read_processes(ObjectStore& store) {
  std::vector<ResourceRecord> processes;
  for (const auto& key : store.list(resources_prefix)) {
    try {
      processes.push_back(parse_resource_record(required(store, key), key));
    } catch (const InputError& error) {
      log::warning(error.what() + std::string("; the report goes without it"));
    }
  }
  return processes;
}

/// A published refit of the run as an event: its release says all there is but the time it took, which is in
/// the metric stream.
std::optional<RetrainEvent> as_refit(const ReleaseInfo& release, const std::string& run_id) {
  constexpr std::string_view mark = "refit-";
  if (!release.trigger.starts_with(mark) || run_of_event(release.trigger.substr(mark.size())) != run_id)
    return std::nullopt;
  const auto figure = [&release](const char* name) {
    const auto found = release.metrics.find(name);
    return found == release.metrics.end() ? nan : found->second;
  };
  const double row = figure("row");
  if (!std::isfinite(row)) return std::nullopt;
  RetrainEvent event;
  event.kind = "refit";
  event.id = release.trigger;
  event.row = static_cast<int64_t>(row);
  event.candidates = 1;
  event.wall_ms = event.val_rmse = event.live_val_rmse = nan;
  event.val_loss = figure("track.challenger_loss");
  event.live_val_loss = figure("track.live_loss");
  event.baseline_val_loss = figure("track.baseline_loss");
  event.labels = release.labels;
  event.published = true;
  event.release = release.model_key;
  return event;
}

/// Why each release was ever made live, by model key; in order, the same reason once.
std::map<std::string, std::string> reasons_of_moves(Registry& registry) {
  std::map<std::string, std::string> reasons;
  for (const auto& line : registry.audit()) {
    std::string& said = reasons[line.to];
    if (said.find(line.reason) == std::string::npos) said += (said.empty() ? "" : "; again: ") + line.reason;
  }
  return reasons;
}

/// Whether what was published became live, and on what evidence, behind the reason that it has.
void add_moves(Summary& summary, Registry& registry) {
  const auto reasons = reasons_of_moves(registry);
  const auto verdict = [&reasons](const std::string& release) {
    const auto found = reasons.find(release);
    return found == reasons.end() ? std::string("a challenger only") : "made live: " + found->second;
  };
  for (auto& event : summary.retrains)
    if (event.kind == "answer" && event.published) event.reason += "; " + verdict(event.release);
  for (const auto& release : summary.releases)
    if (auto event = as_refit(release, summary.facts.run_id)) {
      event->reason = verdict(release.model_key);
      for (const auto& [of, loss] : {std::pair{"its line", event->val_loss},
                                     {"live model", event->live_val_loss},
                                     {"baseline", event->baseline_val_loss}})
        if (std::isfinite(loss))
          event->reason += "; mean bounded error, " + std::string(of) + " " + to_fixed(loss, 4);
      summary.retrains.push_back(std::move(*event));
    }
  std::stable_sort(summary.retrains.begin(), summary.retrains.end(),
                   [](const auto& a, const auto& b) { return a.row < b.row; });
  for (auto& swap : summary.swaps) {
    // A consumer counts from the newest row of its own partitions, which may lie before the judge's: the
    // nearest.
    const auto distance = [&swap](const Judgement& of) { return std::abs(of.row - swap.row); };
    for (const auto& judgement : summary.judgements)
      if (judgement.to == swap.release && (!swap.evidence || distance(judgement) < distance(*swap.evidence)))
        swap.evidence = judgement;
    const auto found = reasons.find(swap.release);
    if (swap.evidence)
      swap.reason = swap.evidence->reason;
    else if (found != reasons.end())
      swap.reason = found->second;
  }
}

/// The labels in the order in which a consumer could have known them (SPEC 4).
class ArrivedLabels {
 public:
  ArrivedLabels(const Truth& truth, int64_t every, int64_t delay)
      : truth_(truth), every_(every), delay_(delay) {}

  /// The newest label that had arrived before the row at `position` was predicted; NaN if none.
  double before(std::size_t position) {
    const int64_t row = truth_.row[position];
    while (next_ < truth_.row.size() && truth_.row[next_] + std::max<int64_t>(delay_, 1) <= row) {
      if (labelled(next_)) last_ = truth_.label[next_];
      ++next_;
    }
    return last_;
  }
  /// How many arrive by the end of the stream, with a record that can be used.
  [[nodiscard]] int64_t by_the_end(const std::set<std::pair<int64_t, int64_t>>& dead) const {
    int64_t count = 0;
    const int64_t end = truth_.row.empty() ? 0 : truth_.row.back() + 1;
    for (std::size_t i = 0; i < truth_.row.size(); ++i)
      if (labelled(i) && truth_.row[i] + delay_ < end &&
          !dead.contains({truth_.partition[i], truth_.offset[i]}))
        ++count;
    return count;
  }

 private:
  [[nodiscard]] bool labelled(std::size_t i) const {
    return every_ > 0 && truth_.row[i] % every_ == 0 && std::isfinite(truth_.label[i]);
  }
  const Truth& truth_;
  int64_t every_, delay_;
  std::size_t next_ = 0;
  double last_ = nan;
};

struct Scored {
  explicit Scored(double epsilon) : baseline(epsilon), adaptive(epsilon), persistence(epsilon) {}
  Scores baseline, adaptive, persistence;
  int64_t first_row = std::numeric_limits<int64_t>::max();
  int64_t rows = 0;
  void into(StageResult& result) const {
    result.first_row = rows == 0 ? 0 : first_row;
    result.rows = rows;
    result.baseline = baseline.metrics();
    result.adaptive = adaptive.metrics();
    result.label_persistence = persistence.metrics();
  }
};

/// What has no id is the record at its place; of those whose place is not in the truth another run's.
void name_by_place(std::vector<TraceRow>& trace, const Truth& truth) {
  if (std::ranges::none_of(trace, [](const TraceRow& row) { return row.id.empty(); })) return;
  std::set<std::pair<int64_t, int64_t>> places;
  for (std::size_t i = 0; i < truth.id.size(); ++i) places.emplace(truth.partition[i], truth.offset[i]);
  std::erase_if(trace, [&places](const TraceRow& row) {
    return row.id.empty() && !places.contains({row.partition, row.offset});
  });
  for (auto& row : trace)
    if (row.id.empty()) row.id = place_id(row.partition, row.offset);
}

/// One target's, from its part of the store.
Summary summarize_lane(ObjectStore& store, const RunFacts& facts, const std::string& target,
                       const Truth& truth, Series* series) {
  Summary summary;
  summary.facts = facts;
  summary.target = target;
  const std::string& run_id = facts.run_id;
  auto trace = read_all_traces(store, run_id);
  name_by_place(trace, truth);
  std::unordered_map<std::string_view, const TraceRow*> by_id;
  std::set<std::string> served;
  double first_ts = 0, last_ts = 0;
  for (const auto& row : trace) {
    by_id.emplace(row.id, &row);
    served.insert(row.release);
    const double at = std::chrono::duration<double>(row.ts.time_since_epoch()).count();
    if (&row == trace.data() || at < first_ts) first_ts = at;
    if (&row == trace.data() || at > last_ts) last_ts = at;
  }

  const double epsilon = summary.facts.epsilon;
  std::vector<Scored> stages(truth.stage_names.size(), Scored(epsilon));
  Scored overall(epsilon);
  ArrivedLabels labels(truth, summary.facts.label_every, summary.facts.label_delay);
  const bool any_labels = labels.by_the_end({}) > 0;
  for (std::size_t i = 0; i < truth.id.size(); ++i) {
    const double persistence = labels.before(i);
    const auto found = by_id.find(truth.id[i]);
    if (found == by_id.end()) continue;
    const double y = truth.label[i];
    const double base = found->second->pred_orig, adaptive = found->second->pred_adj;
    for (auto* scored : {&stages[static_cast<std::size_t>(truth.stage[i])], &overall}) {
      scored->baseline.add(base, y);
      scored->adaptive.add(adaptive, y);
      if (any_labels) scored->persistence.add(persistence, y);
      scored->first_row = std::min(scored->first_row, truth.row[i]);
      ++scored->rows;
    }
    if (series != nullptr) {
      series->row.push_back(truth.row[i]);
      series->truth.push_back(y);
      series->baseline.push_back(base);
      series->adaptive.push_back(adaptive);
      series->stage.push_back(static_cast<int>(truth.stage[i]));
    }
  }
  for (std::size_t s = 0; s < stages.size(); ++s) {
    StageResult result;
    result.name = truth.stage_names[s];
    stages[s].into(result);
    summary.stages.push_back(std::move(result));
  }
  summary.overall.name = "overall";
  overall.into(summary.overall);

  summary.produced = static_cast<int64_t>(truth.id.size());
  summary.predicted = static_cast<int64_t>(by_id.size());
  // A dead letter may have no id that could be read; its place on the topic tells which row it was.
  std::set<std::pair<int64_t, int64_t>> dead;
  for (const auto& row : read_unpredicted(store)) {
    if (row.status == TraceRow::Status::duplicate) ++summary.duplicates;
    if (row.status == TraceRow::Status::dead_lettered) dead.emplace(row.partition, row.offset);
  }
  summary.dead_lettered = static_cast<int64_t>(dead.size());
  summary.consumed = summary.predicted + summary.dead_lettered + summary.duplicates;
  for (std::size_t i = 0; i < truth.id.size(); ++i)
    if (!by_id.contains(truth.id[i]) && !dead.contains({truth.partition[i], truth.offset[i]}))
      summary.lost_rows.push_back(truth.row[i]);
  std::ranges::sort(summary.lost_rows);
  summary.lost = static_cast<int64_t>(summary.lost_rows.size());
  summary.labels_used = labels.by_the_end(dead);
  const double seconds = summary.facts.stream_wall_s > 0 ? summary.facts.stream_wall_s : last_ts - first_ts;
  summary.throughput_records_per_s = seconds > 0 ? static_cast<double>(summary.predicted) / seconds : 0;
  summary.drift_events = read_drift_events(store);
  summary.retrains = read_retrain_events(store);
  for (auto& swap : read_swap_events(store)) summary.swaps.push_back({std::move(swap), {}, {}});
  summary.judgements = read_judgements(store, run_id);
  const auto foreign = [&run_id](const std::string& run) { return !run.empty() && run != run_id; };
  std::erase_if(summary.drift_events, [&](const auto& event) { return foreign(run_of_event(event.id)); });
  std::erase_if(summary.retrains, [&](const auto& event) {
    constexpr std::string_view prefix = "rollback-";
    return foreign(
        run_of_event(std::string_view(event.id).substr(event.kind == "rollback" ? prefix.size() : 0)));
  });
  std::erase_if(summary.swaps, [&](const auto& event) { return foreign(event.run); });
  const SystemClock clock;
  Registry registry(store, clock);
  summary.releases = registry.list();
  for (const auto& line : registry.audit())
    if (line.to.empty() && !line.from.empty()) served.insert(line.from);  // pruned
  for (const auto& release : summary.releases) served.erase(release.model_key);
  summary.gone_releases.assign(served.begin(), served.end());
  add_moves(summary, registry);
  // What was chosen says more than "auto"; a producer of its own does not know it at all.
  for (const auto& release : summary.releases)
    if (release.role == "baseline") summary.facts.family = release.family;
  summary.processes = read_processes(store);
  summary.notes = notes_of(summary);
  return summary;
}

}  // namespace

int64_t Summary::lost_of_all() const {
  int64_t all = lost;
  for (const auto& other : further) all += other.lost;
  return all;
}

Summary summarize(ObjectStore& store, Series* series, const std::string& of_run) {
  const auto facts = read_facts(store, of_run);
  const Truth truth = read_truth(store, facts.run_id, "");
  if (const auto id = truth.id.empty() ? std::nullopt : split_id(truth.id.front());
      id && id->run_id != facts.run_id)
    has_not_ended(store, facts.run_id);  // the newest truth is another run's
  Summary summary = summarize_lane(store, facts, facts.targets.front(), truth, series);
  for (std::size_t i = 1; i < facts.targets.size(); ++i) {
    const std::string& lane = facts.targets[i];
    PrefixStore part(store, lane_prefix(lane));
    Series* lane_series = series == nullptr ? nullptr : &series->further.emplace_back();
    Summary other = summarize_lane(part, facts, lane, read_truth(store, facts.run_id, lane), lane_series);
    for (auto& process : std::exchange(other.processes, {})) {
      process.member = lane + "/" + process.member;
      summary.processes.push_back(std::move(process));
    }
    summary.further.push_back(std::move(other));
  }
  for (const auto& [name, cpu_s] : facts.cpu_s) summary.resources[name].cpu_s = cpu_s;
  for (const auto& process : summary.processes)
    summary.resources[process.member] = {process.cpu_s, process.rss_peak_mib, process.private_peak_mib};
  return summary;
}

}  // namespace drst

#include "ingest/producer.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <span>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "ingest/row_plan.h"
#include "ingest/run_place.h"
#include "ingest/run_progress.h"
#include "stream/checks.h"
#include "stream/record.h"
#include "table/npy.h"

namespace drst {

void describe(SettingsVisitor& visitor, ProducerSettings& settings) {
  visitor.visit(
      "partitions", settings.partitions,
      {"partitions", "of a topic that the producer creates; as many as consumers are to share it", 1, 4096});
  visitor.visit("topic", settings.topic,
                {"", "name of the stream's topic, as the research prototype has it; one chain a topic"});
  visitor.visit("partitioner", settings.partitioner,
                {"",
                 "round-robin spreads rows evenly over partitions; key keeps all of a chain in one, in order",
                 -std::numeric_limits<double>::infinity(),
                 std::numeric_limits<double>::infinity(),
                 {"round-robin", "key"}});
  visitor.visit("lags", settings.lags,
                {"",
                 "send the previous sample's counters, too, as <column>@-1: counters and rates are sampled "
                 "out of step, and with "
                 "both a model errs less; off because the prototype's consumers do not expect them"});
  visitor.visit("stage_on_wire", settings.stage_on_wire,
                {"", "name the stage in each record; for plots only, nothing decides by it"});
  visitor.visit(
      "label_every", settings.label_every,
      {"rows",
       "a row carries a label where row % label_every = 0; 0: none ever. Real probes measure now and then", 0,
       1e9});
  visitor.visit("label_delay", settings.label_delay,
                {"rows", "labels come so many rows late, as records of their own; 0: inline", 0, 1e9});
  visitor.visit("rate", settings.rate,
                {"rows/s", "speed of the stream by the producer's clock; 0: as fast as possible", 0, 1e9});
  visitor.visit("batch", settings.batch,
                {"rows",
                 "most rows of one append, and rows of a step where rate is 0; 64 make a disk's share of the "
                 "cost small, "
                 "2048 a network's",
                 1, 65536});
  visitor.visit("catch_up_s", settings.catch_up_s,
                {"s",
                 "a restarted producer hurries after its schedule if it is no more than this behind, as a "
                 "short stop should not "
                 "shift the stream; else it goes on at its rate from now",
                 0, 1e9});
  describe(visitor, settings.rows);
}

void check_stages(const std::vector<StageTable>& stages, const std::vector<std::string>& targets,
                  const std::vector<std::string>& kpis) {
  ProducerSettings settings;
  settings.kpis = kpis;
  (void)RowPlan(stages, targets, settings, {});
}

std::string truth_key_of(const std::string& run_id) { return "results/truth/" + run_id + ".npz"; }
std::string plan_key_of(const std::string& run_id) { return "results/plans/" + run_id + ".txt"; }

namespace {
/// The first lines in which two texts differ.
std::pair<std::string_view, std::string_view> first_difference(std::string_view a, std::string_view b) {
  for (;;) {
    const auto line_a = a.substr(0, a.find('\n')), line_b = b.substr(0, b.find('\n'));
    if (line_a != line_b || (a.empty() && b.empty())) return {line_a, line_b};
    a.remove_prefix(std::min(a.size(), line_a.size() + 1));
    b.remove_prefix(std::min(b.size(), line_b.size() + 1));
  }
}
}  // namespace

struct Producer::State {
  Log& log;
  ObjectStore& store;
  const Clock& clock;
  ProducerSettings settings;
  std::string run_id;
  std::string chain_key;
  RowPlan plan;

  std::vector<RecordEncoder> encoders;  // by stage
  std::vector<double> values;
  std::vector<FurtherLabel> further;  // of the record at hand
  int partitions = 0;
  RunProgress progress;
  RunPlace place;
  Time start{};   // when row 0 is or was due
  struct Ahead {  // an append that is on its way, and the rows of each of its parts
    std::vector<std::pair<int, std::vector<int64_t>>> rows;
    std::unique_ptr<Appending> append;
  };
  std::deque<Ahead> ahead;
  int64_t next_sent = 0;  // rows before it are in the log or on their way
  bool ready = false;     // progress is true
  bool finished = false;

  State(Log& log_, ObjectStore& store_, const Clock& clock_, ProducerSettings settings_, std::string run_id_,
        const std::vector<std::string>& targets, std::vector<StageTable> stages, std::string chain_key_)
      : log(log_),
        store(store_),
        clock(clock_),
        settings(std::move(settings_)),
        run_id(std::move(run_id_)),
        chain_key(std::move(chain_key_)),
        plan(std::move(stages), targets, settings, chain_key),
        place(log, clock, settings.topic, static_cast<int>(settings.partitions), run_id) {
    check_log_name("run", run_id);  // it is part of ids, of keys and of the group's name
    for (std::size_t s = 0; s < plan.stages(); ++s) encoders.emplace_back(plan.columns(s));
    if (plan.unusable_labels() > 0)
      log::warning("producer: " + to_text(plan.unusable_labels()) + " values of " + join(plan.targets()) +
                   " are no finite single-precision numbers; their rows are streamed without a label");
  }

  Step step() {
    if (finished) return Step::done;
    stay_the_only_one();
    if (!ready) recover();
    ready = false;  // until this step has gone well: what it leaves behind otherwise only the log knows
    const Step done = work();
    ready = true;
    return done;
  }

  void stay_the_only_one() try { place.keep(); } catch (const LeaseLost&) {
    ready = false;  // the next step asks for it again, and reads what the log has by then
    throw;
  }

  /// What makes two producers of a run the same, a line each.
  [[nodiscard]] std::string plan_text() const {
    std::string text =
        "targets = " + join(plan.targets()) + "\nlags = " + (settings.lags ? "true" : "false") +
        "\npartitioner = " + settings.partitioner + "\nlabel_every = " + to_text(settings.label_every) +
        "\nlabel_delay = " + to_text(settings.label_delay) +
        "\nstage_on_wire = " + (settings.stage_on_wire ? "true" : "false") + "\n";
    for (std::size_t s = 0; s < plan.stages(); ++s)
      text += "stage " + plan.stage_name(s) + " of a table with SHA-256 " + plan.digest(s) + "\n";
    return text;
  }

  /// Kept before the first record is.
  void compare_plan() {
    const std::string key = plan_key_of(run_id), mine = plan_text();
    const auto former = store.get(key);
    if (former == mine) return;
    const bool begun = progress.rows_appended > 0 || std::ranges::count(progress.sentinel, 1) > 0;
    if (begun && former) {
      const auto [was, is] = first_difference(*former, mine);
      throw InputError("run '" + run_id + "' in topic '" + settings.topic +
                       "' was begun with other tables or settings: '" + std::string(was) + "', now '" +
                       std::string(is) + "'; choose another --run-id, or give what it was begun with");
    }
    store.put(key, mine);
  }

  /// What is on its way would else be appended again.
  void give_up_ahead() {
    for (auto& one : ahead) try {
        (void)one.append->wait();
      } catch (const Error&) {  // what became of it the log knows
      }
    ahead.clear();
  }

  void recover() {
    give_up_ahead();
    log.ensure_topic(labels_topic(settings.topic), 1);
    partitions = log.partitions(settings.topic);
    progress = read_progress(log, settings.topic, run_id, plan, partitions, settings.wire);
    compare_plan();
    next_sent = progress.next_row;
    const Time now = clock.now();
    start = progress.started.value_or(now);
    if (progress.rows_appended == 0) return;
    log::info("producer: run '" + run_id + "' goes on after " + to_text(progress.rows_appended) + " of " +
              to_text(plan.rows()) + " rows in topic '" + settings.topic + "'");
    if (settings.rate <= 0) return;
    const double behind_s = static_cast<double>(rows_due(now) - progress.next_row) / settings.rate;
    if (progress.started && behind_s >= 0 && behind_s <= settings.catch_up_s) return;
    const Time next = progress.latest.value_or(now) + rows_take(1);
    start = (next - rows_take(1) <= now ? std::max(next, now) : now) - rows_take(progress.next_row);
  }

  [[nodiscard]] Duration rows_take(int64_t rows) const {
    return from_seconds(static_cast<double>(rows) / settings.rate);
  }

  Step work() {
    if (progress.ended()) return finish();
    const bool paced = settings.rate > 0;
    const int64_t due = paced ? rows_due(clock.now()) : next_sent + settings.batch;
    if (next_sent < plan.rows()) {
      const int64_t end = std::min(due, plan.rows());
      if (end <= next_sent) return Step::idle;
      append_rows_until(end);
      // Where nothing waits for the rows, the next are made while these travel.
      settle(paced || settings.label_delay > 0 ? 0 : static_cast<std::size_t>(settings.appends_ahead));
      return Step::worked;
    }
    settle(0);
    // The end is due like a row: labels that are still on their way must not overtake the last rows.
    if (paced && due <= plan.rows()) return Step::idle;
    return finish();
  }

  /// Rows that ought to be in the log by `now`.
  [[nodiscard]] int64_t rows_due(Time now) const {
    const double elapsed_s = static_cast<double>((now - start).count()) * 1e-6;
    // A microsecond of tolerance: r / rate is seldom a whole number of them.
    const double rows = std::floor((elapsed_s + 1e-6) * settings.rate) + 1;
    return elapsed_s < 0 ? 0 : static_cast<int64_t>(std::min(rows, 9e15));
  }

  void append_rows_until(int64_t end) {
    while (next_sent < end) {
      const int64_t begin = next_sent;
      if (settings.label_delay > 0) append_labels_until(begin - settings.label_delay + 1);
      int64_t stop = begin + 1;
      // A label must come before the row it is due with and not before its own, so no append may span that
      // row.
      while (stop < end && stop - begin < settings.batch && !label_due_before(stop)) ++stop;
      append_rows(begin, stop);
    }
  }

  [[nodiscard]] bool label_due_before(int64_t row) const {
    const int64_t labelled = row - settings.label_delay;
    return settings.label_delay > 0 && labelled >= progress.next_label && plan.labelled(labelled);
  }

  /// The rows of [begin, end) that are not in the log yet, partition by partition.
  void append_rows(int64_t begin, int64_t end) {
    const Time now = clock.now();
    std::vector<std::vector<NewRecord>> records(static_cast<std::size_t>(partitions));
    std::vector<std::vector<int64_t>> rows(records.size());
    for (int64_t row = begin; row < end; ++row) {
      if (progress.appended[static_cast<std::size_t>(row)] != 0) continue;
      const auto p = static_cast<std::size_t>(plan.partition(row, partitions));
      records[p].push_back(record(row, now));
      rows[p].push_back(row);
    }
    std::vector<PartitionRecords> parts;
    Ahead begun;
    for (std::size_t p = 0; p < records.size(); ++p) {
      if (records[p].empty()) continue;
      parts.push_back({static_cast<int>(p), records[p]});
      begun.rows.emplace_back(static_cast<int>(p), std::move(rows[p]));
    }
    begun.append = log.begin_append(settings.topic, parts);
    ahead.push_back(std::move(begun));
    next_sent = end;
    if (settings.label_delay > 0) settle(0);  // labels must not overtake their rows
  }

  /// Waits until no more than `most` appends are on their way.
  void settle(std::size_t most) {
    for (; ahead.size() > most; ahead.pop_front()) {
      auto firsts = ahead.front().append->wait();
      for (std::size_t i = 0; i < firsts.size(); ++i)
        for (const int64_t row : ahead.front().rows[i].second) progress.set_appended(row, firsts[i]++);
    }
    progress.advance();
  }

  NewRecord record(int64_t row, Time now) {
    const std::size_t stage = plan.stage(row);
    plan.values(row, values);
    const bool at_once = settings.label_delay == 0;
    const auto label = at_once ? plan.label(row) : std::nullopt;
    further_labels(row, at_once);
    NewRecord made;
    if (settings.partitioner == "key") made.key = chain_key;
    made.value = encoders[stage].encode(
        make_id(run_id, row), values, label, now,
        settings.stage_on_wire ? std::string_view(plan.stage_name(stage)) : std::string_view(), further);
    made.headers = {{std::string(run_id_header), run_id}};
    made.timestamp = now;
    return made;
  }

  void further_labels(int64_t row, bool shown) {
    further.clear();
    for (std::size_t target = 1; target < plan.targets().size(); ++target)
      further.push_back({plan.targets()[target], shown ? plan.label(row, target) : std::nullopt});
  }

  /// Late labels of the rows below `end`.
  void append_labels_until(int64_t end) {
    std::vector<NewRecord> records;
    const Time now = clock.now();
    for (int64_t row = progress.next_label; row < end; ++row) {
      if (!plan.labelled(row)) continue;
      further_labels(row, true);
      NewRecord made;
      made.value = encode_label(make_id(run_id, row), plan.label(row), now, further);
      made.headers = {{std::string(run_id_header), run_id}};
      made.timestamp = now;
      records.push_back(std::move(made));
    }
    if (!records.empty()) log.append(labels_topic(settings.topic), 0, records);
    progress.next_label = std::max(progress.next_label, end);
  }

  Step finish() {
    if (settings.label_delay > 0) append_labels_until(plan.rows());
    // A report may run as soon as the sentinels are seen, and reads the truth.
    const std::string own = truth_key_of(run_id);
    auto labels = progress.ended() ? store.get(own) : std::nullopt;
    if (!labels) {
      log.sync();
      labels = truth();
      store.put(own, *labels);
    }
    store.put(truth_key, *labels);
    for (int p = 0; p < partitions; ++p) {
      if (progress.sentinel[static_cast<std::size_t>(p)] != 0) continue;
      const NewRecord sentinel = make_sentinel(run_id, clock.now());
      log.append(settings.topic, p, std::span(&sentinel, 1));
      progress.sentinel[static_cast<std::size_t>(p)] = 1;
    }
    log.sync();
    place.leave();
    finished = true;
    return Step::done;
  }

  [[nodiscard]] std::string truth() const {
    const auto count = static_cast<std::size_t>(plan.rows());
    std::vector<std::string> ids, names;
    std::vector<int64_t> rows;
    std::vector<int32_t> partition, stage;
    std::vector<std::vector<double>> labels(plan.targets().size());
    for (std::size_t s = 0; s < plan.stages(); ++s) names.push_back(plan.stage_name(s));
    ids.reserve(count);
    for (int64_t row = 0; row < plan.rows(); ++row) {
      ids.push_back(make_id(run_id, row));
      rows.push_back(row);
      partition.push_back(plan.partition(row, partitions));
      for (std::size_t target = 0; target < labels.size(); ++target)
        labels[target].push_back(plan.truth(row, target));
      stage.push_back(static_cast<int32_t>(plan.stage(row)));
    }
    std::map<std::string, Array> members = {{"id", Array::of(std::move(ids))},
                                            {"row", Array::of(std::move(rows))},
                                            {"partition", Array::of(std::move(partition))},
                                            {"offset", Array::of(progress.offsets)},
                                            {"stage", Array::of(std::move(stage))},
                                            {"stage_names", Array::of(std::move(names))}};
    for (std::size_t target = 0; target < labels.size(); ++target)
      members["label" + (target == 0 ? "" : "_" + plan.targets()[target])] =
          Array::of(std::move(labels[target]));
    return to_npz(members);
  }
};

Producer::Producer(Log& log, ObjectStore& store, const Clock& clock, ProducerSettings settings,
                   std::string run_id, const std::vector<std::string>& targets,
                   std::vector<StageTable> stages, std::string chain_key)
    : state_(std::make_unique<State>(log, store, clock, std::move(settings), std::move(run_id), targets,
                                     std::move(stages), std::move(chain_key))) {}
Producer::~Producer() = default;

Step Producer::step() { return state_->step(); }
int64_t Producer::rows_total() const { return state_->plan.rows(); }
int64_t Producer::rows_produced() const { return state_->progress.rows_appended; }

}  // namespace drst

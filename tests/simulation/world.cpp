#include "simulation/world.h"

#include <cmath>
#include <functional>
#include <memory>
#include <set>

#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "drift/monitor.h"
#include "inference/consumer.h"
#include "inference/trace.h"
#include "ingest/producer.h"
#include "learn/offline.h"
#include "registry/events.h"
#include "registry/handover.h"
#include "registry/registry.h"
#include "store/memory_store.h"
#include "stream/memory_log.h"
#include "stream/record.h"
#include "tuning/judge.h"
#include "tuning/retrainer.h"

namespace drst::testing {

namespace {

constexpr int partitions = 3;
constexpr int patience_ticks = 1500;
const std::string topic = "latencyTopic";
const std::string group = "drst-infer";
const std::string run_id = "sim";

/// Six counters driven by one load, whose level and mixture change half-way.
Table chain_table(std::size_t rows, std::size_t change, uint64_t seed) {
  Random random(seed);
  std::vector<double> target, counters[6];
  double load = 0.5;
  for (std::size_t r = 0; r < rows; ++r) {
    load = 0.8 * load + 0.2 * random.uniform();
    const double pressure = r >= change ? 4.0 : 1.0;
    // Nothing the counters show: what served one stretch fails in the next, and serves again in the one
    // after.
    const double hidden = r >= change && (r - change) / 40 % 2 == 0 ? 0.5 : 1.0;
    target.push_back(1000 * hidden * load / std::sqrt(pressure) * (1 + 0.02 * random.normal()));
    for (int c = 0; c < 6; ++c)
      counters[c].push_back(1e6 * (1 + c) * (c % 2 == 0 ? load : load * pressure) *
                            (1 + 0.05 * random.normal()));
  }
  Table table;
  table.add_column("output_rate", std::move(target));
  for (int c = 0; c < 6; ++c) table.add_column("vnf" + drst::to_text(c) + "_cycles", std::move(counters[c]));
  return table;
}

ModelSettings small_model() {
  ModelSettings settings;
  settings.family = "ridge";
  return settings;
}

/// Where processes die. Effects on models and flags are rare and matter most, so they are hit more often.
class Plan final : public FaultPoint {
 public:
  explicit Plan(uint64_t seed) : random_(seed) {
    rate_ = random_.chance(0.1) ? 0 : std::exp(random_.uniform(std::log(2e-4), std::log(1e-2)));
    left_ = 25;
  }
  void reached(std::string_view operation, std::string_view subject) override {
    if (!armed_ || left_ == 0) return;
    const bool rare = subject.starts_with("models/") || subject.starts_with("results/retrain") ||
                      operation.starts_with("log.leave");
    if (!random_.chance(std::min(0.5, rate_ * (rare ? 25 : 1)))) return;
    --left_;
    throw SimulatedCrash{};
  }
  void arm(bool armed) { armed_ = armed; }

 private:
  Random random_;
  double rate_ = 0;
  int left_ = 0;
  bool armed_ = false;
};

/// At-least-once transport: now and then a record is appended once more.
class RepeatingLog final : public ForwardingLog {
 public:
  RepeatingLog(Log& inner_log, Random& random, double chance)
      : ForwardingLog(inner_log), random_(random), chance_(chance) {}
  int64_t append(const std::string& to, int partition, std::span<const NewRecord> records) override {
    const auto offset = inner().append(to, partition, records);
    if (to == topic && !records.empty() && random_.chance(chance_)) {
      bool sentinel = false;
      for (const auto& header : records.back().headers) sentinel = sentinel || header.key == sentinel_header;
      if (!sentinel) inner().append(to, partition, records.subspan(records.size() - 1));
    }
    return offset;
  }

 private:
  Random& random_;
  double chance_;
};

/// One incarnation of a simulated process.
struct Body {
  std::unique_ptr<MemoryLog> log;
  std::unique_ptr<MemoryStore> store;
  std::unique_ptr<Log> repeating;
  std::unique_ptr<Log> seen_log;
  std::unique_ptr<ObjectStore> seen_store;
  ModelSlot slot;
  std::unique_ptr<Component> guard;
  std::unique_ptr<Component> main;  // destroyed first
};

struct Process {
  std::string name;
  std::function<void(Body&)> start;
  std::unique_ptr<Body> body;
  int down_until = 0;
  int paused_until = 0;
  bool gone = false;  ///< never comes back
  bool done = false;
  int done_tick = 0;
};

class World {
 public:
  World(const SimulationStart& begin, uint64_t seed, PlantedBug bug)
      : begin_(begin),
        bug_(bug),
        random_(Random(seed).fork(1)),
        plan_(Random(seed).fork(2)()),
        log_disk_(std::make_shared<MemoryLogDisk>(
            bug == PlantedBug::no_sync ? MemoryLogDisk::Unsynced::lost : MemoryLogDisk::Unsynced::kept)),
        store_disk_(std::make_shared<MemoryDisk>()),
        outside_(store_disk_) {
    for (const auto& [key, bytes] : begin_.objects) outside_.put(key, bytes);
    repeat_chance_ = random_.chance(0.3) ? 0.03 : 0;
    pause_chance_ = random_.chance(0.4) ? 0.004 : 0;
    power_cut_tick_ = random_.chance(0.3) ? static_cast<int>(random_.below(300)) : -1;
    make_processes(seed);
  }

  Verdict run() {
    const int limit = static_cast<int>(begin_.stream.rows()) + patience_ticks;
    for (tick_ = 0; tick_ < limit && !ended(); ++tick_) {
      if (tick_ == power_cut_tick_) cut_power();
      for (auto& process : processes_) turn(process);
      clock_.advance(std::chrono::seconds(1));
    }
    verdict_.ticks = tick_;
    for (const auto& process : processes_)
      if (!process.done && !process.gone) complain(process.name + " did not end");
    check_counts();
    check_pointer("at the end");
    check_offsets();
    check_lock();
    verdict_.alarms = static_cast<int>(read_drift_events(outside_).size());
    verdict_.swaps = static_cast<int>(read_swap_events(outside_).size());
    verdict_.releases = static_cast<int>(Registry(outside_, clock_).list().size());
    return std::move(verdict_);
  }

 private:
  void make_processes(uint64_t seed) {
    const int every[] = {0, 1, 1, 5};
    ProducerSettings stream;
    stream.topic = topic;
    stream.partitions = partitions;
    stream.lags = random_.chance(0.5);
    stream.rate = 1;
    stream.label_every = every[random_.below(4)];
    stream.label_delay = random_.chance(0.3) ? 7 : 0;
    const int64_t burst = random_.chance(0.5) ? 1 : 4;
    stream.rate = static_cast<double>(burst);
    InferenceSettings inference;
    inference.first_record_timeout_s = inference.idle_timeout_s = 400;
    DriftSettings drift;
    drift.window = 40;
    drift.stride = 10;
    drift.recent = {20};
    drift.vanished_rows = 20;
    drift.split_least = 10;
    drift.calibration.block_rows = 5;
    drift.calibration.bootstrap_rounds = 50;
    drift.calibration.least_effect = {0.15, 0.25, 0.35};
    drift.calibration.recent_least_effect = {0.25, 0.35, 0.45};
    drift.cool_down = 0;
    drift.save_every = 10;
    drift.lock_expiry_s = 60;
    drift.first_record_timeout_s = drift.idle_timeout_s = 400;
    TuningSettings tuning;
    tuning.first_record_timeout_s = tuning.idle_timeout_s = 400;
    tuning.threads = 1;
    tuning.memory_rows = 120;
    tuning.refit_every_labels = 10;
    tuning.refit_learning_rate = 2e-2;
    tuning.memory_decay = 20;
    tuning.offline_weight = 0.01;
    tuning.min_labels = 10;
    tuning.track_rows = 40;
    JudgeSettings judging;
    judging.alpha = 0.5;  // much moving about is wanted here
    judging.false_rollback_labels = 8;
    judging.patience_labels = 5;

    add("monitor", [this, drift, seed](Body& body) {
      MonitorOptions options;
      options.topic = topic;
      options.seed = seed;
      body.main = std::make_unique<Monitor>(*body.seen_log, *body.seen_store, clock_, drift, options);
    });
    const int64_t busy = random_.chance(0.5) ? 0 : 3;
    add("retrainer", [this, tuning, seed, busy](Body& body) {
      RetrainerOptions options;
      options.busy_rows = busy;
      options.topic = topic;
      options.seed = seed;
      options.family = "ridge";
      body.main = std::make_unique<Retrainer>(*body.seen_log, *body.seen_store, clock_, tuning,
                                              RegistrySettings{}, options, begin_.offline);
    });
    add("judge", [this, judging](Body& body) {
      JudgeOptions options;
      options.topic = topic;
      options.first_record_timeout_s = options.idle_timeout_s = 400;
      body.main = std::make_unique<Judge>(*body.seen_log, *body.seen_store, clock_, judging,
                                          RegistrySettings{}, options);
    });
    for (int i = 0; i < 3; ++i)
      add("infer-" + drst::to_text(i), [this, inference, i](Body& body) {
        ConsumerIdentity identity;
        identity.topic = topic;
        identity.group = group;
        identity.member = "infer-" + drst::to_text(i);
        body.main = std::make_unique<InferenceConsumer>(*body.seen_log, *body.seen_store, clock_, inference,
                                                        identity, body.slot);
        body.guard = std::make_unique<Guard>(*body.seen_store, clock_, inference, RegistrySettings{},
                                             identity.member, body.slot);
      });
    add("producer", [this, stream](Body& body) {
      body.repeating = std::make_unique<RepeatingLog>(*body.seen_log, random_, repeat_chance_);
      body.main = std::make_unique<Producer>(*body.repeating, *body.seen_store, clock_, stream, run_id,
                                             std::vector<std::string>{"output_rate"},
                                             std::vector<StageTable>{{"stage0", begin_.stream}});
    });
    // The topic exists before anybody subscribes, as with a broker that was set up first.
    MemoryLog(log_disk_, clock_).ensure_topic(topic, partitions);
  }

  void add(const std::string& name, std::function<void(Body&)> start) {
    Process process;
    process.name = name;
    process.start = std::move(start);
    process.down_until = random_.chance(0.3) ? static_cast<int>(random_.below(10)) : 0;  // any start order
    processes_.push_back(std::move(process));
  }

  void turn(Process& process) {
    // With nobody left to inherit its partitions, whatever watches over the processes brings a dead one back.
    if (process.gone && process.name.starts_with("infer-") && consumers_left() == 0) process.gone = false;
    if (process.done || process.gone || tick_ < process.down_until || tick_ < process.paused_until) return;
    if (process.body && pause_chance_ > 0 && random_.chance(pause_chance_)) {
      process.paused_until = tick_ + 3 + static_cast<int>(random_.below(35));
      ++verdict_.pauses;
      log::info("tick " + drst::to_text(tick_) + ": " + process.name + " is paused until " +
                drst::to_text(process.paused_until));
      return;
    }
    plan_.arm(true);
    try {
      if (!process.body) {
        process.body = std::make_unique<Body>();
        auto& body = *process.body;
        body.log = std::make_unique<MemoryLog>(log_disk_, clock_, &plan_);
        body.store = std::make_unique<MemoryStore>(store_disk_, &plan_,
                                                   bug_ == PlantedBug::no_sync ? Sync::no : Sync::yes);
        body.seen_log = plant(bug_, *body.log, topic);
        body.seen_store = plant(bug_, *body.store);
        process.start(body);
      }
      Step step = process.body->main->step();
      for (int guard = 0; step == Step::worked && guard < 10'000; ++guard) step = process.body->main->step();
      if (process.body->guard) process.body->guard->step();
      if (step == Step::done) {
        process.done = true;
        process.done_tick = tick_;
        log::info("tick " + drst::to_text(tick_) + ": " + process.name + " is done");
        process.body.reset();
      }
    } catch (const SimulatedCrash&) {
      kill(process);
    } catch (const Error& error) {
      // A process that gives up is restarted by whatever watches over it, but must not do so for ever.
      if (++exits_[process.name] > 20) complain(process.name + " keeps ending with: " + error.what());
      if (exits_[process.name] > 20) process.gone = true;
      kill(process);
    }
    plan_.arm(false);
  }

  void kill(Process& process) {
    plan_.arm(false);
    log::info("tick " + drst::to_text(tick_) + ": " + process.name + " dies");
    if (process.body && process.body->log) process.body->log->crash();
    process.body.reset();
    ++verdict_.crashes;
    process.down_until = tick_ + 1 + static_cast<int>(random_.chance(0.5) ? 0 : random_.below(25));
    if (process.name == "retrainer" && random_.chance(0.15)) process.gone = true;
    if (process.name.starts_with("infer-") && random_.chance(0.1) && consumers_left() > 1)
      process.gone = true;
    check_pointer("after a crash of " + process.name);
  }

  void cut_power() {
    ++verdict_.power_cuts;
    log_disk_->crash();
    store_disk_->lose_power(random_);
    for (auto& process : processes_)
      if (process.body) {
        process.body.reset();
        process.down_until = tick_ + 1 + static_cast<int>(random_.below(10));
      }
    check_pointer("after a power cut");
  }

  [[nodiscard]] int consumers_left() const {
    int left = 0;
    for (const auto& process : processes_)
      if (process.name.starts_with("infer-") && !process.gone && !process.done) ++left;
    return left;
  }
  [[nodiscard]] bool ended() const {
    bool consumer_gone = false;
    for (const auto& process : processes_) {
      if (!process.done && !process.gone) return false;
      consumer_gone = consumer_gone || (process.gone && process.name.starts_with("infer-"));
    }
    return !consumer_gone;
  }
  void complain(const std::string& what) {
    if (verdict_.violations.size() < 10) verdict_.violations.push_back(what);
  }

  // --- the recount, with bookkeeping of its own ---

  template <class Visit>
  void each_record(const std::string& of, int partition, const Visit& visit) {
    MemoryLog log(log_disk_, clock_);
    if (log.partitions(of) == 0) return;
    Batch batch;
    for (int64_t at = 0;;) {
      log.read(of, partition, at, batch, {.max_records = 256});
      if (batch.empty()) return;
      for (const auto& record : batch.records()) visit(record);
      at = batch.records().back().offset + 1;
    }
  }

  void check_counts() {
    std::set<std::string> produced;
    std::map<std::string, int> predicted;
    for (int p = 0; p < partitions; ++p) {
      RecordDecoder decoder;
      int64_t last_row = -1;
      each_record(topic, p, [&](const RecordView& record) {
        if (is_sentinel(record)) return;
        const auto sample = decoder.decode(record);
        if (!sample) return complain("a record that cannot be read is on the topic");
        produced.insert(std::string(sample->id));
        // A repeat directly behind its original is the transport's doing; anything else out of order is the
        // producer's.
        if (sample->row < last_row)
          complain("row " + drst::to_text(sample->row) + " was produced after row " +
                   drst::to_text(last_row));
        last_row = sample->row;
      });
      std::set<int64_t> offsets;
      each_record(trace_topic(topic), p, [&](const RecordView& record) {
        const auto rows = decode_trace(record.value);
        if (!rows) return complain("a trace record cannot be read: " + rows.error().reason);
        for (const auto& row : *rows) {
          if (!offsets.insert(row.offset).second) continue;  // a zombie's repeat: the first entry wins
          if (row.status == TraceRow::Status::predicted) ++predicted[row.id];
          if (row.status == TraceRow::Status::predicted &&
              !(std::isfinite(row.pred_orig) && std::isfinite(row.pred_adj)))
            complain("a prediction is not finite");
          if (row.status == TraceRow::Status::dead_lettered) complain("a good record was dead-lettered");
        }
      });
    }
    if (produced.size() != begin_.stream.rows())
      complain("produced " + drst::to_text(produced.size()) + " of " + drst::to_text(begin_.stream.rows()) +
               " rows");
    int lost = 0, twice = 0;
    std::string first_lost;
    for (const auto& id : produced)
      if (!predicted.contains(id)) {
        if (first_lost.empty()) first_lost = id;
        ++lost;
      }
    for (const auto& [id, count] : predicted)
      if (count > 1 || !produced.contains(id)) ++twice;
    if (lost > 0) complain(drst::to_text(lost) + " records lost, e.g. " + first_lost);
    if (twice > 0) complain(drst::to_text(twice) + " records counted twice");
  }

  void check_pointer(const std::string& when) {
    Registry registry(outside_, clock_);
    const auto pointer = registry.pointer();
    if (!pointer || !*pointer) return complain("no readable pointer " + when);
    if (const auto loaded = registry.load(**pointer); !loaded)
      complain("the pointer is not valid " + when + ": " + loaded.error().reason);
  }

  void check_offsets() {
    MemoryLog log(log_disk_, clock_);
    for (int p = 0; p < partitions; ++p) {
      const auto committed = log.committed(group, topic, p).value_or(0);
      each_record(topic, p, [&](const RecordView& record) {
        if (is_sentinel(record) && committed > record.offset) complain("a sentinel's offset was committed");
      });
    }
  }

  void check_lock() {
    const auto lock = Handover(outside_).lock();
    if (!lock) return;
    const auto answer = Handover(outside_).done();
    if (answer && answer->event == lock->event)
      return;  // the monitor had left by then; its heir would clear it
    if (lock->expires - lock->since > std::chrono::hours(24))
      return complain("a dead retrainer's lock never expires");
    // A retrainer that was there after the alarm must have answered it before it left.
    const auto raised = (lock->since - VirtualClock::default_epoch()) / std::chrono::seconds(1);
    for (const auto& process : processes_)
      if (process.name == "retrainer" && process.done && process.done_tick > raised + 1)
        complain("the retrainer left without answering " + lock->event);
  }

  const SimulationStart& begin_;
  PlantedBug bug_;
  Random random_;
  Plan plan_;
  VirtualClock clock_;
  std::shared_ptr<MemoryLogDisk> log_disk_;
  std::shared_ptr<MemoryDisk> store_disk_;
  MemoryStore outside_;
  std::vector<Process> processes_;
  std::map<std::string, int> exits_;
  Verdict verdict_;
  double repeat_chance_ = 0, pause_chance_ = 0;
  int power_cut_tick_ = -1;
  int tick_ = 0;
};

}  // namespace

SimulationStart prepare_simulation() {
  SimulationStart start;
  start.offline = chain_table(200, 200, 11);
  start.stream = chain_table(240, 110, 12);
  const VirtualClock clock;
  MemoryStore store;
  Registry registry(store, clock);
  run_offline(start.offline, small_model(), store, registry, {});
  for (const auto& key : store.list("")) start.objects[key] = *store.get(key);
  return start;
}

Verdict simulate(const SimulationStart& start, uint64_t seed, PlantedBug bug) {
  return World(start, seed, bug).run();
}

}  // namespace drst::testing

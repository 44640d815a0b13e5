// The whole loop of `drst run` (producer, consumer, guard, monitor, retrainer, judge) on the virtual clock,
// on an in-memory log and store, at a label budget: what pipeline_budgets_bench reports and
// settings_choose_bench chooses by.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/text.h"
#include "drift/monitor.h"
#include "inference/consumer.h"
#include "inference/guard.h"
#include "inference/trace.h"
#include "ingest/producer.h"
#include "learn/metrics.h"
#include "learn/offline.h"
#include "pipeline/config.h"
#include "pipeline/drive.h"
#include "registry/judgement.h"
#include "store/memory_store.h"
#include "stream/memory_log.h"
#include "tuning/judge.h"
#include "tuning/retrainer.h"

namespace drst::budgets {

struct Budget {
  std::string name;
  int64_t every = 1, delay = 0;
};
inline const std::vector<Budget> all_budgets = {
    {"none", 0, 0}, {"100", 100, 0}, {"20", 20, 0}, {"late", 1, 30}, {"all", 1, 0}};

/// acc@0.2 by stage, then over all, of each way to predict.
using Figures = std::map<std::string, std::vector<double>>;

struct Judged {
  Figures figures;
  std::string effort;
};

/// What offline training leaves, the same for every label budget: objects by key.
using Trained = std::map<std::string, std::string>;
inline Trained train(const Config& config, const Table& offline, uint64_t seed) {
  VirtualClock clock;
  MemoryStore store;
  Registry registry(store, clock, config.registry);
  run_offline(offline, config.model, store, registry, {seed, "offline"});
  Trained objects;
  for (const auto& key : store.list("")) objects[key] = store.get(key).value();
  return objects;
}

inline Judged run_loop(const Config& given, const Budget& budget, const std::vector<StageTable>& stages,
                       const Table& offline, const Trained& trained, uint64_t seed) {
  Config config = given;
  config.run.seed = static_cast<int64_t>(seed);
  VirtualClock clock;
  MemoryLog log(std::make_shared<MemoryLogDisk>(), clock);
  MemoryStore store;
  for (const auto& [key, bytes] : trained) store.put(key, bytes);
  clock.advance(std::chrono::seconds(10));  // past the releases' time stamps

  ProducerSettings stream = config.producer_settings();
  stream.lags = true;
  stream.rate = 1;
  stream.partitions = 1;
  stream.label_every = budget.every;
  stream.label_delay = budget.delay;
  log.ensure_topic(stream.topic, 1);
  Producer producer(log, store, clock, stream, "run1", config.model.targets, stages);
  ModelSlot slot;
  ConsumerIdentity identity = config.consumer_identity();
  identity.run_id = "run1";
  InferenceConsumer consumer(log, store, clock, config.inference, identity, slot);
  Guard guard(store, clock, config.inference, config.registry, identity.member, slot);
  MonitorOptions watching = config.monitor_options();
  watching.run_id = "run1";
  Monitor monitor(log, store, clock, config.drift, watching);
  RetrainerOptions training = config.retrainer_options();
  training.run_id = "run1";
  Retrainer retrainer(log, store, clock, config.tuning, config.registry, training, offline);
  JudgeOptions judging = config.judge_options();
  judging.run_id = "run1";
  Judge judge(log, store, clock, config.judge, config.registry, judging);
  LoopParts parts;
  parts.producer = &producer;
  parts.consumers = {&consumer};
  parts.guards = {&guard};
  parts.observers = {&monitor, &retrainer, &judge};
  const auto cpu = run_virtual(parts, clock, std::chrono::seconds(1), std::chrono::seconds(600));

  std::vector<double> truth;
  std::vector<std::size_t> stage_of;
  for (std::size_t s = 0; s < stages.size(); ++s) {
    const auto& column = stages[s].table.column(*stages[s].table.find(config.model.targets.front()));
    truth.insert(truth.end(), column.begin(), column.end());
    stage_of.insert(stage_of.end(), column.size(), s);
  }
  std::vector<double> arrived(truth.size(), std::numeric_limits<double>::quiet_NaN());
  for (std::size_t r = 0; r < truth.size() && budget.every > 0; ++r) {
    if (static_cast<int64_t>(r) % budget.every != 0) continue;
    const std::size_t from = r + static_cast<std::size_t>(std::max<int64_t>(budget.delay, 1));
    if (from < arrived.size()) arrived[from] = truth[r];
  }
  std::map<std::string, std::vector<Scores>> scores;
  for (const char* who : {"frozen", "adaptive", "live", "last label"})
    scores[who].assign(stages.size() + 1, Scores(config.model.epsilon));
  const auto add = [&](const char* who, double prediction, std::size_t row) {
    scores[who][stage_of[row]].add(prediction, truth[row]);
    scores[who].back().add(prediction, truth[row]);
  };
  double last = std::numeric_limits<double>::quiet_NaN();
  for (const auto& row : read_traces(log, stream.topic, "run1").rows) {
    const auto r = static_cast<std::size_t>(row.row);
    if (!std::isnan(arrived[r])) last = arrived[r];
    add("frozen", static_cast<double>(row.pred_orig), r);
    add("adaptive", static_cast<double>(row.pred_adj), r);
    add("live", static_cast<double>(row.pred_live), r);
    add("last label", last, r);
  }
  Judged judged;
  for (const auto& [who, all] : scores)
    for (const auto& stage : all) judged.figures[who].push_back(stage.metrics().acc02);
  const auto counts = judge.counts();
  double seconds = 0;
  for (const auto& [name, used] : cpu) seconds += used;
  judged.effort = to_text(monitor.counts().alarms) + " alarms, " + to_text(retrainer.counts().refits) +
                  " refits (" + to_text(retrainer.counts().restarts) + " anew), " +
                  to_text(counts.promotions) + " promoted, " + to_text(counts.rollbacks) + " returned, " +
                  to_fixed(seconds, 1) + " s";
  for (const auto& judgement : read_judgements(store, "run1"))
    judged.effort += "\n    row " + to_text(judgement.row) + ": " + judgement.reason;
  return judged;
}

}  // namespace drst::budgets

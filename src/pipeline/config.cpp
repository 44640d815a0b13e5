#include "pipeline/config.h"

#include "base/error.h"
#include "stream/checks.h"
#include "stream/experts.h"
#include "stream/lane.h"

namespace drst {

void describe(SettingsVisitor& visitor, RunSettings& settings) {
  visitor.visit(
      "seed", settings.seed,
      {"1", "start of all random choices; the same seed, data and binary give the same run", 0, 9e15});
  visitor.visit("consumers", settings.consumers,
                {"1", "members of the inference group; more than partitions would idle", 1, 64});
  visitor.visit("clock", settings.clock,
                {"",
                 "virtual: one record is one second and the run is repeatable; wall: threads in real time",
                 -1,
                 1,
                 {"virtual", "wall"}});
  visitor.visit(
      "rate", settings.rate,
      {"rows/s", "speed of the producer on the wall clock; real chains give one row a second, demos hurry",
       1e-3, 1e6});
  visitor.visit(
      "retrain_rows", settings.retrain_rows,
      {"rows",
       "virtual clock: stream rows that a retrain takes until its model may serve; 1 is what the measured "
       "fraction of a second amounts to",
       1, 1e6});
  visitor.visit("tick_s", settings.tick_s,
                {"s", "virtual clock: stream time of a row; counters are sampled each second", 1e-3, 3600});
  visitor.visit(
      "patience_s", settings.patience_s,
      {"s",
       "virtual clock: how long after the stream's end a component may still work before the run is failed",
       1, 1e7});
  visitor.visit(
      "longest_nap_ms", settings.longest_nap_ms,
      {"ms",
       "wall clock: so long an idle component sleeps at most before it looks again at flags, pointer and "
       "time-outs; new records wake it at once",
       1, 10'000});
}

Settings Config::sections() {
  Settings all;
  all.add("run", run);
  all.add("model", model);
  all.add("onnx", inference.onnx);
  all.add("table", table);
  all.add("stream", stream);
  all.add("wire", stream.wire);
  all.add("reader", reader);
  all.add("inference", inference);
  all.add("drift", drift);
  all.add("tuning", tuning);
  all.add("judge", judge);
  all.add("neighbours", judge.neighbours);
  all.add("registry", registry);
  all.add("log", log);
  all.add("kafka", kafka);
  all.add("store", store);
  all.add("s3", s3);
  all.add("telemetry", telemetry);
  all.add("simulator", simulator);
  all.add("datasets", datasets);
  all.add("collect", collect);
  all.add("preprocess", preprocess);
  return all;
}

ProducerSettings Config::producer_settings() const {
  ProducerSettings settings = stream;
  settings.kpis = model.kpis;
  return settings;
}

ConsumerIdentity Config::consumer_identity(const std::string& lane) const {
  ConsumerIdentity identity;
  identity.topic = stream.topic;
  identity.lane = lane;
  identity.epsilon = model.epsilon;
  identity.limits = stream.wire;
  identity.neighbours = judge.neighbours;
  return identity;
}

MonitorOptions Config::monitor_options(const std::string& lane) const {
  MonitorOptions options;
  options.topic = stream.topic;
  options.lane = lane;
  options.target = target_of(lane);
  options.seed = static_cast<uint64_t>(run.seed);
  options.epsilon = model.epsilon;
  options.reader = reader;
  options.limits = stream.wire;
  return options;
}

RetrainerOptions Config::retrainer_options(const std::string& lane) const {
  RetrainerOptions options;
  options.topic = stream.topic;
  options.lane = lane;
  options.target = target_of(lane);
  options.family = model.family;
  options.model = model;
  options.seed = static_cast<uint64_t>(run.seed);
  options.epsilon = model.epsilon;
  options.target_floor_share = model.target_floor_share;
  options.reader = reader;
  options.model_limits = inference.onnx.limits();
  options.limits = stream.wire;
  return options;
}

JudgeOptions Config::judge_options(const std::string& lane) const {
  JudgeOptions options;
  options.topic = stream.topic;
  options.lane = lane;
  options.epsilon = model.epsilon;
  options.first_record_timeout_s = tuning.first_record_timeout_s;
  options.idle_timeout_s = tuning.idle_timeout_s;
  options.reader = reader;
  options.model_limits = inference.onnx.limits();
  options.limits = stream.wire;
  return options;
}

void check(const Config& config) {
  check(config.drift);
  check_targets(config.model.targets, config.model.kpis);
  check_log_name("topic", config.stream.topic);
  for (const auto& target : config.model.targets)  // the longest of the topics beside it
    check_log_name("topic",
                   proposals_topic(lane_topic(config.stream.topic, lane_of(target, config.model.targets))));
  if (config.model.ridge_penalties.empty())
    throw InputError("model.ridge_penalties is empty; give at least one penalty");
}

}  // namespace drst

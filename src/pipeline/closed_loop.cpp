#include "pipeline/closed_loop.h"

#include "base/log.h"
#include "base/text.h"
#include "stream/lane.h"

namespace drst {

namespace {

/// A component of a further lane, which names itself and its messages after it.
class InLane final : public Component {
 public:
  InLane(Component& component, const std::string& lane)
      : component_(component), lane_(lane), name_(lane + "/" + std::string(component.name())) {}
  [[nodiscard]] std::string_view name() const override { return name_; }
  Step step() override {
    const log::Scope scope(lane_ + ": ");
    return component_.step();
  }
  [[nodiscard]] double helper_cpu_s() const override { return component_.helper_cpu_s(); }

 private:
  Component& component_;
  std::string lane_, name_;
};

}  // namespace

/// One consumer with its guard and the slot between them.
struct LaneLoop::Member {
  ModelSlot slot;
  std::unique_ptr<Guard> guard;
  std::unique_ptr<InferenceConsumer> consumer;
};

LaneLoop::LaneLoop(const Config& config, const std::string& lane, const World& world,
                   const std::string& run_id, Table offline, std::shared_ptr<const DriftHistory> history)
    : lane_(lane), store_(world.store, lane_prefix(lane)) {
  auto& [log, store, clock, is_virtual, recorder] = world;
  const log::Scope scope(lane.empty() ? lane : lane + ": ");
  for (int64_t i = 0; i < config.run.consumers; ++i) {
    auto member = std::make_unique<Member>();
    ConsumerIdentity identity = config.consumer_identity(lane);
    identity.member = "infer-" + to_text(i);
    identity.run_id = run_id;
    member->consumer =
        std::make_unique<InferenceConsumer>(log, store_, clock, config.inference, identity, member->slot);
    if (auto* metrics = recorder.stream(identity.member, store_))
      member->consumer->on_report([metrics](const BatchReport& report) { emit(*metrics, report); });
    member->guard = std::make_unique<Guard>(store_, clock, config.inference, config.registry, identity.member,
                                            member->slot);
    members_.push_back(std::move(member));
  }
  MonitorOptions monitor = config.monitor_options(lane);
  monitor.run_id = run_id;
  monitor.history = std::move(history);
  observers_.push_back(std::make_unique<Monitor>(log, store_, clock, config.drift, monitor));
  RetrainerOptions retrainer = config.retrainer_options(lane);
  retrainer.run_id = run_id;
  retrainer.busy_rows = is_virtual ? config.run.retrain_rows - 1 : 0;
  retrainer.metrics = recorder.stream("retrainer", store_);
  observers_.push_back(std::make_unique<Retrainer>(log, store_, clock, config.tuning, config.registry,
                                                   retrainer, std::move(offline)));
  // The judge last: what the retrainer proposes at a row it may admit for the next one.
  JudgeOptions judge = config.judge_options(lane);
  judge.run_id = run_id;
  observers_.push_back(std::make_unique<Judge>(log, store_, clock, config.judge, config.registry, judge));
}

LaneLoop::~LaneLoop() = default;

Component* LaneLoop::shown(Component& component) {
  if (lane_.empty()) return &component;
  return shown_.emplace_back(std::make_unique<InLane>(component, lane_)).get();
}

void LaneLoop::add_to(LoopParts& parts) {
  for (auto& member : members_) {
    parts.consumers.push_back(shown(*member->consumer));
    parts.guards.push_back(shown(*member->guard));
  }
  for (auto& observer : observers_) parts.observers.push_back(shown(*observer));
}

ClosedLoop::ClosedLoop(const Config& config, const LaneLoop::World& world, const std::string& run_id,
                       const Table& offline, std::vector<StageTable> stages) {
  auto stream = config.producer_settings();
  stream.lags = true;  // DESIGN: off on the wire by default for other people's consumers, on in `drst run`
  stream.rate = world.is_virtual ? 1.0 / config.run.tick_s : config.run.rate;
  world.log.ensure_topic(stream.topic, static_cast<int>(stream.partitions));
  producer_ = std::make_unique<Producer>(world.log, world.store, world.clock, stream, run_id,
                                         config.model.targets, std::move(stages));
  const auto history = std::make_shared<DriftHistory>(history_of(offline, config.model.kpis));
  for (const auto& target : config.model.targets)
    lanes_.push_back(std::make_unique<LaneLoop>(config, lane_of(target, config.model.targets), world, run_id,
                                                offline, history));
}

LoopParts ClosedLoop::parts() {
  LoopParts all;
  all.producer = producer_.get();
  for (auto& lane : lanes_) lane->add_to(all);
  return all;
}

}  // namespace drst

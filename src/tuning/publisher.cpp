#include "tuning/publisher.h"

namespace drst::tuning {

Publisher::Publisher(Log& log, const std::string& topic, ObjectStore& store, const Clock& clock,
                     const RegistrySettings& settings, const ModelLimits& limits)
    : log_(log),
      topic_(proposals_topic(topic)),
      store_(store),
      clock_(clock),
      settings_(settings),
      limits_(limits),
      registry_(store, clock, settings),
      handover_(store) {
  for (auto& info : registry_.list())
    if (!info.trigger.empty()) published_.emplace(info.trigger, std::move(info));
  for (auto& event : read_retrain_events(store)) answers_.emplace(event.id, std::move(event));
}

Result<Publisher::Served> Publisher::load(const Pointer& pointer) {
  auto loaded = registry_.load(pointer);
  if (!loaded) return failure(loaded.error().reason);
  try {
    return Served{std::move(loaded->info), load_model(loaded->onnx, limits_)};
  } catch (const ModelError& error) {
    return failure(pointer.model_key + ": " + error.what());
  }
}

Result<Publisher::Served> Publisher::load(const ReleaseInfo& info) {
  return load(Pointer{info.model_key, info.metrics_key});
}

Result<std::optional<Publisher::Served>> Publisher::baseline() {
  const auto pointer = registry_.baseline();
  if (!pointer) return failure(pointer.error().reason);
  if (!*pointer) return std::optional<Served>();
  return load(**pointer).map([](Served served) { return std::optional<Served>(std::move(served)); });
}

Result<std::optional<Publisher::Served>> Publisher::live() {
  const auto pointer = registry_.pointer();
  if (!pointer) return failure(pointer.error().reason);
  if (!*pointer) return std::optional<Served>();
  return load(**pointer).map([](Served served) { return std::optional<Served>(std::move(served)); });
}

ReleaseInfo Publisher::propose(const Model& model, ReleaseInfo info, Proposal proposal) {
  auto known = published_.find(info.trigger);
  if (known == published_.end()) {
    info.inputs = model.inputs();
    const std::string onnx = model.to_onnx({{"target", info.target}});
    ReleaseInfo release = registry_.publish(onnx, std::move(info));
    const std::string trigger = release.trigger;
    known = published_.emplace(trigger, std::move(release)).first;
  }
  const ReleaseInfo& release = known->second;
  proposal.model_key = release.model_key;
  proposal.metrics_key = release.metrics_key;
  proposal.candidate = consumers_would_take(release);
  log_.ensure_topic(topic_, 1);
  const NewRecord record = make_record(proposal, clock_.now());
  log_.append(topic_, 0, {&record, 1});
  return release;
}

std::string Publisher::live_key() {
  const auto pointer = registry_.pointer();
  return pointer && *pointer ? (*pointer)->model_key : std::string();
}

std::optional<RetrainEvent> Publisher::known_answer(const std::string& event) const {
  const auto found = answers_.find(event);
  return found == answers_.end() ? std::nullopt : std::optional(found->second);
}

void Publisher::answer(const RetrainEvent& event, bool without_labels) {
  if (!known_answer(event.id)) {
    write_event(store_, event);
    answers_.emplace(event.id, event);
  }
  if (without_labels) store_.put("results/retrain_skipped_no_labels.flag", event.id + "\n");
  handover_.finish({event.id, event.published, event.release, event.reason});
}

}  // namespace drst::tuning

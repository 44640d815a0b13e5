#include "tuning/publisher.h"

#include "base/log.h"
#include "nn/onnx.h"

namespace drst::tuning {

Publisher::Publisher(ObjectStore& store, const Clock& clock, const RegistrySettings& settings)
    : store_(store), settings_(settings), registry_(store, clock, settings), handover_(store) {
  for (auto& info : registry_.list())
    if (!info.trigger.empty()) published_.emplace(info.trigger, std::move(info));
  for (auto& event : read_retrain_events(store)) answers_.emplace(event.id, std::move(event));
}

Result<Publisher::Served> Publisher::load(const Pointer& pointer) {
  auto loaded = registry_.load(pointer);
  if (!loaded) return failure(loaded.error().reason);
  try {
    return Served{std::move(loaded->info), from_onnx(loaded->onnx)};
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

Result<Publisher::Served> Publisher::first() {
  for (const auto& line : registry_.audit())
    if (line.from.empty() && !line.to.empty())
      for (const auto& info : registry_.list())
        if (info.model_key == line.to) return load(info);
  return failure("the audit trail names no first release");
}

ReleaseInfo Publisher::publish(const Network& network, ReleaseInfo info, const std::string& reason) {
  if (const auto known = published_.find(info.trigger); known != published_.end()) {
    if (!registry_.was_live(known->second.model_key)) registry_.point_to(known->second, "retrainer", reason);
    return known->second;
  }
  const auto model = make_model(network, info.family);
  info.inputs = network.inputs;
  const std::string onnx = model->to_onnx({{"target", info.target}});
  ReleaseInfo release = registry_.publish(onnx, std::move(info));
  registry_.point_to(release, "retrainer", reason);
  published_.emplace(release.trigger, release);
  return release;
}

void Publisher::roll_back(const ReleaseInfo& to, const std::string& reason) {
  log::warning("retrainer: back to " + to.model_key + ": " + reason);
  registry_.point_to(to, "retrainer", reason);
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

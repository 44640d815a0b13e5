#include "inference/first_models.h"

#include <utility>

#include "base/log.h"
#include "inference/serve.h"

namespace drst {

FirstModels::FirstModels(ObjectStore& store, const Clock& clock, const InferenceSettings& settings,
                         std::string waiting, ModelSlot& slot)
    : store_(store),
      clock_(clock),
      registry_(store, clock),
      slot_(slot),
      waiting_(std::move(waiting)),
      batch_(static_cast<std::size_t>(settings.batch)),
      limits_(settings.onnx.limits()),
      interval_(from_seconds(settings.poll_interval_s)) {}

bool FirstModels::ready() {
  if (!adaptive) adaptive = slot_.take();
  if (!baseline) {
    const Time now = clock_.now();
    if (next_try_ && now < *next_try_) return false;
    next_try_ = now + interval_;
    look_for_baseline();
  }
  return baseline && adaptive;
}

void FirstModels::look_for_baseline() {
  const auto pointer = registry_.baseline();
  if (!pointer) return complain(pointer.error().reason + "; " + std::string(baseline_remedy));
  if (!*pointer)
    return complain("no baseline model is in " + store_.url() +
                    " yet; `drst offline` into the same --store publishes it");
  auto served = load_served(registry_, **pointer, batch_, limits_, slot_.shelf);
  if (!served)
    return complain("the baseline in " + store_.url() + " cannot be used: " + served.error().reason + "; " +
                    std::string(baseline_remedy));
  baseline = std::move(*served);
}

std::string FirstModels::missing() const {
  if (!baseline || adaptive) return complaint_;
  return "no release in " + store_.url() +
         " could be served; `drst offline` publishes a first one, and of those there " +
         std::string(live_remedy);
}

void FirstModels::complain(const std::string& about) {
  if (about == complaint_) return;
  complaint_ = about;
  log::warning(waiting_ + " waits: " + about);
}

}  // namespace drst

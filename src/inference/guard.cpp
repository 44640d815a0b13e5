#include "inference/guard.h"

#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/text.h"
#include "inference/serve.h"

namespace drst {

struct Guard::State {
  State(ObjectStore& store_in, const Clock& clock_in, const InferenceSettings& settings_in,
        const RegistrySettings& gate, std::string consumer, ModelSlot& slot_in)
      : store(store_in),
        clock(clock_in),
        settings(settings_in),
        margin(gate.gain_margin),
        registry(store_in, clock_in, gate),
        name("guard-" + std::move(consumer)),
        slot(slot_in) {}

  ObjectStore& store;
  const Clock& clock;
  InferenceSettings settings;
  double margin;
  Registry registry;
  std::string name;
  ModelSlot& slot;

  std::optional<Time> next_poll;
  std::optional<Pointer>
      done_with;  // offered, or refused by the gate: both are final as long as the pointer stays
  std::string offered;
  Counts counts;
  std::set<std::string> causes;  // warned of already

  void complain(const std::string& cause) {
    ++counts.failures;
    constexpr std::size_t most_causes =
        256;  // messages name keys, of which there may be any number in a long life
    if (causes.size() >= most_causes) causes.clear();
    if (causes.insert(cause).second)
      log::warning(name + ": " + cause + "; " +
                   (offered.empty() ? "no model is served yet" : "the current model stays"));
  }

  enum class Gate { passed, rolled_back, refused };
  Gate gate(const Pointer& pointer, const std::vector<Registry::AuditLine>& moves) {
    if (registry.was_replaced(pointer.model_key)) return Gate::rolled_back;
    // The first release has nothing it could be measured against.
    if (moves.empty() || moves.front().to == pointer.model_key) return Gate::passed;
    const auto info = registry.info(pointer.metrics_key);
    return info && info->gain_over_baseline > margin ? Gate::passed : Gate::refused;  // NaN is not greater
  }

  enum class Outcome { offered, refused, failed };
  Outcome try_offer(const Pointer& pointer, Gate verdict) {
    auto served = load_served(registry, pointer, static_cast<std::size_t>(settings.batch),
                              settings.onnx.limits(), slot.shelf);
    if (!served) {
      complain(served.error().reason);
      return Outcome::failed;
    }
    if (verdict == Gate::refused) {
      ++counts.refused;
      log::warning(name + ": " + pointer.model_key +
                   " is not taken: its gain over the baseline does not exceed " + to_text(margin));
      return Outcome::refused;
    }
    (*served)->rollback = verdict == Gate::rolled_back && !offered.empty();
    offered = pointer.model_key;
    slot.offer(std::move(*served));
    ++counts.offers;
    return Outcome::offered;
  }

  /// What a consumer without any model gets when the pointer is of no use.
  void offer_former(const std::vector<Registry::AuditLine>& moves, const std::optional<Pointer>& unusable) {
    std::vector<std::pair<Pointer, Gate>> former;
    const auto releases = registry.list();
    for (auto move = moves.rbegin(); move != moves.rend(); ++move)
      for (const auto& release : releases)
        if (release.model_key == move->to) {
          const Pointer pointer{release.model_key, release.metrics_key};
          former.emplace_back(pointer, gate(pointer, moves));
        }
    // The baseline gains nothing over itself; it is what a consumer may always fall back to.
    if (const auto baseline = registry.baseline(); baseline && *baseline)
      former.emplace_back(**baseline, Gate::passed);
    std::set<std::string> tried;
    if (unusable) tried.insert(unusable->model_key);
    for (const auto& [pointer, verdict] : former) {
      if (!tried.insert(pointer.model_key).second) continue;
      if (try_offer(pointer, verdict) != Outcome::offered) continue;
      log::warning(name + ": serving " + pointer.model_key +
                   " until the pointer names a release that can be used");
      return;
    }
  }

  Step poll() {
    const auto pointer = registry.pointer();
    if (!pointer) {
      complain(pointer.error().reason);
      if (!offered.empty()) return Step::idle;
      offer_former(moves(), std::nullopt);
      return offered.empty() ? Step::idle : Step::worked;
    }
    if (!*pointer || *pointer == done_with) return Step::idle;
    if ((*pointer)->model_key ==
        offered) {  // back to what is served: after a refused one, or after serving a former one
      done_with = *pointer;
      return Step::idle;
    }
    const auto trail = moves();
    const auto outcome = try_offer(**pointer, gate(**pointer, trail));
    if (outcome != Outcome::failed) done_with = *pointer;
    if (outcome != Outcome::offered && offered.empty()) offer_former(trail, *pointer);
    return outcome == Outcome::failed ? Step::idle : Step::worked;
  }

  void note_swaps() {
    if (const auto swaps = slot.swaps.take()) write_swaps(store, *swaps, name);
  }

  // --- experts ---

  /// What the consumer asked for, as far as it can be used. One that cannot is left out: its line then goes
  /// by what was loaded of it before, or sleeps.
  bool serve_experts() {
    const auto wanted = slot.wanted.take();
    if (!wanted) return false;
    auto set = std::make_unique<ServedExperts>();
    for (const auto& expert : *wanted) {
      try {
        auto served = load_served(registry, expert.release, static_cast<std::size_t>(settings.batch),
                                  settings.onnx.limits(), slot.shelf);
        if (served) {
          set->lines.push_back({expert.line, std::move(*served)});
        } else {
          complain("expert '" + expert.line + "': " + served.error().reason);
        }
      } catch (const Error& error) {
        complain("expert '" + expert.line + "': " + error.what());
      }
    }
    counts.experts += set->lines.size();
    slot.experts.offer(std::move(set));
    return true;
  }

  std::vector<Registry::AuditLine> moves() {
    auto lines = registry.audit();
    std::erase_if(lines, [](const auto& line) { return line.to.empty(); });
    return lines;
  }
};

Guard::Guard(ObjectStore& store, const Clock& clock, InferenceSettings settings, RegistrySettings registry,
             std::string consumer, ModelSlot& slot)
    : state_(std::make_unique<State>(store, clock, settings, registry, std::move(consumer), slot)) {}
Guard::~Guard() = default;

std::string_view Guard::name() const { return state_->name; }
Guard::Counts Guard::counts() const { return state_->counts; }
const std::string& Guard::offered() const { return state_->offered; }

Step Guard::step() {
  auto& s = *state_;
  s.slot.free_retired();
  s.slot.experts.free_retired();
  s.note_swaps();
  if (s.serve_experts()) return Step::worked;
  const Time now = s.clock.now();
  if (s.next_poll && now < *s.next_poll) return Step::idle;
  s.next_poll = now + from_seconds(s.settings.poll_interval_s);
  ++s.counts.polls;
  try {
    return s.poll();
  } catch (const Error& error) {  // the store itself: unreachable, not permitted
    s.complain(error.what());
    return Step::idle;
  }
}

}  // namespace drst

// Flags, events, judgements and audit lines of a store that anybody may have written into: read, refused or
// left out, never a crash. The first byte says which object the bytes are.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/log.h"
#include "registry/events.h"
#include "registry/handover.h"
#include "registry/judgement.h"
#include "registry/registry.h"
#include "store/memory_store.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace drst;
  static const bool quiet = (log::set_level(log::Level::off), true);
  static_cast<void>(quiet);
  if (size == 0) return 0;
  constexpr const char* keys[] = {"results/drift/a.json",
                                  "results/retrains/a.json",
                                  "results/swaps/a.json",
                                  "results/judgements/a.json",
                                  "results/retrain_lock.flag",
                                  "results/retrain_grid.flag",
                                  "results/retrain_done.flag",
                                  "results/latest_batch.columns.json",
                                  "models/audit/20260101T000000000000Z-0000.json",
                                  "models/latest.txt"};
  const std::size_t which = data[0] % std::size(keys);
  MemoryStore store;
  Handover handover(store);
  if (which == 5 || which == 7) {  // beside a hand-over that is whole
    DriftWindow window;
    window.columns = {"a", "b"};
    window.rows = {1, 2};
    window.values = {1, 2, 3, NAN};
    window.labels = {1, NAN};
    handover.raise({"run-2", Tier::B, 2}, window, Time{}, std::chrono::seconds(10));
  }
  store.put(keys[which], {reinterpret_cast<const char*>(data) + 1, size - 1});
  for (const auto& event : read_drift_events(store)) write_event(store, event);
  for (const auto& event : read_retrain_events(store)) write_event(store, event);
  for (const auto& event : read_swap_events(store)) write_event(store, event);
  for (const auto& judgement : read_judgements(store, "")) write_judgement(store, judgement);
  (void)handover.lock();
  (void)handover.done();
  if (const auto trigger = handover.pending())
    if (const auto window = handover.window(*trigger))
      if (window->values.size() != window->rows.size() * window->columns.size()) __builtin_trap();
  const VirtualClock clock;
  Registry registry(store, clock, {});
  (void)registry.audit();
  (void)registry.pointer();
  (void)registry.was_live("models/model_20260101T000000000000Z.onnx");
  return 0;
}
